package slack

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
	"avatarbridge/bridges/fault"
)

// tape is a media that has one sound.
type tape struct {
	bridges.Media
	data []byte
}

func (m tape) Fetch(context.Context, bridges.Audio, string) (*bridges.File, error) {
	return &bridges.File{Name: "said.mp3", Type: "audio/mpeg", Data: m.data}, nil
}

func (w *world) sound() bridges.Message {
	w.Helper()
	pieces := fit(bridges.Message{Text: "hear:", Audio: &bridges.Audio{Source: "x", Link: "https://example.com/a.mp3", Mode: bridges.AudioNative}})
	if len(pieces) != 2 || pieces[1].Forms[0].Kind != formFile {
		w.Fatalf("%+v", pieces)
	}
	m := pieces[1]
	m.ID, m.Place = "p7", w.direct()
	return m
}

func TestASoundIsUploadedIntoItsThreadAndFoundAgain(t *testing.T) {
	w := newWorld(t)
	b := w.bridge(tape{data: []byte("sound")})
	root := w.writes(bridgetest.SlackLine{Text: "x"})
	m := w.sound()
	m.Place.Thread = root
	began := time.Now()
	if _, err := b.Send(w.ctx, m); err != nil {
		t.Fatal(err)
	}
	p := w.slack.PostsIn(w.chat, root)
	if len(p) != 1 || len(p[0].Files) != 1 || string(p[0].Files[0].Data) != "sound" || p[0].Files[0].Name != "audio-p7.mp3" {
		t.Fatalf("%+v", p)
	}
	if id, err := b.Find(w.ctx, m, began); err != nil || id != p[0].TS {
		t.Errorf("found %q, %v", id, err)
	}
	m.ID = "p" // the beginning of another one
	if id, err := b.Find(w.ctx, m, began); err != nil || id != "" {
		t.Errorf("found another's: %q, %v", id, err)
	}
}

func TestASoundThatCannotBeUploadedIsALink(t *testing.T) {
	w := newWorld(t, scoped("chat:write", "users:read"))
	m := w.sound()
	_, err := w.bridge(tape{data: []byte("sound")}).Send(w.ctx, m)
	w.outcome(err, fault.Rejected, "files:write")
	_, err = w.bridge(nil).Send(w.ctx, m)
	w.outcome(err, fault.Rejected, "no sound")
	_, err = w.bridge(tape{}).Send(w.ctx, m)
	w.outcome(err, fault.Rejected, "")
	m.Forms = m.Forms[1:]
	if _, err := w.bridge(nil).Send(w.ctx, m); err != nil || !strings.Contains(w.slack.Posts()[0].Raw, "https://example.com/a.mp3") {
		t.Errorf("%v, %+v", err, w.slack.Posts())
	}
}

func TestWhatFailsBeforeASoundIsSharedHadNoEffect(t *testing.T) {
	for method, want := range map[string]fault.Kind{"files.getUploadURLExternal": fault.Retry, "upload": fault.Retry, "files.completeUploadExternal": fault.Unclear} {
		w := newWorld(t)
		w.slack.Break(bridgetest.SlackFault{Method: method, Effect: bridgetest.Cut})
		_, err := w.bridge(tape{data: []byte("sound")}).Send(w.ctx, w.sound())
		if o := fault.Of(err); o == nil || o.Kind != want {
			t.Errorf("%s: %v, want %v", method, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "/upload/") {
			t.Errorf("the address is in the error: %v", err)
		}
	}
}

func TestWhatSomebodySaidIsFetchedFromSlackAlone(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("asked elsewhere, with %q", r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	w := newWorld(t, patient)
	w.connected(w.bridge(nil))
	w.writes(bridgetest.SlackLine{Files: []bridgetest.SentFile{{Name: "clip.m4a", Type: "audio/mp4", Data: []byte("sound")}}})
	a := w.hears(1)[0].Attachments[0]
	base := strings.TrimSuffix(w.slack.URL(), "/api/")
	api := w.changed("files.info", `"url_private_download":"`+base, `"url_private_download":"`+elsewhere.URL)
	_, err := w.bridge(nil, func(c *Config) { c.APIURL = api }).Attachment(w.ctx, a)
	w.outcome(err, fault.Rejected, "elsewhere")

	for name, c := range map[string]struct {
		fault  bridgetest.SlackFault
		want   fault.Kind
		reason string
	}{
		"gone":     {bridgetest.SlackFault{Method: "files.info", Effect: bridgetest.Refuse, Body: "file_not_found"}, fault.Rejected, ""},
		"no page":  {bridgetest.SlackFault{Method: "download", Effect: bridgetest.Status, Code: 404}, fault.Rejected, "gone"},
		"sign in":  {bridgetest.SlackFault{Method: "download", Effect: bridgetest.Status, Code: 302}, fault.Rejected, "files:read"},
		"throttle": {bridgetest.SlackFault{Method: "download", Effect: bridgetest.Throttle, RetryAfter: 5}, fault.Throttled, ""},
	} {
		clear := w.slack.Break(c.fault)
		_, err := w.bridge(nil).Attachment(w.ctx, a)
		t.Log(name)
		w.outcome(err, c.want, c.reason)
		clear()
	}
	w.slack.SetScopes(w.app, "chat:write")
	_, err = w.bridge(nil).Attachment(w.ctx, a)
	w.outcome(err, fault.Rejected, "files:read")
}

func TestATooLargeSoundIsNotFetched(t *testing.T) {
	w := newWorld(t, patient)
	b := w.bridge(nil)
	w.connected(b)
	w.writes(bridgetest.SlackLine{Files: []bridgetest.SentFile{{Name: "long.m4a", Type: "audio/mp4", Data: make([]byte, maxDownload+1)}}})
	_, err := b.Attachment(w.ctx, w.hears(1)[0].Attachments[0])
	w.outcome(err, fault.Rejected, "20 MB")
	if w.slack.Calls("files.info") != 1 {
		t.Error("the size was not asked for first")
	}
}

func TestASoundForACommandWhereTheBotIsNoMemberIsALinkInTheAnswer(t *testing.T) {
	w := newWorld(t, patient)
	b := w.bridge(tape{data: []byte("sound")})
	w.connected(b)
	elsewhere := w.slack.AddPrivate(w.team, "elsewhere", w.anna)
	w.asks(elsewhere, "/ask", "sing")
	e := w.hears(1)[0]
	pieces := fit(bridges.Message{Text: "hear:", Answer: e.Answer,
		Audio: &bridges.Audio{Source: "x", Link: "https://example.com/a.mp3", Mode: bridges.AudioFile}})
	m := pieces[len(pieces)-1]
	m.ID, m.Place = "p7", e.Place
	_, err := b.Send(w.ctx, m)
	w.outcome(err, fault.Rejected, "invite")
	m.Forms = m.Forms[1:]
	if _, err := b.Send(w.ctx, m); err != nil {
		t.Fatal(err)
	}
	if p := w.slack.PostsIn(elsewhere, ""); len(p) != 1 || !strings.Contains(p[0].Raw, "https://example.com/a.mp3") {
		t.Errorf("%+v", p)
	}
}
