//go:build !race

package relay_test

import "testing"

// Not with the race detector: it has goroutines that are ready at the same time run in random order, and so a pump that is woken twice in one
// instant look once or twice.
func TestAScheduleIsTheSameAtEveryRun(t *testing.T) {
	for seed := range uint64(50) {
		_, first := simulate(t, seed, inMemory, nil)
		for range 2 {
			if _, again := simulate(t, seed, inMemory, nil); again != first {
				t.Errorf("seed %d: %s, then %s", seed, first, again)
			}
		}
	}
}
