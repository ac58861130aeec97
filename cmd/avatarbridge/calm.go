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
	// calmHeap is how much of the heap stays as it is: what a quiet program has is not worth the work.
	calmHeap = 10 << 20
)

// A calm gives the memory back to the system that a rush has left, once the rush is over: the runtime by itself collects no more garbage where nothing
// makes new one, and keeps what it had. It listens to what is counted, so that nothing runs while nothing happens.
type calm struct {
	relay.Meter
	release func()
	counted atomic.Int64
	armed   atomic.Bool
	timer   *time.Timer
	seen    int64 // of counted, when the timer last ran; the timer's own
}

// newCalm watches what meter counts. stop must be called.
func newCalm(meter relay.Meter, release func()) *calm {
	c := &calm{Meter: meter, release: release}
	c.timer = time.AfterFunc(calmAfter, c.look)
	c.timer.Stop() // there is nothing yet
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

// look comes again as long as something happens.
func (c *calm) look() {
	if !c.armed.Load() {
		return
	}
	n := c.counted.Load()
	if n == c.seen {
		c.release()
		c.armed.Store(false)
		if n == c.counted.Load() || !c.armed.CompareAndSwap(false, true) {
			return
		}
	}
	c.seen = n
	c.timer.Reset(calmAfter)
}

func (c *calm) stop() { c.timer.Stop() }

// giveBack gives unused memory back if there is much of it.
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
