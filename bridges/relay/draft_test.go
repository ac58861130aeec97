package relay_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
	"avatarbridge/store"
)

// inDraftyWorld runs a test on a platform with drafts of this style.
func inDraftyWorld(t *testing.T, style bridges.DraftStyle, test func(t *testing.T, w *world, b *drafty)) {
	t.Helper()
	b := &drafty{style: style}
	dress := func(f *fakeBridge) bridges.Bridge { b.fakeBridge = f; return b }
	inDressedWorld(t, dress, nil, func(t *testing.T, w *world) { test(t, w, b) })
}

// streams says text in steps of a second, a draft each.
func streams(steps ...string) func(context.Context, avatar.Turn, avatar.Speaker) error {
	return func(ctx context.Context, _ avatar.Turn, say avatar.Speaker) error {
		for _, text := range steps {
			say.Draft(text)
			time.Sleep(time.Second)
		}
		return say.Say(ctx, avatar.Reply{Text: steps[len(steps)-1]})
	}
}

func TestAReplyGrowsAtThePaceOfThePlaceAndIsPostedOnce(t *testing.T) {
	inDraftyWorld(t, bridges.DraftStyle{Every: 1400 * time.Millisecond}, func(t *testing.T, w *world, b *drafty) {
		w.avatar.onAsk(streams("a", "a b", "a b c", "a b c d"))
		w.bridge.receive(t, w.bridge.said("ann", "hello"))
		time.Sleep(5 * time.Second)
		w.wantPosted("ann", "a b c d")
		if got := b.shownDrafts(); !slices.Equal(got, []string{"a", "a b", "a b c"}) {
			t.Errorf("drafts: %q: one each 1.4 s of a text that grows each second", got)
		}
	})
}

func TestADraftThatGoesByItselfIsTakenAwayWhenNoReplyComes(t *testing.T) {
	inDraftyWorld(t, bridges.DraftStyle{Every: time.Millisecond}, func(t *testing.T, w *world, b *drafty) {
		w.avatar.onAsk(func(_ context.Context, _ avatar.Turn, say avatar.Speaker) error {
			say.Draft("I thi")
			time.Sleep(time.Second)
			return fault.Kill("refused", nil)
		})
		w.bridge.receive(t, w.bridge.said("ann", "hello"))
		time.Sleep(2 * time.Second)
		w.wantPosted("ann", "UNAVAILABLE")
		if got := b.shownDrafts(); !slices.Equal(got, []string{"I thi", ""}) {
			t.Errorf("drafts: %q", got)
		}
	})
}

func TestNoDraftIsShownAfterTheReply(t *testing.T) {
	inDraftyWorld(t, bridges.DraftStyle{Every: time.Second}, func(t *testing.T, w *world, b *drafty) {
		late := make(chan avatar.Speaker, 1)
		w.avatar.onAsk(func(ctx context.Context, _ avatar.Turn, say avatar.Speaker) error {
			say.Draft("a")
			say.Draft("a b")
			late <- say
			return say.Say(ctx, avatar.Reply{Text: "a b"})
		})
		w.bridge.receive(t, w.bridge.said("ann", "hello"))
		w.wantPosted("ann", "a b")
		(<-late).Draft("a b c")
		time.Sleep(time.Minute)
		if got := b.shownDrafts(); len(got) > 1 {
			t.Errorf("drafts: %q: the second was due after the reply", got)
		}
	})
}

func TestAPlatformThatRefusesADraftGetsTheReplyWhole(t *testing.T) {
	inDraftyWorld(t, bridges.DraftStyle{Every: time.Millisecond}, func(t *testing.T, w *world, b *drafty) {
		b.refuse = errors.New("no such method")
		w.avatar.onAsk(streams("a", "a b", "a b c"))
		w.bridge.receive(t, w.bridge.said("ann", "hello"))
		time.Sleep(5 * time.Second)
		w.wantPosted("ann", "a b c")
		if got := b.shownDrafts(); len(got) != 1 {
			t.Errorf("drafts: %q: one was refused, no more should be tried", got)
		}
	})
}

func TestAThrottledDraftWaitsAndTheReplyDoesNot(t *testing.T) {
	inDraftyWorld(t, bridges.DraftStyle{Every: time.Millisecond}, func(t *testing.T, w *world, b *drafty) {
		b.refuse = fault.Throttle(fault.Channel, time.Hour, nil)
		w.avatar.onAsk(streams("a", "a b"))
		w.bridge.receive(t, w.bridge.said("ann", "hello"))
		time.Sleep(3 * time.Second)
		w.wantPosted("ann", "a b")
	})
}

