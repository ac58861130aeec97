package sqlite

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"avatarbridge/store"
)

// commits counts the commits of the store's writer from now on; nobody else writes. It is read when no verb is under way.
func commits(t *testing.T, s *Store) (n *int) {
	t.Helper()
	n = new(int)
	if err := s.writer.run(t.Context(), true, func(c *core) error {
		c.db.RegisterCommitHook(func() int { *n++; return 0 })
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// A life is a message on its way through the store.
type life struct {
	entry store.Entry
	at    time.Time
	turn  int64
	post  int64
}

// The three verbs of a life.
func (l *life) accept(t *testing.T, s *Store) {
	got, err := s.Accept(t.Context(), store.Batch{Account: account, Cursor: l.entry.Key, Now: l.at, Entries: []store.Entry{l.entry}, Turns: 1, Posts: 1})
	if err != nil || got[0].Turn == nil {
		t.Errorf("accept %s: %+v, %v", l.entry.Key, got, err)
		return
	}
	l.turn = got[0].Turn.Row
}

func (l *life) finish(t *testing.T, s *Store) {
	said, err := s.Finish(t.Context(), store.Finished{Turn: l.turn, Now: l.at, Next: true, Send: true,
		Replies: []store.Reply{{Key: "reply to " + l.entry.Key, Pieces: [][]byte{l.entry.Turn.Body}}}})
	if err != nil || said.Post == nil {
		t.Errorf("finish %s: %+v, %v", l.entry.Key, said, err)
		return
	}
	l.post = said.Post.ID
}

func (l *life) settle(t *testing.T, s *Store) {
	if _, err := s.Settle(t.Context(), store.Settled{Post: l.post, Now: l.at, As: store.Sent, SentID: l.entry.Key, Send: true}); err != nil {
		t.Errorf("settle %s: %v", l.entry.Key, err)
	}
}

var verbs = []func(*life, *testing.T, *Store){(*life).accept, (*life).finish, (*life).settle}

func TestAMessageAloneTakesThreeCommits(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "store.db"))
	n := commits(t, s)
	for i := range 3 {
		l := &life{entry: newTurn("u1", fmt.Sprint(i), "hello"), at: now}
		for _, verb := range verbs {
			verb(l, t, s)
		}
		if *n != 3*(i+1) {
			t.Errorf("%d commits after %d messages", *n, i+1)
		}
	}
}

// TestMessagesThatComeTogetherShareTheirThreeCommits keeps the writer busy until all wait for it.
func TestMessagesThatComeTogetherShareTheirThreeCommits(t *testing.T) {
	const together = 64
	s := openAt(t, filepath.Join(t.TempDir(), "store.db"))
	var all []*life
	for i := range together {
		all = append(all, &life{entry: newTurn(fmt.Sprint("u", i), fmt.Sprint(i), "hello"), at: now})
	}
	n := commits(t, s)
	for _, verb := range verbs {
		var waiting sync.WaitGroup
		if err := s.writer.run(t.Context(), false, func(*core) error {
			for _, l := range all {
				waiting.Go(func() { verb(l, t, s) })
			}
			for end := time.Now().Add(time.Minute); len(s.writer.queue) < together; time.Sleep(time.Millisecond) {
				if time.Now().After(end) {
					return fmt.Errorf("only %d verbs wait", len(s.writer.queue))
				}
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		waiting.Wait()
	}
	if *n != 3 {
		t.Errorf("%d commits for %d messages that came together, want 3", *n, together)
	}
}

// throughLife takes messages through their lives, those of a person one after the other.
func throughLife(t *testing.T, s *Store, all []*life, people int) {
	t.Helper()
	var lives sync.WaitGroup
	for who := range people {
		lives.Go(func() {
			for i := who; i < len(all) && !t.Failed(); i += people {
				for _, verb := range verbs {
					verb(all[i], t, s)
				}
			}
		})
	}
	lives.Wait()
	if t.Failed() {
		t.FailNow()
	}
}
