package trial

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/avatar"
	"avatarbridge/cmd/avatarbridge-load/internal/child"
	"avatarbridge/cmd/avatarbridge-load/internal/ledger"
	"avatarbridge/cmd/avatarbridge-load/internal/telegram"
	"avatarbridge/cmd/avatarbridge-load/internal/wire"
)

// A platform is a simulator of where people write: it hands the program what they write, and tells the ledger of replies. Another platform is
// another one of these, made in simulate.
type platform interface {
	// Write lets the person of a chat write message n there.
	Write(chat, n int)
	// Section is the configuration of a bridge with this name to this avatar, and more lines.
	Section(name, avatar, more string) string
	// Unconfirmed counts what was written and not acknowledged.
	Unconfirmed() int
	// Break lets all calls fail in this way, and work again with nil.
	Break(*wire.Fault)
	// Close ends the simulator.
	Close()
}

var _ platform = (*telegram.Server)(nil)

// A setup is what a mode wants to have different.
type setup struct {
	mode        string
	chats, each int
	avatar      string // in place of the bench's
	tokenLife   time.Duration
	limits      string // of a person, in place of "off"
	bridge      string // more lines for each bridge
	tmpfs       int64
	posted      func(t *trial, chat, n int)
	step        func(t *trial, step string)
}

// A trial is a contestant between simulators.
type trial struct {
	*Bench
	who     string
	dir     string
	ledger  *ledger.Ledger
	bots    []platform       // among which the chats are shared out
	api     *telegram.Server // the first of them: the baseline's
	service avatar.Service
	setup   setup
	polled  atomic.Pointer[chan struct{}]

	mu   sync.Mutex
	last *child.Process // nil before the first start
}

// newTrial starts the simulators and writes the configuration. The caller calls close.
func (b *Bench) newTrial(who string, with setup) (*trial, error) {
	dir, err := os.MkdirTemp(b.Dir, who+"-")
	if err != nil {
		return nil, err
	}
	t := &trial{Bench: b, who: who, dir: dir, setup: with, ledger: ledger.New(with.chats, with.each)}
	polled := make(chan struct{}, 1)
	t.polled.Store(&polled)
	if err := errors.Join(t.simulate(), t.configure()); err != nil {
		t.close()
		return nil, err
	}
	if b.Watch != nil {
		b.Watch(with.mode, who, func() (int, int) { written, _, answered := t.ledger.Counts(); return answered, written })
	}
	return t, nil
}

func (t *trial) simulate() error {
	step := func(string) {}
	if t.setup.step != nil {
		step = func(name string) { t.setup.step(t, name) }
	}
	hooks := telegram.Hooks{Step: step, Polled: t.pollSeen}
	if t.setup.posted != nil {
		hooks.Posted = func(chat, n int) { t.setup.posted(t, chat, n) }
	}
	for i := range max(t.Bots, 1) {
		bot, err := telegram.New(i, t.ledger, hooks)
		if err != nil {
			return err
		}
		t.bots = append(t.bots, bot)
		t.api = cmp.Or(t.api, bot)
		if t.who == Baseline {
			break // it is a bot, not a bridge
		}
	}
	kind := t.setup.avatar
	if kind == "" {
		kind = t.Avatar
	}
	if t.who == Baseline {
		kind = "webhook"
	}
	player := avatar.NewPlayer(t.ledger, step)
	var err error
	switch kind {
	case "", "webhook":
		t.service, err = avatar.NewWebhook(player)
	case "virtuals":
		t.service, err = avatar.NewVirtuals(player, cmp.Or(t.setup.tokenLife, time.Hour))
	default:
		err = fmt.Errorf("there is no simulator of the avatar %q", kind)
	}
	return err
}

func (t *trial) pollSeen() {
	select {
	case *t.polled.Load() <- struct{}{}:
	default:
	}
}

func (t *trial) configure() error {
	if t.service == nil || t.who == Baseline {
		return nil
	}
	limits := t.setup.limits
	if limits == "" {
		limits = "off"
	}
	var c strings.Builder
	fmt.Fprintf(&c, `[server]
listen = "127.0.0.1:0"
admin_listen = "127.0.0.1:0"
[store]
url = "sqlite:load.db"
[limits]
person = %q
room = "off"
avatar = "off"
[messages]
ai_notice = ""
`, limits)
	c.WriteString(t.service.Section("luna"))
	for i, bot := range t.bots {
		c.WriteString(bot.Section(fmt.Sprint("telegram", i), "luna", t.setup.bridge))
	}
	return os.WriteFile(filepath.Join(t.dir, "config.toml"), []byte(c.String()), 0o600)
}

// close ends everything and removes what it left on the disk.
func (t *trial) close() {
	if p := t.process(); p != nil {
		p.Kill()
	}
	for _, bot := range t.bots {
		bot.Close()
	}
	if t.service != nil {
		t.service.Close()
	}
	os.RemoveAll(t.dir)
}

// launch starts the contestant and does not wait.
func (t *trial) launch() error {
	polled := make(chan struct{}, 1)
	t.polled.Store(&polled)
	c := child.Command{Path: t.Program, Args: []string{"run"}, Dir: t.dir, Tmpfs: t.setup.tmpfs}
	if t.who == Baseline {
		c.Path = t.Bench.Baseline
		c.Args = []string{"-api", t.api.URL(), "-token", t.api.Token(), "-avatar", t.service.URL()}
	}
	t.mu.Lock() // so that who kills at the first sign of life finds it
	defer t.mu.Unlock()
	p, err := child.Start(c)
	if err != nil {
		return err
	}
	t.last = p
	return nil
}

// process is the latest one.
func (t *trial) process() *child.Process {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

// start starts the contestant and returns how long it took until it polled.
func (t *trial) start(ctx context.Context) (time.Duration, error) {
	if err := t.launch(); err != nil {
		return 0, err
	}
	p := t.process()
	select {
	case <-*t.polled.Load():
		return time.Since(p.Started), nil
	case <-p.Dead():
		return 0, fmt.Errorf("it died while it started; its log ends with\n%s", child.Log(t.dir, 2000))
	case <-time.After(time.Minute):
		return 0, fmt.Errorf("it did not poll within a minute; its log ends with\n%s", child.Log(t.dir, 2000))
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// write lets the person of a chat write.
func (t *trial) write(chat, n int) { t.bots[chat%len(t.bots)].Write(chat, n) }

// unconfirmed counts what no bot has confirmed.
func (t *trial) unconfirmed() int {
	n := 0
	for _, bot := range t.bots {
		n += bot.Unconfirmed()
	}
	return n
}

// player is who plays the avatar.
func (t *trial) player() *avatar.Player { return t.service.Player() }
