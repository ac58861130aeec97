package discord

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"avatarbridge/bridges/fault"
)

// backoff spaces out attempts: each pause is random, and its bound doubles from least to most.
type backoff struct {
	least, most time.Duration
	bound       time.Duration
}

// wait waits for the next pause, or for as long as err asks. The error is ctx's.
func (b *backoff) wait(ctx context.Context, err error) error {
	b.bound = min(max(2*b.bound, b.least), b.most)
	d := b.least/2 + rand.N(b.bound)
	if o, ok := errors.AsType[*fault.Outcome](err); ok && o.Kind == fault.Throttled {
		d = o.After
	}
	return sleep(ctx, d)
}

// reset begins again with short pauses, after a success.
func (b *backoff) reset() { b.bound = 0 }

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
