package virtuals

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func whatever(int) bool { return true }

func fillWith(v int, n *int) func(context.Context) (int, time.Time, error) {
	return func(context.Context) (int, time.Time, error) { *n++; return v, time.Now().Add(time.Hour), nil }
}

func TestLeastRecentlyUsedSlotGoesFirst(t *testing.T) {
	s := newSlots[int](2, time.Now)
	var filled int
	for i, key := range []string{"a", "b", "a", "c", "a", "b"} {
		if v, err := s.get(t.Context(), key, whatever, fillWith(i, &filled)); err != nil || v < 0 {
			t.Fatal(v, err)
		}
	}
	if filled != 4 { // a, b, c, and b again, which c had pushed out
		t.Errorf("filled %d times, want 4", filled)
	}
	for i := range 1000 {
		_, _ = s.get(t.Context(), fmt.Sprint(i), whatever, fillWith(i, &filled))
	}
	if len(s.byKey) != 2 || s.order.Len() != 2 {
		t.Errorf("%d keys and %d slots are kept", len(s.byKey), s.order.Len())
	}
}

func TestWaiterTakesOverFromOneThatGaveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots[int](2, time.Now)
		first, giveUp := context.WithCancel(t.Context())
		firstErr, second := make(chan error, 1), make(chan int, 1)
		go func() {
			_, err := s.get(first, "a", whatever, func(ctx context.Context) (int, time.Time, error) {
				<-ctx.Done()
				return 0, time.Time{}, ctx.Err()
			})
			firstErr <- err
		}()
		synctest.Wait()
		go func() {
			var n int
			v, _ := s.get(t.Context(), "a", whatever, fillWith(7, &n))
			second <- v
		}()
		synctest.Wait()
		giveUp()
		if err, v := <-firstErr, <-second; !errors.Is(err, context.Canceled) || v != 7 {
			t.Errorf("the first got %v, the second %d", err, v)
		}
	})
}

func TestWaiterLeavesWithItsOwnContext(t *testing.T) {
	s := newSlots[int](2, time.Now)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := s.get(t.Context(), "a", whatever, func(context.Context) (int, time.Time, error) {
		cancel()
		var n int
		_, err := s.get(ctx, "a", whatever, fillWith(1, &n)) // waits for the slot that this very call fills
		return 0, time.Time{}, err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestOtherKeysDoNotWait(t *testing.T) {
	s := newSlots[int](2, time.Now)
	var n int
	_, err := s.get(t.Context(), "a", whatever, func(ctx context.Context) (int, time.Time, error) {
		v, err := s.get(ctx, "b", whatever, fillWith(2, &n))
		return v, time.Time{}, err
	})
	if err != nil || n != 1 {
		t.Errorf("%v, filled %d times", err, n)
	}
}
