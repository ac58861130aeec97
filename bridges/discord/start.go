package discord

import (
	"context"
	"fmt"
	"sync"
	"time"

	"avatarbridge/bridges/fault"
)

// identifyEvery is how long the identifies of shards that share a slot must be apart
// (https://discord.com/developers/docs/topics/gateway#sharding-max-concurrency), with some slack for the way.
const identifyEvery = 5*time.Second + 250*time.Millisecond

// A start is what Discord says about connecting: GET /gateway/bot.
type start struct {
	URL    string `json:"url"`
	Shards number `json:"shards"`
	Limit  struct {
		Total       number `json:"total"`
		Remaining   number `json:"remaining"`
		ResetAfter  number `json:"reset_after"` // milliseconds
		Concurrency number `json:"max_concurrency"`
	} `json:"session_start_limit"`
}

// starting asks how to connect. A compatible server may not have the route for bots.
func (b *Bridge) starting(ctx context.Context) (start, error) {
	var s start
	err := b.get(ctx, "GET /gateway/bot", "/gateway/bot", &s)
	if statusOf(err) == 404 {
		s = start{}
		err = b.get(ctx, "GET /gateway", "/gateway", &s)
		s.Limit.Total, s.Limit.Remaining = 1, 1
	}
	if err != nil {
		return s, err
	}
	if s.URL == "" {
		return s, fmt.Errorf("GET /gateway: %w", errUnreadable)
	}
	s.Shards, s.Limit.Concurrency = max(s.Shards, 1), max(s.Limit.Concurrency, 1)
	return s, nil
}

// exhausted is a throttle when no session may be begun now by one of so many shards: one too many, and Discord resets the token. Each shard that
// may identify at the same moment is left one.
func (s *start) exhausted(shards int) error {
	if s.Limit.Total <= 0 || s.Limit.Remaining >= min(s.Limit.Concurrency, number(shards)) {
		return nil
	}
	wait := time.Duration(s.Limit.ResetAfter) * time.Millisecond
	return fault.Throttle(fault.Bridge, max(wait, time.Minute),
		fmt.Errorf("the bot has begun %d sessions within a day, which is all that Discord allows; it connects again in %v",
			s.Limit.Total-s.Limit.Remaining, wait.Round(time.Second)))
}

// turnstile lets one shard of each slot identify at a time.
type turnstile struct {
	every time.Duration
	mu    sync.Mutex
	slots map[int]*slot
}

type slot struct {
	free chan struct{} // holds a token while nobody identifies
	last time.Time     // guarded by the token
}

// enter waits until the slot's turn. The caller calls left right after its identify, or when there was none.
func (t *turnstile) enter(ctx context.Context, n int) (left func(identified bool), err error) {
	t.mu.Lock()
	s := t.slots[n]
	if s == nil {
		s = &slot{free: make(chan struct{}, 1)}
		s.free <- struct{}{}
		if t.slots == nil {
			t.slots = map[int]*slot{}
		}
		t.slots[n] = s
	}
	t.mu.Unlock()
	select {
	case <-s.free:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	var once sync.Once
	left = func(identified bool) {
		once.Do(func() {
			if identified {
				s.last = time.Now()
			}
			s.free <- struct{}{}
		})
	}
	if wait := t.every - time.Since(s.last); !s.last.IsZero() && wait > 0 {
		if err := sleep(ctx, wait); err != nil {
			left(false)
			return nil, err
		}
	}
	return left, nil
}

// sleep waits. The error is ctx's.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
