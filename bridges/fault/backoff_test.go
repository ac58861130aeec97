package fault_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"avatarbridge/bridges/fault"
)

// pause is how long b waits for the next attempt.
func pause(t *testing.T, b *fault.Backoff, err error) time.Duration {
	t.Helper()
	began := time.Now()
	if err := b.Wait(t.Context(), err); err != nil {
		t.Fatal(err)
	}
	return time.Since(began)
}

func TestPausesGrowUpToTheirBoundAndAreShortAgainAfterASuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fault.Backoff{Least: time.Second, Most: 8 * time.Second}
		for round := range 2 {
			for i, most := range []time.Duration{1, 2, 4, 8, 8, 8} {
				if d := pause(t, &b, errors.New("away")); d < time.Second/2 || d > time.Second/2+most*time.Second {
					t.Errorf("round %d: pause %d took %v, want at most %v more than half a second", round, i, d, most*time.Second)
				}
			}
			b.Reset()
		}
	})
}

func TestAPauseThatTheOtherSideNamesIsKeptToTheSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fault.Backoff{Least: time.Second, Most: 2 * time.Second}
		if d := pause(t, &b, fmt.Errorf("ask: %w", fault.Throttle(fault.Bridge, 30*time.Second, nil))); d != 30*time.Second {
			t.Errorf("it took %v", d)
		}
	})
}

func TestAPauseEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b := fault.Backoff{Least: time.Hour, Most: time.Hour}
	if err := b.Wait(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
