package sqlite_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"avatarbridge/store"
	"avatarbridge/store/sqlite"
)

const account = "telegram:1"

func openBench(b *testing.B) *sqlite.Store {
	b.Helper()
	s, err := sqlite.Open(b.Context(), sqlite.Config{Path: filepath.Join(b.TempDir(), "bench.db")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	return s
}

func message(i, who int, now time.Time) store.Entry {
	user := fmt.Sprint(1000000 + who)
	return store.Entry{Key: fmt.Sprintf("update/%012d", i), Turn: &store.NewTurn{
		ID: fmt.Sprintf("018f0000-0000-7000-8000-%012d", i), From: store.Identity{Platform: "telegram", User: user}, Name: "Somebody",
		In:   store.Address{Account: account, Avatar: "luna", Channel: user, Direct: true, Memory: store.MemoryPerson},
		Body: make([]byte, 200), MaxWaiting: 20,
		Limits: []store.Limit{
			{Key: "person/telegram//" + user, Max: 1 << 40, Every: time.Minute}, {Key: "person/telegram//" + user, Max: 1 << 40, Every: 24 * time.Hour},
			{Key: "avatar/luna", Max: 1 << 40, Every: time.Minute}, {Key: "avatar/luna", Max: 1 << 40, Every: 24 * time.Hour},
		},
	}}
}

// whole takes one message through the three verbs of its life.
func whole(ctx context.Context, s *sqlite.Store, i, who int) error {
	now := time.Now()
	got, err := s.Accept(ctx, store.Batch{Account: account, Cursor: fmt.Sprint(i), Now: now, Entries: []store.Entry{message(i, who, now)}, Turns: 1, Posts: 1})
	if err != nil {
		return err
	}
	if got[0].Turn == nil {
		return fmt.Errorf("message %d of %d was not handed out", i, who)
	}
	said, err := s.Finish(ctx, store.Finished{Turn: got[0].Turn.Row, Now: now, Replies: []store.Reply{{Pieces: [][]byte{make([]byte, 300)}}}, Next: true, Send: true})
	if err != nil {
		return err
	}
	if said.Post == nil {
		return fmt.Errorf("the post of message %d was not handed out", i)
	}
	_, err = s.Settle(ctx, store.Settled{Post: said.Post.ID, Now: now, As: store.Sent, SentID: fmt.Sprint(i), Send: true})
	return err
}

// preload makes n people known, each with a conversation and an event key.
func preload(b *testing.B, s *sqlite.Store, n int) {
	b.Helper()
	now := time.Now()
	for from := 0; from < n; from += 1000 {
		batch := store.Batch{Account: account, Now: now, Turns: 1000}
		for i := from; i < from+1000; i++ {
			batch.Entries = append(batch.Entries, message(i, i, now))
		}
		got, err := s.Accept(b.Context(), batch)
		if err != nil {
			b.Fatal(err)
		}
		var all sync.WaitGroup
		for _, r := range got {
			all.Go(func() {
				if _, err := s.Finish(b.Context(), store.Finished{Turn: r.Turn.Row, Now: now}); err != nil {
					b.Error(err)
				}
			})
		}
		all.Wait()
	}
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// fewer is how many rows a benchmark has that is only to be seen to work, with -short.
func fewer(rows int) int {
	if testing.Short() {
		return rows / 20
	}
	return rows
}

// BenchmarkWholeMessage is Accept, Finish and Settle, by many at once as the relay does it, with people already known.
func BenchmarkWholeMessage(b *testing.B) {
	for _, known := range []int{0, fewer(100_000)} {
		for _, workers := range []int{1, 64, 256} {
			b.Run(fmt.Sprintf("known=%d/workers=%d", known, workers), func(b *testing.B) {
				s := openBench(b)
				preload(b, s, known)
				var next atomic.Int64
				next.Store(int64(known))
				people := max(known, 1000)
				b.ResetTimer()
				used := cpu()
				var all sync.WaitGroup
				for w := range workers {
					all.Go(func() {
						for {
							i := int(next.Add(1)) - 1
							if i-known >= b.N {
								return
							}
							if err := whole(b.Context(), s, i, w+workers*(i%(people/workers))); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				all.Wait()
				b.StopTimer()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
				b.ReportMetric(float64((cpu()-used).Milliseconds())/float64(b.N)*1000, "cpu-ms/1000")
			})
		}
	}
}

// BenchmarkFeed reads the newest 50 of a feed of 200, among many others' feeds, while messages are written into them.
func BenchmarkFeed(b *testing.B) {
	const people, feeds = 100, 200
	s := openBench(b)
	now := time.Now()
	entry := func(i int) store.Entry {
		e := message(i, i%people, now)
		e.Turn.MaxWaiting, e.Turn.Feed, e.Turn.Feeds = 0, make([]byte, 300), feeds
		return e
	}
	n := 0
	for ; n < people*feeds; n += people {
		batch := store.Batch{Account: account, Now: now}
		for i := range people {
			batch.Entries = append(batch.Entries, entry(n+i))
		}
		if _, err := s.Accept(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("read", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			e := entry(i)
			items, err := s.Feed(b.Context(), e.Turn.In, e.Turn.From, 0, 50)
			if err != nil || len(items) != 50 {
				b.Fatal(len(items), err)
			}
		}
	})
	// What a full feed adds to Accept: 256 messages share a commit.
	for _, keep := range []int{0, feeds} {
		b.Run(fmt.Sprint("accept/feeds=", keep), func(b *testing.B) {
			for b.Loop() {
				batch := store.Batch{Account: account, Now: now}
				for range 256 {
					e := entry(n)
					n++
					if e.Turn.Feeds = keep; keep == 0 {
						e.Turn.Feed = nil
					}
					batch.Entries = append(batch.Entries, e)
				}
				if _, err := s.Accept(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/256, "µs/message")
		})
	}
}
