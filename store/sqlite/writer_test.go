package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"

	"avatarbridge/store"
)

// group runs verbs in one transaction, as if they had waited together, and returns their errors.
func group(t *testing.T, s *Store, do ...func(*core) error) []error {
	t.Helper()
	errs := make([]error, len(do))
	if err := s.writer.run(t.Context(), true, func(c *core) error {
		verbs := make([]*verb, len(do))
		for i, f := range do {
			verbs[i] = &verb{ctx: context.Background(), do: f}
		}
		c.commit(verbs, func(all []*verb) []*verb { return all })
		for i, v := range verbs {
			errs[i] = v.err
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return errs
}

// taking is Accept as a verb of a group.
func taking(key string, out *[]store.Result) func(*core) error {
	return func(c *core) (err error) {
		e := newTurn(key, key, key)
		e.Turn.Limits = []store.Limit{{Key: "all", Max: 2, Every: 1 << 40}}
		*out, err = c.accept(&store.Batch{Account: account, Cursor: key, Now: now, Entries: []store.Entry{e}, Turns: 1})
		return err
	}
}

var errOwn = errors.New("the verb's own")

func TestAVerbThatFailsHalfWayTakesNoOtherWithIt(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "store.db"))
	var one, two, three []store.Result
	errs := group(t, s,
		taking("one", &one),
		func(c *core) error { return errors.Join(taking("two", &two)(c), errOwn) },
		taking("three", &three),
	)
	if errs[0] != nil || !errors.Is(errs[1], errOwn) || errs[2] != nil {
		t.Fatalf("%v", errs)
	}
	if one[0].Turn == nil || three[0].Turn == nil {
		t.Errorf("%+v, %+v", one, three)
	}
	if turns, _, err := s.ClaimTurns(t.Context(), account, "luna", now, 9); err != nil || len(turns) > 0 {
		t.Errorf("unclaimed: %v, %v", turns, err)
	}
	if got := accept(t, s, newTurn("two", "two", "two")); got[0].Turn == nil {
		t.Errorf("what had failed is %+v", got[0])
	}
	if _, err := s.Person(t.Context(), "telegram:two"); err != nil {
		t.Error(err)
	}
}

func TestAVerbThatFailsBeforeItWritesCostsNobodyAnything(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "store.db"))
	var one []store.Result
	runs := 0
	errs := group(t, s,
		func(c *core) error { runs++; return taking("one", &one)(c) },
		func(c *core) error { _, err := c.sayLater(&store.Said{Conversation: 99}); return err },
	)
	if errs[0] != nil || !errors.Is(errs[1], store.ErrStale) || runs != 1 {
		t.Errorf("%v after %d runs", errs, runs)
	}
}

func TestAFailureOfTheDatabaseFailsTheGroupAndChangesNothing(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "store.db"))
	var held []store.Result
	group(t, s, taking("held", &held))
	var one []store.Result
	errs := group(t, s,
		taking("one", &one),
		func(c *core) error { _, err := c.finish(&store.Finished{Turn: held[0].Turn.Row, Now: now}); return err },
		func(*core) error { return sqlite3.Error{Code: sqlite3.ErrIoErr} },
		taking("three", &one),
	)
	for i, err := range errs {
		if e, ok := errors.AsType[sqlite3.Error](err); !ok || e.Code != sqlite3.ErrIoErr {
			t.Errorf("verb %d: %v", i, err)
		}
	}
	// The claim is still held, nobody new is known, the limit has room for one, the cursor has not moved.
	if out, err := s.Finish(t.Context(), store.Finished{Turn: held[0].Turn.Row, Now: now, Send: true, Replies: []store.Reply{{Pieces: [][]byte{[]byte("a")}}}}); err != nil || out.Post == nil {
		t.Errorf("finish: %+v, %v", out, err)
	}
	if _, err := s.Person(t.Context(), "telegram:one"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("person: %v", err)
	}
	if cursor, _, err := s.Cursor(t.Context(), account); err != nil || cursor != "held" {
		t.Errorf("cursor %q, %v", cursor, err)
	}
	if errs := group(t, s, taking("one", &one)); errs[0] != nil || one[0].Verdict != store.Done || one[0].Turn == nil {
		t.Errorf("again: %+v, %v", one, errs)
	}
	if errs := group(t, s, taking("four", &one)); errs[0] != nil || one[0].Verdict != store.Over {
		t.Errorf("over: %+v, %v", one, errs)
	}
}

// fill accepts until the disk is full, and returns what was accepted.
func fill(t *testing.T, s *Store) (taken []*store.Turn) {
	t.Helper()
	for i := range 10_000 {
		e := newTurn(fmt.Sprint("u", i), fmt.Sprint("k", i), strings.Repeat("x", 10_000))
		got, err := s.Accept(t.Context(), store.Batch{Account: account, Cursor: fmt.Sprint(i), Now: now, Entries: []store.Entry{e}, Turns: 1})
		if err == nil {
			taken = append(taken, got[0].Turn)
			continue
		}
		if e, ok := errors.AsType[sqlite3.Error](err); !ok || e.Code != sqlite3.ErrFull {
			t.Fatal(err)
		}
		return taken
	}
	t.Fatal("the disk is never full")
	return nil
}

