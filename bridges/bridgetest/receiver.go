package bridgetest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"avatarbridge/bridges"
)

// ErrReceive is what a Receiver answers while a test wants it to fail.
var ErrReceive = errors.New("the test's receiver stores nothing now")

// Receiver is a bridges.Receiver that remembers what it hears. All methods may be called by several goroutines at once. The zero value
// is ready for use and stores everything.
type Receiver struct {
	watched

	openErr error
	failing int           // Receive calls that are to fail; below 0 all
	gate    chan struct{} // Receive waits until it is closed; nil: it does not wait

	accounts []string
	cursor   string
	offered  []bridges.Batch
	stored   []bridges.Event
	health   []error
	feeds    map[string][]bridges.Item // by channel
	places   []bridges.Place
	refusal  error // what Receive answers to what can be refused; nil: it takes it
	epoch    string
}

var _ bridges.Receiver = (*Receiver)(nil)

// Open implements bridges.Receiver: it returns the cursor of the last batch that was stored.
func (r *Receiver) Open(ctx context.Context, account string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.accounts = append(r.accounts, account)
	r.tell()
	if err := ctx.Err(); err != nil {
		return "", err
	}
	return r.cursor, r.openErr
}

// Receive implements bridges.Receiver.
func (r *Receiver) Receive(ctx context.Context, b bridges.Batch) error {
	r.mu.Lock()
	r.offered = append(r.offered, bridges.Batch{Events: slices.Clone(b.Events), Cursor: b.Cursor, Refusable: b.Refusable})
	r.tell()
	gate := r.gate
	r.mu.Unlock()
	if gate != nil && len(b.Events) > 0 {
		select {
		case <-gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.tell()
	switch {
	case r.failing < 0, r.failing > 0 && len(b.Events) > 0:
		r.failing = max(r.failing-1, -1)
		return ErrReceive
	case b.Refusable && r.refusal != nil:
		return r.refusal
	}
	r.stored = append(r.stored, b.Events...)
	if b.Cursor != "" {
		r.cursor = b.Cursor
	}
	return nil
}

// Health implements bridges.Receiver.
func (r *Receiver) Health(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.health = append(r.health, err)
	r.tell()
}

// Feed implements bridges.Receiver with what Put put into the channel's feed.
func (r *Receiver) Feed(_ context.Context, p bridges.Place, _ bridges.Person, after int64, n int) ([]bridges.Item, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	items := slices.DeleteFunc(slices.Clone(r.feeds[p.Channel]), func(it bridges.Item) bool { return it.ID <= after })
	return items[max(0, len(items)-n):], nil
}

// Put appends to a channel's feed. Its id must be above those that are in it.
func (r *Receiver) Put(channel string, items ...bridges.Item) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.feeds == nil {
		r.feeds = map[string][]bridges.Item{}
	}
	r.feeds[channel] = append(r.feeds[channel], items...)
}

// Refuse makes Receive answer what can be refused with err; nil ends that.
func (r *Receiver) Refuse(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refusal = err
}

// Secret implements bridges.Receiver: it is always the same.
func (r *Receiver) Secret(context.Context) ([]byte, error) {
	return []byte("0123456789abcdef0123456789abcdef"), nil
}

// Epoch implements bridges.Receiver with what Restore set.
func (r *Receiver) Epoch(context.Context) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return cmp.Or(r.epoch, "first"), nil
}

// Restore puts items in the place of a channel's feed, as a store that is restored from a backup would, and begins the epoch.
func (r *Receiver) Restore(epoch, channel string, items ...bridges.Item) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.epoch = epoch
	delete(r.feeds, channel)
	if len(items) > 0 {
		r.feeds[channel] = items
	}
}

// Places implements bridges.Receiver with what SetPlaces set.
func (r *Receiver) Places(_ context.Context, n int) ([]bridges.Place, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.places[:min(n, len(r.places))]), nil
}

// SetPlaces sets where people talked with the account before.
func (r *Receiver) SetPlaces(places ...bridges.Place) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.places = slices.Clone(places)
}

// FailOpen makes Open fail with err; nil ends that.
func (r *Receiver) FailOpen(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.openErr = err
}

// FailReceive makes the next n calls of Receive with events fail with ErrReceive, all calls when n is below 0, none when it is 0.
func (r *Receiver) FailReceive(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failing = max(n, -1)
}

// Hold makes Receive wait with events, after it has noted the batch as offered, until release is called or its context ends. A cursor alone is stored.
func (r *Receiver) Hold() (release func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	gate := make(chan struct{})
	r.gate = gate
	return sync.OnceFunc(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if close(gate); r.gate == gate {
			r.gate = nil
		}
	})
}

// Accounts returns the accounts that Open was called with.
func (r *Receiver) Accounts() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.accounts)
}

// Cursor returns the cursor of the last batch that was stored.
func (r *Receiver) Cursor() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cursor
}

// Offered returns every batch that Receive was called with, also those that it refused.
func (r *Receiver) Offered() []bridges.Batch {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.offered)
}

// Stored returns the events that Receive has taken, in order, an event that was delivered twice twice.
func (r *Receiver) Stored() []bridges.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.stored)
}

// Unique returns what Stored returns, without events whose key came before: what a relay makes turns of.
func (r *Receiver) Unique() []bridges.Event {
	seen := map[string]bool{}
	return slices.DeleteFunc(r.Stored(), func(e bridges.Event) bool {
		known := e.Key != "" && seen[e.Key]
		seen[e.Key] = true
		return known
	})
}

// Healths returns what Health was called with, in order.
func (r *Receiver) Healths() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.health)
}

// WaitFor returns nil as soon as done returns true; it is called again after each call of Open, Receive or Health. done may call the
// receiver's methods.
func (r *Receiver) WaitFor(ctx context.Context, done func() bool) error {
	return r.wait(ctx, "receiver", nil, done)
}

// WaitUnique waits until n different events were stored and returns them.
func (r *Receiver) WaitUnique(ctx context.Context, n int) ([]bridges.Event, error) {
	err := r.WaitFor(ctx, func() bool { return len(r.Unique()) >= n })
	return r.Unique(), err
}

// WaitTold waits until Health was called with an error that says words.
func (r *Receiver) WaitTold(ctx context.Context, words string) error {
	return r.WaitFor(ctx, func() bool {
		return slices.ContainsFunc(r.Healths(), func(err error) bool { return err != nil && strings.Contains(err.Error(), words) })
	})
}

// WaitHealth waits until what Health was called with last is an error, or, for lost = false, nil.
func (r *Receiver) WaitHealth(ctx context.Context, lost bool) error {
	return r.WaitFor(ctx, func() bool {
		all := r.Healths()
		return len(all) > 0 && (all[len(all)-1] != nil) == lost
	})
}
