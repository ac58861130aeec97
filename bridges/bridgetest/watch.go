package bridgetest

import (
	"context"
	"fmt"
	"sync"
)

// A watched thing can be waited for. Its lock is for what it is embedded in.
type watched struct {
	mu      sync.Mutex
	changed chan struct{} // closed at the next change; nil while nobody waits
}

// tell wakes those who wait. The caller holds mu.
func (w *watched) tell() {
	if w.changed != nil {
		close(w.changed)
		w.changed = nil
	}
}

// signal wakes those who wait, for a change elsewhere.
func (w *watched) signal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tell()
}

// next is closed at the next change.
func (w *watched) next() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.changed == nil {
		w.changed = make(chan struct{})
	}
	return w.changed
}

// wait returns nil as soon as done returns true, which is asked again after each change. Name is whose changes these are; it may be closed.
func (w *watched) wait(ctx context.Context, name string, closed <-chan struct{}, done func() bool) error {
	for {
		next := w.next()
		if done() {
			return nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return fmt.Errorf("waiting for the %s: %w", name, ctx.Err())
		case <-closed:
			return fmt.Errorf("the %s was closed", name)
		}
	}
}

// awaited returns the first thing for which match returns true, which is asked once for each. from returns the things from a position on.
func awaited[T any](ctx context.Context, wait func(context.Context, func() bool) error, from func(n int) []T, match func(T) bool) (found T, err error) {
	seen := 0
	err = wait(ctx, func() bool {
		for _, one := range from(seen) {
			seen++
			if match(one) {
				found = one
				return true
			}
		}
		return false
	})
	return found, err
}
