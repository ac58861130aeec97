package fault

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// A Backoff spaces out attempts of something that has to work in the end: each pause is random, and its bound doubles from Least to Most.
// It is for connections and for what is offered to the store; calls that post or ask are repeated by the relay alone. It is not safe for
// several goroutines at once.
type Backoff struct {
	Least, Most time.Duration
	bound       time.Duration
}

// Wait waits for the next pause, or for as long as err asks if it is Throttled. The error is ctx's.
func (b *Backoff) Wait(ctx context.Context, err error) error {
	b.bound = min(max(2*b.bound, b.Least), b.Most)
	d := b.Least/2 + rand.N(b.bound)
	if o, ok := errors.AsType[*Outcome](err); ok && o.Kind == Throttled {
		d = o.After
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Reset begins again with short pauses, after a success.
func (b *Backoff) Reset() { b.bound = 0 }
