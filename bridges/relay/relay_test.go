package relay_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
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

func TestMessageDeliveredTwiceIsAnsweredOnce(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		ev := w.bridge.said("ann", "hi")
		w.bridge.receive(t, ev, ev)
		w.wantPosted("ann", "re: hi")
		w.restart()
		w.bridge.receive(t, ev)
		w.wantPosted("ann")
		if n := len(w.avatar.turns()); n != 1 {
			t.Errorf("asked %d times, want once", n)
		}
	})
}

func TestConversationsRunInParallelAndInOrder(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
			time.Sleep(time.Second)
			return say.Say(ctx, avatar.Reply{Text: "re: " + turn.Text + "|more"})
		})
		began := time.Now()
		for i := range 50 {
			user := fmt.Sprint("u", i)
			w.bridge.receive(t, w.bridge.said(user, "1"), w.bridge.said(user, "2"), w.bridge.said(user, "3"))
		}
		time.Sleep(3*time.Second + time.Millisecond)
		for i := range 50 {
			w.wantPosted(fmt.Sprint("u", i), "re: 1", "more", "re: 2", "more", "re: 3", "more")
		}
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("50 conversations of three turns took %v", took)
		}
	})
}

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

func TestRefusedFormFallsBackToTheNext(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		w.bridge.onSend(func(m bridges.Message) error {
			if m.Forms[0].Kind == "fancy" {
				return fault.Reject("bad markup", nil)
			}
			return nil
		})
		w.avatar.onAsk(func(ctx context.Context, _ avatar.Turn, say avatar.Speaker) error {
			return say.Say(ctx, avatar.Reply{Text: "#bold"})
		})
		w.bridge.receive(t, w.bridge.said("ann", "x"))
		w.wantPosted("ann", "bold")
	})
}

func TestLaterPiecesDieWithADeadOneAndLaterRepliesGoOn(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		w.bridge.onSend(func(m bridges.Message) error {
			if m.Forms[0].Text == "two" {
				return fault.Kill("no", nil)
			}
			return nil
		})
		w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
			return say.Say(ctx, avatar.Reply{Text: turn.Text})
		})
		w.bridge.receive(t, w.bridge.said("ann", "one|two|three"), w.bridge.said("ann", "four"))
		w.wantPosted("ann", "one", "four")
		if n := len(w.dead()); n != 2 {
			t.Errorf("%d dead letters, want the dead piece and the one behind it", n)
		}
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