func TestNoDraftIsShownWhileThePlaceIsPaused(t *testing.T) {
	inDraftyWorld(t, bridges.DraftStyle{Every: 100 * time.Millisecond}, func(t *testing.T, w *world, b *drafty) {
		w.avatar.onAsk(streams("a", "a b", "a b c", "a b c d"))
		w.bridge.receive(t, w.bridge.said("ann", "hello"))
		time.Sleep(500 * time.Millisecond)
		if err := w.relay.Pause(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		if got := b.shownDrafts(); !slices.Equal(got, []string{"a"}) {
			t.Errorf("drafts: %q: the second and the third came in the pause", got)
		}
		if err := w.relay.Resume(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		w.wantPosted("ann", "a b c d")
		if got := b.shownDrafts(); !slices.Equal(got, []string{"a", "a b c d"}) {
			t.Errorf("drafts: %q: after the pause they go on", got)
		}
	})
}

func TestADraftThatStaysIsRemovedAfterTheReply(t *testing.T) {
	inDraftyWorld(t, bridges.DraftStyle{Every: time.Second, Stays: true}, func(t *testing.T, w *world, b *drafty) {
		w.avatar.onAsk(streams("a", "a b", "a b c"))
		w.bridge.receive(t, w.bridge.said("ann", "hello"))
		time.Sleep(5 * time.Second)
		w.wantPosted("ann", "a b c")
		if got := b.takenBack(); !slices.Equal(got, []string{"draft-1"}) {
			t.Errorf("taken back: %q", got)
		}
		if n := len(b.shownDrafts()); n < 2 {
			t.Errorf("%d drafts: the second should edit the first", n)
		}
	})
}

func TestAQuickReplyNeedsNoDraftThatStays(t *testing.T) {
	inDraftyWorld(t, bridges.DraftStyle{Every: 2 * time.Second, Stays: true}, func(t *testing.T, w *world, b *drafty) {
		w.avatar.onAsk(streams("a"))
		w.bridge.receive(t, w.bridge.said("ann", "hello"))
		time.Sleep(5 * time.Second)
		w.wantPosted("ann", "a")
		if len(b.shownDrafts()) > 0 || len(b.takenBack()) > 0 {
			t.Errorf("drafts %q, taken back %q", b.shownDrafts(), b.takenBack())
		}
	})
}

func TestARestartGoesOnWithTheDraftAndRemovesIt(t *testing.T) {
	inDraftyWorld(t, bridges.DraftStyle{Every: time.Second, Stays: true}, func(t *testing.T, w *world, b *drafty) {
		w.avatar.onAsk(func(ctx context.Context, _ avatar.Turn, say avatar.Speaker) error {
			say.Draft("a")
			<-ctx.Done()
			return ctx.Err()
		})
		w.bridge.receive(t, w.bridge.said("ann", "hello"))
		time.Sleep(3 * time.Second)
		w.stop()
		w.avatar.onAsk(streams("x", "x y", "x y z"))
		w.start()
		time.Sleep(5 * time.Second)
		w.wantPosted("ann", "x y z")
		b.mu.Lock()
		second := b.drafts[1]
		b.mu.Unlock()
		if second.Shown != "draft-1" || second.Text != "x y" && second.Text != "x" {
			t.Errorf("after the restart the draft was %+v: it should be the one that stood there", second)
		}
		if got := b.takenBack(); !slices.Equal(got, []string{"draft-1"}) {
			t.Errorf("taken back: %q", got)
		}
	})
}

// A crash between making the draft and storing its id.
func TestADraftWhoseIDWasLostIsFoundAndRemoved(t *testing.T) {
	inDraftyWorld(t, bridges.DraftStyle{Every: time.Second, Stays: true}, func(t *testing.T, w *world, b *drafty) {
		w.wrap = func(st store.Store) store.Store { return &deafToDrafts{Store: st} }
		w.restart()
		w.avatar.onAsk(func(ctx context.Context, _ avatar.Turn, say avatar.Speaker) error {
			say.Draft("a")
			<-ctx.Done()
			return ctx.Err()
		})
		w.bridge.receive(t, w.bridge.said("ann", "hello"))
		time.Sleep(3 * time.Second)
		w.stop()
		w.wrap = nil
		w.avatar.onAsk(nil)
		w.start()
		time.Sleep(3 * time.Second)
		w.wantPosted("ann", "re: hello")
		if got := b.takenBack(); !slices.Equal(got, []string{"draft-1"}) {
			t.Errorf("taken back: %q", got)
		}
	})
}

// deafToDrafts stores that there is a draft, and not which.
type deafToDrafts struct{ store.Store }

func (s *deafToDrafts) Draft(ctx context.Context, turn int64, draft string) error {
	if strings.HasPrefix(draft, "?") {
		return s.Store.Draft(ctx, turn, draft)
	}
	return nil
}

func TestATurnThatDiesTakesItsDraftAlong(t *testing.T) {
	inDraftyWorld(t, bridges.DraftStyle{Every: time.Second, Stays: true}, func(t *testing.T, w *world, b *drafty) {
		w.avatar.onAsk(func(_ context.Context, _ avatar.Turn, say avatar.Speaker) error {
			say.Draft("I thi")
			time.Sleep(3 * time.Second)
			return fault.Kill("refused", nil)
		})
		w.bridge.receive(t, w.bridge.said("ann", "hello"))
		time.Sleep(5 * time.Second)
		w.wantPosted("ann", "UNAVAILABLE")
		if got := b.takenBack(); !slices.Equal(got, []string{"draft-1"}) {
			t.Errorf("taken back: %q", got)
		}
	})
}

func TestAStoreThatFailsForAWhileCostsNoReplyForADraft(t *testing.T) {
	inDraftyWorld(t, bridges.DraftStyle{Every: time.Millisecond}, func(t *testing.T, w *world, b *drafty) {
		w.avatar.onAsk(streams("a", "a b"))
		w.bridge.receive(t, w.bridge.said("ann", "hello"), w.bridge.said("bob", "hello"))
		time.Sleep(3 * time.Second)
		w.wantPosted("ann", "a b")
		w.wantPosted("bob", "a b")
	})
}

func TestADraftThatStaysGoesWhenItsMessageIsDeletedMeanwhile(t *testing.T) {
	inDraftyWorld(t, bridges.DraftStyle{Every: time.Second, Stays: true}, func(t *testing.T, w *world, b *drafty) {
		w.avatar.onAsk(streams("a", "a b", "a b c"))
		ev := w.bridge.said("ann", "hello")
		w.bridge.receive(t, ev)
		time.Sleep(1500 * time.Millisecond)
		w.bridge.receive(t, deletion(ev))
		time.Sleep(10 * time.Second)
		w.wantPosted("ann")
		if got := b.takenBack(); !slices.Contains(got, "draft-1") {
			t.Errorf("taken back: %q", got)
		}
	})
}

// failsAfter shows a draft, fails after a while, and has nothing more to say.
func failsAfter(d time.Duration) func(context.Context, avatar.Turn, avatar.Speaker) error {
	return func(_ context.Context, _ avatar.Turn, say avatar.Speaker) error {
		say.Draft("I thi")
		time.Sleep(d)
		return errDown
	}
}

func TestNoDraftIsShownOfAReplyToAMessageThatIsDeleted(t *testing.T) {
	inDraftyWorld(t, bridges.DraftStyle{Every: time.Second, Stays: true}, func(t *testing.T, w *world, b *drafty) {
		w.avatar.onAsk(failsAfter(3 * time.Second)) // the turn is given back, and nobody hears of it again
		ev := w.bridge.said("ann", "hello")
		w.bridge.receive(t, ev)
		time.Sleep(500 * time.Millisecond)
		w.bridge.receive(t, deletion(ev))
		time.Sleep(10 * time.Second)
		if got := b.shownDrafts(); len(got) > 0 {
			t.Errorf("drafts: %q: it stands for ever", got)
		}
	})
}

func TestADraftThatAppearsWhenItsPersonIsForgottenIsTakenAway(t *testing.T) {
	inDraftyWorld(t, bridges.DraftStyle{Every: time.Second, Stays: true}, func(t *testing.T, w *world, b *drafty) {
		b.drawing = func() { w.forget("ann") }
		w.avatar.onAsk(streams("a", "a b", "a b c"))
		w.bridge.receive(t, w.bridge.said("ann", "hello"))
		time.Sleep(10 * time.Second)
		w.wantPosted("ann")
		if got := b.takenBack(); !slices.Equal(got, []string{"draft-1"}) || len(b.shownDrafts()) != 1 {
			t.Errorf("drafts %q, taken back %q", b.shownDrafts(), got)
		}
	})
}

func TestADraftThatAppearsWhenItsMessageIsDeletedIsTakenAwayThoughTheFirstTryFails(t *testing.T) {
	for name, fails := range map[string]bool{"it does not": false, "it does": true} {
		t.Run(name, func(t *testing.T) {
			inDraftyWorld(t, bridges.DraftStyle{Every: time.Second, Stays: true}, func(t *testing.T, w *world, b *drafty) {
				ev := w.bridge.said("ann", "hello")
				b.drawing = func() {
					w.bridge.receive(t, deletion(ev))
					settle()
					if fails {
						b.breaks(errDown)
					}
				}
				w.avatar.onAsk(streams("a", "a b", "a b c"))
				w.bridge.receive(t, ev)
				time.Sleep(2 * time.Second)
				b.breaks(nil)
				time.Sleep(time.Minute)
				w.wantPosted("ann")
				if got := b.takenBack(); !slices.Equal(got, []string{"draft-1"}) {
					t.Errorf("taken back: %q", got)
				}
			})
		})
	}
}

func TestADraftThatIsStuckAcrossTheDeletionOfItsMessageIsTakenAwayWhenTheAvatarFails(t *testing.T) {
	inDraftyWorld(t, bridges.DraftStyle{Every: time.Second, Stays: true}, func(t *testing.T, w *world, b *drafty) {
		ev := w.bridge.said("ann", "hello")
		b.drawing = func() {
			w.bridge.receive(t, deletion(ev))
			settle()
		}
		b.unsure = true // it appears, and the program is not told
		w.avatar.onAsk(failsAfter(3 * time.Second))
		w.bridge.receive(t, ev)
		time.Sleep(10 * time.Second)
		if got := b.takenBack(); !slices.Equal(got, []string{"draft-1"}) {
			t.Errorf("drafts %q, taken back %q", b.shownDrafts(), got)
		}
	})
}

func TestADraftGoesWhenItsAvatarIsNotConfiguredAnyMore(t *testing.T) {
	inDraftyWorld(t, bridges.DraftStyle{Every: time.Second, Stays: true}, func(t *testing.T, w *world, b *drafty) {
		w.avatar.onAsk(func(ctx context.Context, _ avatar.Turn, say avatar.Speaker) error {
			say.Draft("a")
			<-ctx.Done()
			return ctx.Err()
		})
		w.bridge.receive(t, w.bridge.said("ann", "hello"))
		time.Sleep(3 * time.Second)
		w.stop()
		w.cfg.Avatars[0].Name, w.cfg.Bridges[0].Default.Avatar = "sol", "sol"
		w.start()
		time.Sleep(3 * time.Second)
		if got := b.takenBack(); !slices.Equal(got, []string{"draft-1"}) || len(w.dead()) != 1 {
			t.Errorf("taken back: %q; dead letters: %d", got, len(w.dead()))
		}
	})
}

func TestADeadLetterThatIsPutBackDoesNotDrawTheDraftThatIsStillToBeFoundAndTakenAway(t *testing.T) {
	inDraftyWorld(t, bridges.DraftStyle{Every: time.Second, Stays: true}, func(t *testing.T, w *world, b *drafty) {
		w.avatar.onAsk(func(_ context.Context, _ avatar.Turn, say avatar.Speaker) error {
			b.mu.Lock()
			b.unsure, b.deaf = true, errDown
			b.mu.Unlock()
			say.Draft("I thi")
			time.Sleep(3 * time.Second)
			return fault.Kill("refused", nil)
		})
		w.bridge.receive(t, w.bridge.said("ann", "hello"))
		time.Sleep(4 * time.Second)
		w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
			b.mu.Lock()
			b.unsure = false
			b.mu.Unlock()
			return streams("a", "a b", "a b c")(ctx, turn, say)
		})
		if n, err := w.store.Retry(t.Context(), time.Now()); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		w.relay.Wake()
		time.Sleep(5 * time.Second)
		b.mu.Lock()
		b.deaf = nil
		b.mu.Unlock()
		time.Sleep(5 * time.Minute)
		w.wantPosted("ann", "UNAVAILABLE", "a b c")
		if got := b.takenBack(); !slices.Equal(got, []string{"draft-1", "draft-2"}) {
			t.Errorf("drafts %q, taken back %q", b.shownDrafts(), got)
		}
		for _, d := range b.drafts {
			if len(d.ID) > 25 {
				t.Errorf("a draft's id has %d letters: %q", len(d.ID), d.ID)
			}
		}
	})
}

func TestADraftGoesWhenTheReplyHasNothingToShow(t *testing.T) {
	for name, end := range map[string]func(context.Context, avatar.Speaker) error{
		"the conversation ends": func(ctx context.Context, say avatar.Speaker) error { return say.Say(ctx, avatar.Reply{Ends: true}) },
		"the avatar panics":     func(context.Context, avatar.Speaker) error { panic("internal") },
	} {
		t.Run(name, func(t *testing.T) {
			inDraftyWorld(t, bridges.DraftStyle{Every: time.Millisecond}, func(t *testing.T, w *world, b *drafty) {
				w.avatar.onAsk(func(ctx context.Context, _ avatar.Turn, say avatar.Speaker) error {
					say.Draft("I thi")
					time.Sleep(time.Second)
					return end(ctx, say)
				})
				w.bridge.receive(t, w.bridge.said("ann", "hello"))
				time.Sleep(2 * time.Second)
				if got := b.shownDrafts(); len(got) < 2 || !slices.Equal(got[:2], []string{"I thi", ""}) {
					t.Errorf("drafts: %q", got)
				}
			})
		})
	}
}
