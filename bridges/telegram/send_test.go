package telegram

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
	"avatarbridge/bridges/fault"
)

func in(c *bridgetest.Chat, topic int) bridges.Place {
	return bridges.Place{Channel: c.Channel(), Thread: bridgetest.Thread(topic), Direct: c.ID > 0}
}

func TestARepliesReferenceStandsInRoomsOnly(t *testing.T) {
	w := newWorld(t)
	room := w.tg.AddForum("Room", w.bot)
	topic := w.tg.AddTopic(room, "Topic")
	asked := w.tg.Write(bridgetest.Line{Chat: room, From: w.anna, Thread: topic, Text: "hi"})
	direct := w.tg.Write(bridgetest.Line{Chat: w.chat, From: w.anna, Text: "hi"})
	b := w.bridge(nil)
	for _, c := range []struct {
		place      bridges.Place
		to         int
		wantThread int
		wantReply  int
	}{
		{in(room, topic), asked.Message, topic, asked.Message},
		{in(room, topic), 9999, topic, 0}, // the message is gone
		{in(w.chat, 0), direct.Message, 0, 0},
	} {
		m := textMessage(c.place, "<b>a</b>")
		m.ReplyTo = strconv.Itoa(c.to)
		id, err := b.Send(w.ctx, m)
		if err != nil {
			t.Fatal(err)
		}
		posts := w.tg.Posts()
		p := posts[len(posts)-1]
		if strconv.Itoa(p.ID) != id || p.Thread != c.wantThread || p.ReplyTo != c.wantReply || p.Text != "a" || len(p.Entities) != 1 {
			t.Errorf("posted %+v with id %q", p, id)
		}
	}
}

func TestHowTelegramsRefusalsEnd(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(w *world) bridges.Place
		want    fault.Kind
		reason  string
	}{
		"blocked": {func(w *world) bridges.Place { w.tg.Block(w.chat, w.bot); return in(w.chat, 0) }, fault.Dead, "blocked the bot"},
		"removed": {func(w *world) bridges.Place {
			g := w.tg.AddGroup("G", w.bot)
			w.tg.Block(g, w.bot)
			return in(g, 0)
		}, fault.Dead, "add it again"},
		"never a member": {func(w *world) bridges.Place { return in(w.tg.AddGroup("G"), 0) }, fault.Dead, "not in the chat"},
		"no such chat":   {func(w *world) bridges.Place { return bridges.Place{Channel: "123456789"} }, fault.Dead, "no such chat"},
		"a closed topic": {func(w *world) bridges.Place {
			f := w.tg.AddForum("F", w.bot)
			topic := w.tg.AddTopic(f, "T")
			w.tg.CloseTopic(f, topic)
			return in(f, topic)
		}, fault.Dead, "topic was deleted"},
		"a revoked token": {func(w *world) bridges.Place { w.tg.Revoke(w.bot); return in(w.chat, 0) }, fault.Retry, "@BotFather"},
		"words unknown": {func(w *world) bridges.Place {
			w.tg.Break(bridgetest.Fault{Effect: bridgetest.Refuse, Code: 400, Body: `Bad Request: no "message body" today`})
			return in(w.chat, 0)
		}, fault.Rejected, ""},
		"an error of Telegram": {func(w *world) bridges.Place {
			w.tg.Break(bridgetest.Fault{Effect: bridgetest.Refuse, Code: 500, Body: "Internal Server Error"})
			return in(w.chat, 0)
		}, fault.Unclear, ""},
		"a proxy's limit": {func(w *world) bridges.Place {
			w.tg.Break(bridgetest.Fault{Effect: bridgetest.HTML, Code: 413})
			return in(w.chat, 0)
		}, fault.Rejected, ""},
		"a proxy's 429": {func(w *world) bridges.Place {
			w.tg.Break(bridgetest.Fault{Effect: bridgetest.HTML, Code: 429})
			return in(w.chat, 0)
		}, fault.Throttled, ""},
		"a proxy's redirect": {func(w *world) bridges.Place {
			w.tg.Break(bridgetest.Fault{Effect: bridgetest.HTML, Code: 302})
			return in(w.chat, 0)
		}, fault.Retry, "api_url"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			place := c.prepare(w)
			_, err := w.bridge(nil).Send(w.ctx, textMessage(place, "x"))
			w.outcome(err, c.want, c.reason)
			if strings.Contains(err.Error(), "message body") {
				t.Errorf("the error quotes the message: %v", err)
			}
		})
	}
}

func TestAMovedGroupIsFollowed(t *testing.T) {
	w := newWorld(t)
	g := w.tg.AddGroup("G", w.bot)
	s := w.tg.Migrate(g)
	_, err := w.bridge(nil).Send(w.ctx, textMessage(in(g, 0), "x"))
	if o := w.outcome(err, fault.Moved, ""); o != nil && o.To != s.Channel() {
		t.Errorf("moved to %q, want %q", o.To, s.Channel())
	}
}

func TestTheTokenIsInNoErrorOfTheNetwork(t *testing.T) {
	w := newWorld(t)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not notice that the client goes
		<-r.Context().Done()
	}))
	t.Cleanup(slow.Close)
	rude, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rude.Close() })
	go func() {
		for {
			c, err := rude.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("this is no HTTP\r\n\r\n"))
			_ = c.Close()
		}
	}()
	for url, want := range map[string][]fault.Kind{
		closed.URL:                        {fault.Retry},
		slow.URL:                          {fault.Unclear},
		"http://" + rude.Addr().String():  {fault.Unclear, fault.Retry},
		"https://" + rude.Addr().String(): {fault.Retry},
	} {
		b := w.bridge(nil, func(c *Config) { c.APIURL = url })
		ctx, cancel := context.WithTimeout(w.ctx, 300*time.Millisecond)
		_, err := b.Send(ctx, textMessage(in(w.chat, 0), "message body"))
		cancel()
		o := fault.Of(err)
		if len(want) == 1 {
			w.outcome(err, want[0], "")
		} else if o == nil || o.Kind != want[0] && o.Kind != want[1] {
			t.Errorf("%s: %v", url, err)
		}
		if strings.Contains(err.Error(), "message body") || strings.Contains(err.Error(), "/bot") {
			t.Errorf("%s: the error tells too much: %v", url, err)
		}
	}
}

func TestTypingIsShownInTheTopic(t *testing.T) {
	w := newWorld(t)
	f := w.tg.AddForum("F", w.bot)
	topic := w.tg.AddTopic(f, "T")
	lasts, err := w.bridge(nil).Typing(w.ctx, in(f, topic))
	if err != nil || lasts != 5*time.Second {
		t.Errorf("%v, %v", lasts, err)
	}
	if a := w.tg.Actions(f); len(a) != 1 || a[0].Thread != topic || a[0].Action != "typing" {
		t.Errorf("%+v", a)
	}
}