func TestOldMessagesGetOneNotice(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		old, older := w.bridge.said("ann", "old"), w.bridge.said("ann", "older")
		old.At, older.At = time.Now().Add(-61*time.Minute), time.Now().Add(-5*time.Hour)
		w.bridge.receive(t, older, old)
		w.wantPosted("ann", "TOO OLD")
		if n := len(w.avatar.turns()); n != 0 {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestTurnThatWaitedTooLongIsNotAnsweredAsIfItWereNew(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		if err := w.relay.Pause(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		w.bridge.receive(t, w.bridge.said("ann", "1"), w.bridge.said("ann", "2"))
		time.Sleep(2 * time.Hour)
		if err := w.relay.Resume(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		w.wantPosted("ann", "TOO OLD")
		if n := len(w.avatar.turns()); n != 0 {
			t.Errorf("asked %d times", n)
		}
	})
}

func limits(person, room string) func(*relay.Config) {
	return func(c *relay.Config) {
		p, _ := relay.ParseRates(person)
		r, _ := relay.ParseRates(room)
		c.Bridges[0].AllRooms = true
		c.Bridges[0].Default.ReplyWhen = relay.ReplyAlways
		c.Bridges[0].Default.Limits = relay.Limits{Person: p, Room: r}
	}
}

func TestPersonOverTheLimitGetsOneNotice(t *testing.T) {
	inWorld(t, limits("2/m, 5/d", "off"), func(t *testing.T, w *world) {
		for i := range 6 {
			w.bridge.receive(t, w.bridge.said("ann", fmt.Sprint(i)))
		}
		w.bridge.receive(t, w.bridge.said("bob", "b"))
		w.wantPosted("bob", "re: b")
		settle()
		if got := w.bridge.posted("ann"); len(got) != 3 || !slices.Contains(got, "BUSY") {
			t.Errorf("posted %q, want two answers and one notice", got)
		}
		w.restart()
		w.bridge.receive(t, w.bridge.said("ann", "still"))
		w.wantPosted("ann")
		time.Sleep(time.Minute)
		w.bridge.receive(t, w.bridge.said("ann", "next minute"))
		w.wantPosted("ann", "re: next minute")
	})
}

func TestFloodedRoomGetsOneNoticeAndOthersAreAnswered(t *testing.T) {
	inWorld(t, limits("10/m", "30/m"), func(t *testing.T, w *world) {
		room, other := bridges.Place{Channel: "flood"}, bridges.Place{Channel: "calm"}
		for i := range 1000 {
			w.bridge.receive(t, w.bridge.in(room, fmt.Sprint("u", i), "x"), w.bridge.in(room, fmt.Sprint("u", i), "y"))
		}
		w.bridge.receive(t, w.bridge.in(other, "late", "hello"))
		w.wantPosted("calm", "re: hello")
		if n := len(w.avatar.turns()); n != 31 {
			t.Errorf("asked %d times, want 30 for the room and one for the other", n)
		}
		busy := 0
		for _, text := range w.bridge.posted("flood") {
			if text == "BUSY" {
				busy++
			}
		}
		if busy != 1 {
			t.Errorf("%d notices in the room, want 1", busy)
		}
	})
}

func TestFullConversationGetsOneNotice(t *testing.T) {
	inWorld(t, func(c *relay.Config) { c.MaxWaiting = 3 }, func(t *testing.T, w *world) {
		w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
			time.Sleep(time.Second)
			return say.Say(ctx, avatar.Reply{Text: "re: " + turn.Text})
		})
		for i := range 10 {
			w.bridge.receive(t, w.bridge.said("ann", fmt.Sprint(i)))
		}
		time.Sleep(10 * time.Second)
		w.wantPosted("ann", "BUSY", "re: 0", "re: 1", "re: 2")
	})
}

func TestEditBeforeTheTurnIsAskedReplacesItsText(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
			time.Sleep(time.Second)
			return say.Say(ctx, avatar.Reply{Text: "re: " + turn.Text})
		})
		first, second, third := w.bridge.said("ann", "1"), w.bridge.said("ann", "2"), w.bridge.said("ann", "3")
		w.bridge.receive(t, first, second, third)
		settle()
		edit := func(ev bridges.Event, text string) bridges.Event {
			ev.Kind, ev.Target, ev.Key, ev.Text = bridges.Edited, ev.Key, "", text
			return ev
		}
		w.bridge.receive(t, edit(first, "too late"), edit(second, "two"))
		w.bridge.receive(t, bridges.Event{Kind: bridges.Deleted, Target: third.Key})
		time.Sleep(5 * time.Second)
		w.wantPosted("ann", "re: 1", "re: two")
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

func TestRoomsAreAnsweredAsTheRouteSays(t *testing.T) {
	change := func(c *relay.Config) {
		d := c.Bridges[0].Default
		always, never := d, d
		always.ReplyWhen, never.ReplyWhen = relay.ReplyAlways, relay.ReplyNever
		c.Bridges[0].Routes = []relay.Route{{Channels: []string{"m"}, Settings: d}, {Channels: []string{"a"}, Settings: always},
			{Channels: []string{"n"}, Settings: never}}
	}
	inWorld(t, change, func(t *testing.T, w *world) {
		for _, room := range []string{"m", "a", "n", "unlisted"} {
			plain, mention := w.bridge.in(bridges.Place{Channel: room}, "ann", "plain"), w.bridge.in(bridges.Place{Channel: room}, "ann", "mention")
			mention.Addressed = true
			bot := w.bridge.in(bridges.Place{Channel: room}, "robot", "bot")
			bot.From.Bot, bot.Addressed = true, true
			w.bridge.receive(t, plain, mention, bot)
			settle()
		}
		w.wantPosted("m", "re: mention")
		w.wantPosted("a", "re: plain", "re: mention")
		w.wantPosted("n")
		w.wantPosted("unlisted")
	})
}

