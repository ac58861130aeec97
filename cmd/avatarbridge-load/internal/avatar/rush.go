package avatar

import (
	"sync"
	"time"
)

// A Rush is how calls come to an avatar since it is watched.
type Rush struct {
	mu       sync.Mutex
	begun    []time.Time
	now      int // how many are under way
	most     int
	first    int       // how many began before one was answered
	answered time.Time // the first; the zero time before
}

// Enter notes that a call has come. On nil, this and Leave do nothing.
func (r *Rush) Enter(now time.Time) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun = append(r.begun, now)
	r.now++
	r.most = max(r.most, r.now)
	if r.answered.IsZero() {
		r.first++
	}
}

// Leave notes that a call is about to be answered.
func (r *Rush) Leave(now time.Time) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now--
	if r.answered.IsZero() {
		r.answered = now
	}
}

// AtOnce is how many calls were under way at most.
func (r *Rush) AtOnce() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.most
}

// InASecond is how many calls began at most within any second.
func (r *Rush) InASecond() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	most, from := 0, 0
	for i, at := range r.begun {
		for at.Sub(r.begun[from]) >= time.Second {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}

// First is how many calls began before the first was answered, and how long that took from the first call on.
func (r *Rush) First() (calls int, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.first == 0 || r.answered.IsZero() {
		return r.first, 0
	}
	return r.first, r.answered.Sub(r.begun[0])
}
