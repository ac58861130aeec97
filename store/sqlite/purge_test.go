package sqlite

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"

	"avatarbridge/store"
)

// TestWhatIsPurgedMakesRoomSoThatTheFileDoesNotGrow fills the store and purges what is older than the last round, again and again.
func TestWhatIsPurgedMakesRoomSoThatTheFileDoesNotGrow(t *testing.T) {
	const rounds, messages, people = 8, 1200, 100
	s := openAt(t, filepath.Join(t.TempDir(), "store.db"))
	random := rand.New(rand.NewPCG(1, 2))
	largest := int64(0)
	for round := range rounds {
		at := now.Add(time.Duration(round) * time.Hour)
		all := make([]*life, messages)
		for i := range all {
			body := make([]byte, random.IntN(1500))
			e := newTurn(fmt.Sprint("u", i%people), fmt.Sprint(random.Int64(), "/", round, "/", i), string(body))
			e.Turn.Limits = []store.Limit{{Key: fmt.Sprint("person/", e.Turn.From.User, "/", round), Max: 1 << 40, Every: time.Minute}}
			e.Turn.Feed, e.Turn.Feeds = body, 20
			all[i] = &life{entry: e, at: at}
		}
		throughLife(t, s, all, people)
		if n, err := s.Purge(t.Context(), at.Add(-time.Minute)); err != nil || round > 0 && n < messages {
			t.Fatalf("round %d: purged %d, %v", round, n, err)
		}
		switch size := pages(t, s); {
		case round < 2: // two rounds are there at once
			largest = max(largest, size)
		case size > largest+largest/10:
			t.Errorf("round %d: the file has %d pages, and had %d when the same was in it for the first time", round, size, largest)
		}
	}
}

// TestAPurgeHoldsUpNobodyForLongerThanOneWindowTakes counts what a purge deletes in one commit, and what others store meanwhile.
func TestAPurgeHoldsUpNobodyForLongerThanOneWindowTakes(t *testing.T) {
	const old = 20 * step
	s := openAt(t, filepath.Join(t.TempDir(), "store.db"))
	for from := 0; from < old; from += step {
		var entries []store.Entry
		for i := range step {
			entries = append(entries, store.Entry{Key: fmt.Sprint("old ", from+i), Edit: &store.Edit{Target: "nothing", Body: func(b []byte) []byte { return b }}})
		}
		accept(t, s, entries...)
	}
	w := watchPurge(t, s)
	purged := make(chan error, 1)
	go func() {
		n, err := s.Purge(t.Context(), now.Add(time.Hour))
		if err == nil && n < old {
			err = fmt.Errorf("%d rows were purged, want %d", n, old)
		}
		purged <- err
	}()
	for i := 0; ; i++ {
		select {
		case err := <-purged:
			if err != nil {
				t.Fatal(err)
			}
			if w.most == 0 || w.most > step {
				t.Errorf("a commit of the purge deletes up to %d rows, want %d at most", w.most, step)
			}
			if w.between < old/step/4 {
				t.Errorf("others have stored %d messages between the first and the last of the purge's %d commits", w.between, old/step)
			}
			return
		default:
			e := newTurn("u1", fmt.Sprint("new ", i), "hello")
			if _, err := s.Accept(t.Context(), store.Batch{Account: account, Now: now.Add(2 * time.Hour), Entries: []store.Entry{e}}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A purgeWatch is what the writer's connection tells of a purge. It is read when no verb is under way.
type purgeWatch struct {
	most     int // rows that one commit has deleted
	between  int // rows that came after the first of these commits and no later than the last
	deleted  int // in this transaction
	inserted int // since the last commit that deleted
}

func watchPurge(t *testing.T, s *Store) *purgeWatch {
	t.Helper()
	w := &purgeWatch{}
	if err := s.writer.run(t.Context(), true, func(c *core) error {
		c.db.RegisterUpdateHook(func(op int, _, table string, _ int64) {
			switch {
			case op == sqlite3.SQLITE_DELETE:
				w.deleted++
			case op == sqlite3.SQLITE_INSERT && table == "turn":
				w.inserted++
			}
		})
		c.db.RegisterCommitHook(func() int {
			if w.deleted > 0 {
				if w.most > 0 {
					w.between += w.inserted
				}
				w.most, w.deleted, w.inserted = max(w.most, w.deleted), 0, 0
			}
			return 0
		})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return w
}

// pages is how many the database has, used or not: its file is never cut but by forgetting somebody.
func pages(t *testing.T, s *Store) (n int64) {
	t.Helper()
	if err := s.writer.run(t.Context(), true, func(c *core) error {
		r, err := c.one("PRAGMA page_count")
		if err == nil {
			n = r.int(0)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}
