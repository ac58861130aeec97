package relay

import "sync"

const (
	// spentAfter is how often the store refuses a ticket before it is not asked again: a reply whose repeat it knows, because the service got no
	// answer, is told so even if something else came with the same ticket meanwhile.
	spentAfter = 8
	// spentKept is how many of the last tickets that were refused are remembered at least, and half of how many at most.
	spentKept = 20_000
)

// spent remembers tickets to which the store says ErrStale: that never changes. Whoever goes on posting with them is refused without asking
// the store again, which others wait for. A turn that is asked anew has another ticket in another generation.
type spent struct {
	mu           sync.Mutex
	last, before map[spentKey]int // how often it was refused
}

type spentKey struct {
	turn       string
	generation int
}

// add notes that the store has refused the ticket.
func (s *spent) add(k ticket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := spentKey{k.Turn, k.Generation}
	n := s.count(key) + 1
	if _, ok := s.last[key]; !ok && len(s.last) >= spentKept {
		s.last, s.before = nil, s.last
	}
	if s.last == nil {
		s.last = map[spentKey]int{}
	}
	s.last[key] = n
}

// has reports whether the ticket is refused for good.
func (s *spent) has(k ticket) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count(spentKey{k.Turn, k.Generation}) >= spentAfter
}

func (s *spent) count(key spentKey) int {
	if n, ok := s.last[key]; ok {
		return n
	}
	return s.before[key]
}
