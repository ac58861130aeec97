// Package relay is the life of a message: receive, ask, say, post.
//
// A bridge hands a batch of events to its line, which finds the route of each, checks age and limits, and stores the turns together with
// the platform's cursor (receive.go). The store hands out the oldest turn of each idle conversation; it is asked in a goroutine of its
// own (ask.go). What the avatar says becomes posts (say.go), which the store keeps in the transaction that settles the turn. Posts
// are sent in order within their conversation and settled (post.go). Whatever cannot be done now is given back to the store with a due
// time, and pumps (pump.go) take it up again. Nothing else waits in memory, so what waits is bounded by the disk alone.
//
// Only the relay repeats calls. A verb of the store that fails while an answer is at hand is repeated until it succeeds: a process that
// lives asks nobody twice.
package relay

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"avatarbridge/store"
)

// A Relay runs the bridges and avatars of a Config.
type Relay struct {
	cfg     Config
	log     *slog.Logger
	store   store.Store
	lines   []*line // in the order of the configuration
	byName  map[string]*line
	players map[string]*player
	cast    []*player // the same, in the order of the configuration
	holds   holdSet
	health  health
	spent   spent

	key    atomic.Pointer[cipher.AEAD] // of callback tokens; nil before Run
	calls  context.Context             // of calls under way: outlives Run's context by Grace
	cancel context.CancelFunc

	mu       sync.Mutex
	accounts map[string]*line
	stopping bool
	work     sync.WaitGroup // intake, asking and sending under way
}

// New checks cfg and does no I/O.
func New(cfg Config) (*Relay, error) {
	if cfg.Store == nil || cfg.Log == nil {
		return nil, errors.New("a relay needs a store and a log")
	}
	cfg = withDefaults(cfg)
	r := &Relay{cfg: cfg, log: cfg.Log, store: cfg.Store,
		byName: map[string]*line{}, players: map[string]*player{}, accounts: map[string]*line{}}
	r.calls, r.cancel = context.WithCancel(context.Background())
	for _, a := range cfg.Avatars {
		if a.Backend == nil || r.players[a.Name] != nil {
			return nil, fmt.Errorf("avatar %q is there twice or has no backend", a.Name)
		}
		p := newPlayer(r, a)
		r.players[a.Name], r.cast = p, append(r.cast, p)
	}
	for _, b := range cfg.Bridges {
		if b.Bridge == nil || r.byName[b.Name] != nil {
			return nil, fmt.Errorf("bridge %q is there twice or is not set", b.Name)
		}
		if err := r.checkAvatars(b); err != nil {
			return nil, err
		}
		l := newLine(r, b)
		r.lines, r.byName[b.Name] = append(r.lines, l), l
	}
	return r, nil
}

func (r *Relay) checkAvatars(b Bridge) error {
	all := []string{b.Default.Avatar}
	for _, route := range b.Routes {
		all = append(all, route.Settings.Avatar)
	}
	for _, name := range all {
		if r.players[name] == nil {
			return fmt.Errorf("bridge %q: there is no avatar %q", b.Name, name)
		}
	}
	return nil
}

func withDefaults(c Config) Config {
	or := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	or(&c.Keep, 720*time.Hour)
	or(&c.AskTimeout, 2*time.Minute)
	or(&c.SendTimeout, 6*time.Minute)
	or(&c.RetryWithin, 15*time.Minute)
	or(&c.Grace, 5*time.Second)
	if c.MaxAttempts <= 0 {
		c.MaxAttempts = 6
	}
	if c.MaxWaiting <= 0 {
		c.MaxWaiting = 20
	}
	if c.jitter == nil {
		c.jitter = func(limit time.Duration) time.Duration { return rand.N(limit) }
	}
	if c.Meter == nil {
		c.Meter = noMeter{}
	}
	return c
}

