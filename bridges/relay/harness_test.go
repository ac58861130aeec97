package relay_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
	"avatarbridge/bridges/relay"
	"avatarbridge/store"
	"avatarbridge/store/sqlite"
)

// fakeBridge is a platform in memory: tests write through it and see what was posted.
type fakeBridge struct {
	account string
	rx      bridges.Receiver
	opened  chan struct{}

	mu     sync.Mutex
	sent   []bridges.Message
	typed  []time.Time
	sender func(m bridges.Message) error // nil: every call succeeds
	events int
}

func newFakeBridge(account string) *fakeBridge {
	return &fakeBridge{account: account, opened: make(chan struct{})}
}

func (b *fakeBridge) Run(ctx context.Context, rx bridges.Receiver) error {
	if _, err := rx.Open(ctx, b.account); err != nil {
		return err
	}
	b.rx = rx
	rx.Health(nil)
	close(b.opened)
	<-ctx.Done()
	return nil
}

// Fit cuts at "|", so that tests can make replies of several pieces; "#" makes a form that comes before the plain one.
func (b *fakeBridge) Fit(m bridges.Message) []bridges.Message {
	var pieces []bridges.Message
	for text := range strings.SplitSeq(m.Text, "|") {
		forms := []bridges.Form{{Kind: "text", Text: text}}
		if rest, fancy := strings.CutPrefix(text, "#"); fancy {
			forms = []bridges.Form{{Kind: "fancy", Text: text}, {Kind: "text", Text: rest}}
		}
		if m.Audio != nil {
			forms[0].Audio = m.Audio
		}
		pieces = append(pieces, bridges.Message{ReplyTo: m.ReplyTo, Mention: m.Mention, Emotion: m.Emotion, Forms: forms})
	}
	return pieces
}

func (b *fakeBridge) Send(ctx context.Context, m bridges.Message) (string, error) {
	b.mu.Lock()
	sender := b.sender
	b.mu.Unlock()
	if sender != nil {
		if err := sender(m); err != nil {
			return "", err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent = append(b.sent, m)
	return fmt.Sprint(len(b.sent)), ctx.Err()
}

func (b *fakeBridge) Typing(context.Context, bridges.Place) (time.Duration, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.typed = append(b.typed, time.Now())
	return 5 * time.Second, nil
}

// shown returns how often the typing indicator was shown.
func (b *fakeBridge) shown() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.typed)
}

func (b *fakeBridge) onSend(f func(m bridges.Message) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sender = f
}

// posted returns the texts posted in a channel, in order.
func (b *fakeBridge) posted(channel string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var texts []string
	for _, m := range b.sent {
		if m.Place.Channel == channel {
			texts = append(texts, m.Forms[0].Text)
		}
	}
	return texts
}

// said makes the event of user writing text in their direct chat.
func (b *fakeBridge) said(user, text string) bridges.Event {
	return b.in(bridges.Place{Channel: user, Direct: true}, user, text)
}

func (b *fakeBridge) in(p bridges.Place, user, text string) bridges.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events++
	id := fmt.Sprint(b.events)
	return bridges.Event{Kind: bridges.Written, Key: p.Channel + "/" + id, Message: id, At: time.Now(), Place: p, Text: text,
		Addressed: p.Direct, From: bridges.Person{Platform: "fake", User: user, Name: "N " + user}}
}

func (b *fakeBridge) receive(t *testing.T, events ...bridges.Event) {
	t.Helper()
	if err := b.rx.Receive(t.Context(), bridges.Batch{Events: events}); err != nil {
		t.Fatal(err)
	}
}

// fakeAvatar answers with answer, or echoes.
type fakeAvatar struct {
	mu     sync.Mutex
	asked  []avatar.Turn
	answer func(ctx context.Context, t avatar.Turn, say avatar.Speaker) error
}

func (a *fakeAvatar) Ask(ctx context.Context, t avatar.Turn, say avatar.Speaker) error {
	a.mu.Lock()
	a.asked = append(a.asked, t)
	answer := a.answer
	a.mu.Unlock()
	if answer == nil {
		return say.Say(ctx, avatar.Reply{Text: "re: " + t.Text})
	}
	return answer(ctx, t, say)
}

func (a *fakeAvatar) onAsk(f func(ctx context.Context, t avatar.Turn, say avatar.Speaker) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answer = f
}

