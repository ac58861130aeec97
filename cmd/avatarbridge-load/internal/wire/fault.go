package wire

import "time"

// A Fault is how a simulator fails on purpose.
type Fault struct {
	Status int           // answered instead of what is right; the call has no effect. 0: the answer is right
	Drip   time.Duration // over which the answer is spread, a byte at a time
}

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
