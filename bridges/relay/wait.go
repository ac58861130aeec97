package relay

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// sleep waits for d and reports whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// backoff is full jitter: a random time up to base doubled with each attempt, at most limit.
func (r *Relay) backoff(attempt int, base, limit time.Duration) time.Duration {
	ceiling := limit
	if attempt < 20 {
		ceiling = min(limit, base<<attempt)
	}
	return r.cfg.jitter(ceiling) + time.Millisecond
}

// A pump runs a step whenever something is due. Steps never overlap.
type pump struct {
	mu   sync.Mutex
	next time.Time // the zero time: nothing is known to be due
	wake chan struct{}
}

func newPump() *pump { return &pump{wake: make(chan struct{}, 1)} }

// at asks for a step at the time t, or at once if t is past; the zero time asks for nothing.
func (p *pump) at(t time.Time) {
	if t.IsZero() {
		return
	}
	p.mu.Lock()
	earlier := p.next.IsZero() || t.Before(p.next)
	if earlier {
		p.next = t
	}
	p.mu.Unlock()
	if !earlier {
		return
	}
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// run calls step when it is due, until ctx ends. step returns when the next one is due, the zero time for when at says so.
func (p *pump) run(ctx context.Context, step func() time.Time) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		case <-timer.C:
		}
		if due := p.take(); due > 0 {
			timer.Reset(due)
			continue
		}
		p.at(step())
	}
}

// take clears the due time if it is reached and returns 0, else returns how long it is until then, an hour at most.
func (p *pump) take() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next.IsZero() {
		return time.Hour
	}
	if d := time.Until(p.next); d > 0 {
		return min(d, time.Hour)
	}
	p.next = time.Time{}
	return 0
}

// slots bounds how many of something run at once.
type slots struct {
	max  int64
	used atomic.Int64
	// wanted is set by who found no slot; release then calls freed.
	wanted atomic.Bool
	freed  func()
}

// take takes up to n slots and returns how many it got.
func (s *slots) take(n int) int {
	for {
		used := s.used.Load()
		got := min(int64(n), s.max-used)
		if got <= 0 {
			return 0
		}
		if s.used.CompareAndSwap(used, used+got) {
			return int(got)
		}
	}
}

// force takes n slots even if there are none, for claims that the store has handed out already.
func (s *slots) force(n int) { s.used.Add(int64(n)) }

func (s *slots) free() int { return int(max(0, s.max-s.used.Load())) }

func (s *slots) release(n int) {
	if n == 0 {
		return
	}
	s.used.Add(-int64(n))
	if s.wanted.Load() && s.wanted.Swap(false) {
		s.freed()
	}
}