func (a *fakeAvatar) turns() []avatar.Turn {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]avatar.Turn(nil), a.asked...)
}

// world is a relay between a fakeBridge and a fakeAvatar on a real store.
type world struct {
	t      *testing.T
	dir    string
	cfg    relay.Config
	store  store.Store
	relay  *relay.Relay
	bridge *fakeBridge
	avatar *fakeAvatar
	stop   func()
	broken *brokenStore // nil: the store works
	wrap   func(store.Store) store.Store
	dress  func(*fakeBridge) bridges.Bridge // nil: the platform can do no more than it must
}

func newWorld(t *testing.T, dress func(*fakeBridge) bridges.Bridge, change func(*relay.Config)) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), avatar: &fakeAvatar{}, dress: dress}
	w.cfg = relay.Config{
		Avatars:  []relay.Avatar{{Name: "luna", Backend: w.avatar}},
		Bridges:  []relay.Bridge{{Name: "b", Platform: "fake", Default: relay.Settings{Avatar: "luna"}}},
		Messages: relay.Messages{Unavailable: "UNAVAILABLE", Busy: "BUSY", TooOld: "TOO OLD", Hello: "HELLO", Reset: "RESET", TextOnly: "TEXT ONLY"},
		Log:      slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	if change != nil {
		change(&w.cfg)
	}
	w.start()
	return w
}

// start opens the store and runs the relay until stop or the end of the test.
func (w *world) start() {
	w.t.Helper()
	st, err := sqlite.Open(w.t.Context(), sqlite.Config{Path: filepath.Join(w.dir, "a.db"), Log: w.cfg.Log})
	if err != nil {
		w.t.Fatal(err)
	}
	w.store, w.cfg.Store = st, st
	if w.broken != nil {
		w.broken.Store = st
		w.cfg.Store = w.broken
	}
	if w.wrap != nil {
		w.cfg.Store = w.wrap(st)
	}
	if w.bridge != nil || w.cfg.Bridges[0].Bridge == nil {
		before := 0
		if w.bridge != nil {
			before = w.bridge.events
		}
		w.bridge = newFakeBridge("fake:1")
		w.bridge.events = before
		w.cfg.Bridges[0].Bridge = w.bridge
		if w.dress != nil {
			w.cfg.Bridges[0].Bridge = w.dress(w.bridge)
		}
	}
	if w.relay, err = relay.New(w.cfg); err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	done := make(chan error, 1)
	go func() { done <- w.relay.Run(ctx) }()
	var once sync.Once
	w.stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				w.t.Errorf("run: %v", err)
			}
			if err := st.Close(); err != nil {
				w.t.Errorf("close: %v", err)
			}
		})
	}
	<-w.bridge.opened
}

// restart stops the program cleanly and starts it again on the same store, with a new connection of the bridge.
func (w *world) restart() {
	w.stop()
	w.start()
}

// inWorld runs a test in a bubble with a clock of its own. settle waits until nothing moves any more without time passing.
func inWorld(t *testing.T, change func(*relay.Config), test func(t *testing.T, w *world)) {
	t.Helper()
	inDressedWorld(t, nil, change, test)
}

// inDressedWorld is inWorld with a platform that can do more: dress makes it of the plain one, at each start.
func inDressedWorld(t *testing.T, dress func(*fakeBridge) bridges.Bridge, change func(*relay.Config), test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, dress, change)
		defer func() { w.stop() }()
		test(t, w)
	})
}

// settle waits until everything waits for time to pass.
func settle() { synctest.Wait() }

func (w *world) wantPosted(channel string, want ...string) {
	w.t.Helper()
	settle()
	got := w.bridge.posted(channel)
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		w.t.Errorf("posted in %s: %q, want %q", channel, got, want)
	}
}

// forget forgets a user as an operator does.
func (w *world) forget(user string) {
	w.t.Helper()
	p, err := w.store.Person(w.t.Context(), "fake:"+user)
	if err != nil {
		w.t.Error(err)
		return
	}
	gone, err := w.store.Forget(w.t.Context(), p.UID)
	if err != nil {
		w.t.Error(err)
	}
	w.relay.Forgotten(gone)
}

func (w *world) dead() []store.Letter {
	w.t.Helper()
	letters, err := w.store.Dead(w.t.Context(), 0, 100)
	if err != nil {
		w.t.Fatal(err)
	}
	return letters
}

var errDown = fault.Of(fmt.Errorf("connection refused"))
