package discord

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"testing"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
	"avatarbridge/bridges/fault"
)

// opus is a sound of so many packets of 20 ms each, in OGG.
func opus(packets int) []byte {
	var out bytes.Buffer
	page := func(at uint64, packet []byte) {
		header := make([]byte, 27, 30)
		copy(header, "OggS")
		binary.LittleEndian.PutUint64(header[6:], at)
		n := len(packet)
		for ; n >= 255; n -= 255 {
			header = append(header, 255)
		}
		header = append(header, byte(n))
		header[26] = byte(len(header) - 27)
		out.Write(header)
		out.Write(packet)
	}
	page(0, append([]byte("OpusHead\x01\x01\x38\x01"), make([]byte, 7)...)) // 312 samples are skipped
	page(0, []byte("OpusTags\x00\x00\x00\x00\x00\x00\x00\x00"))
	for i := range packets {
		page(uint64(312+(i+1)*960), bytes.Repeat([]byte{7}, 100+10*(i%40)))
	}
	return out.Bytes()
}

// studio is Media that has one file.
type studio struct {
	bridges.Media // nothing else of it is used
	file          *bridges.File
	err           error
	want          string
}

func (s *studio) Fetch(_ context.Context, _ bridges.Audio, want string) (*bridges.File, error) {
	s.want = want
	return s.file, s.err
}

func TestAVoiceMessageInPrivateAndAFileInAServer(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	media := &studio{file: &bridges.File{Name: "a b.ogg", Type: "audio/ogg", Data: opus(500)}}
	b := w.bridge(media)
	m := b.Fit(bridges.Message{Audio: &bridges.Audio{Source: "src", Link: "https://x.org/a.ogg", Mode: bridges.AudioNative}})[0]
	m.ID, m.Place = "p1", w.place(w.dm)
	if _, err := b.Send(w.ctx, m); err != nil {
		t.Fatal(err)
	}
	p := w.d.PostsIn(w.dm)[0]
	if !p.Voice || p.Files[0].Duration != 10 || len(p.Files[0].Waveform) != maxPoints || media.want != voiceType || p.Nonce != "p1" {
		t.Errorf("posted %+v", p)
	}
	if id, err := b.Find(w.ctx, m, p.At.Add(-nonceHolds)); id != p.ID || err != nil {
		t.Errorf("found %q, %v", id, err)
	}
	m.Place = w.place(w.room)
	m.ID = "p2"
	_, err := b.Send(w.ctx, m)
	w.outcome(err, fault.Rejected, "direct messages")
	m.Forms = m.Forms[1:]
	if _, err := b.Send(w.ctx, m); err != nil {
		t.Fatal(err)
	}
	if f := w.d.PostsIn(w.room)[0]; f.Voice || len(f.Files) != 1 || f.Files[0].Name != "ab-p2.ogg" || !bytes.Equal(f.Files[0].Data, media.file.Data) {
		t.Errorf("posted %+v", f.Files)
	}
}

