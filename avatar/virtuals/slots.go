package virtuals

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// slots is a bounded cache. A missing value is made by one caller while others who need the same one wait for it; the least recently
// used slots go first.
type slots[V any] struct {
	max int
	now func() time.Time

	mu    sync.Mutex
	byKey map[string]*list.Element
	order *list.List // of *slot[V], the last used in front
}

// slot is one value. Whoever put something into busy may read and fill it.
type slot[V any] struct {
	key   string
	busy  chan struct{}
	value V
	until time.Time
}

func newSlots[V any](max int, now func() time.Time) *slots[V] {
	return &slots[V]{max: max, now: now, byKey: map[string]*list.Element{}, order: list.New()}
}

// get returns the key's value if it is not over and usable, else what fill makes. A value is kept until the time that fill returns with
// it; the zero time keeps nothing. When fill fails the next one who waits tries with a context of its own.
func (s *slots[V]) get(ctx context.Context, key string, usable func(V) bool, fill func(context.Context) (V, time.Time, error)) (V, error) {
	sl := s.slot(key)
	var none V
	select {
	case sl.busy <- struct{}{}:
	case <-ctx.Done():
		return none, ctx.Err()
	}
	defer func() { <-sl.busy }()
	if s.now().Before(sl.until) && usable(sl.value) {
		return sl.value, nil
	}
	v, until, err := fill(ctx)
	if err != nil {
		sl.value, sl.until = none, time.Time{}
		return none, err
	}
	sl.value, sl.until = v, until
	return v, nil
}

// slot finds or makes the key's slot. One that is dropped while somebody fills it still serves those who hold it.
func (s *slots[V]) slot(key string) *slot[V] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.byKey[key]; ok {
		s.order.MoveToFront(e)
		return e.Value.(*slot[V])
	}
	if s.order.Len() >= s.max {
		oldest := s.order.Back()
		delete(s.byKey, s.order.Remove(oldest).(*slot[V]).key)
	}
	sl := &slot[V]{key: key, busy: make(chan struct{}, 1)}
	s.byKey[key] = s.order.PushFront(sl)
	return sl
}
