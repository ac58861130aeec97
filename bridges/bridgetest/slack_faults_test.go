package bridgetest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"avatarbridge/bridges/bridgetest"
)

// try posts a message and returns the status and the body, or the client's error.
func (w *slackWorld) try(channel string) (int, string, error) {
	client := http.Client{Timeout: 500 * time.Millisecond, Transport: &http.Transport{DisableKeepAlives: true}}
	body := url.Values{"token": {w.app.BotToken}, "channel": {channel}, "text": {"x"}}
	resp, err := client.PostForm(w.s.URL()+"chat.postMessage", body)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, "", err
	}
	return resp.StatusCode, string(got), nil
}

func TestSlackFaultsShowAndHaveTheirEffect(t *testing.T) {
	for _, c := range []struct {
		name   string
		fault  bridgetest.SlackFault
		status int // 0: no answer
		posted int
		body   string
	}{
		{"slow", bridgetest.SlackFault{Effect: bridgetest.Slow, Delay: time.Millisecond}, 200, 1, `"ok":true`},
		{"too slow", bridgetest.SlackFault{Effect: bridgetest.Slow, Delay: time.Hour}, 0, 0, ""},
		{"status", bridgetest.SlackFault{Effect: bridgetest.Status, Code: 503}, 503, 0, ""},
		{"status after the post", bridgetest.SlackFault{Effect: bridgetest.Status, Code: 500, Accepted: true}, 500, 1, ""},
		{"html", bridgetest.SlackFault{Effect: bridgetest.HTML}, 502, 0, "<html>"},
		{"cut before", bridgetest.SlackFault{Effect: bridgetest.Cut}, 0, 0, ""},
		{"cut after", bridgetest.SlackFault{Effect: bridgetest.Cut, Accepted: true}, 0, 1, ""},
		{"garbage", bridgetest.SlackFault{Effect: bridgetest.Garbage, Accepted: true}, 200, 1, `{"ok":true,"channel":`},
		{"half an answer", bridgetest.SlackFault{Effect: bridgetest.Half, Accepted: true}, 0, 1, ""},
		{"throttle", bridgetest.SlackFault{Effect: bridgetest.Throttle, RetryAfter: 5}, 429, 0, `"ratelimited"`},
		{"stall", bridgetest.SlackFault{Effect: bridgetest.Stall}, 0, 0, ""},
		{"refuse", bridgetest.SlackFault{Effect: bridgetest.Refuse, Body: "restricted_action"}, 200, 0, `"restricted_action"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newSlackWorld(t, slackPatient)
			c.fault.Method, c.fault.Times = "chat.postMessage", 1
			w.s.Break(c.fault)
			status, body, err := w.try(w.room.ID)
			if (err == nil) != (c.status != 0) || status != c.status || !strings.Contains(body, c.body) {
				t.Errorf("got status %d, %q, %v", status, body, err)
			}
			if n := w.s.PostCount(); n != c.posted {
				t.Errorf("%d posted, want %d", n, c.posted)
			}
			if status, _, err := w.try(w.room.ID); status != 200 {
				t.Errorf("after the fault got status %d, %v", status, err)
			}
		})
	}
}

func TestSlackFaultsBefallTheirMethodAndChannelUntilTheyAreCleared(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	clear := w.s.Break(bridgetest.SlackFault{Method: "chat.postMessage", Channel: w.room.ID, Effect: bridgetest.Throttle, RetryAfter: 7})
	w.call("auth.test").good(t)
	w.post(w.direct, "x")
	for range 3 {
		r := w.call("chat.postMessage", "channel", w.room.ID, "text", "x").fails(t, "ratelimited")
		if r.Status != 429 || r.Header.Get("Retry-After") != "7" {
			t.Errorf("got %d, Retry-After %q", r.Status, r.Header.Get("Retry-After"))
		}
	}
	clear()
	w.post(w.room, "x")
	w.s.Break(bridgetest.SlackFault{Effect: bridgetest.Status})
	if status, _, _ := w.try(w.room.ID); status != 500 {
		t.Errorf("got %d, want the fault of every method", status)
	}
	w.s.ClearFaults()
	w.post(w.room, "x")
	var failed int
	for _, r := range w.s.Requests("chat.postMessage") {
		if !r.Done {
			failed++
		}
		if _, leaked := r.Args["token"]; leaked {
			t.Error("the request log has the token")
		}
	}
	if n := w.s.Calls("chat.postMessage"); n != 7 || failed != 4 {
		t.Errorf("%d calls of which %d were not processed, want 7 and 4", n, failed)
	}
}

func TestSlackSocketsCanBeRefused(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	w.s.Break(bridgetest.SlackFault{Method: "socket", Times: 1, Effect: bridgetest.Status, Code: 503})
	r := w.callAs(w.app.AppToken, "apps.connections.open").good(t)
	_, resp, err := websocket.DefaultDialer.DialContext(t.Context(), r.URL, nil)
	if err == nil || resp == nil || resp.StatusCode != 503 {
		t.Fatalf("got %v, want 503", err)
	}
	_ = resp.Body.Close()
	w.connect()
}

func TestSlackLimitsHoldForAChannelEach(t *testing.T) {
	w := newSlackWorld(t, bridgetest.SlackOptions{AckWithin: time.Hour, Limits: bridgetest.SlackLimits{
		Post: bridgetest.Limit{Burst: 2, Every: time.Minute}, Methods: map[string]bridgetest.Limit{"users.info": {Burst: 1, Every: time.Hour}}}})
	w.post(w.room, "1")
	w.post(w.room, "2")
	r := w.call("chat.postMessage", "channel", w.room.ID, "text", "3").fails(t, "ratelimited")
	if r.Status != 429 || r.Header.Get("Retry-After") != "60" {
		t.Errorf("got %d, Retry-After %q", r.Status, r.Header.Get("Retry-After"))
	}
	w.post(w.direct, "another channel")
	w.s.Advance(time.Minute)
	w.post(w.room, "3")
	w.call("users.info", "user", w.anna.ID).good(t)
	w.call("users.info", "user", w.anna.ID).fails(t, "ratelimited")
	if l := bridgetest.RealSlackLimits(); l.Post.Every != time.Second || l.Methods["chat.update"].Every != time.Minute/50 {
		t.Errorf("the real limits are %+v", l)
	}
}

func TestSlackOfflineRefusesConnectionsUntilOnline(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	w.s.Offline()
	if _, _, err := w.try(w.room.ID); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v, want a refused connection", err)
	}
	if err := w.s.Online(); err != nil {
		t.Fatal(err)
	}
	if status, _, err := w.try(w.room.ID); status != 200 {
		t.Errorf("back online got status %d, %v", status, err)
	}
}

func TestSlackStepsComeInTheOrderOfTheWire(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	c := w.connect()
	type moment struct {
		name   bridgetest.StepName
		posted int
	}
	steps := make(chan moment, 10)
	w.s.OnStep(func(s bridgetest.SlackStep) { steps <- moment{s.Name, w.s.PostCount()} })
	w.write(outsideOf(w), "nobody hears it")
	w.write(w.direct, "x")
	got := []moment{<-steps}
	c.next()
	got = append(got, <-steps)
	// The event of the app's own message comes to the socket in between; only what a send tells is looked at here.
	w.s.SetEvents(w.app)
	w.post(w.direct, "y")
	got = append(got, <-steps, <-steps)
	want := []moment{{bridgetest.SlackEventSent, 0}, {bridgetest.SlackEventAcked, 0}, {bridgetest.SendReceived, 0}, {bridgetest.SendAnswered, 1}}
	if !slices.Equal(got, want) {
		t.Errorf("steps %v, want %v", got, want)
	}
	w.s.OnStep(nil)
	w.post(w.direct, "z")
	w.s.Close()
	if len(steps) != 0 {
		t.Errorf("a step was told after the hook was taken away: %v", <-steps)
	}
}

// outsideOf makes a channel that the app is not in.
func outsideOf(w *slackWorld) *bridgetest.SlackChannel {
	return w.s.AddChannel(w.team, "outside", w.anna)
}

func TestSlackLeavesNothingRunning(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s, err := bridgetest.NewSlack(bridgetest.SlackOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w := &slackWorld{t: t, s: s, team: s.AddTeam("Acme", "")}
	w.app, w.anna = s.AddApp(w.team, bridgetest.SlackAppOptions{}), s.AddUser(w.team, "Anna")
	w.direct = s.Direct(w.app, w.anna)
	c := w.connect()
	w.write(w.direct, "never acknowledged")
	c.read()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.WaitFor(ctx, func() bool { return false }); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting ended with %v", err)
	}
	s.Close()
	if err := s.WaitFor(t.Context(), func() bool { return false }); err == nil {
		t.Error("waiting for a closed simulator ended without an error")
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	_ = c.ws.Close()
}
