package bridgetest

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// slackClock is the real time moved forward by what tests have advanced it, with timers on that time.
type slackClock struct {
	mu     sync.Mutex
	ahead  time.Duration
	timers slackTimers
	wake   chan struct{} // holds a token when the earliest timer or the time has changed
}

type slackTimer struct {
	due   time.Time
	seq   int
	f     func() // nil when it was stopped
	index int
}

func newSlackClock() *slackClock { return &slackClock{wake: make(chan struct{}, 1)} }

func (c *slackClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nowLocked()
}

func (c *slackClock) nowLocked() time.Time { return time.Now().Add(c.ahead) }

// advance moves the clock forward by d and calls what becomes due on the way, each at its time.
func (c *slackClock) advance(d time.Duration) {
	c.mu.Lock()
	end := c.nowLocked().Add(max(d, 0))
	c.mu.Unlock()
	for f := c.step(end); f != nil; f = c.step(end) {
		f()
	}
}

// step moves the clock to the first timer that is due by end and takes it, or to end.
func (c *slackClock) step(end time.Time) func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	to := end
	first := c.timers.Len() > 0 && !c.timers.list[0].due.After(end)
	if first {
		to = c.timers.list[0].due
	}
	c.ahead += max(0, to.Sub(c.nowLocked()))
	if !first {
		return nil
	}
	return c.pop()
}

// pop takes the first timer; needs c.mu.
func (c *slackClock) pop() func() {
	t, ok := heap.Pop(&c.timers).(*slackTimer)
	if !ok {
		return nil // never: only timers are pushed
	}
	f := t.f
	t.f = nil
	return f
}

func (c *slackClock) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// after has f called when d has passed, from the clock's goroutine or from advance, neither of which f may hold up. The returned function prevents that if it
// has not begun.
func (c *slackClock) after(d time.Duration, f func()) (stop func()) {
	c.mu.Lock()
	c.timers.seq++
	t := &slackTimer{due: c.nowLocked().Add(d), seq: c.timers.seq, f: f}
	heap.Push(&c.timers, t)
	c.mu.Unlock()
	c.poke()
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if t.f != nil {
			t.f = nil
			heap.Remove(&c.timers, t.index)
		}
	}
}

// run calls what is due until ctx ends.
func (c *slackClock) run(ctx context.Context) {
	for {
		f, wait := c.next()
		if f != nil {
			f()
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-c.wake:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// next takes the first timer that is due, or says how long to wait for one.
func (c *slackClock) next() (func(), time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timers.Len() == 0 {
		return nil, time.Hour
	}
	t := c.timers.list[0]
	if wait := t.due.Sub(c.nowLocked()); wait > 0 {
		return nil, wait
	}
	return c.pop(), 0
}

// slackTimers is a heap by time, and by age among equals.
type slackTimers struct {
	list []*slackTimer
	seq  int
}

// Len implements heap.Interface.
func (t *slackTimers) Len() int { return len(t.list) }

// Less implements heap.Interface.
func (t *slackTimers) Less(i, j int) bool {
	a, b := t.list[i], t.list[j]
	return a.due.Before(b.due) || a.due.Equal(b.due) && a.seq < b.seq
}

// Swap implements heap.Interface.
func (t *slackTimers) Swap(i, j int) {
	t.list[i], t.list[j] = t.list[j], t.list[i]
	t.list[i].index, t.list[j].index = i, j
}

// Push implements heap.Interface.
func (t *slackTimers) Push(x any) {
	timer, ok := x.(*slackTimer)
	if !ok {
		return // never: only after pushes
	}
	timer.index = len(t.list)
	t.list = append(t.list, timer)
}

// Pop implements heap.Interface.
func (t *slackTimers) Pop() any {
	last := len(t.list) - 1
	timer := t.list[last]
	t.list[last] = nil
	t.list = t.list[:last]
	return timer
}
