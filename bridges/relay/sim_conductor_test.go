package relay_test

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing/synctest"
	"time"
)

// A conductor makes a schedule the same at every run. Whatever the relay does to the outside (a verb of the store, a call of a bridge or an
// avatar) passes it: the call waits until everything else in the bubble waits too, and then one of those that are there, chosen by the seed
// and not by Go's scheduler, goes on alone. So goroutines never run beside one another where it would matter, and any order of theirs
// that is possible is one that some seed chooses. What is drawn by chance is drawn behind the gate, in that order.
type conductor struct {
	dice *rand.Rand

	mu      sync.Mutex
	parked  []*ticket
	arrived chan struct{}
	sum     uint64    // of all that passed, and when
	steps   int       // how much that was
	instant time.Time // of the last
	within  int       // how many there were in that instant
	spins   int       // how often there was no end to them
	trace   io.Writer // nil: nobody wants to read it
}

// A ticket is a call that waits to go on.
type ticket struct {
	key string // says what the call is about; the same at every run
	on  chan struct{}
}

func newConductor(seed uint64, trace io.Writer) *conductor {
	return &conductor{dice: rand.New(rand.NewPCG(seed, 2)), arrived: make(chan struct{}, 1), trace: trace}
}

// pass returns when it is the caller's turn.
func (c *conductor) pass(key string) {
	t := &ticket{key: key, on: make(chan struct{})}
	c.mu.Lock()
	c.parked = append(c.parked, t)
	c.mu.Unlock()
	select {
	case c.arrived <- struct{}{}:
	default:
	}
	<-t.on
}

// run lets one call after the other go on, until stop is closed.
func (c *conductor) run(stop <-chan struct{}) {
	for {
		synctest.Wait()
		if t := c.next(); t != nil {
			close(t.on)
			if c.spinning() {
				time.Sleep(time.Microsecond) // else nothing would ever end
			}
			continue
		}
		select {
		case <-c.arrived:
		case <-stop:
			return
		}
	}
}

// spinning says whether something goes round and round in one instant: in the bubble time passes only when everything waits.
func (c *conductor) spinning() bool {
	if now := time.Now(); !now.Equal(c.instant) {
		c.instant, c.within = now, 0
	}
	if c.within++; c.within < 2000 {
		return false
	}
	c.spins++
	return true
}

func (c *conductor) next() *ticket {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.parked) == 0 {
		return nil
	}
	slices.SortFunc(c.parked, func(a, b *ticket) int { return cmp.Compare(a.key, b.key) })
	i := c.dice.IntN(len(c.parked))
	t := c.parked[i]
	c.parked = slices.Delete(c.parked, i, i+1)
	c.noteLocked(t.key)
	return t
}

// note adds something to what must be the same at every run.
func (c *conductor) note(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.noteLocked(what)
}

func (c *conductor) noteLocked(what string) {
	c.steps++
	h := fnv.New64a()
	now := time.Now()
	fmt.Fprint(h, c.sum, what, now.UnixNano())
	c.sum = h.Sum64()
	if c.trace != nil {
		fmt.Fprintf(c.trace, "%s %s\n", now.Format("15:04:05.000000000"), what)
	}
}

// count is how much has passed.
func (c *conductor) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.steps
}

// chance is true with probability p. It is drawn behind the gate.
func (c *conductor) chance(p float64) bool { return p > 0 && c.dice.Float64() < p }

// upTo returns a time between 0 and d, hardly ever the same twice: things that happen in the same instant have no order.
func (c *conductor) upTo(d time.Duration) time.Duration {
	return time.Duration(c.dice.Int64N(int64(d))) + 1
}

// hashed is a number below n that hangs on the seed and on what it is for, and on nothing else.
func hashed(seed uint64, what string, n int) int {
	h := fnv.New64a()
	fmt.Fprint(h, seed, what)
	return rand.New(rand.NewPCG(h.Sum64(), 3)).IntN(n)
}