func TestAFullDiskLosesNothingAndWorksAgainWithRoom(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s, err := Open(t.Context(), Config{Path: path, MaxPages: 200})
	if err != nil {
		t.Fatal(err)
	}
	taken := fill(t, s)
	if len(taken) < 20 {
		t.Fatalf("only %d were accepted", len(taken))
	}
	for i := 0; s.Writable(t.Context()) == nil; i++ {
		if i > 10 {
			t.Fatal("a full store says that it is writable")
		}
		fill(t, s)
	}
	if cursor, _, err := s.Cursor(t.Context(), account); err != nil || cursor != fmt.Sprint(len(taken)-1) {
		t.Errorf("cursor %q, %v after %d", cursor, err, len(taken))
	}
	// Verbs that need no room go on, and make some.
	for _, turn := range taken[:len(taken)/2] {
		if _, err := s.Finish(t.Context(), store.Finished{Turn: turn.Row, Now: now}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Writable(t.Context()); err != nil {
		t.Errorf("with room: %v", err)
	}
	if got := accept(t, s, newTurn("new", "new", "new")); got[0].Turn == nil {
		t.Errorf("with room: %+v", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := openAt(t, path)
	turns, _, err := again.ClaimTurns(t.Context(), account, "luna", now, 10_000)
	if want := len(taken) - len(taken)/2 + 1; err != nil || len(turns) != want {
		t.Errorf("%d turns wait, want %d, %v", len(turns), want, err)
	}
}

func TestVerbsOfManyAtOnceAreEachDoneOnce(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "store.db"))
	var all sync.WaitGroup
	for w := range 16 {
		all.Go(func() {
			for i := range 30 {
				user := fmt.Sprint("u", w)
				got := accept(t, s, newTurn(user, fmt.Sprint(w, "/", i), "x"), newTurn(user, fmt.Sprint(w, "/", i), "x"))
				if got[0].Turn == nil || got[1].Verdict != store.Known {
					t.Errorf("%+v", got)
					return
				}
				if _, err := s.Finish(t.Context(), store.Finished{Turn: got[0].Turn.Row, Now: now}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if d, err := s.Depth(t.Context()); err != nil || len(d.Turns) > 0 {
		t.Errorf("%+v, %v", d, err)
	}
}

// What comes while a commit's verbs are run shares it; what must be alone is run after it.
func TestAVerbThatComesWhileOthersRunSharesTheirCommit(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "store.db"))
	w := s.writer
	var order []string
	var late sync.WaitGroup
	bring := func(name string, alone bool) {
		v := &verb{ctx: t.Context(), alone: alone, done: make(chan struct{}, 1)}
		v.do = func(c *core) error {
			order = append(order, fmt.Sprint(name, " ", c.db.AutoCommit()))
			return nil
		}
		w.queue <- v
		late.Go(func() { <-v.done })
	}
	if err := w.run(t.Context(), false, func(*core) error {
		bring("beside", false)
		bring("alone", true)
		bring("after", false)
		order = append(order, "first")
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	late.Wait()
	if got := strings.Join(order, ", "); got != "first, beside false, alone true, after false" {
		t.Error(got)
	}
}

func TestCloseWaitsForVerbsUnderWay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := openAt(t, path)
	inside, goOn, accepted := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	accept(t, s, newTurn("u1", "one", "one"), newTurn("u1", "two", "two"))
	go func() {
		_, err := s.Accept(t.Context(), store.Batch{Account: account, Now: now, Entries: []store.Entry{{Edit: &store.Edit{Target: "two", Body: func([]byte) []byte {
			close(inside)
			<-goOn
			return []byte("edited")
		}}}}})
		accepted <- err
	}()
	<-inside
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	select {
	case err := <-closed:
		t.Fatalf("closed under a verb: %v", err)
	default:
	}
	close(goOn)
	if err := <-accepted; err != nil {
		t.Error(err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if err := s.Writable(t.Context()); !errors.Is(err, errClosed) {
		t.Errorf("after: %v", err)
	}
}

func TestPagesAreReadWhileTheWriterIsBusy(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "store.db"))
	e := newTurn("u1", "one", "one")
	e.Turn.Feed, e.Turn.Feeds = []byte("item"), 9
	accept(t, s, e)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.writer.run(ctx, true, func(*core) error {
		read := make(chan error, 1)
		go func() {
			items, err := s.Feed(ctx, e.Turn.In, e.Turn.From, 0, 9)
			places, err2 := s.Places(ctx, account, 9)
			if len(items) != 1 || len(places) != 1 {
				err = errors.Join(err, fmt.Errorf("%d items, %d places", len(items), len(places)))
			}
			read <- errors.Join(err, err2)
		}()
		select {
		case err := <-read:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}); err != nil {
		t.Error(err)
	}
}