// Run runs all bridges until ctx ends, then stops intake, waits for calls under way for at most Config.Grace, gives back what is not
// finished, and returns nil. A bridge that cannot go on does not end Run: Status says why. The error is the store's.
func (r *Relay) Run(ctx context.Context) error {
	if err := r.load(ctx); err != nil {
		return err
	}
	defer r.cancel()
	var lines, chores sync.WaitGroup
	for _, l := range r.lines {
		lines.Go(func() { l.run(ctx) })
	}
	chores.Go(func() { r.purge(ctx) })
	chores.Go(func() { r.health.probe(ctx, r.store) })
	<-ctx.Done()
	r.stop()
	stopped := make(chan struct{})
	go func() { lines.Wait(); chores.Wait(); r.work.Wait(); r.closeAvatars(); close(stopped) }()
	select {
	case <-stopped:
		return nil
	case <-time.After(r.cfg.Grace):
		r.cancel()
	}
	select {
	case <-stopped:
	case <-time.After(r.cfg.Grace / 2):
		r.log.Warn("calls that do not end are left behind; what they did is found out at the next start")
	}
	return nil
}

// load reads what must be known before the first event: holds, and the key of callback tokens.
func (r *Relay) load(ctx context.Context) error {
	holds, err := r.store.Holds(ctx, time.Now())
	if err != nil {
		return fmt.Errorf("read the holds: %w", err)
	}
	for _, h := range holds {
		r.holds.put(h)
	}
	secret, err := r.store.Secret(ctx, "callback")
	if err != nil {
		return fmt.Errorf("read the callback secret: %w", err)
	}
	key, err := ticketKey(secret)
	if err != nil {
		return fmt.Errorf("use the callback secret: %w", err)
	}
	r.key.Store(&key)
	return nil
}

// enter registers work that comes from outside (intake, a callback). It refuses once the relay stops; otherwise the caller calls
// r.work.Done.
func (r *Relay) enter() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping {
		return false
	}
	r.work.Add(1)
	return true
}

func (r *Relay) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopping = true
}

func (r *Relay) isStopping() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopping
}

// open registers the account of a line.
func (r *Relay) open(account string, l *line) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if other := r.accounts[account]; other != nil && other != l {
		return fmt.Errorf("the bridges %q and %q have the same account: give each bridge a token of its own", other.cfg.Name, l.cfg.Name)
	}
	r.accounts[account] = l
	return nil
}

// Wake makes the relay look for work that another path put into the store (dead letters put back).
func (r *Relay) Wake() {
	for _, l := range r.lines {
		l.turns.at(time.Now())
		l.posts.at(time.Now())
		if account := l.accountID(); account != "" && r.enter() {
			go func() {
				defer r.work.Done()
				if err := l.buryStrangers(r.calls, account); err != nil {
					l.log.Warn("cannot look for turns of avatars that are not configured", "err", err)
				}
			}()
		}
	}
}

// purge deletes what is over, once an hour.
func (r *Relay) purge(ctx context.Context) {
	for wait := time.Minute; sleep(ctx, wait); wait = time.Hour {
		n, err := r.store.Purge(ctx, time.Now().Add(-r.cfg.Keep), r.visitors()...)
		if err != nil && ctx.Err() == nil {
			r.log.Warn("cannot delete what is over; trying again in an hour", "err", err)
		} else if n > 0 {
			r.log.Debug("deleted what is over", "rows", n)
		}
	}
}

// insist repeats a verb of the store until it succeeds or the process ends.
func (r *Relay) insist(what string, verb func(context.Context) error) bool {
	for attempt := 0; ; attempt++ {
		err := verb(r.calls)
		if r.calls.Err() != nil && err != nil {
			return false
		}
		r.health.report(err)
		if err == nil {
			return true
		}
		if attempt == 0 {
			r.log.Error("the store failed; trying again until it works", "verb", what, "err", err)
		}
		if !sleep(r.calls, r.backoff(attempt, 50*time.Millisecond, 2*time.Second)) {
			return false
		}
	}
}

type noMeter struct{}

func (noMeter) Count(Count, string, string)                {}
func (noMeter) Took(string, string, string, time.Duration) {}
