package main

import (
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"

	"avatarbridge/bridges/relay"
)

const (
	// calmAfter is how long nothing may have happened before memory is given back.
	calmAfter = 5 * time.Second
	// calmStart is how long most starts take, which need a lot that is not needed again.
	calmStart = 200 * time.Millisecond
	// calmAgain is how often what was given back is looked at while nothing happens: chores bring some of it again.
	calmAgain = 10 * time.Minute
	// calmHeap is how much of the heap stays as it is: what a quiet program has is not worth the work.
	calmHeap = 10 << 20
)

// A calm gives the memory back to the system that a start or a rush has left, once it is over: the runtime by itself collects no more garbage where
// nothing makes new one, and keeps what it had, and the system by itself keeps all of the program's file mapped. It listens to what is counted,
// so that hardly anything runs while nothing happens.
type calm struct {
	relay.Meter
	release func()
	counted atomic.Int64
	armed   atomic.Bool
	timer   *time.Timer
	seen    int64 // of counted, when the timer last ran; the timer's own
	started bool  // the timer has run before; the timer's own
}

// newCalm watches what meter counts. stop must be called.
func newCalm(meter relay.Meter, release func()) *calm {
	c := &calm{Meter: meter, release: release}
	c.armed.Store(true)
	c.timer = time.AfterFunc(calmAgain, c.look)
	c.timer.Reset(calmStart) // look uses the timer, which is there only now
	return c
}

// Count implements relay.Meter.
func (c *calm) Count(what relay.Count, bridge, avatar string) {
	c.Meter.Count(what, bridge, avatar)
	c.counted.Add(1)
	if !c.armed.Load() && c.armed.CompareAndSwap(false, true) {
		c.timer.Reset(calmAfter)
	}
}

// look comes again soon as long as something happens, and once after the start, which may take longer. While it is armed, nobody else sets the
// timer.
func (c *calm) look() {
	c.armed.Store(true)
	n := c.counted.Load()
	busy := n != c.seen
	if !busy {
		c.release()
	}
	if busy || !c.started {
		c.seen, c.started = n, true
		c.timer.Reset(calmAfter)
		return
	}
	c.timer.Reset(calmAgain)
	c.armed.Store(false)
	if n != c.counted.Load() && c.armed.CompareAndSwap(false, true) {
		c.timer.Reset(calmAfter)
	}
}

// stop ends it, but for a look that is under way or an event that comes later: they may set the timer once more, at the end of the program.
func (c *calm) stop() { c.timer.Stop() }

// giveBack gives unused memory of the heap back if there is much of it.
func giveBack() {
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/free:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}}
	metrics.Read(heap)
	sum := uint64(0)
	for _, s := range heap {
		sum += s.Value.Uint64()
	}
	if sum > calmHeap {
		debug.FreeOSMemory()
	}
}
