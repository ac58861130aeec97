package slack

import (
	"context"
	"errors"
	"sync"
	"time"

	"avatarbridge/bridges/fault"
)

const (
	maxFacts  = 20_000
	askAtOnce = 8
)

// facts asks Slack about one kind of things, by their ids, and remembers what it said. Asking goes on when who waits for it does not wait any
// longer: Slack offers the message again.
type facts[T any] struct {
	ctx     context.Context
	ask     func(ctx context.Context, id string) (*T, error) // asks once
	refused func()                                           // called when the token is
	fresh   time.Duration                                    // what is older is asked again
	stale   time.Duration                                    // and used meanwhile until it is that old
	slots   chan struct{}
	work    sync.WaitGroup

	mu     sync.Mutex
	all    map[string]*lookup[T]
	until  time.Time // Slack wants to be left alone
	closed bool
}

// A lookup is a question and its answer.
type lookup[T any] struct {
	done  chan struct{} // closed when fact or err is there
	fact  *T
	err   error
	at    time.Time
	again bool // it is being asked anew
}

func newFacts[T any](ctx context.Context, fresh, stale time.Duration, ask func(context.Context, string) (*T, error), refused func()) *facts[T] {
	return &facts[T]{
		ctx: ctx, ask: ask, refused: refused, fresh: fresh, stale: stale, slots: make(chan struct{}, askAtOnce), all: map[string]*lookup[T]{},
	}
}

// wait ends all asking.
func (f *facts[T]) wait() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.work.Wait()
}

var errEnding = errors.New("the bridge is ending")

// get returns what is known of id. An error means that nobody knows yet.
func (f *facts[T]) get(ctx context.Context, id string) (*T, error) {
	k, err := f.lookup(id)
	if err != nil {
		return nil, err
	}
	select {
	case <-k.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return k.fact, k.err
}

// lookup returns the question about id, asked if need be.
func (f *facts[T]) lookup(id string) (*lookup[T], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	k := f.all[id]
	if k != nil && f.usable(k) {
		if !k.again && !k.at.IsZero() && time.Since(k.at) > f.fresh && !f.closed {
			k.again = true
			f.begin(id, &lookup[T]{done: make(chan struct{})})
		}
		return k, nil
	}
	if f.closed {
		return nil, errEnding
	}
	if len(f.all) >= maxFacts {
		f.shrink()
	}
	k = &lookup[T]{done: make(chan struct{})}
	f.all[id] = k
	f.begin(id, k)
	return k, nil
}

// usable reports whether k needs no new question; needs f.mu.
func (f *facts[T]) usable(k *lookup[T]) bool {
	if k.at.IsZero() {
		return true // under way
	}
	return k.err == nil && time.Since(k.at) < f.stale
}

// shrink forgets what was answered; needs f.mu.
func (f *facts[T]) shrink() {
	for id, k := range f.all {
		if !k.at.IsZero() {
			delete(f.all, id)
		}
	}
}

// begin asks in the background; needs f.mu.
func (f *facts[T]) begin(id string, k *lookup[T]) {
	f.work.Go(func() {
		found, err := f.insist(id)
		f.mu.Lock()
		defer f.mu.Unlock()
		k.fact, k.err, k.at = found, err, time.Now()
		close(k.done)
		switch old := f.all[id]; {
		case old == k:
		case err == nil:
			f.all[id] = k
		case old != nil:
			old.again = false // asked again at the next message
		}
	})
}

// insist asks until Slack has an answer, or has none for some minutes.
func (f *facts[T]) insist(id string) (*T, error) {
	select {
	case f.slots <- struct{}{}:
		defer func() { <-f.slots }()
	case <-f.ctx.Done():
		return nil, f.ctx.Err()
	}
	ctx, cancel := context.WithTimeout(f.ctx, redelivery)
	defer cancel()
	pause := fault.Backoff{Least: 200 * time.Millisecond, Most: 15 * time.Second}
	for {
		if err := f.allowed(ctx); err != nil {
			return nil, err
		}
		found, err := f.ask(ctx, id)
		if err == nil {
			return found, nil
		}
		if o := fault.Of(err); o.Kind == fault.Throttled {
			f.hold(o.After)
			continue
		}
		if refused(err) {
			f.refused()
			return nil, err
		}
		if pause.Wait(ctx, err) != nil {
			return nil, err
		}
	}
}

// hold leaves Slack alone for as long as it wants.
func (f *facts[T]) hold(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if until := time.Now().Add(d); until.After(f.until) {
		f.until = until
	}
}

// allowed waits until Slack may be asked.
func (f *facts[T]) allowed(ctx context.Context) error {
	for {
		f.mu.Lock()
		d := time.Until(f.until)
		f.mu.Unlock()
		if d <= 0 {
			return ctx.Err()
		}
		timer := time.NewTimer(d)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// denied reports whether err is Slack's answer that it does not tell, of which asking again changes nothing.
func denied(err error) bool {
	o := fault.Of(err)
	return o != nil && !refused(err) && (o.Kind == fault.Dead || o.Kind == fault.Rejected)
}
