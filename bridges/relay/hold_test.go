package relay_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
	"avatarbridge/bridges/relay"
	"avatarbridge/store"
)

func TestThrottledChannelHoldsBackOnlyItself(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		limit := func(m bridges.Message) error {
			if m.Place.Channel == "ann" {
				return fault.Throttle(fault.Channel, 30*time.Second, nil)
			}
			return nil
		}
		w.bridge.onSend(limit)
		w.bridge.receive(t, w.bridge.said("ann", "a"), w.bridge.said("bob", "b"))
		w.wantPosted("bob", "re: b")
		w.wantPosted("ann")
		w.restart() // the hold outlives it
		w.bridge.receive(t, w.bridge.said("ann", "a2"))
		time.Sleep(29 * time.Second)
		w.wantPosted("ann")
		time.Sleep(2 * time.Second)
		w.wantPosted("ann", "re: a", "re: a2")
	})
}

func TestAMovedChannelKeepsTheLongerOfTwoThrottles(t *testing.T) {
	for old, want := range map[time.Duration]time.Duration{time.Minute: 2 * time.Hour, 3 * time.Hour: 3 * time.Hour} {
		inWorld(t, limits("off", "off"), func(t *testing.T, w *world) {
			began, first := time.Now(), map[string]bool{}
			var mu sync.Mutex
			var again []time.Duration
			w.bridge.onSend(func(m bridges.Message) error {
				mu.Lock()
				defer mu.Unlock()
				room := m.Place.Channel
				if !first[room] {
					first[room] = true
					return fault.Throttle(fault.Channel, map[string]time.Duration{"-1": old, "-100": 2 * time.Hour}[room], nil)
				}
				again = append(again, time.Since(began))
				return nil
			})
			w.bridge.receive(t, w.bridge.in(bridges.Place{Channel: "-1"}, "ann", "a"), w.bridge.in(bridges.Place{Channel: "-100"}, "ann", "b"))
			settle()
			w.bridge.receive(t, moved())
			time.Sleep(4 * time.Hour)
			settle()
			if len(again) != 2 || slices.Min(again) < want {
				t.Errorf("with %s of the old one there were posts after %v, want 2 after %v", old, again, want)
			}
		})
	}
}

func TestThePauseOfAChatGoesWithItsForgottenPerson(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		w.bridge.receive(t, w.bridge.said("ann", "hello"))
		w.wantPosted("ann", "re: hello")
		for _, target := range []string{"b/ann", "b/bob"} {
			if err := w.relay.Pause(t.Context(), target); err != nil {
				t.Fatal(err)
			}
		}
		p, err := w.store.Person(t.Context(), "fake:ann")
		if err != nil {
			t.Fatal(err)
		}
		gone, err := w.store.Forget(t.Context(), p.UID)
		if err != nil {
			t.Fatal(err)
		}
		w.relay.Forgotten(gone)
		if got := w.relay.Status().Paused; !slices.Equal(got, []string{"b/bob"}) {
			t.Errorf("paused: %q: the store keeps bob's alone", got)
		}
		w.bridge.receive(t, w.bridge.said("ann", "again"))
		w.wantPosted("ann", "re: hello", "re: again")
	})
}

func TestPauseStopsAskingAndPostingUntilResume(t *testing.T) {
	for _, target := range []string{"", "b", "b/ann"} {
		t.Run("target="+target, func(t *testing.T) {
			inWorld(t, nil, func(t *testing.T, w *world) {
				w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
					time.Sleep(time.Second)
					return say.Say(ctx, avatar.Reply{Text: "re: " + turn.Text})
				})
				w.bridge.receive(t, w.bridge.said("ann", "1"), w.bridge.said("ann", "2"))
				settle()
				if err := w.relay.Pause(t.Context(), target); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Second)
				w.wantPosted("ann") // the answer to 1 came meanwhile and waits
				w.restart()
				time.Sleep(time.Minute)
				w.wantPosted("ann")
				if got := w.relay.Status().Paused; !slices.Equal(got, []string{target}) {
					t.Errorf("paused: %q", got)
				}
				if err := w.relay.Resume(t.Context(), target); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Second)
				w.wantPosted("ann", "re: 1", "re: 2")
			})
		})
	}
}

func TestPauseOfUnknownBridgeIsAnError(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		if err := w.relay.Pause(t.Context(), "nosuch"); err == nil || !strings.Contains(err.Error(), `"nosuch"`) {
			t.Errorf("got %v", err)
		}
	})
}

