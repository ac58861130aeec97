package slack

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
	"avatarbridge/bridges/fault"
)

// world is a simulated Slack with an app, a person, their direct chat and a channel.
type world struct {
	*testing.T
	slack *bridgetest.Slack
	team  *bridgetest.SlackTeam
	app   *bridgetest.SlackApp
	anna  *bridgetest.SlackUser
	chat  *bridgetest.SlackChannel
	room  *bridgetest.SlackChannel
	ctx   context.Context
	rx    *bridgetest.Receiver
	logs  *logs
}

type logs struct {
	mu  sync.Mutex
	all strings.Builder
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

func newWorld(t *testing.T, options ...func(*bridgetest.SlackOptions, *bridgetest.SlackAppOptions)) *world {
	t.Helper()
	var o bridgetest.SlackOptions
	var a bridgetest.SlackAppOptions
	for _, option := range options {
		option(&o, &a)
	}
	s, err := bridgetest.NewSlack(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	w := &world{T: t, slack: s, ctx: ctx, rx: &bridgetest.Receiver{}, logs: &logs{}, team: s.AddTeam("Workspace", "")}
	if a.Enterprise {
		w.team = s.AddTeam("Workspace", "E123")
	}
	w.app, w.anna = s.AddApp(w.team, a), s.AddUser(w.team, "Anna")
	w.chat = s.Direct(w.app, w.anna)
	w.room = s.AddChannel(w.team, "room", w.anna, w.app.User)
	t.Cleanup(func() {
		for _, secret := range w.secrets() {
			if strings.Contains(w.logs.String(), secret) {
				t.Error("a secret is in the log")
			}
		}
		if strings.Contains(w.logs.String(), "message body") {
			t.Error("a message is in the log")
		}
	})
	return w
}

func (w *world) secrets() []string {
	return []string{w.app.BotToken, w.app.AppToken, w.app.SigningSecret, "/commands/", "ticket="}
}

// bridge makes a bridge for the app, with the default settings changed by the changes.
func (w *world) bridge(media bridges.Media, changes ...func(*Config)) *Bridge {
	w.Helper()
	cfg := Default()
	cfg.BotToken, cfg.AppToken, cfg.APIURL, cfg.ReadsRooms = w.app.BotToken, w.app.AppToken, w.slack.URL(), true
	for _, c := range changes {
		c(&cfg)
	}
	b, err := New(cfg, media, slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(b.client.CloseIdleConnections)
	return b
}

// run runs b until the returned function is called, which returns Run's error.
func (w *world) run(b *Bridge) (stop func() error) {
	ctx, cancel := context.WithCancel(w.ctx)
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx, w.rx) }()
	var once sync.Once
	var err error
	stop = func() error {
		once.Do(func() {
			cancel()
			err = <-done
		})
		return err
	}
	w.Cleanup(func() { _ = stop() })
	return stop
}

// connected runs b and waits until it hears.
func (w *world) connected(b *Bridge) (stop func() error) {
	w.Helper()
	stop = w.run(b)
	want := 1
	if b.cfg.AppToken != "" {
		want = sockets
	}
	if err := w.rx.WaitFor(w.ctx, func() bool { return len(w.rx.Healths()) >= want }); err != nil {
		w.Fatalf("not connected: %v\n%s", err, w.logs)
	}
	return stop
}

// ends waits until Run has returned and returns its error.
func (w *world) ends(b *Bridge, after func()) error {
	w.Helper()
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	go func() { done <- b.Run(ctx, w.rx) }()
	if after != nil {
		if err := w.rx.WaitHealth(w.ctx, false); err != nil {
			w.Fatal(err)
		}
		after()
	}
	select {
	case err := <-done:
		return err
	case <-w.ctx.Done():
		cancel()
		<-done
		w.Fatalf("Run goes on\n%s", w.logs)
		return nil
	}
}

// until waits for what the simulator tells.
func (w *world) until(what string, done func() bool) {
	w.Helper()
	if err := w.slack.WaitFor(w.ctx, done); err != nil {
		w.Fatalf("waited in vain for %s: %v\n%s", what, err, w.logs)
	}
}

// hears waits until n different events were stored and everything is acknowledged, and returns them.
func (w *world) hears(n int) []bridges.Event {
	w.Helper()
	got, err := w.rx.WaitUnique(w.ctx, n)
	if err != nil {
		w.Fatalf("%d events of %d: %v\n%s", len(got), n, err, w.logs)
	}
	w.until("acknowledgement", func() bool { return w.slack.Unacknowledged(w.app) == 0 })
	if got = w.rx.Unique(); len(got) != n {
		w.Fatalf("%d events, want %d: %+v", len(got), n, got)
	}
	return got
}

// writes lets Anna write a line and returns its timestamp.
func (w *world) writes(l bridgetest.SlackLine) string {
	if l.From == nil {
		l.From = w.anna
	}
	if l.Channel == nil {
		l.Channel = w.chat
	}
	return w.slack.Write(l).TS
}

func (w *world) direct() bridges.Place {
	return bridges.Place{Channel: w.chat.ID, Direct: true}
}

// outcome checks an error's kind and returns it.
func (w *world) outcome(err error, want fault.Kind, reason string) *fault.Outcome {
	w.Helper()
	o, ok := errors.AsType[*fault.Outcome](err)
	if !ok || o.Kind != want || !strings.Contains(o.Error(), reason) {
		w.Errorf("got %v, want %v with %q", err, want, reason)
	}
	for _, secret := range w.secrets() {
		if err != nil && strings.Contains(err.Error(), secret) {
			w.Error("a secret is in an error")
		}
	}
	return o
}

// message is a short message to post.
func (w *world) message(id, text string) bridges.Message {
	w.Helper()
	pieces := fit(bridges.Message{Text: text})
	if len(pieces) != 1 {
		w.Fatalf("%d pieces", len(pieces))
	}
	m := pieces[0]
	m.ID, m.Place = id, w.direct()
	return m
}

// patient has a Slack that waits long for acknowledgements, so that nothing is sent again, and keeps the order in each channel.
func patient(o *bridgetest.SlackOptions, _ *bridgetest.SlackAppOptions) {
	o.AckWithin, o.InOrder = time.Hour, true
}

func scoped(scopes ...string) func(*bridgetest.SlackOptions, *bridgetest.SlackAppOptions) {
	return func(_ *bridgetest.SlackOptions, a *bridgetest.SlackAppOptions) { a.Scopes = scopes }
}
