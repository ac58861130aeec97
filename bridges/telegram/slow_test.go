package telegram

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

func TestUploadThatTakesTooLongGivesWayToTheLink(t *testing.T) {
	w := newWorld(t)
	stuck := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stuck }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(stuck) })
	big := bridges.File{Name: "a.mp3", Type: "audio/mpeg", Data: make([]byte, 18<<20)}
	b := w.bridge(sounds{file: big}, func(c *Config) { c.APIURL = server.URL })
	m := bridges.Message{Place: in(w.chat, 0), Forms: []bridges.Form{{Kind: formAudio, Audio: &bridges.Audio{Source: "x"}}}}
	ctx, cancel := context.WithTimeout(w.ctx, 300*time.Millisecond)
	defer cancel()
	_, err := b.Send(ctx, m)
	w.outcome(err, fault.Rejected, "")
	stopped, stop := context.WithCancel(w.ctx)
	time.AfterFunc(100*time.Millisecond, stop)
	_, err = b.Send(stopped, m)
	w.outcome(err, fault.Retry, "") // the program stops: nothing was said about the file
}

func TestProxyThatAnswersTooManyRequestsIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	for header, want := range map[string]time.Duration{"7": 7 * time.Second, "": 10 * time.Second, "soon": 10 * time.Second} {
		server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Retry-After", header)
			http.Error(rw, "<html>too many", http.StatusTooManyRequests)
		}))
		b := w.bridge(nil, func(c *Config) { c.APIURL = server.URL })
		_, err := b.Send(w.ctx, textMessage(in(w.chat, 0), "hi"))
		server.Close()
		if o := fault.Of(err); o == nil || o.Kind != fault.Throttled || o.After != want {
			t.Errorf("Retry-After %q: %+v", header, o)
		}
	}
}