func TestASoundThatCannotBeUploadedBecomesTheNextForm(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	for name, c := range map[string]struct {
		media bridges.Media
		kind  string
	}{
		"no media":     {nil, formFile},
		"no OGG":       {&studio{file: &bridges.File{Name: "a.mp3", Type: "audio/mpeg", Data: []byte("ID3")}}, formVoice},
		"too large":    {&studio{file: &bridges.File{Name: "a.mp3", Data: make([]byte, maxUpload+1)}}, formFile},
		"empty":        {&studio{file: &bridges.File{Name: "a.mp3"}}, formFile},
		"nothing":      {&studio{}, formFile},
		"not fetched":  {&studio{err: fault.Reject("gone", nil)}, formFile},
		"half an OGG":  {&studio{file: &bridges.File{Name: "a.ogg", Data: opus(50)[:900]}}, formVoice},
		"OGG, no Opus": {&studio{file: &bridges.File{Name: "a.ogg", Data: bytes.ReplaceAll(opus(5), []byte("Opus"), []byte("Mopu"))}}, formVoice},
	} {
		m := bridges.Message{ID: "p1", Place: w.place(w.dm), Forms: []bridges.Form{{Kind: c.kind, Audio: &bridges.Audio{Source: "x"}}}}
		if _, err := w.bridge(c.media).Send(w.ctx, m); fault.Of(err) == nil || fault.Of(err).Kind != fault.Rejected {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := w.d.RequestCount(bridgetest.RouteCreateMessage); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

func TestABotThatMayNotUploadPostsTheLink(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	w.d.Deny(w.room, w.bot, bridgetest.PermAttachFiles)
	b := w.bridge(&studio{file: &bridges.File{Name: "a.mp3", Type: "audio/mpeg", Data: []byte("ID3")}})
	m := bridges.Message{ID: "p1", Place: w.place(w.room), Forms: []bridges.Form{{Kind: formFile, Audio: &bridges.Audio{Source: "x"}}}}
	_, err := b.Send(w.ctx, m)
	w.outcome(err, fault.Rejected, "Attach Files")
}

func TestShortVoicesHaveFewPoints(t *testing.T) {
	v, ok := readVoice(opus(3))
	raw, err := base64.StdEncoding.DecodeString(v.waveform())
	if !ok || err != nil || len(raw) != 3 || raw[0] >= raw[2] || raw[2] != 255 || v.seconds != 0.06 {
		t.Errorf("%v %v %v", v, raw, err)
	}
}

func FuzzVoice(f *testing.F) {
	f.Add(opus(3))
	f.Fuzz(func(t *testing.T, data []byte) {
		if v, ok := readVoice(data); ok && (v.seconds <= 0 || len(v.waveform()) == 0) {
			t.Errorf("%+v", v)
		}
	})
}

func TestASoundAnswersACommandWhereItWasAsked(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	media := &studio{file: &bridges.File{Name: "a.mp3", Type: "audio/mpeg", Data: []byte("ID3 sound")}}
	b := w.bridge(media)
	w.registered(b)
	w.d.Deny(w.room, w.bot, bridgetest.PermSendMessages) // answers by the token need no permission of the bot's
	for name, text := range map[string]string{"a sound alone": "", "behind a text": "Listen."} {
		in := w.invokes(w.room, "ask", "sing")
		all, err := w.rx.WaitUnique(w.ctx, len(w.hide)-2)
		if err != nil {
			t.Fatal(err)
		}
		e := all[len(all)-1]
		pieces := b.Fit(bridges.Message{Text: text, Answer: e.Answer, Audio: &bridges.Audio{Source: "x", Mode: bridges.AudioNative}})
		for i, m := range pieces {
			m.ID, m.Place = in.ID[:8]+"p", e.Place
			m.ID += string(rune('a' + i))
			_, err := b.Send(w.ctx, m)
			for o := fault.Of(err); err != nil && o.Kind == fault.Rejected && len(m.Forms) > 1; o = fault.Of(err) {
				m.Forms = m.Forms[1:]
				_, err = b.Send(w.ctx, m)
			}
			if err != nil {
				t.Fatalf("%s: piece %d: %v", name, i, err)
			}
			if found, err := b.Find(w.ctx, m, e.At); err != nil || found == "" {
				t.Errorf("%s: piece %d is not found: %v", name, i, err)
			}
		}
		if w.d.Answered(in).Loading {
			t.Errorf("%s: Discord goes on saying that the avatar is thinking", name)
		}
		posts := w.d.PostsIn(w.room)
		last := posts[len(posts)-1]
		if len(last.Files) != 1 || !bytes.Equal(last.Files[0].Data, media.file.Data) || (last.ID == w.d.Answered(in).Original) != (text == "") {
			t.Errorf("%s: posted %+v", name, last)
		}
	}
}
