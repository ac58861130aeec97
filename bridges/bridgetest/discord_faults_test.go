package bridgetest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"avatarbridge/bridges/bridgetest"
)

func TestRequestsGoWrongOnDemand(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{})
	for _, c := range []struct {
		name   string
		fault  bridgetest.DiscordFault
		status int // 0 for a connection that breaks
		posts  int
		body   string
	}{
		{"5xx before", bridgetest.DiscordFault{Effect: bridgetest.Status, Code: 503}, 503, 0, ""},
		{"5xx after", bridgetest.DiscordFault{Effect: bridgetest.Status, Accepted: true}, 500, 1, ""},
		{"HTML", bridgetest.DiscordFault{Effect: bridgetest.HTML}, 502, 0, "<html>"},
		{"cut before", bridgetest.DiscordFault{Effect: bridgetest.Cut}, 0, 0, ""},
		{"cut after", bridgetest.DiscordFault{Effect: bridgetest.Cut, Accepted: true}, 0, 1, ""},
		{"half an answer", bridgetest.DiscordFault{Effect: bridgetest.Half, Accepted: true}, 0, 1, ""},
		{"an answer that nobody can read", bridgetest.DiscordFault{Effect: bridgetest.Garbage, Accepted: true}, 200, 1, `{"id":7`},
		{"slow", bridgetest.DiscordFault{Effect: bridgetest.Slow, Delay: 5 * time.Millisecond}, 200, 1, `"content":"x"`},
		{"a refusal", bridgetest.DiscordFault{Effect: bridgetest.Refuse, Code: 403, Error: 50013, Body: "Missing Permissions"}, 403, 0, `"code":50013`},
		{"429 of the user", bridgetest.DiscordFault{Effect: bridgetest.Throttle, RetryAfter: 1500 * time.Millisecond}, 429, 0, `"retry_after":1.5`},
		{"429 of all", bridgetest.DiscordFault{Effect: bridgetest.Throttle, RetryAfter: time.Second, Scope: "global"}, 429, 0, `"global":true`},
		{"429 of the resource", bridgetest.DiscordFault{Effect: bridgetest.Throttle, RetryAfter: time.Second, Scope: "shared"}, 429, 0, "The resource is being rate limited."},
	} {
		before := d.PostCount()
		c.fault.Route, c.fault.Channel, c.fault.Times = bridgetest.RouteCreateMessage, d.room.ID, 1
		d.Break(c.fault)
		d.do("POST", messages(d.dm), `{"content":"elsewhere"}`).wants(t, c.name+": another channel", 200, 0)
		r, err := d.try("POST", messages(d.room), "application/json", strings.NewReader(`{"content":"x"}`))
		if (err != nil) != (c.status == 0) || err == nil && (r.Status != c.status || !strings.Contains(string(r.Body), c.body)) {
			t.Errorf("%s: got %d %s, %v", c.name, r.Status, r.Body, err)
		}
		if n := d.PostCount() - before - 1; n != c.posts {
			t.Errorf("%s: %d posts, want %d", c.name, n, c.posts)
		}
		if scope := r.Header.Get("X-RateLimit-Scope"); c.status == 429 && scope != orUser(c.fault.Scope) {
			t.Errorf("%s: scope %q", c.name, scope)
		}
		d.do("POST", messages(d.room), `{"content":"x"}`).wants(t, c.name+": afterwards", 200, 0)
	}
	if n := d.RequestCount(bridgetest.RouteCreateMessage); n != 36 {
		t.Errorf("%d requests were counted, want 36", n)
	}
	clear := d.Break(bridgetest.DiscordFault{Effect: bridgetest.Refuse, Code: 500, Body: "500: Internal Server Error"})
	d.do("POST", messages(d.room), `{"content":"x"}`).wants(t, "until it is cleared", 500, 0)
	clear()
	d.do("POST", messages(d.room), `{"content":"x"}`).wants(t, "cleared", 200, 0)
}

func orUser(scope string) string {
	if scope == "" {
		return "user"
	}
	return scope
}

