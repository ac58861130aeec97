package relay

import (
	"sync"
	"time"
)

// A pace bounds how many posts a bridge makes in a time. A post counts from before its call until the time after the call's end, so that the
// platform never sees more posts, however long calls take; one whose form it refuses takes another call. The zero pace bounds nothing.
type pace struct {
	rate Rate
	wake func(at time.Time) // called when posts that were refused may come, or at which time

	mu      sync.Mutex
	out     int         // posts being made
	ended   []time.Time // of those within the time, the oldest first
	refused bool        // a post was refused, and nobody was told since when it may come
}

// take lets up to n posts begin and returns how many; each is over with done, or with back if it was not made.
func (p *pace) take(n int) int {
	if p.rate.Max == 0 {
		return n
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expire(time.Now())
	got := max(0, min(n, p.rate.Max-p.out-len(p.ended)))
	p.out += got
	p.refused = p.refused || got == 0
	return got
}

// done notes that a post's call is over.
func (p *pace) done() {
	if p.rate.Max == 0 {
		return
	}
	p.mu.Lock()
	p.out--
	p.ended = append(p.ended, time.Now())
	p.mu.Unlock()
	p.tell()
}

// back notes that n posts were not made.
func (p *pace) back(n int) {
	if p.rate.Max == 0 || n == 0 {
		return
	}
	p.mu.Lock()
	p.out -= n
	p.mu.Unlock()
	p.tell()
}

// tell says when the next post may come to who was refused.
func (p *pace) tell() {
	p.mu.Lock()
	at := p.next()
	told := p.refused && !at.IsZero()
	p.refused = p.refused && (!told || at.After(time.Now())) // there may be room before, if one is not made after all
	p.mu.Unlock()
	if told {
		p.wake(at)
	}
}

// until returns when the next post may come, the zero time when that depends on one that is being made; then wake is called.
func (p *pace) until() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next()
}

// next is until; needs mu.
func (p *pace) next() time.Time {
	now := time.Now()
	p.expire(now)
	switch {
	case p.out+len(p.ended) < p.rate.Max:
		return now
	case len(p.ended) == 0:
		return time.Time{}
	}
	return p.ended[0].Add(p.rate.Every)
}

// expire forgets the posts that are no longer within the time; needs mu.
func (p *pace) expire(now time.Time) {
	n := 0
	for n < len(p.ended) && now.Sub(p.ended[n]) >= p.rate.Every {
		n++
	}
	if n > 0 {
		p.ended = append(p.ended[:0], p.ended[n:]...)
	}
}
