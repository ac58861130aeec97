package relay_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
	"avatarbridge/bridges/relay"
)

func TestFailingTurnIsRetriedThenNoticedOnceAndDead(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		w.avatar.onAsk(func(context.Context, avatar.Turn, avatar.Speaker) error { return errDown })
		w.bridge.receive(t, w.bridge.said("ann", "one"), w.bridge.said("ann", "two"))
		time.Sleep(20 * time.Minute)
		w.wantPosted("ann", "UNAVAILABLE")
		if letters := w.dead(); len(letters) != 2 || letters[0].Post || !strings.Contains(letters[0].Reason, "connection refused") {
			t.Fatalf("dead letters: %+v", letters)
		}
		if n := w.dead()[1].Attempts; n != 6 {
			t.Errorf("the dead letter says %d attempts, want 6", n)
		}
		asked := w.avatar.turns()
		if n := len(asked); n < 7 || n > 12 {
			t.Errorf("asked %d times for two turns, want at most 6 each", n)
		}
		if asked[0].ID != asked[1].ID {
			t.Error("the repeated turn has another id")
		}
		w.avatar.onAsk(nil)
		if _, err := w.store.Retry(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
		w.relay.Wake()
		time.Sleep(time.Minute)
		if got := w.bridge.posted("ann"); len(got) != 3 {
			t.Errorf("after the operator's retry: %q", got)
		}
	})
}

func TestRefusedTurnIsDeadAtOnce(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		w.avatar.onAsk(func(context.Context, avatar.Turn, avatar.Speaker) error {
			return fault.Kill("the key is refused: set api_key", nil)
		})
		w.bridge.receive(t, w.bridge.said("ann", "hi"))
		w.wantPosted("ann", "UNAVAILABLE")
		if letters := w.dead(); len(letters) != 1 || !strings.Contains(letters[0].Reason, "set api_key") {
			t.Errorf("dead letters: %+v", letters)
		}
	})
}

func TestBreakerSparesAnAvatarThatIsDownAndNothingIsLost(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		w.avatar.onAsk(func(context.Context, avatar.Turn, avatar.Speaker) error { return errDown })
		for i := range 100 {
			w.bridge.receive(t, w.bridge.said(fmt.Sprint("u", i), "1"), w.bridge.said(fmt.Sprint("u", i), "2"))
		}
		time.Sleep(time.Minute)
		if n := len(w.avatar.turns()); n > 200 {
			t.Errorf("an avatar that is down was asked %d times in a minute", n)
		}
		w.avatar.onAsk(nil)
		time.Sleep(10 * time.Minute)
		for i := range 100 {
			w.wantPosted(fmt.Sprint("u", i), "re: 1", "re: 2")
		}
	})
}

func TestThrottledAvatarWaitsAndCountsNoAttempt(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		began := time.Now()
		var calls atomic.Int32
		w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
			if calls.Add(1); time.Since(began) < 10*time.Minute {
				return fault.Throttle(fault.Avatar, time.Minute, nil)
			}
			return say.Say(ctx, avatar.Reply{Text: "finally"})
		})
		w.bridge.receive(t, w.bridge.said("ann", "hi"))
		w.wantPosted("ann")
		w.restart()
		time.Sleep(11 * time.Minute)
		w.wantPosted("ann", "finally")
		if n := calls.Load(); n != 11 {
			t.Errorf("asked %d times, want once a minute", n)
		}
	})
}

func TestTypingIsShownWhileTheAvatarThinksAndNotAfter(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		think := time.Duration(0)
		w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
			time.Sleep(think)
			return say.Say(ctx, avatar.Reply{Text: "ok"})
		})
		think = 399 * time.Millisecond
		w.bridge.receive(t, w.bridge.said("ann", "fast"))
		time.Sleep(10 * time.Second)
		settle()
		if n := w.bridge.shown(); n != 0 {
			t.Fatalf("typing was shown %d times for a fast answer", n)
		}
		think = 10 * time.Second
		w.bridge.receive(t, w.bridge.said("ann", "slow"))
		time.Sleep(time.Minute)
		if n := w.bridge.shown(); n != 3 { // at 0.4, 4.4 and 8.4 seconds
			t.Errorf("typing was shown %d times in ten seconds, want 3", n)
		}
	})
}

func TestPanicInABackendIsADeadLetterAndNothingElse(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
			if turn.Text == "boom" {
				_ = turn.Text[len(turn.Text)]
			}
			return say.Say(ctx, avatar.Reply{Text: "fine"})
		})
		w.bridge.receive(t, w.bridge.said("ann", "boom"), w.bridge.said("bob", "hi"))
		w.wantPosted("bob", "fine")
		time.Sleep(20 * time.Minute)
		w.wantPosted("ann", "UNAVAILABLE")
	})
}

// forgetful is a fakeAvatar that has to be told what was said before.
type forgetful struct{ fakeAvatar }

func (*forgetful) History() int { return 2 }