func TestNewConnectionsGoWrongOnDemand(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{})
	url := "ws" + strings.TrimPrefix(d.URL(), "http") + "/?v=10&encoding=json"
	with := func(f bridgetest.DiscordGatewayFault) *socket {
		f.Times = 1
		d.BreakGateway(f)
		return d.dial(url)
	}
	for _, raw := range []string{bridgetest.FrameNull, bridgetest.FrameMalformed, bridgetest.FrameReconnect, bridgetest.FrameZeroHeartbeat} {
		s := with(bridgetest.DiscordGatewayFault{Effect: bridgetest.GatewayFrame, Frame: raw})
		if _, got, err := s.ws.ReadMessage(); err != nil || string(got) != raw {
			t.Errorf("in Hello's place came %q, %v", got, err)
		}
	}
	if f, err := with(bridgetest.DiscordGatewayFault{Effect: bridgetest.GatewaySilent}).read(50 * time.Millisecond); err == nil {
		t.Errorf("a silent gateway said %+v", f)
	}
	d.BreakGateway(bridgetest.DiscordGatewayFault{Effect: bridgetest.GatewayRefused, Times: 1})
	if _, resp, err := websocket.DefaultDialer.Dial(url, nil); err == nil || resp == nil || resp.StatusCode != 503 {
		t.Errorf("a refused upgrade: %v", err)
	}
	identify := func(f bridgetest.DiscordGatewayFault) *socket {
		s := with(f)
		if f := s.next(); f.Op != 10 {
			t.Errorf("op %d, want Hello", f.Op)
		}
		s.identify(d.bot.Token, `"intents":1`)
		return s
	}
	if code := identify(bridgetest.DiscordGatewayFault{Effect: bridgetest.GatewayClosed, Code: 4014}).closed(); code != 4014 {
		t.Errorf("closed with %d", code)
	}
	if code := identify(bridgetest.DiscordGatewayFault{Effect: bridgetest.GatewayCut}).closed(); code != 1006 {
		t.Errorf("a cut was closed with %d", code)
	}
	if f := identify(bridgetest.DiscordGatewayFault{Effect: bridgetest.GatewayInvalid, Resumable: true}).next(); f.Op != 9 || string(f.Data) != "true" {
		t.Errorf("got op %d %s", f.Op, f.Data)
	}
	s := identify(bridgetest.DiscordGatewayFault{Effect: bridgetest.GatewayMute})
	s.write(`{"op":1,"d":null}`)
	if f, err := s.read(50 * time.Millisecond); err == nil {
		t.Errorf("a mute gateway said %+v", f)
	}
	d.connect(unranked) // all were for one connection
}

func TestOpenConnectionsGoWrongOnDemand(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{})
	s := d.connect(unranked)
	s.event("GUILD_CREATE")
	d.AskReconnect(d.bot)
	d.AskHeartbeat(d.bot)
	d.RawFrame(d.bot, `{"op":0,"t":"X","s":null,"d":{"a":1}}`)
	if a, b, c := s.next(), s.next(), s.next(); a.Op != 7 || b.Op != 1 || c.event() != "X" {
		t.Errorf("got op %d, %d, %d", a.Op, b.Op, c.Op)
	}
	d.StopAcks(d.bot)
	s.write(`{"op":1,"d":3}`)
	id := d.RawEvent(d.bot, "MESSAGE_CREATE", `{"id":"$id","channel_id":"1","content":"no author"}`)
	if m := s.message("MESSAGE_CREATE"); m.ID != id || m.Author.ID != "" { // and no acknowledgement before it
		t.Errorf("got %+v", m)
	}
	d.Zombify(d.bot)
	d.Say(bridgetest.DiscordLine{Channel: d.dm, From: d.anna, Text: "x"})
	s.write(`{"op":1,"d":4}`)
	if f, err := s.read(50 * time.Millisecond); err == nil {
		t.Errorf("a zombie said %+v", f)
	}
	fresh := d.connect(unranked)
	d.CloseGateways(d.bot, 4009)
	if code := fresh.closed(); code != 4009 {
		t.Errorf("closed with %d", code)
	}
}

func TestNumbersCanComeAsStrings(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{})
	s := d.connect(unranked)
	d.SendNumbersAsStrings(true)
	d.Say(bridgetest.DiscordLine{Channel: d.dm, From: d.anna, Text: "7"})
	var m struct{ Type, Flags, Content any }
	if err := json.Unmarshal(s.event("MESSAGE_CREATE").Data, &m); err != nil || m.Type != "0" || m.Flags != "0" || m.Content != "7" {
		t.Errorf("the event is %+v, %v", m, err)
	}
	d.do("POST", messages(d.dm), `{"content":"x"}`).into(t, &m)
	if m.Type != "0" {
		t.Errorf("the answer is %+v", m)
	}
}

func TestStepsCanBeWatched(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{})
	s := d.connect(unranked)
	s.event("GUILD_CREATE")
	seen := make(chan string, 10)
	d.OnStep(func(st bridgetest.DiscordStep) {
		seen <- fmt.Sprint(st.Name, " ", st.Event, st.Channel == d.dm.ID, st.Message != "")
	})
	d.say(d.dm, "x")
	s.event("MESSAGE_CREATE")
	defer d.OnStep(nil)
	want := map[string]bool{"send received true false": true, "send answered true true": true, "event sent MESSAGE_CREATEfalse false": true}
	for len(want) > 0 { // a step of the connection's opening may come in between
		select {
		case step := <-seen:
			delete(want, step)
		case <-time.After(10 * time.Second):
			t.Fatalf("these steps are missing: %v", want)
		}
	}
}
