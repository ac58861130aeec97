package wire

import (
	"sync/atomic"
	"time"
)

// A Fault is how a simulator fails on purpose.
type Fault struct {
	Status int           // answered instead of what is right; the call has no effect. 0: the answer is right
	Drip   time.Duration // over which the answer is spread, a byte at a time
	// One of so many posts, or questions to an avatar, is answered over Stall in place of Drip: longer than the program waits. They come in pairs,
	// with the first two calls: one of a pair has no effect, the other has its effect. 0 is none.
	Every int
	Stall time.Duration

	calls  atomic.Int64
	stalls atomic.Int64
	stall  bool // this is the fault of a call that is answered over Stall
}

// Next is the fault of the next post or question.
func (f *Fault) Next() *Fault {
	if f == nil || f.Every == 0 {
		return f
	}
	n := (f.calls.Add(1) - 1) % int64(2*f.Every)
	if n > 1 {
		return f
	}
	f.stalls.Add(1)
	g := &Fault{Drip: f.Stall, stall: true}
	if n == 0 {
		g.Status = 502
	}
	return g
}

// Stalls is how many posts or questions were answered over Stall.
func (f *Fault) Stalls() int { return int(f.stalls.Load()) }

// Stalled reports whether nobody will wait for the answer.
func (f *Fault) Stalled() bool { return f != nil && f.stall }

// Reply sends what f makes of a right answer. A nil f leaves it as it is.
func (f *Fault) Reply(c *Conn, body []byte) error {
	switch {
	case f == nil:
		return c.Answer(200, body)
	case f.Status != 0:
		body = []byte("<html>fault</html>")
		if f.Drip == 0 {
			return c.Answer(f.Status, body)
		}
		return c.Drip(f.Status, body, f.Drip)
	}
	return c.Drip(200, body, f.Drip)
}

// Refuses reports whether the call has no effect.
func (f *Fault) Refuses() bool { return f != nil && f.Status != 0 }