func TestMemoryUIDs(t *testing.T) {
	inWorld(t, func(c *relay.Config) {
		c.Bridges[0].AllRooms = true
		c.Bridges[0].Default.ReplyWhen = relay.ReplyAlways
	},
		func(t *testing.T, w *world) {
			uid := func(ev bridges.Event) string {
				w.bridge.receive(t, ev)
				settle()
				turns := w.avatar.turns()
				return turns[len(turns)-1].UserUID
			}
			ann := uid(w.bridge.said("ann", "x"))
			bob := uid(w.bridge.said("bob", "x"))
			room := uid(w.bridge.in(bridges.Place{Channel: "r"}, "ann", "x"))
			bobRoom := uid(w.bridge.in(bridges.Place{Channel: "r"}, "bob", "x"))
			all := []string{ann, bob, room, bobRoom}
			slices.Sort(all)
			if len(slices.Compact(all)) != 4 || all[0] == "" {
				t.Errorf("memories are shared: %q", all)
			}
			w.restart()
			if got := uid(w.bridge.said("ann", "x")); got != ann {
				t.Errorf("after a restart the uid is %s, was %s", got, ann)
			}
		})
}

func TestResetOpensANewConversationAndKeepsTheMemory(t *testing.T) {
	inWorld(t, func(c *relay.Config) { c.Messages.AINotice = "AI" }, func(t *testing.T, w *world) {
		start, reset := w.bridge.said("ann", ""), w.bridge.said("ann", "")
		start.Kind, start.Command = bridges.Command, "start"
		reset.Kind, reset.Command = bridges.Command, "reset"
		w.bridge.receive(t, start)
		w.bridge.receive(t, w.bridge.said("ann", "1"))
		settle()
		w.bridge.receive(t, reset)
		w.bridge.receive(t, w.bridge.said("ann", "2"))
		w.wantPosted("ann", "AI", "HELLO", "re: 1", "RESET", "re: 2")
		turns := w.avatar.turns()
		if len(turns) != 2 || turns[0].Conversation == turns[1].Conversation || turns[0].UserUID != turns[1].UserUID {
			t.Errorf("turns: %+v", turns)
		}
	})
}

func TestReplyThatEndsTheConversationOpensANewOne(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
			return say.Say(ctx, avatar.Reply{Text: "bye", Ends: true})
		})
		w.bridge.receive(t, w.bridge.said("ann", "1"), w.bridge.said("ann", "2"))
		w.wantPosted("ann", "bye", "bye")
		if turns := w.avatar.turns(); turns[0].Conversation == turns[1].Conversation {
			t.Error("the conversation went on")
		}
	})
}

func TestMessageWithoutTextGetsANotice(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		ev := w.bridge.said("ann", " \x00")
		ev.Attachments = []bridges.Attachment{{Kind: "voice", Ref: "x"}}
		w.bridge.receive(t, ev)
		w.wantPosted("ann", "TEXT ONLY")
	})
}

func TestUnclearPostIsRepeatedOrListed(t *testing.T) {
	for _, hold := range []bool{false, true} {
		t.Run(fmt.Sprint("hold=", hold), func(t *testing.T) {
			inWorld(t, func(c *relay.Config) { c.Bridges[0].HoldUnclear = hold }, func(t *testing.T, w *world) {
				var calls atomic.Int32
				w.bridge.onSend(func(bridges.Message) error {
					if calls.Add(1) == 1 {
						return fault.Unsure(errors.New("cut"))
					}
					return nil
				})
				w.bridge.receive(t, w.bridge.said("ann", "1"))
				time.Sleep(time.Minute)
				letters := w.dead()
				if hold && (calls.Load() != 1 || len(letters) != 1 || !letters[0].Unclear) {
					t.Errorf("%d calls, letters %+v", calls.Load(), letters)
				}
				if !hold && (calls.Load() != 2 || len(letters) != 0) {
					t.Errorf("%d calls, letters %+v", calls.Load(), letters)
				}
			})
		})
	}
}

