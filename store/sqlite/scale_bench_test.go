package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"

	"avatarbridge/store"
	"avatarbridge/store/sqlite"
)

// A bulk is a database with many people and many keys of events that are over.
type bulk struct {
	path  string
	store *sqlite.Store
	known int          // people, each with a conversation
	next  atomic.Int64 // number of the next message: keys are never the same
}

// bulkRows knows the store's schema: writing so many rows through the store would take an hour.
var bulkRows = []string{
	`INSERT INTO person (id, uid, name, first_seen, last_seen) SELECT n + 10, 'uid ' || n, 'Somebody', ?1, ?1 FROM numbers`,
	`INSERT INTO identity (platform, tenant, user, person) SELECT 'telegram', '', CAST(1000000 + n AS TEXT), n + 10 FROM numbers`,
	`INSERT INTO conversation (id, uid, generation, account, avatar, channel, thread, memory, person, direct, memory_uid)
		SELECT n + 10, 'conversation ' || n, 1, (SELECT id FROM name WHERE text = 'telegram:1'), (SELECT id FROM name WHERE text = 'luna'),
		CAST(1000000 + n AS TEXT), '', 'person', n + 10, 1, 'uid ' || n FROM numbers`,
}

const bulkKeys = `INSERT INTO turn (row, account, key, id, avatar, conversation, person, state, pos, accepted)
	SELECT ?1 + n, (SELECT id FROM name WHERE text = 'telegram:1'), 'old/' || (?1 + n), 'id', (SELECT id FROM name WHERE text = 'luna'),
	10 + n % ?2, 10 + n % ?2, 1, ?1 + n, ?3 FROM numbers`

// fill makes a database with people, and keys that were noted at the time. It is fast: some seconds for a million rows.
func fill(b *testing.B, people, keys int, at time.Time) *bulk {
	b.Helper()
	k := &bulk{path: filepath.Join(b.TempDir(), "bulk.db"), known: max(people, 1000)}
	k.open(b)
	if err := k.one(b.Context(), 9_000_000, &[stages][]time.Duration{}); err != nil { // the names of account and avatar
		b.Fatal(err)
	}
	if people > 0 {
		k.close(b)
		k.load(b, people, keys, at)
		k.open(b)
	}
	b.Cleanup(func() { k.close(b) })
	return k
}

func (k *bulk) open(b *testing.B) {
	b.Helper()
	var err error
	if k.store, err = sqlite.Open(b.Context(), sqlite.Config{Path: k.path}); err != nil {
		b.Fatal(err)
	}
}

func (k *bulk) close(b *testing.B) {
	b.Helper()
	if err := k.store.Close(); err != nil {
		b.Fatal(err)
	}
}

func (k *bulk) load(b *testing.B, people, keys int, at time.Time) {
	b.Helper()
	db, err := sql.Open("sqlite3", k.path+"?_sync=0&_cache_size=-200000")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	do := func(query string, args ...any) {
		if _, err := db.Exec(query, args...); err != nil {
			b.Fatal(err)
		}
	}
	numbers := func(n int) string {
		return fmt.Sprintf("WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < %d) ", n-1)
	}
	do("BEGIN")
	for _, q := range bulkRows[:len(bulkRows)*min(people, 1)] {
		do(numbers(people)+q, at.UnixMicro())
	}
	const step = 500_000
	for from := 0; from < keys; from += step {
		do(numbers(min(step, keys-from))+bulkKeys, 1000+from, k.known, at.UnixMicro())
	}
	do("COMMIT")
	do("PRAGMA wal_checkpoint(TRUNCATE)")
}

// A stage is one of the three verbs of a message's life.
const (
	accepting = iota
	finishing
	settling
	stages
)

// live takes messages of people all over the database through their life, with some workers at a time, until more says that it is enough. It
// returns how long the verbs took, by stage.
func (k *bulk) live(b *testing.B, workers int, more func() bool) (took [stages][]time.Duration) {
	b.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			var mine [stages][]time.Duration
			for j := 0; more(); j++ {
				who := w + workers*(j*7919%(k.known/workers)) // each worker has people of its own
				if err := k.one(b.Context(), who, &mine); err != nil {
					b.Error(err)
					return
				}
			}
			mu.Lock()
			defer mu.Unlock()
			for i := range mine {
				took[i] = append(took[i], mine[i]...)
			}
		})
	}
	all.Wait()
	return took
}

