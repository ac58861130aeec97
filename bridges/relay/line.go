package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/store"
)

// A line is one bridge at work: the Receiver of what it hears, and the sender of its posts.
type line struct {
	r     *Relay
	cfg   Bridge
	log   *slog.Logger
	turns *pump
	posts *pump
	slots slots // posts being sent
	pace  pace  // of posts

	// What the bridge can do; nil: it cannot.
	typer   bridges.Typer
	drafter bridges.Drafter
	remover bridges.Remover
	finder  bridges.Finder
	fetcher bridges.Fetcher
	feeder  bridges.Feeder
	feeds   int // items that the feed of a direct chat keeps

	words   [noticeCount]string   // the program's own words
	notices [noticeCount][][]byte // the same as posts
	strange bounded               // rooms without a route that the operator was told of

	mu      sync.Mutex
	account string
	moved   map[string]string // channels that have another id now
	state   BridgeStatus
	met     bool          // it was connected once
	failed  bool          // it was told that it is not connected yet
	opened  chan struct{} // closed by the first Open
}

// maxInFlight is how many posts a bridge sends at once unless it is told otherwise. Discord takes 50 calls a second from a bot and Slack fewer, and a
// call takes about a tenth of a second, so it costs no speed there, nor on pages, where a post is no call; and it is how many posts a crash can
// leave unclear.
const maxInFlight = 32

func newLine(r *Relay, cfg Bridge) *line {
	if cfg.MaxInFlight <= 0 {
		cfg.MaxInFlight = maxInFlight
	}
	l := &line{r: r, cfg: cfg, log: r.log.With("bridge", cfg.Name), turns: newPump(), posts: newPump(), opened: make(chan struct{})}
	l.abilities()
	l.slots.max = int64(cfg.MaxInFlight)
	l.slots.freed = func() { l.posts.at(time.Now()) }
	l.pace.rate, l.pace.wake = cfg.Rate, l.posts.at
	l.state = BridgeStatus{Name: cfg.Name, Platform: cfg.Platform, Reason: "not connected yet"}
	l.notices = l.fitNotices(r.cfg.Messages)
	return l
}

// abilities looks what the bridge can do.
func (l *line) abilities() {
	b := l.cfg.Bridge
	l.typer, _ = b.(bridges.Typer)
	l.drafter, _ = b.(bridges.Drafter)
	l.remover, _ = b.(bridges.Remover)
	l.finder, _ = b.(bridges.Finder)
	l.fetcher, _ = b.(bridges.Fetcher)
	if l.feeder, _ = b.(bridges.Feeder); l.feeder != nil {
		l.feeds = l.feeder.Feed()
	}
}

// run runs the bridge and, once its account is known, its pumps. It returns when ctx has ended and the bridge has stopped.
func (l *line) run(ctx context.Context) {
	var pumps sync.WaitGroup
	pumps.Go(func() {
		select {
		case <-ctx.Done():
			return
		case <-l.opened:
		}
		pumps.Go(func() { l.turns.run(ctx, l.claimTurns) })
		l.posts.run(ctx, l.claimPosts)
	})
	for attempt := 0; ; attempt++ {
		err := l.runBridge(ctx)
		if ctx.Err() != nil || !errors.As(err, new(*panicked)) {
			l.ended(ctx, err)
			break
		}
		l.Health(err)
		l.log.Error("the bridge failed and is started again", "err", err)
		if !sleep(ctx, l.r.backoff(attempt, time.Second, time.Minute)) {
			break
		}
	}
	pumps.Wait()
}

func (l *line) runBridge(ctx context.Context) (err error) {
	defer l.catch(&err)
	return l.cfg.Bridge.Run(ctx, l)
}

// ended notes that the bridge will not go on.
func (l *line) ended(ctx context.Context, err error) {
	reason := "stopped"
	if err != nil {
		reason = err.Error()
	}
	l.mu.Lock()
	l.state.Connected, l.state.Reason, l.state.Stopped = false, reason, true
	l.mu.Unlock()
	if ctx.Err() == nil && err != nil {
		l.log.Error("the bridge has stopped; it is started again when the program is", "err", err)
	}
}

// panicked is the error of code that panicked: one bad message must not end the program.
type panicked struct{ value any }

func (p *panicked) Error() string { return "internal error" }

