package figure

import (
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// A Sync is what it cost to make 4 KiB durable, so many times.
type Sync struct {
	Pass    int     `json:"pass,omitempty"`
	Samples int     `json:"samples"`
	P50     float64 `json:"p50_ms"`
	P99     float64 `json:"p99_ms"`
	Max     float64 `json:"max_ms"`
}

// SyncOf sums up how long some calls of fdatasync took, in any order.
func SyncOf(pass int, took []time.Duration) Sync {
	sorted := slices.Sorted(slices.Values(took))
	of := func(p float64) float64 { return milliseconds(Percentile(sorted, p)) }
	return Sync{Pass: pass, Samples: len(took), P50: of(50), P99: of(99), Max: of(100)}
}

// Synced takes over what all passes have measured. A disk is faster in one minute than in the next, so that one pass says little: the machine's
// values are the medians of the passes'.
func (m *Machine) Synced(passes []Sync) {
	m.Syncs = passes
	if len(passes) == 0 { // of nothing the medians are no numbers, which JSON cannot say
		m.SyncP50, m.SyncP99 = 0, 0
		return
	}
	var p50, p99 []float64
	for _, s := range passes {
		p50, p99 = append(p50, s.P50), append(p99, s.P99)
	}
	m.SyncP50, m.SyncP99 = Median(p50), Median(p99)
}

// MeasureSync appends 4 KiB to a file in dir n times, each with an fdatasync, and returns how long these took. After atMost it ends with those that
// it has, but never with none.
func MeasureSync(dir string, n int, atMost time.Duration) ([]time.Duration, error) {
	f, err := os.CreateTemp(dir, "sync")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	page := make([]byte, 4096)
	var took []time.Duration
	for start := time.Now(); len(took) < n && (len(took) == 0 || time.Since(start) < atMost); {
		if _, err := f.Write(page); err != nil {
			return nil, err
		}
		began := time.Now()
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return nil, fmt.Errorf("fdatasync in %s: %w", dir, err)
		}
		took = append(took, time.Since(began))
	}
	return took, nil
}
