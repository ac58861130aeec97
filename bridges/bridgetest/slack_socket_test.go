package bridgetest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"avatarbridge/bridges/bridgetest"
)

func TestSlackSocketsNeedTheAppTokenAndATicketThatIsGoodOnce(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	w.call("apps.connections.open").fails(t, "not_allowed_token_type")
	w.callAs(w.app.AppToken, "chat.postMessage", "channel", w.room.ID, "text", "x").fails(t, "not_allowed_token_type")
	w.callAs("", "apps.connections.open", "token", w.app.AppToken).fails(t, "missing_args")
	w.callAs("xapp-wrong", "apps.connections.open").fails(t, "invalid_auth")
	r := w.callAs(w.app.AppToken, "apps.connections.open").good(t)
	ws, resp, err := websocket.DefaultDialer.DialContext(t.Context(), r.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	defer func() { _ = ws.Close() }()
	late := w.callAs(w.app.AppToken, "apps.connections.open").good(t).URL
	w.s.Advance(time.Minute)
	for name, url := range map[string]string{"used": r.URL, "old": late} {
		_, resp, err := websocket.DefaultDialer.DialContext(t.Context(), url, nil)
		if err == nil || resp.StatusCode != http.StatusForbidden {
			t.Errorf("a ticket that is %s opened a socket", name)
		}
		if resp != nil {
			_ = resp.Body.Close()
		}
	}
}

func TestSlackSaysHelloAndRefusesTheEleventhSocket(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	for n := 1; n <= 10; n++ {
		hello := w.dial().read()
		if hello.Type != "hello" || hello.Sockets != n || hello.Connects["app_id"] != w.app.ID || hello.Debug["approximate_connection_time"] == nil {
			t.Fatalf("hello %d is %+v", n, hello)
		}
	}
	c := w.dial()
	if e := c.read(); e.Type != "disconnect" || e.Why != "too_many_websockets" {
		t.Errorf("the eleventh socket got %+v", e)
	}
	c.ends()
	if n := len(w.s.Connections(w.app)); n != 10 {
		t.Errorf("%d sockets are open, want 10", n)
	}
}

func TestSlackSocketsShareEvents(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	a, b := w.connect(), w.connect()
	seen := map[string]bool{}
	for range 4 {
		w.write(w.direct, "x")
	}
	for range 2 {
		seen[a.next().Payload.EventID] = true
		seen[b.next().Payload.EventID] = true
	}
	if len(seen) != 4 {
		t.Errorf("%d different events, want 4", len(seen))
	}
	w.until(func() bool { return w.s.Unacknowledged(w.app) == 0 }, "waiting for the acknowledgements")
}

func TestSlackSendsAnEventAgainOnAnotherSocketAndGivesUpAfterSixMinutes(t *testing.T) {
	w := newSlackWorld(t, bridgetest.SlackOptions{})
	a, b := w.connect(), w.connect()
	w.write(w.direct, "x")
	sockets := []*slackSocket{a, b}
	if w.s.Unacknowledged(nil) != 1 {
		t.Fatal("the event does not wait")
	}
	// The first goes to one of the two; every later attempt goes to the other.
	frames := make(chan slackEnvelope, 8)
	from := make(chan int, 8)
	for i, c := range sockets {
		go func() {
			for {
				var e slackEnvelope
				if c.ws.ReadJSON(&e) != nil {
					return
				}
				frames <- e
				from <- i
			}
		}()
	}
	first := <-frames
	last := <-from
	for attempt, wait := range []time.Duration{3 * time.Second, 3*time.Second + time.Minute, 3*time.Second + 5*time.Minute} {
		w.s.Advance(wait)
		var e slackEnvelope
		select {
		case e = <-frames:
		case <-time.After(10 * time.Second):
			t.Fatalf("attempt %d did not come", attempt+1)
		}
		if e.Payload.EventID != first.Payload.EventID || e.ID == first.ID || e.Attempt == nil || *e.Attempt != attempt+1 || e.Reason != "timeout" {
			t.Errorf("attempt %d is %+v", attempt+1, e)
		}
		if at := <-from; at == last {
			t.Errorf("attempt %d came on the same socket", attempt+1)
		} else {
			last = at
		}
	}
	w.s.Advance(4 * time.Second)
	w.until(func() bool { return w.s.Unacknowledged(nil) == 0 && w.s.GivenUp() == 1 }, "waiting for the event to be given up")
}

func TestSlackKeepsEventsForAnAppWithoutSocketsUntilTheNextAttempt(t *testing.T) {
	w := newSlackWorld(t, bridgetest.SlackOptions{Retries: []time.Duration{0, time.Minute}})
	event := w.write(w.direct, "x").Events[0]
	c := w.connect()
	w.s.Advance(time.Minute)
	e := c.next()
	if e.Payload.EventID != event || *e.Attempt != 2 {
		t.Errorf("got %+v, want the second retry of %s", e, event)
	}
}

func TestSlackTakesNoLateAcknowledgementAndCountsStrangeFrames(t *testing.T) {
	w := newSlackWorld(t, bridgetest.SlackOptions{})
	c := w.connect()
	w.write(w.direct, "x")
	late := c.read()
	w.s.Advance(3 * time.Second)
	again := c.read()
	c.ack(late)
	c.write(`{"envelope_id":"unknown"}`)
	c.write(`no JSON`)
	w.until(func() bool { return w.s.StrangeFrames() == 3 }, "waiting for the strange frames")
	if w.s.Unacknowledged(w.app) != 1 {
		t.Error("a late acknowledgement counted")
	}
	c.ack(again)
	w.until(func() bool { return w.s.Unacknowledged(w.app) == 0 }, "waiting for the acknowledgement")
	if !w.s.Repeat(again.Payload.EventID) {
		t.Fatal("the event cannot be repeated")
	}
	if e := c.next(); e.Payload.EventID != again.Payload.EventID || *e.Attempt != 0 {
		t.Errorf("repeated as %+v, want the same event as if for the first time", e)
	}
}

func TestSlackDisconnects(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	old, spare := w.connect(), w.connect()
	conns := w.s.Connections(w.app)
	for _, reason := range []string{"warning", "refresh_requested"} {
		conns[0].Disconnect(reason)
		if e := old.read(); e.Type != "disconnect" || e.Why != reason {
			t.Fatalf("got %+v, want %s", e, reason)
		}
	}
	w.write(w.direct, "one")
	w.write(w.direct, "two")
	spare.next()
	spare.next() // the one that is asked to refresh gets none
	w.s.Advance(10 * time.Second)
	old.ends()
	w.s.DisableSocketMode(w.app)
	if e := spare.read(); e.Why != "link_disabled" {
		t.Errorf("got %+v, want link_disabled", e)
	}
	spare.ends()
	w.callAs(w.app.AppToken, "apps.connections.open").fails(t, "access_denied")
	w.s.EnableSocketMode(w.app)
	w.connect()
}

func TestSlackPingsAndASilentSocketDoesNot(t *testing.T) {
	w := newSlackWorld(t, bridgetest.SlackOptions{Ping: 5 * time.Millisecond, AckWithin: time.Hour})
	c := w.connect()
	pings := make(chan struct{}, 100)
	c.ws.SetPingHandler(func(string) error {
		select {
		case pings <- struct{}{}:
		default:
		}
		return nil
	})
	pongs := make(chan struct{}, 100)
	c.ws.SetPongHandler(func(string) error { pongs <- struct{}{}; return nil })
	frames := make(chan slackEnvelope, 10)
	go func() {
		for {
			var e slackEnvelope
			if c.ws.ReadJSON(&e) != nil {
				close(frames)
				return
			}
			frames <- e
		}
	}()
	<-pings
	_ = c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second))
	<-pongs
	conn := w.s.Connections(w.app)[0]
	conn.Silence()
	w.write(w.direct, "lost")
	_ = c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second))
	select {
	case e := <-frames:
		t.Errorf("a silent socket sent %+v", e)
	case <-pongs:
		t.Error("a silent socket answered a ping")
	case <-time.After(100 * time.Millisecond):
	}
	conn.Cut()
	if _, open := <-frames; open {
		t.Error("a cut socket sent something")
	}
	w.until(func() bool { return len(w.s.Connections(w.app)) == 0 }, "waiting for the socket to go")
	if w.s.Opened() != 1 {
		t.Errorf("%d sockets were opened, want 1", w.s.Opened())
	}
}

