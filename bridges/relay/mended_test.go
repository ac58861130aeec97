package relay_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
	"avatarbridge/bridges/relay"
	"avatarbridge/store"
)

// listed answers always, in the room -1 alone.
func listed(c *relay.Config) {
	c.Bridges[0].Routes = []relay.Route{{Channels: []string{"-1"}, Settings: relay.Settings{Avatar: "luna", ReplyWhen: relay.ReplyAlways}}}
}

func moved() bridges.Event {
	return bridges.Event{Kind: bridges.Moved, Key: "moved", At: time.Now(), Place: bridges.Place{Channel: "-1"}, To: "-100"}
}

func TestMessageBehindAMoveInTheSameBatchIsAnswered(t *testing.T) {
	inWorld(t, listed, func(t *testing.T, w *world) {
		w.bridge.receive(t, moved(), w.bridge.in(bridges.Place{Channel: "-100"}, "ann", "hi"))
		w.wantPosted("-100", "re: hi")
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

func TestOutageOfThePlatformLosesNoReply(t *testing.T) {
	for name, outage := range map[string]error{"refused": errDown, "502": fault.Unsure(errors.New("502"))} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(t *testing.T, w *world) {
				began, unclear := time.Now(), false
				w.bridge.onSend(func(bridges.Message) error {
					switch {
					case time.Since(began) < 10*time.Minute:
						return outage
					case !unclear:
						unclear = true
						return fault.Unsure(errors.New("cut"))
					}
					return nil
				})
				w.bridge.receive(t, w.bridge.said("ann", "1"))
				time.Sleep(time.Hour)
				w.wantPosted("ann", "re: 1")
			})
		})
	}
}

func TestForgottenPersonLeavesNoIDInNotices(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		w.avatar.onAsk(func(context.Context, avatar.Turn, avatar.Speaker) error { return fault.Kill("refused", nil) })
		w.bridge.receive(t, w.bridge.said("77412345678", "1"))
		settle()
		conversation := w.avatar.turns()[0].Conversation
		p, err := w.store.Person(t.Context(), "fake:77412345678")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.store.Forget(t.Context(), p.UID); err != nil {
			t.Fatal(err)
		}
		w.stop()
		data, err := os.ReadFile(filepath.Join(w.dir, "a.db"))
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{conversation, "77412345678"} {
			if strings.Contains(string(data), id) {
				t.Errorf("%s is still in the file", id)
			}
		}
	})
}

func TestEditThatComesWithItsMessageOrDuringAPauseCounts(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		edit := func(ev bridges.Event, text string) bridges.Event {
			ev.Kind, ev.Target, ev.Key, ev.Text = bridges.Edited, ev.Key, "", text
			return ev
		}
		first, gone := w.bridge.said("ann", "1"), w.bridge.said("ann", "never mind")
		w.bridge.receive(t, first, gone, edit(first, "one"), bridges.Event{Kind: bridges.Deleted, Target: gone.Key})
		settle()
		if err := w.relay.Pause(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		second := w.bridge.said("ann", "2")
		w.bridge.receive(t, second)
		settle()
		w.bridge.receive(t, edit(second, "two"))
		if err := w.relay.Resume(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		w.wantPosted("ann", "re: one", "re: two")
	})
}

// silent keeps no audio, and refuses no address.
type silent struct{}

func (silent) Keep(context.Context, avatar.Audio) (bridges.Audio, error) {
	return bridges.Audio{}, errDisk
}
func (silent) Vet(string, bool) error { return nil }

func TestReplyOfWhichNothingCanBePostedIsADeadLetterAndNotSilence(t *testing.T) {
	inWorld(t, func(c *relay.Config) { c.Media = silent{} }, func(t *testing.T, w *world) {
		w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
			return say.Say(ctx, avatar.Reply{Audio: avatar.Audio{Data: []byte("RIFF")}})
		})
		w.bridge.receive(t, w.bridge.said("ann", "1"))
		w.wantPosted("ann", "UNAVAILABLE")
		if n := len(w.dead()); n != 1 {
			t.Errorf("%d dead letters", n)
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

func TestPostThatWasUnclearOnceStaysUnclearWhenItDies(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		outcomes := []error{fault.Unsure(errors.New("cut")), errDown, fault.Kill("blocked", nil)}
		w.bridge.onSend(func(bridges.Message) error {
			o := outcomes[0]
			outcomes = outcomes[1:]
			return o
		})
		w.bridge.receive(t, w.bridge.said("ann", "1"))
		time.Sleep(10 * time.Minute)
		if letters := w.dead(); len(letters) != 1 || !letters[0].Unclear {
			t.Errorf("dead letters: %+v", letters)
		}
	})
}

func TestMoveToTheSameChannelIsNoEndlessLoop(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		var calls atomic.Int32
		w.bridge.onSend(func(m bridges.Message) error { calls.Add(1); return fault.MoveTo(m.Place.Channel, nil) })
		w.bridge.receive(t, w.bridge.said("ann", "1"))
		time.Sleep(10 * time.Minute)
		if calls.Load() > 30 {
			t.Errorf("%d calls in ten minutes", calls.Load())
		}
	})
}

func TestReplyDoesNotQuoteAMessageOfTheGroupItWasBeforeTheMove(t *testing.T) {
	inWorld(t, listed, func(t *testing.T, w *world) {
		w.bridge.onSend(func(m bridges.Message) error {
			if m.Place.Channel == "-1" {
				return fault.MoveTo("-100", nil)
			}
			return nil
		})
		w.bridge.receive(t, w.bridge.in(bridges.Place{Channel: "-1"}, "ann", "hi"))
		w.wantPosted("-100", "re: hi")
		if to := w.bridge.sent[0].ReplyTo; to != "" {
			t.Errorf("it quotes message %s", to)
		}
	})
}

func TestAvatarLimitHoldsAcrossRoomsAndPeople(t *testing.T) {
	inWorld(t, func(c *relay.Config) {
		c.Bridges[0].AllRooms = true
		c.Bridges[0].Default.ReplyWhen = relay.ReplyAlways
		c.Bridges[0].Default.Limits.Avatar = []relay.Rate{{Max: 7, Every: time.Hour}}
	}, func(t *testing.T, w *world) {
		for i := range 20 {
			w.bridge.receive(t, w.bridge.in(bridges.Place{Channel: fmt.Sprint("room", i%2)}, fmt.Sprint("p", i), "x"), w.bridge.said(fmt.Sprint("q", i), "x"))
		}
		settle()
		if n := len(w.avatar.turns()); n != 7 {
			t.Errorf("the avatar was asked %d times, want 7", n)
		}
	})
}
