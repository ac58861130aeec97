package slack

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"avatarbridge/bridges/bridgetest"
	"avatarbridge/bridges/fault"
)

func TestARedeliveryHasTheSameKeyAndIsAcknowledged(t *testing.T) {
	w := newWorld(t, patient)
	w.connected(w.bridge(nil))
	written := w.slack.Write(bridgetest.SlackLine{Channel: w.chat, From: w.anna, Text: "once"})
	w.hears(1)
	for range 3 {
		w.slack.Repeat(written.Events[0])
	}
	w.until("acknowledgement", func() bool { return w.slack.Unacknowledged(w.app) == 0 })
	if len(w.rx.Unique()) != 1 || len(w.rx.Stored()) != 4 {
		t.Errorf("%d events with %d keys", len(w.rx.Stored()), len(w.rx.Unique()))
	}
	if n := w.slack.StrangeFrames(); n != 0 {
		t.Errorf("%d frames that are no acknowledgement", n)
	}
}

func TestTwoSocketsShareTheEventsAndOneIsEnough(t *testing.T) {
	w := newWorld(t, patient)
	w.connected(w.bridge(nil))
	for i := range 20 {
		w.writes(bridgetest.SlackLine{Text: fmt.Sprint(i)})
		if i == 10 {
			w.slack.Connections(w.app)[0].Cut()
		}
	}
	w.until("the second socket", func() bool { return len(w.slack.Connections(w.app)) == sockets && w.slack.Opened() == sockets+1 })
	for _, h := range w.rx.Healths() {
		if h != nil {
			t.Errorf("one socket was left, and the connection was told to be lost: %v", h)
		}
	}
}

func TestASocketIsReplacedBeforeSlackClosesIt(t *testing.T) {
	for _, reason := range []string{"warning", "refresh_requested"} {
		w := newWorld(t, patient)
		w.connected(w.bridge(nil))
		release := w.rx.Hold()
		for i := range 4 { // their acknowledgements go over the sockets that are to be replaced
			w.writes(bridgetest.SlackLine{Channel: w.room, Text: fmt.Sprint(w.app.User.Mention(), i)})
		}
		for _, c := range w.slack.Connections(w.app) {
			c.Disconnect(reason)
		}
		w.until("two more sockets", func() bool { return w.slack.Opened() == 2*sockets })
		release()
		w.hears(4)
		w.slack.Advance(time.Minute) // the old ones are closed
		w.writes(bridgetest.SlackLine{Text: "on the new ones"})
		w.hears(5)
		if slices.ContainsFunc(w.rx.Healths(), func(err error) bool { return err != nil }) {
			t.Errorf("%s: the connection was told to be lost: %v", reason, w.rx.Healths())
		}
	}
}

func TestWhatEndsRunSaysWhatToDo(t *testing.T) {
	for _, c := range []struct {
		name   string
		after  func(*world)
		before func(*world)
		reason string
	}{
		{"Socket Mode is switched off", func(w *world) { w.slack.DisableSocketMode(w.app) }, nil, "Socket Mode is off"},
		{"Socket Mode was never on", nil, func(w *world) { w.slack.DisableSocketMode(w.app) }, "Socket Mode is off"},
		{"the app is removed", func(w *world) { w.slack.Uninstall(w.app) }, nil, "removed from the workspace"},
		{"the token is revoked", func(w *world) { w.slack.RevokeTokens(w.app) }, nil, "token was revoked"},
		{"the token is wrong", nil, func(w *world) { w.slack.RefuseToken(w.app, "invalid_auth") }, "copy it again"},
		{"the app-level token is wrong", nil, func(w *world) { w.slack.RefuseAppToken(w.app, "invalid_auth") }, "app_token: "},
		{"the app-level token is of another kind", nil, func(w *world) { w.slack.RefuseAppToken(w.app, "not_allowed_token_type") }, "app_token: "},
		{"the app may not write", nil, func(w *world) { w.slack.SetScopes(w.app, "users:read", "im:history") }, "add chat:write"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			if c.before != nil {
				c.before(w)
			}
			var after func()
			if c.after != nil {
				after = func() { c.after(w) }
			}
			w.outcome(w.ends(w.bridge(nil), after), fault.Dead, c.reason)
		})
	}
}

func TestASendThatFindsTheTokenRevokedEndsRun(t *testing.T) {
	w := newWorld(t)
	b := w.bridge(nil)
	err := w.ends(b, func() {
		w.slack.RefuseToken(w.app, "token_revoked")
		_, err := b.Send(w.ctx, w.message("p1", "message body"))
		w.outcome(err, fault.Retry, "token was revoked")
	})
	w.outcome(err, fault.Dead, "token was revoked")
}

func TestASilentSocketIsReplaced(t *testing.T) {
	w := newWorld(t, func(o *bridgetest.SlackOptions, _ *bridgetest.SlackAppOptions) { o.Ping = -1 })
	b := w.bridge(nil)
	b.silence = 150 * time.Millisecond
	w.connected(b)
	quiet := w.slack.Connections(w.app)[0]
	quiet.Silence()
	w.until("a socket in its place", func() bool {
		all := w.slack.Connections(w.app)
		return len(all) == sockets && !slices.Contains(all, quiet)
	})
}

func TestTooManySocketsAreTold(t *testing.T) {
	w := newWorld(t)
	for range 5 {
		other := &world{T: t, slack: w.slack, team: w.team, app: w.app, anna: w.anna, chat: w.chat, room: w.room, ctx: w.ctx, rx: &bridgetest.Receiver{}, logs: w.logs}
		other.run(w.bridge(nil))
	}
	w.until("ten sockets", func() bool { return len(w.slack.Connections(w.app)) == 10 })
	w.run(w.bridge(nil))
	err := w.rx.WaitFor(w.ctx, func() bool {
		return slices.ContainsFunc(w.rx.Healths(), func(err error) bool { return err != nil })
	})
	if err != nil {
		t.Error(err)
	}
}