func TestSlackSendsWhatATestMakesUp(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	c := w.connect()
	w.s.SendEnvelope(w.app, "telepathy", `{"a":[1]}`)
	if e := c.next(); e.Type != "telepathy" || e.ID == "" {
		t.Errorf("got %+v", e)
	}
	for _, inner := range []string{`{"type":"event_of_the_future"}`, `[]`, `null`, `7`, `{"type":"message","channel":5,"ts":{}}`} {
		if w.s.SendEvent(w.app, inner) == "" {
			t.Errorf("%s was not sent", inner)
		}
		_, raw, err := c.ws.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		id := envelopeID(t, raw)
		c.write(`{"envelope_id":"` + id + `"}`)
	}
	w.until(func() bool { return w.s.Unacknowledged(nil) == 0 }, "waiting for the acknowledgements")
	w.s.Connections(w.app)[0].SendRaw("null")
	if _, raw, err := c.ws.ReadMessage(); err != nil || string(raw) != "null" {
		t.Errorf("got %q, %v", raw, err)
	}
}

func TestSlackOfflineCutsSocketsAndSendsEventsLater(t *testing.T) {
	w := newSlackWorld(t, bridgetest.SlackOptions{Retries: []time.Duration{0, time.Minute}})
	c := w.connect()
	w.s.Offline()
	c.ends()
	event := w.write(w.direct, "while away").Events[0]
	if err := w.s.Online(); err != nil {
		t.Fatal(err)
	}
	c = w.connect()
	w.s.Advance(time.Minute)
	if e := c.next(); e.Payload.EventID != event {
		t.Errorf("got %+v, want %s", e, event)
	}
}

func TestSlackHoldsEventsBackInOrderWhenItIsAskedTo(t *testing.T) {
	w := newSlackWorld(t, bridgetest.SlackOptions{InOrder: true, AckWithin: time.Hour})
	a, b := w.connect(), w.connect()
	w.write(w.direct, "one")
	w.write(w.direct, "two")
	w.write(w.room, "other")
	sent := make(chan slackEnvelope, 4)
	acks := map[string]*slackSocket{}
	owner := make(chan *slackSocket, 4)
	for _, c := range []*slackSocket{a, b} {
		go func() {
			for {
				var e slackEnvelope
				if c.ws.ReadJSON(&e) != nil {
					return
				}
				sent <- e
				owner <- c
			}
		}()
	}
	texts := map[string]slackEnvelope{}
	for range 2 {
		e := <-sent
		acks[e.Payload.Event.Text] = <-owner
		texts[e.Payload.Event.Text] = e
	}
	if _, early := texts["two"]; early || len(texts) != 2 {
		t.Fatalf("before an acknowledgement came %v", texts)
	}
	acks["one"].ack(texts["one"])
	if e := <-sent; e.Payload.Event.Text != "two" {
		t.Errorf("then came %+v", e)
	}
}
