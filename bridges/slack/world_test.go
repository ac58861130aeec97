package slack

import (
	"context"
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
	logs  *bridgetest.Log
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
	w := &world{T: t, slack: s, ctx: ctx, rx: &bridgetest.Receiver{}, logs: &bridgetest.Log{}, team: s.AddTeam("Workspace", "")}
	if a.Enterprise {
		w.team = s.AddTeam("Workspace", "E123")
	}
	w.app, w.anna = s.AddApp(w.team, a), s.AddUser(w.team, "Anna")
	w.chat = s.Direct(w.app, w.anna)
	w.room = s.AddChannel(w.team, "room", w.anna, w.app.User)
	t.Cleanup(func() { w.logs.Hides(t, append(w.secrets(), "message body")...) })
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
	b, err := New(cfg, media, w.logs.Logger())
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(b.client.CloseIdleConnections)
	return b
}

// run runs b until the returned function is called, which returns Run's error.
func (w *world) run(b *Bridge) (stop func() error) {
	return bridgetest.Begin(w.ctx, w.T, b, w.rx)
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
	return bridgetest.Ends(w.ctx, w.T, b, w.rx, after)
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
	return bridgetest.Outcome(w.T, err, want, reason, w.secrets()...)
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