// catch turns a panic into an error and logs where it came from. The panic's value may hold what somebody wrote: it is not logged.
func (l *line) catch(err *error) {
	if v := recover(); v != nil {
		l.log.Error("internal error: please report it", "type", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
		*err = &panicked{v}
	}
}

// Open registers the account; see bridges.Receiver.
func (l *line) Open(ctx context.Context, account string) (string, error) {
	if err := l.r.open(account, l); err != nil {
		return "", err
	}
	cursor, _, err := l.r.store.Cursor(ctx, account)
	if err != nil {
		return "", fmt.Errorf("read the cursor: %w", err)
	}
	moved, err := l.r.store.Moves(ctx, account)
	if err != nil {
		return "", fmt.Errorf("read the moved channels: %w", err)
	}
	if err := l.buryStrangers(ctx, account); err != nil {
		return "", err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	first := l.account == ""
	l.account, l.state.Account, l.moved = account, account, moved
	if first {
		now := time.Now()
		l.turns.at(now)
		l.posts.at(now)
		close(l.opened)
	}
	return cursor, nil
}

// buryStrangers makes dead letters of turns for avatars that the configuration does not name any more: nobody would ever ask them.
func (l *line) buryStrangers(ctx context.Context, account string) error {
	avatars, err := l.r.store.Waiting(ctx, account)
	if err != nil {
		return fmt.Errorf("read which avatars are waited for: %w", err)
	}
	for _, name := range avatars {
		if l.r.players[name] == nil {
			if err := l.bury(ctx, account, name); err != nil {
				return fmt.Errorf("give up what waits for the avatar %q: %w", name, err)
			}
		}
	}
	return nil
}

func (l *line) bury(ctx context.Context, account, name string) error {
	reason := fmt.Sprintf("the configuration has no avatar %q any more: name one so again and put the letter back, or drop it", name)
	later := time.Now().Add(forever) // a turn that waits for its next try as well
	for {
		turns, _, err := l.r.store.ClaimTurns(ctx, account, name, later, 64)
		if err != nil || len(turns) == 0 {
			return err
		}
		for i := range turns {
			t := &turns[i]
			c, err := l.r.store.Finish(ctx, store.Finished{Turn: t.Row, Now: time.Now(), Dead: reason, Tries: t.Attempts, Replies: l.erase(t)})
			if err != nil {
				return err
			}
			l.wake(c)
			l.r.cfg.Meter.Count(Died, l.cfg.Name, name)
		}
		l.log.Warn("turns wait for an avatar that is not configured any more; see the dead letters", "avatar", name, "turns", len(turns))
	}
}

// Health notes how the connection is; see bridges.Receiver.
func (l *line) Health(err error) {
	l.mu.Lock()
	was, met, failed := l.state, l.met, l.failed
	if l.state.Connected = err == nil; err == nil {
		l.state.Reason, l.met = "", true
	} else {
		l.state.Reason, l.failed = err.Error(), true
	}
	reason := l.state.Reason
	l.mu.Unlock()
	switch {
	case err == nil && !was.Connected:
		l.log.Info("connected", "account", was.Account)
	case err != nil && !met:
		if !failed {
			l.log.Warn("not connected yet; trying again", "err", err)
		}
	case err != nil && (was.Connected || was.Reason != reason):
		l.log.Warn("the connection is lost; trying again", "err", err)
	}
}

func (l *line) accountID() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.account
}

func (l *line) status() BridgeStatus {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

// claimTurns takes up turns that are due, and returns when the next one is.
func (l *line) claimTurns() time.Time {
	account, now := l.accountID(), time.Now()
	var next time.Time
	for _, p := range l.r.cast {
		n := min(p.slots.free(), 64)
		if n == 0 {
			p.slots.wanted.Store(true)
			if n = min(p.slots.free(), 64); n == 0 {
				continue // the slot that is freed next wakes this pump
			}
		}
		turns, due, err := l.r.store.ClaimTurns(l.r.calls, account, p.cfg.Name, now, n)
		if err != nil {
			l.r.health.report(err)
			due = now.Add(time.Second)
		}
		for i := range turns {
			p.start(l, &turns[i])
		}
		next = earlier(next, due)
	}
	return next
}

// claimPosts takes up posts that are due, and returns when the next one is.
func (l *line) claimPosts() time.Time {
	now := time.Now()
	if until := l.heldAll(); !until.IsZero() {
		return until // claiming would mark them as being sent
	}
	n := l.slots.take(64)
	if n == 0 {
		l.slots.wanted.Store(true)
		if n = l.slots.take(64); n == 0 {
			return time.Time{} // the slot that is freed next wakes this pump
		}
	}
	free := l.pace.take(n)
	l.slots.release(n - free)
	if n = free; n == 0 {
		return l.pace.until()
	}
	posts, due, err := l.r.store.ClaimPosts(l.r.calls, l.accountID(), now, n)
	if err != nil {
		l.r.health.report(err)
		due = now.Add(time.Second)
	}
	for i := range posts {
		l.deliver(&posts[i])
	}
	l.giveUp(n - len(posts))
	return due
}

// reserve takes a slot for a post, if the pace allows one now.
func (l *line) reserve() bool {
	if l.slots.take(1) == 0 {
		return false
	}
	if l.pace.take(1) == 0 {
		l.slots.release(1)
		return false
	}
	return true
}

// giveUp gives back what was reserved for n posts that there are not.
func (l *line) giveUp(n int) {
	l.pace.back(n)
	l.slots.release(n)
}

// take starts the work that a verb handed out. reserved says that reserve returned true before.
func (l *line) take(c store.Claims, reserved bool) {
	switch {
	case c.Post != nil:
		l.deliver(c.Post)
	case reserved:
		l.giveUp(1)
	}
	if c.Turn != nil {
		// An unknown avatar's turns were buried when the line opened; one that comes after all waits for the next time.
		if p := l.r.players[c.Turn.Conversation.Avatar]; p != nil {
			p.start(l, c.Turn)
		}
	}
	l.wake(c)
}

// wake makes the pumps look at what a verb left waiting.
func (l *line) wake(c store.Claims) {
	if c.TurnWaits {
		l.turns.at(time.Now())
	}
	// Where a slot is wanted, who frees one wakes the pump.
	if c.PostWaits && !l.slots.wanted.Load() {
		l.posts.at(time.Now())
	}
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
