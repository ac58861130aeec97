package relay_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"

	"avatarbridge/avatar"
	"avatarbridge/store"
)

// sayCounter counts how often the store is asked to keep a late reply.
type sayCounter struct {
	store.Store
	said atomic.Int32
}

func (s *sayCounter) Say(ctx context.Context, x store.Said) (store.Claims, error) {
	s.said.Add(1)
	return s.Store.Say(ctx, x)
}

func TestATicketThatIsSpentIsRefusedWithoutAskingTheStoreAgain(t *testing.T) {
	inPatientWorld(t, func(t *testing.T, w *world, a *patient) {
		count := &sayCounter{}
		w.wrap = func(st store.Store) store.Store { count.Store = st; return count }
		w.restart()
		w.bridge.receive(t, w.bridge.said("ann", "1"), w.bridge.said("bob", "x"))
		settle()
		ann, bob := a.turn("1"), a.turn("x")
		w.calls(ann, "text=bye&end=1")
		w.bridge.receive(t, w.bridge.said("ann", "2"))
		before := count.said.Load()
		for range 100 {
			if code := w.calls(ann, "text=evil"); code != http.StatusNotFound {
				t.Fatalf("a spent ticket: %d", code)
			}
		}
		if n := count.said.Load() - before; n > 8 {
			t.Errorf("the store was asked %d times about one spent ticket", n)
		}
		for text, turn := range map[string]avatar.Turn{"y": bob, "two": a.turn("2")} {
			if code := w.calls(turn, "text="+text); code != http.StatusOK {
				t.Errorf("a good ticket: %d", code)
			}
		}
		w.wantPosted("ann", "bye", "two")
		w.wantPosted("bob", "y")
	})
}

func TestTheRepeatOfAFinalReplyIsNoFailureThoughOthersWereRefusedMeanwhile(t *testing.T) {
	inPatientWorld(t, func(t *testing.T, w *world, a *patient) {
		w.bridge.receive(t, w.bridge.said("ann", "1"))
		settle()
		ann := a.turn("1")
		w.calls(ann, "text=bye&key=k1&end=1")
		if code := w.calls(ann, "text=more&key=k2"); code != http.StatusNotFound {
			t.Errorf("after the end: %d", code)
		}
		if code := w.calls(ann, "text=bye&key=k1&end=1"); code != http.StatusOK {
			t.Errorf("the repeat of the end: %d", code)
		}
		w.wantPosted("ann", "bye")
	})
}

func TestAMessageThatIsAskedAnewHasATicketThatIsNotSpent(t *testing.T) {
	inPatientWorld(t, func(t *testing.T, w *world, a *patient) {
		w.bridge.receive(t, w.bridge.said("ann", "1"))
		settle()
		first := a.turns()[0]
		w.calls(first, "text=one")
		w.bridge.receive(t, w.bridge.said("ann", "2"))
		settle()
		w.calls(first, "text=bye&end=1")
		turns := a.turns()
		if len(turns) != 3 || turns[1].ID != turns[2].ID {
			t.Fatalf("asked %+v", turns)
		}
		for range 2 {
			if code := w.calls(turns[1], "text=old"); code != http.StatusNotFound {
				t.Errorf("the old generation's ticket: %d", code)
			}
		}
		if code := w.calls(turns[2], "text=two"); code != http.StatusOK {
			t.Errorf("the new generation's ticket: %d", code)
		}
		w.wantPosted("ann", "one", "bye", "two")
	})
}
