package trial

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/avatar"
	"avatarbridge/cmd/avatarbridge-load/internal/child"
	"avatarbridge/cmd/avatarbridge-load/internal/ledger"
	"avatarbridge/cmd/avatarbridge-load/internal/resolver"
	"avatarbridge/cmd/avatarbridge-load/internal/telegram"
)

// A setup is what a mode wants to have different.
type setup struct {
	mode        string
	chats, each int
	avatar      string // in place of the bench's
	tokenLife   time.Duration
	limits      string        // of a person, in place of "off"
	bridge      string        // more lines for each bridge
	section     string        // more lines for the avatar
	askTimeout  time.Duration // in place of the program's default
	tmpfs       int64
	named       bool // platforms and the avatar's runner have names, which can be lost
	posted      func(t *trial, chat, n int)
	step        func(t *trial, step string)
}

// A trial is a contestant between simulators.
type trial struct {
	*Bench
	who     string
	dir     string
	ledger  *ledger.Ledger
	bots    []seat           // among which the chats are shared out
	api     *telegram.Server // the first of them: the baseline's
	troupe  avatar.Troupe    // the avatars, of which the bridges have one each in turn
	service avatar.Service   // the first of them
	setup   setup
	dns     *resolver.Resolver // nil unless setup.named
	heard   atomic.Pointer[arrival]
	// inFlight is the most posts of one bridge that were in flight at a kill.
	inFlight int

	mu    sync.Mutex
	last  *child.Process // nil before the first start
	ended time.Duration  // the processor time of those before the last
	whole *meter         // from the first start on, nil before it
}

// newTrial starts the simulators and writes the configuration. The caller calls close.
func (b *Bench) newTrial(who string, with setup) (*trial, error) {
	dir, err := os.MkdirTemp(b.Dir, who+"-")
	if err != nil {
		return nil, err
	}
	t := &trial{Bench: b, who: who, dir: dir, setup: with, ledger: ledger.New(with.chats, with.each)}
	if err := errors.Join(t.simulate(), t.name(), t.configure()); err != nil {
		t.close()
		return nil, err
	}
	if b.Watch != nil {
		b.Watch(with.mode, who, func() (int, int) { written, _, answered := t.ledger.Counts(); return answered, written })
	}
	return t, nil
}

// close ends everything and removes what it left on the disk.
func (t *trial) close() {
	if p := t.process(); p != nil {
		p.Kill()
	}
	for _, bot := range t.bots {
		bot.Close()
	}
	t.troupe.Close()
	if t.dns != nil {
		t.dns.Close()
	}
	os.RemoveAll(t.dir)
}

// launch starts the contestant and does not wait.
func (t *trial) launch() error {
	t.heard.Store(newArrival(len(t.bots)))
	c := child.Command{Path: t.Program, Args: []string{"run"}, Dir: t.dir, Tmpfs: t.setup.tmpfs}
	if t.dns != nil {
		// The resolver of Go itself, which reads the files of /etc; and no proxy, which would resolve the names.
		c.Etc, c.Env = resolver.Files(), []string{"GODEBUG=netdns=go", "NO_PROXY=*", "no_proxy=*"}
	}
	if t.who == Baseline {
		c.Path = t.Bench.Baseline
		c.Args = []string{"-api", t.api.URL(), "-token", t.api.Token(), "-avatar", t.service.URL()}
	}
	t.mu.Lock() // so that who kills at the first sign of life finds it
	defer t.mu.Unlock()
	if t.last == nil {
		t.whole = &meter{t: t, self: own()}
	} else {
		cpu, err := t.last.CPU()
		if err != nil {
			return err
		}
		t.ended += cpu
	}
	p, err := child.Start(c)
	if err != nil {
		return err
	}
	t.last = p
	t.knock()
	return nil
}

// cpu is the processor time of the contestant, all its processes together.
func (t *trial) cpu() (time.Duration, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	cpu, err := t.last.CPU()
	return t.ended + cpu, err
}

// process is the latest one.
func (t *trial) process() *child.Process {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

// start starts the contestant and returns how long it took until all its bridges heard.
func (t *trial) start(ctx context.Context) (time.Duration, error) {
	if err := t.launch(); err != nil {
		return 0, err
	}
	p := t.process()
	select {
	case <-t.heard.Load().all:
		took := time.Since(p.Started)
		return took, t.enter(ctx)
	case <-p.Dead():
		return 0, fmt.Errorf("it died while it started; its log ends with\n%s", child.Log(t.dir, 2000))
	case <-time.After(time.Minute):
		return 0, fmt.Errorf("it did not poll, or open its sockets, within a minute; its log ends with\n%s", child.Log(t.dir, 2000))
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
