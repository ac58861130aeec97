package relay_test

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"avatarbridge/store"
	"avatarbridge/store/storetest"
)

var (
	schedules = flag.Int("schedules", 0, "how many schedules to simulate (AVATARBRIDGE_SCHEDULES; 1000 by default)")
	firstSeed = flag.Uint64("seed", 1, "the first schedule's seed")
	showStory = flag.Bool("story", false, "print what happens in the schedule of -seed")
)

// howMany is the number of schedules to run.
func howMany(t *testing.T) int {
	t.Helper()
	if *schedules > 0 {
		return *schedules
	}
	if s := os.Getenv("AVATARBRIDGE_SCHEDULES"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("AVATARBRIDGE_SCHEDULES: %v", err)
		}
		return n
	}
	return 1000
}

// memoryDisk keeps a store in memory.
type memoryDisk struct{ *storetest.Memory }

func (d *memoryDisk) open() (store.Store, error) { return d.Memory, nil }
func (d *memoryDisk) crash() error               { d.Memory = d.Restart(); return nil }
func (d *memoryDisk) close() error               { return d.crash() }

// simulate plays the schedule of a seed, and returns what is wrong with it and a sum of all that happened.
func simulate(t *testing.T, seed uint64, d func(*testing.T) disk, trace io.Writer) (wrong []string, sum string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newSim(newPlan(seed), d(t), trace)
		if err := s.run(); err != nil {
			s.fail("%v", err)
		}
		wrong, sum = s.wrong, fmt.Sprintf("%d steps, %d crashes, %d asked, %x", s.c.steps, s.crashes, len(s.asks), s.c.sum)
	})
	return wrong, sum
}

func inMemory(*testing.T) disk { return &memoryDisk{storetest.NewMemory()} }

func TestSchedulesKeepTheInvariants(t *testing.T) {
	n := uint64(howMany(t))
	if *showStory {
		var trace strings.Builder
		wrong, sum := simulate(t, *firstSeed, inMemory, &trace)
		t.Logf("seed %d: %s\n%s", *firstSeed, sum, trace.String())
		for _, w := range wrong {
			t.Error(w)
		}
		return
	}
	var next atomic.Uint64
	began := time.Now()
	t.Run("all", func(t *testing.T) {
		for w := range runtime.GOMAXPROCS(0) {
			t.Run(fmt.Sprint(w), func(t *testing.T) {
				t.Parallel()
				for i := next.Add(1) - 1; i < n && !t.Failed(); i = next.Add(1) - 1 {
					seed := *firstSeed + i
					wrong, _ := simulate(t, seed, inMemory, nil)
					for _, what := range wrong {
						t.Errorf("seed %d: %s (again: go test ./bridges/relay -run TestSchedulesKeepTheInvariants -v -story -seed %d)", seed, what, seed)
					}
				}
			})
		}
	})
	t.Logf("%d schedules in %v", n, time.Since(began).Round(time.Millisecond))
}