func TestHistoryIsBoundedOutlivesARestartAndEndsWithAReset(t *testing.T) {
	backend := &forgetful{}
	inWorld(t, func(c *relay.Config) { c.Avatars[0].Backend = backend }, func(t *testing.T, w *world) {
		told := func(text string) (all []string) {
			w.bridge.receive(t, w.bridge.said("ann", text))
			settle()
			turns := backend.turns()
			for _, x := range turns[len(turns)-1].History {
				all = append(all, x.Asked+"→"+x.Replied)
			}
			return all
		}
		for i, want := range []string{"", "0→re: 0", "0→re: 0 1→re: 1", "1→re: 1 2→re: 2"} {
			if got := strings.Join(told(fmt.Sprint(i)), " "); got != want {
				t.Errorf("turn %d was told %q, want %q", i, got, want)
			}
		}
		w.restart()
		if got := strings.Join(told("4"), " "); got != "2→re: 2 3→re: 3" {
			t.Errorf("after a restart: %q", got)
		}
		reset := w.bridge.said("ann", "")
		reset.Kind, reset.Command = bridges.Command, "reset"
		w.bridge.receive(t, w.bridge.said("bob", "x"), reset)
		if got := told("5"); got != nil {
			t.Errorf("after a reset: %q", got)
		}
	})
}

func TestDeadLetterThatIsPutBackIsAnsweredHoweverOldItIs(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		w.avatar.onAsk(func(context.Context, avatar.Turn, avatar.Speaker) error { return fault.Kill("refused", nil) })
		w.bridge.receive(t, w.bridge.said("ann", "1"))
		settle()
		time.Sleep(48 * time.Hour)
		began := time.Now()
		w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
			if time.Since(began) < 5*time.Second {
				return errDown // it gets its chances anew
			}
			return say.Say(ctx, avatar.Reply{Text: "re: " + turn.Text})
		})
		if n, err := w.store.Retry(t.Context(), time.Now()); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		w.relay.Wake()
		time.Sleep(10 * time.Minute)
		w.wantPosted("ann", "UNAVAILABLE", "re: 1")
	})
}

func TestTurnsThatWaitedOutAPauseGetTheirChances(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		if err := w.relay.Pause(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			w.bridge.receive(t, w.bridge.said(fmt.Sprint("p", i), "x"))
		}
		time.Sleep(20 * time.Minute)
		resumed := time.Now()
		w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
			if time.Since(resumed) < time.Second {
				return errDown
			}
			return say.Say(ctx, avatar.Reply{Text: "re: " + turn.Text})
		})
		if err := w.relay.Resume(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		for i := range 20 {
			w.wantPosted(fmt.Sprint("p", i), "re: x")
		}
	})
}

func TestPeopleHearWithinTheTimeThatAnAvatarIsDown(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		w.avatar.onAsk(func(context.Context, avatar.Turn, avatar.Speaker) error { return errDown })
		for i := range 20 {
			w.bridge.receive(t, w.bridge.said(fmt.Sprint("p", i), "x"))
		}
		time.Sleep(17 * time.Minute)
		for i := range 20 {
			w.wantPosted(fmt.Sprint("p", i), "UNAVAILABLE")
		}
	})
}

func TestSlowProbeOfAnAvatarThatIsBackKeepsNobodyWaiting(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		began := time.Now()
		w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
			if time.Since(began) < 5*time.Second {
				return errDown
			}
			if turn.Text == "slow" {
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(110 * time.Second):
				}
			}
			return say.Say(ctx, avatar.Reply{Text: "re: " + turn.Text})
		})
		for i := range 10 {
			w.bridge.receive(t, w.bridge.said(fmt.Sprint("s", i), "slow"))
		}
		settle()
		w.bridge.receive(t, w.bridge.said("ann", "quick"))
		time.Sleep(time.Minute)
		w.wantPosted("ann", "re: quick")
	})
}

func TestAvatarThatHangsIsAskedByAFewOnly(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		began := time.Now()
		w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
			if time.Since(began) < 5*time.Second {
				return errDown
			}
			<-ctx.Done()
			return ctx.Err()
		})
		for i := range 300 {
			w.bridge.receive(t, w.bridge.said(fmt.Sprint("p", i), "x"))
		}
		time.Sleep(6 * time.Second)
		before := len(w.avatar.turns())
		time.Sleep(2 * time.Minute)
		if n := len(w.avatar.turns()) - before; n > 3*16 {
			t.Errorf("an avatar that hangs was asked %d times in two minutes", n)
		}
	})
}

func TestPauseBetweenTwoTriesUsesUpNoTime(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		calls := 0
		w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
			if calls++; calls < 4 {
				return errDown
			}
			return say.Say(ctx, avatar.Reply{Text: "at last"})
		})
		w.bridge.receive(t, w.bridge.said("ann", "x"))
		settle()
		if err := w.relay.Pause(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Minute)
		if err := w.relay.Resume(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		w.wantPosted("ann", "at last")
	})
}
