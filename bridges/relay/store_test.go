package relay_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges"
	"avatarbridge/store"
)

func TestStopGivesBackWhatIsNotFinished(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
			<-ctx.Done()
			return ctx.Err()
		})
		w.bridge.receive(t, w.bridge.said("ann", "1"), w.bridge.said("ann", "2"))
		settle()
		began := time.Now()
		w.stop()
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("stopping took %v", took)
		}
		w.avatar.onAsk(nil)
		w.start()
		w.wantPosted("ann", "re: 1", "re: 2")
	})
}

// brokenStore fails some verbs for a while.
type brokenStore struct {
	store.Store
	failAccept, failFinish, failSettle, failCurrent atomic.Int32
}

var errDisk = errors.New("database or disk is full")

func fails(n *atomic.Int32) bool { return n.Load() > 0 && n.Add(-1) >= 0 }

func (s *brokenStore) Accept(ctx context.Context, b store.Batch) ([]store.Result, error) {
	if fails(&s.failAccept) {
		return nil, errDisk
	}
	return s.Store.Accept(ctx, b)
}

func (s *brokenStore) Finish(ctx context.Context, f store.Finished) (store.Claims, error) {
	if fails(&s.failFinish) {
		return store.Claims{}, errDisk
	}
	return s.Store.Finish(ctx, f)
}

func (s *brokenStore) Current(ctx context.Context, turn int64) (store.Conversation, error) {
	if fails(&s.failCurrent) {
		return store.Conversation{}, errDisk
	}
	return s.Store.Current(ctx, turn)
}

func (s *brokenStore) Settle(ctx context.Context, x store.Settled) (store.Claims, error) {
	if fails(&s.failSettle) {
		return store.Claims{}, errDisk
	}
	return s.Store.Settle(ctx, x)
}

func TestStoreThatFailsStopsIntakeAndLosesNothing(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		broken := &brokenStore{}
		w.broken = broken
		w.restart()
		broken.failAccept.Store(1)
		ev := w.bridge.said("ann", "1")
		if err := w.bridge.rx.Receive(t.Context(), bridges.Batch{Events: []bridges.Event{ev}, Cursor: "5"}); err == nil {
			t.Fatal("acknowledged though the store failed")
		}
		if why := w.relay.Status().Store; !strings.Contains(why, "full") {
			t.Errorf("the status does not say why: %q", why)
		}
		time.Sleep(5 * time.Second)
		if why := w.relay.Status().Store; why != "" {
			t.Errorf("there is room again, and the status still says %q", why)
		}
		broken.failFinish.Store(3)
		broken.failSettle.Store(3)
		w.bridge.receive(t, ev)
		time.Sleep(time.Minute)
		w.wantPosted("ann", "re: 1")
		if n := len(w.avatar.turns()); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestTurnsOfAnAvatarThatIsNotConfiguredAnyMoreAreDeadLetters(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		if err := w.relay.Pause(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		w.bridge.receive(t, w.bridge.said("ann", "1"), w.bridge.said("ann", "2"))
		settle()
		w.stop()
		w.cfg.Avatars[0].Name, w.cfg.Bridges[0].Default.Avatar = "sol", "sol"
		w.start()
		settle()
		letters := w.dead()
		if len(letters) != 2 || !strings.Contains(letters[0].Reason, `no avatar "luna"`) {
			t.Errorf("dead letters: %+v", letters)
		}
	})
}

func TestStoreThatRefusesIntakeIsNotCalledReadyBecauseItSettles(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		s := &refusingIntake{}
		w.wrap = func(st store.Store) store.Store { s.Store = st; return s }
		w.restart()
		w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
			time.Sleep(time.Second)
			return say.Say(ctx, avatar.Reply{Text: "re"})
		})
		w.bridge.receive(t, w.bridge.said("ann", "1"))
		settle()
		s.full.Store(true)
		if err := w.bridge.rx.Receive(t.Context(), bridges.Batch{Events: []bridges.Event{w.bridge.said("bob", "2")}}); err == nil {
			t.Fatal("taken")
		}
		time.Sleep(10 * time.Second)
		w.wantPosted("ann", "re")
		if w.relay.Status().Store == "" {
			t.Error("the status says that the store takes messages")
		}
		s.full.Store(false)
		time.Sleep(3 * time.Second)
		if why := w.relay.Status().Store; why != "" {
			t.Errorf("there is room again, and the status says %q", why)
		}
	})
}

// refusingIntake settles what it has, but takes nothing new while it is full.
type refusingIntake struct {
	store.Store
	full atomic.Bool
}

func (s *refusingIntake) Accept(ctx context.Context, b store.Batch) ([]store.Result, error) {
	if s.full.Load() {
		return nil, errDisk
	}
	return s.Store.Accept(ctx, b)
}

func (s *refusingIntake) Writable(ctx context.Context) error {
	if s.full.Load() {
		return errDisk
	}
	return s.Store.Writable(ctx)
}