func TestWhatIsNotStoredIsNotAcknowledgedAndRetriedUntilItIs(t *testing.T) {
	w := newWorld(t)
	w.connected(w.bridge(nil))
	w.rx.FailReceive(3)
	w.writes(bridgetest.SlackLine{Text: "in the end"})
	w.hears(1)
	if n := len(w.rx.Offered()); n != 4 {
		t.Errorf("offered %d times", n)
	}
}

func TestAPanicInOneEventEndsNothing(t *testing.T) {
	w := newWorld(t, patient)
	b := w.bridge(nil)
	q := lanes{log: b.log}
	ran := make(chan struct{})
	q.do("a", time.Time{}, func() { panic("message body") })
	q.do("a", time.Time{}, func() { close(ran) })
	select {
	case <-ran:
	case <-w.ctx.Done():
		t.Error("the lane is stuck")
	}
	q.wait()
	if q.do("a", time.Time{}, func() { t.Error("ran after the end") }) {
		t.Error("a job was taken after the end")
	}
}

func TestThatTheConnectionLivesIsStoredForTheNextStart(t *testing.T) {
	w := newWorld(t)
	b := w.bridge(nil)
	b.beat = time.Millisecond
	w.connected(b)
	if err := w.rx.WaitFor(w.ctx, func() bool { return !readCursor(w.rx.Cursor()).IsZero() }); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(readCursor(w.rx.Cursor())); d > time.Minute {
		t.Errorf("the cursor is %v old", d)
	}
}

func TestAfterTheMachineSleptTheConnectionIsNotTakenForAlive(t *testing.T) {
	l := &listener{Bridge: &Bridge{cfg: Config{AppToken: "xapp-1"}, silence: 30 * time.Second}, live: 2}
	now := time.Now()
	l.sign.Store(now.Unix())
	if !l.hears(now.Add(50 * time.Second)) {
		t.Error("a socket that was alive a moment ago is taken for dead")
	}
	if l.hears(now.Add(time.Hour)) {
		t.Error("sockets without a sign of life for an hour are taken for alive")
	}
}

func TestWhatWaitsInALaneRunsInTheOrderOfItsTime(t *testing.T) {
	var q lanes
	release := make(chan struct{})
	var ran []int
	at := func(n int) time.Time { return time.Unix(int64(n), 0) }
	q.do("a", at(5), func() { <-release })
	for _, n := range []int{3, 1, 2, 2, 4, 1} {
		q.do("a", at(n), func() { ran = append(ran, n) })
	}
	close(release)
	q.wait()
	if want := []int{1, 1, 2, 2, 3, 4}; !slices.Equal(ran, want) {
		t.Errorf("ran %v, want %v", ran, want)
	}
}

func TestAServerThatWantsEverySocketReplacedAtOnceIsNotAskedInATightLoop(t *testing.T) {
	var opened atomic.Int64
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	defer srv.Close()
	mux.HandleFunc("/api/auth.test", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"ok":true,"team_id":"T1","user_id":"U1","bot_id":"B1"}`)
	})
	mux.HandleFunc("/api/apps.connections.open", func(w http.ResponseWriter, _ *http.Request) {
		opened.Add(1)
		fmt.Fprintf(w, `{"ok":true,"url":"ws%s/socket"}`, strings.TrimPrefix(srv.URL, "http"))
	})
	mux.HandleFunc("/socket", func(w http.ResponseWriter, r *http.Request) {
		up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
		if ws, err := up.Upgrade(w, r, nil); err == nil {
			_ = ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"hello"}`))
			_ = ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"disconnect","reason":"refresh_requested"}`))
			_, _, _ = ws.ReadMessage()
			_ = ws.Close()
		}
	})
	w := newWorld(t)
	stop := w.run(w.bridge(nil, func(c *Config) { c.APIURL = srv.URL + "/api/" }))
	enough := time.NewTimer(time.Second)
	<-enough.C
	if err := stop(); err != nil {
		t.Error(err)
	}
	if n := opened.Load(); n < 4 || n > 40 {
		t.Errorf("%d sockets were opened in a second", n)
	}
}

func TestEnvelopesThatHoldNothingAreAcknowledgedAndHeardByNobody(t *testing.T) {
	w := newWorld(t, patient)
	w.connected(w.bridge(nil))
	for _, kind := range []string{"events_api", "slash_commands", "interactive", "something_new"} {
		for _, payload := range []string{"null", "{}", "[]", `""`, `{"type":"event_callback"}`, `{"type":"event_callback","event":{"type":"message"}}`} {
			w.slack.SendEnvelope(w.app, kind, payload)
		}
	}
	w.until("acknowledgement", func() bool { return w.slack.Unacknowledged(w.app) == 0 })
	w.writes(bridgetest.SlackLine{Text: "still there"})
	if e := w.hears(1)[0]; e.Text != "still there" {
		t.Errorf("%+v", e)
	}
}

func TestAnEnvelopeWithoutPayloadHasAnIDToBeAcknowledgedBy(t *testing.T) {
	for frame, id := range map[string]string{
		`{"type":"events_api","envelope_id":"e1"}`:    "e1",
		`{"envelope_id":"e2","payload":"?","type":7}`: "e2",
		`{"envelope_id":{},"payload":{}}`:             "",
		`null`:                                        "",
		`{"type":"events_api","envelope_id":"e3","payload":{"event":7}}`: "e3",
	} {
		if e := readEnvelope([]byte(frame)); e.ID != id {
			t.Errorf("%s: %q", frame, e.ID)
		}
	}
}