func TestGroupThatMovesTakesItsConversationAlong(t *testing.T) {
	change := func(c *relay.Config) {
		c.Bridges[0].Routes = []relay.Route{{Channels: []string{"old"}, Settings: relay.Settings{Avatar: "luna", ReplyWhen: relay.ReplyAlways}}}
	}
	inWorld(t, change, func(t *testing.T, w *world) {
		w.bridge.onSend(func(m bridges.Message) error {
			if m.Place.Channel == "old" {
				return fault.MoveTo("new", nil)
			}
			return nil
		})
		w.bridge.receive(t, w.bridge.in(bridges.Place{Channel: "old"}, "ann", "1"))
		w.wantPosted("new", "re: 1")
		w.bridge.receive(t, w.bridge.in(bridges.Place{Channel: "new"}, "ann", "2"))
		w.wantPosted("new", "re: 1", "re: 2")
		w.restart()
		w.bridge.receive(t, w.bridge.in(bridges.Place{Channel: "new"}, "ann", "3"))
		w.wantPosted("new", "re: 3")
		turns := w.avatar.turns()
		if turns[0].UserUID != turns[2].UserUID || turns[0].Conversation != turns[2].Conversation {
			t.Error("the move changed who the avatar talks to")
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
	failAccept, failFinish, failSettle atomic.Int32
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

// listening is a fakeAvatar that hears callbacks.
type listening struct{ fakeAvatar }

func (a *listening) Handler(say avatar.Speaker) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		err := say.Say(req.Context(), avatar.Reply{Text: req.FormValue("text"), Key: req.FormValue("key"), Ends: req.FormValue("end") != ""})
		switch {
		case errors.Is(err, avatar.ErrGone):
			w.WriteHeader(http.StatusNotFound)
		case err != nil:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
}

func TestCallbacksAreStoredOnceAndForeignTokensChangeNothing(t *testing.T) {
	backend := &listening{}
	change := func(c *relay.Config) {
		c.Avatars[0].Backend = backend
		c.CallbackURL = func(_, token string) string { return token }
	}
	inWorld(t, change, func(t *testing.T, w *world) {
		backend.onAsk(func(context.Context, avatar.Turn, avatar.Speaker) error { return nil })
		call := func(name, token, form string) int {
			req := httptest.NewRequest("POST", "/?"+form, nil)
			req.SetPathValue("name", name)
			req.SetPathValue("token", token)
			rec := httptest.NewRecorder()
			w.relay.Callback().ServeHTTP(rec, req)
			return rec.Code
		}
		w.bridge.receive(t, w.bridge.said("ann", "1"))
		settle()
		token := backend.turns()[0].Callback
		for _, bad := range []string{"", "x", token[:len(token)-2] + "AA", "AA" + token} {
			if code := call("luna", bad, "text=evil"); code != 404 {
				t.Errorf("token %q: %d", bad, code)
			}
		}
		if code := call("other", token, "text=evil"); code != 404 {
			t.Errorf("another avatar's path: %d", code)
		}
		w.restart()
		for range 2 {
			if code := call("luna", token, "text=one&key=k1"); code != 200 {
				t.Errorf("callback: %d", code)
			}
		}
		call("luna", token, "text=two&key=k2&end=1")
		if code := call("luna", token, "text=late&key=k3"); code != 404 {
			t.Errorf("a callback to an ended conversation: %d", code)
		}
		w.wantPosted("ann", "one", "two")
	})
}

func TestAudioAtARefusedAddressIsLeftOutAndTheTextPosted(t *testing.T) {
	inWorld(t, func(c *relay.Config) { c.Media = refusing{} }, func(t *testing.T, w *world) {
		w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
			return say.Say(ctx, avatar.Reply{Text: "hear", Audio: avatar.Audio{URL: "https://127.0.0.1/x.wav"}})
		})
		w.bridge.receive(t, w.bridge.said("ann", "1"))
		w.wantPosted("ann", "hear")
		if w.bridge.sent[0].Forms[0].Audio != nil {
			t.Error("the address was used")
		}
	})
}

type refusing struct{}

func (refusing) Keep(context.Context, avatar.Audio) (bridges.Audio, error) {
	return bridges.Audio{}, errDisk
}
func (refusing) Vet(string, bool) error { return errors.New("not a public address") }