func (k *bulk) one(ctx context.Context, who int, took *[stages][]time.Duration) error {
	i, began := int(k.next.Add(1)), time.Now()
	lap := func(stage int) {
		now := time.Now()
		took[stage] = append(took[stage], now.Sub(began))
		began = now
	}
	got, err := k.store.Accept(ctx, store.Batch{Account: account, Cursor: fmt.Sprint(i), Now: began, Entries: []store.Entry{message(i, who, began)}, Turns: 1, Posts: 1})
	if err != nil {
		return err
	}
	if got[0].Turn == nil {
		return fmt.Errorf("message %d of %d was not handed out", i, who)
	}
	lap(accepting)
	said, err := k.store.Finish(ctx, store.Finished{Turn: got[0].Turn.Row, Now: began, Replies: []store.Reply{{Pieces: [][]byte{make([]byte, 300)}}}, Next: true, Send: true})
	if err != nil {
		return err
	}
	lap(finishing)
	_, err = k.store.Settle(ctx, store.Settled{Post: said.Post.ID, Now: began, As: store.Sent, SentID: fmt.Sprint(i), Send: true})
	lap(settling)
	return err
}

// report adds the stages' means to a benchmark's figures.
func report(b *testing.B, took [stages][]time.Duration) {
	for stage, name := range []string{"accept", "finish", "settle"} {
		var sum time.Duration
		for _, d := range took[stage] {
			sum += d
		}
		b.ReportMetric(float64(sum.Microseconds())/float64(len(took[stage])), name+"-µs")
	}
}

// slowest is how many milliseconds that part of all verbs stays below.
func slowest(took [stages][]time.Duration, part float64) float64 {
	all := slices.Sorted(slices.Values(slices.Concat(took[accepting], took[finishing], took[settling])))
	return float64(all[int(part*float64(len(all)-1))].Microseconds()) / 1000
}

// BenchmarkScale takes messages through their life in a database that is empty, and in one with a million people and five million keys of
// events: the figures ought to be the same but for what no cache holds.
func BenchmarkScale(b *testing.B) {
	for _, size := range []struct{ people, keys int }{{0, 0}, {1_000_000, 5_000_000}} {
		b.Run(fmt.Sprintf("people=%d/keys=%d", size.people, size.keys), func(b *testing.B) {
			k := fill(b, size.people, size.keys, time.Now())
			for _, workers := range []int{1, 64} {
				b.Run(fmt.Sprint("workers=", workers), func(b *testing.B) {
					var left atomic.Int64
					left.Store(int64(b.N))
					used := cpu()
					report(b, k.live(b, workers, func() bool { return left.Add(-1) >= 0 }))
					b.ReportMetric(float64((cpu()-used).Microseconds())/float64(b.N), "cpu-µs")
				})
			}
		})
	}
}

// BenchmarkPurge deletes a million keys that are old while messages come in: how long the slowest verbs take, with it and, for as long, without,
// and how large the file is before, after, and once as much has been written again.
func BenchmarkPurge(b *testing.B) {
	keys := fewer(1_000_000)
	old := time.Now().Add(-time.Hour)
	for b.Loop() {
		k := fill(b, fewer(100_000), keys, old)
		before := k.size(b)
		began, purged := time.Now(), make(chan struct{})
		var took time.Duration
		go func() {
			defer close(purged)
			n, err := k.store.Purge(b.Context(), time.Now().Add(-time.Minute))
			if took = time.Since(began); err != nil || n < keys {
				b.Errorf("purged %d: %v", n, err)
			}
		}()
		with := k.live(b, 16, func() bool {
			select {
			case <-purged:
				return false
			default:
				return true
			}
		})
		after := k.size(b)
		until := time.Now().Add(took)
		without := k.live(b, 16, func() bool { return time.Now().Before(until) })
		k.close(b)
		k.load(b, 0, keys, old)
		k.open(b)
		b.ReportMetric(took.Seconds(), "purge-s")
		for name, took := range map[string][stages][]time.Duration{"with": with, "without": without} {
			b.ReportMetric(slowest(took, 1), "longest-ms-"+name)
			b.ReportMetric(slowest(took, 0.999), "p99.9-ms-"+name)
			b.ReportMetric(slowest(took, 0.99), "p99-ms-"+name)
		}
		b.ReportMetric(before, "MB-before")
		b.ReportMetric(after, "MB-purged")
		b.ReportMetric(k.size(b), "MB-refilled")
	}
}

// size is that of the database and its log, in megabytes.
func (k *bulk) size(b *testing.B) float64 {
	b.Helper()
	total := int64(0)
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Stat(k.path + suffix); err == nil {
			total += info.Size()
		} else if !os.IsNotExist(err) {
			b.Fatal(err)
		}
	}
	return float64(total) / 1e6
}
