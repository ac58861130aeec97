package relay

import "sync"

// spentKept is how many of the last tickets that were found spent are remembered at least, and half of how many at most.
const spentKept = 20_000

// spent remembers tickets to which the store says ErrStale: that never changes. Whoever goes on posting with them is refused without asking
// the store again, which others wait for. A turn that is asked anew has another ticket in another generation.
type spent struct {
	mu           sync.Mutex
	last, before map[spentKey]struct{}
}

type spentKey struct {
	turn       string
	generation int
}

func (s *spent) add(k ticket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil || len(s.last) >= spentKept {
		s.last, s.before = map[spentKey]struct{}{}, s.last
	}
	s.last[spentKey{k.Turn, k.Generation}] = struct{}{}
}

func (s *spent) has(k ticket) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := spentKey{k.Turn, k.Generation}
	if _, ok := s.last[key]; ok {
		return true
	}
	_, ok := s.before[key]
	return ok
}