func TestPauseOfARoomFollowsItsMoveAndCanBeEnded(t *testing.T) {
	inWorld(t, listed, func(t *testing.T, w *world) {
		if err := w.relay.Pause(t.Context(), "b/-1"); err != nil {
			t.Fatal(err)
		}
		w.bridge.receive(t, w.bridge.in(bridges.Place{Channel: "-1"}, "ann", "before"))
		settle()
		w.bridge.receive(t, moved())
		w.bridge.receive(t, w.bridge.in(bridges.Place{Channel: "-100"}, "ben", "after"))
		w.wantPosted("-100")
		if err := w.relay.Resume(t.Context(), "b/-1"); err != nil {
			t.Fatal(err)
		}
		settle()
		got := w.bridge.posted("-100")
		slices.Sort(got)
		if !slices.Equal(got, []string{"re: after", "re: before"}) {
			t.Errorf("after the pause: %q", got)
		}
	})
}

// gated holds Defer back, so that a resume can overtake it.
type gated struct {
	store.Store
	gate chan struct{}
}

func (s *gated) Defer(ctx context.Context, d store.Deferred) (store.Claims, error) {
	<-s.gate
	return s.Store.Defer(ctx, d)
}

func TestTurnThatIsParkedWhileThePauseEndsIsAsked(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		s := &gated{gate: make(chan struct{})}
		w.wrap = func(st store.Store) store.Store { s.Store = st; return s }
		w.restart()
		if err := w.relay.Pause(t.Context(), "b"); err != nil {
			t.Fatal(err)
		}
		w.bridge.receive(t, w.bridge.said("ann", "1"))
		settle()
		if err := w.relay.Resume(t.Context(), "b"); err != nil {
			t.Fatal(err)
		}
		close(s.gate)
		w.wantPosted("ann", "re: 1")
	})
}

func TestPostsOfAPausedBridgeAreNotMarkedAsBeingSentByARestart(t *testing.T) {
	inWorld(t, func(c *relay.Config) { c.Bridges[0].HoldUnclear = true }, func(t *testing.T, w *world) {
		w.bridge.onSend(func(bridges.Message) error { return fault.Throttle(fault.Bridge, time.Hour, nil) })
		for i := range 5 {
			w.bridge.receive(t, w.bridge.said(fmt.Sprint("p", i), "x"))
		}
		settle()
		s := &counting{}
		w.wrap = func(st store.Store) store.Store { s.Store = st; return s }
		w.restart()
		settle()
		if n := s.claimed.Load(); n != 0 {
			t.Errorf("%d posts were claimed, and so marked, during the hold", n)
		}
		time.Sleep(2 * time.Hour)
		for i := range 5 {
			w.wantPosted(fmt.Sprint("p", i), "re: x")
		}
	})
}

// counting counts the posts that ClaimPosts hands out.
type counting struct {
	store.Store
	claimed atomic.Int32
}

func (s *counting) ClaimPosts(ctx context.Context, account string, now time.Time, n int) ([]store.Post, time.Time, error) {
	posts, due, err := s.Store.ClaimPosts(ctx, account, now, n)
	s.claimed.Add(int32(len(posts)))
	return posts, due, err
}

func TestWhatWasHeldIsDueOnlyWhenItsHoldIsOver(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		s := &countsDefer{}
		w.wrap = func(st store.Store) store.Store { s.Store = st; return s }
		w.restart()
		calls := 0
		w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
			if calls++; calls == 1 { // the store knows nothing of nanoseconds
				return fault.Throttle(fault.Avatar, 2*time.Second+time.Nanosecond, nil)
			}
			return say.Say(ctx, avatar.Reply{Text: "re: " + turn.Text})
		})
		w.bridge.receive(t, w.bridge.said("ann", "1"))
		time.Sleep(time.Second)
		w.relay.Wake() // the store says when the turn is due
		time.Sleep(2 * time.Second)
		w.wantPosted("ann", "re: 1")
		if n := s.n.Load(); n != 1 {
			t.Errorf("the turn was given back %d times", n)
		}
	})
}

// countsDefer counts how often turns are given back. Where it is too often it lets time pass, which otherwise never would.
type countsDefer struct {
	store.Store
	n atomic.Int32
}

func (s *countsDefer) Defer(ctx context.Context, d store.Deferred) (store.Claims, error) {
	if s.n.Add(1) > 10 {
		time.Sleep(time.Microsecond)
	}
	return s.Store.Defer(ctx, d)
}
