package avatartest

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// Faults holds the faults that are armed. The zero value has none; it may be used by several goroutines.
type Faults struct {
	some  atomic.Bool // spares healthy calls the lock
	mu    sync.Mutex
	armed map[Step][]armedFault
}

type armedFault struct {
	Fault
	left  int
	match func(Heard) bool // nil: for any call
}

// Break lets the next n calls that arrive at the step meet f, after those that were armed there before; n < 0: all, until Mend.
func (s *Faults) Break(at Step, n int, f Fault) { s.BreakFor(at, n, f, nil) }

// BreakFor is Break for the calls that match accepts, in which Heard.Fault is still empty. Nil accepts all. It is called with a lock
// held and must be quick.
func (s *Faults) BreakFor(at Step, n int, f Fault, match func(Heard) bool) {
	if n == 0 {
		return
	}
	f.header = maps.Clone(f.header)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.armed == nil {
		s.armed = make(map[Step][]armedFault)
	}
	s.armed[at] = append(s.armed[at], armedFault{f, n, match})
	s.some.Store(true)
}

// Mend takes all faults away. Calls that have met one already stay with it.
func (s *Faults) Mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.armed)
	s.some.Store(false)
}

// next takes the fault that a call arriving at the step meets; the zero Fault does nothing.
func (s *Faults) next(at Step, h Heard) Fault {
	if !s.some.Load() {
		return Fault{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	queue := s.armed[at]
	for i := range queue {
		if queue[i].match != nil && !queue[i].match(h) {
			continue
		}
		f := queue[i].Fault
		if queue[i].left--; queue[i].left == 0 {
			s.armed[at] = slices.Delete(queue, i, i+1)
		}
		return f
	}
	return Fault{}
}
