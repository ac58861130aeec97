package telegram

import (
	"context"
	"errors"
	"testing"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

// sounds is a bridges.Media that has one file, and can make OGG of it when ogg is set.
type sounds struct {
	bridges.Media
	file bridges.File
	ogg  []byte
	err  error
}

func (s sounds) Fetch(_ context.Context, _ bridges.Audio, want string) (*bridges.File, error) {
	switch {
	case s.err != nil:
		return nil, s.err
	case want == "" || want == s.file.Type:
		f := s.file
		return &f, nil
	case s.ogg != nil:
		return &bridges.File{Name: "voice.ogg", Type: want, Data: s.ogg}, nil
	}
	return nil, fault.Reject("cannot be converted", nil)
}

var (
	wav  = bridges.File{Name: "a.wav", Type: "audio/wav", Data: []byte("RIFF\x00\x00\x00\x00WAVEfmt data")}
	mp3  = bridges.File{Name: "a.mp3", Type: "audio/mpeg", Data: []byte("ID3\x03\x00\x00\x00\x00\x00\x00data")}
	opus = []byte("OggS\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00OpusHead")
)

// sendAll makes the calls that a relay makes: the next form where one is rejected.
func sendAll(w *world, b *Bridge, m bridges.Message) {
	w.Helper()
	for _, piece := range b.Fit(m) {
		piece.Place = in(w.chat, 0)
		for {
			_, err := b.Send(w.ctx, piece)
			if err == nil {
				break
			}
			if fault.Of(err).Kind != fault.Rejected || len(piece.Forms) == 1 {
				w.Errorf("%s: %v", piece.Forms[0].Kind, err)
				break
			}
			piece.Forms = piece.Forms[1:]
		}
	}
}

func TestASoundIsPostedAsWellAsTelegramCan(t *testing.T) {
	const link = "https://example.com/a"
	for name, c := range map[string]struct {
		media   bridges.Media
		mode    bridges.AudioMode
		kind    string // media type as the service says it
		noVoice bool
		want    []string // what is posted, after the text
	}{
		"native, MP3":                        {sounds{file: mp3}, bridges.AudioNative, "audio/mpeg", false, []string{"voice"}},
		"native, MP3 of unknown type":        {sounds{file: mp3}, bridges.AudioNative, "", false, []string{"voice"}},
		"native, WAV that becomes OGG":       {sounds{file: wav, ogg: opus}, bridges.AudioNative, "audio/wav", false, []string{"voice"}},
		"native, WAV that cannot":            {sounds{file: wav}, bridges.AudioNative, "audio/wav", false, []string{"document"}},
		"native, WAV of unknown type":        {sounds{file: wav}, bridges.AudioNative, "", false, []string{"document"}},
		"native, no voice messages":          {sounds{file: mp3}, bridges.AudioNative, "audio/mpeg", true, []string{"audio"}},
		"file, MP3":                          {sounds{file: mp3}, bridges.AudioFile, "", false, []string{"audio"}},
		"file, WAV":                          {sounds{file: wav}, bridges.AudioFile, "", false, []string{"document"}},
		"file, too large":                    {sounds{file: bridges.File{Name: "a.wav", Data: make([]byte, 50<<20+1)}}, bridges.AudioFile, "", false, []string{"text"}},
		"file, refused address":              {sounds{err: fault.Reject("refused", nil)}, bridges.AudioFile, "", false, []string{"text"}},
		"native, nothing that fetches media": {nil, bridges.AudioNative, "", false, []string{"text"}},
		"link":                               {sounds{file: mp3}, bridges.AudioLink, "", false, nil},
		"no mode":                            {sounds{file: mp3}, "", "", false, nil},
		"off":                                {sounds{file: mp3}, bridges.AudioOff, "", false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if c.noVoice {
				w.tg.ForbidVoice(w.chat)
			}
			sendAll(w, w.bridge(c.media), bridges.Message{Text: "Hello", Audio: &bridges.Audio{Source: link, Link: link, Type: c.kind, Mode: c.mode}})
			posts := w.tg.Posts()
			if len(posts) != 1+len(c.want) {
				t.Fatalf("%d posts", len(posts))
			}
			linked := len(posts[0].Entities) == 1 && posts[0].Entities[0].URL == link
			if want := c.want == nil && c.mode != bridges.AudioOff; linked != want {
				t.Errorf("the text %q has the link: %v", posts[0].Text, linked)
			}
			for i, kind := range c.want {
				if p := posts[1+i]; p.Kind != kind {
					t.Errorf("posted as %s, want %s", p.Kind, kind)
				} else if kind == "text" && (len(p.Entities) != 1 || p.Entities[0].URL != link) {
					t.Errorf("no link in %+v", p)
				}
			}
		})
	}
}

func TestASoundThatCannotBeFetchedNowIsNoRejection(t *testing.T) {
	w := newWorld(t)
	b := w.bridge(sounds{err: errors.New("the service is away")})
	m := bridges.Message{Place: in(w.chat, 0), Forms: []bridges.Form{{Kind: formVoice, Audio: &bridges.Audio{Source: "x"}}, {Kind: formText, Text: "link"}}}
	if _, err := b.Send(w.ctx, m); fault.Of(err) == nil || fault.Of(err).Kind != fault.Retry {
		t.Errorf("%v", err)
	}
}
