package relay_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
	"avatarbridge/bridges/relay"
)

func deletion(ev bridges.Event) bridges.Event {
	return bridges.Event{Kind: bridges.Deleted, Target: ev.Key, Place: ev.Place, At: time.Now()}
}

func TestADeletedMessageTakesItsReplyBack(t *testing.T) {
	inDraftyWorld(t, bridges.DraftStyle{}, func(t *testing.T, w *world, b *drafty) {
		ev := w.bridge.said("ann", "hello|there")
		w.bridge.receive(t, ev)
		w.wantPosted("ann", "re: hello", "there")
		w.bridge.receive(t, deletion(ev))
		settle()
		if got := b.takenBack(); !slices.Equal(got, []string{"1", "2"}) {
			t.Errorf("taken back: %q", got)
		}
		w.bridge.receive(t, deletion(ev))
		settle()
		if got := b.takenBack(); len(got) != 2 {
			t.Errorf("a repeated deletion took back %q", got)
		}
	})
}

func TestADeletionThatComesWithARepeatOfItsMessageTakesTheReplyBack(t *testing.T) {
	inDraftyWorld(t, bridges.DraftStyle{}, func(t *testing.T, w *world, b *drafty) {
		ev := w.bridge.said("ann", "hello")
		w.bridge.receive(t, ev)
		w.wantPosted("ann", "re: hello")
		w.bridge.receive(t, ev, deletion(ev))
		settle()
		if got := b.takenBack(); !slices.Equal(got, []string{"1"}) {
			t.Errorf("taken back: %q", got)
		}
	})
}

func TestAMessageThatCameWithItsDeletionIsNotAnsweredWhenItComesOnceMore(t *testing.T) {
	inDraftyWorld(t, bridges.DraftStyle{}, func(t *testing.T, w *world, b *drafty) {
		ev := w.bridge.said("ann", "hello")
		w.bridge.receive(t, ev, deletion(ev))
		w.bridge.receive(t, ev)
		settle()
		w.wantPosted("ann")
	})
}

func TestAMessageThatIsDeletedWhileTheAvatarThinksIsNotAnswered(t *testing.T) {
	inDraftyWorld(t, bridges.DraftStyle{}, func(t *testing.T, w *world, b *drafty) {
		w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
			time.Sleep(time.Second)
			return say.Say(ctx, avatar.Reply{Text: "re: " + turn.Text})
		})
		ev := w.bridge.said("ann", "hello")
		w.bridge.receive(t, ev)
		settle()
		w.bridge.receive(t, deletion(ev), w.bridge.said("ann", "again"))
		time.Sleep(3 * time.Second)
		w.wantPosted("ann", "re: again")
	})
}

func TestAPostThatCannotBeTakenBackIsADeadLetterThatSaysSo(t *testing.T) {
	inDraftyWorld(t, bridges.DraftStyle{}, func(t *testing.T, w *world, b *drafty) {
		ev := w.bridge.said("ann", "hello")
		w.bridge.receive(t, ev)
		w.wantPosted("ann", "re: hello")
		b.mu.Lock()
		b.gone = fault.Reject("missing permission", nil)
		b.mu.Unlock()
		w.bridge.receive(t, deletion(ev))
		settle()
		if dead := w.dead(); len(dead) != 1 || dead[0].Reason != "what was posted cannot be taken back: missing permission" {
			t.Errorf("dead letters: %+v", dead)
		}
	})
}

// unclearOnce lets the first post arrive or not, and the connection break in either case.
func unclearOnce(w *world, b *drafty, arrives bool) {
	broke := false
	w.bridge.onSend(func(m bridges.Message) error {
		if broke {
			return nil
		}
		broke = true
		if arrives {
			b.put(m.ID, "there")
		}
		return fault.Unsure(context.DeadlineExceeded)
	})
}

func TestAnUnclearPostThatIsFoundIsNotRepeated(t *testing.T) {
	inDraftyWorld(t, bridges.DraftStyle{}, func(t *testing.T, w *world, b *drafty) {
		unclearOnce(w, b, true)
		w.bridge.receive(t, w.bridge.said("ann", "hello"))
		time.Sleep(time.Minute)
		w.wantPosted("ann")
		if dead := w.dead(); len(dead) != 0 {
			t.Errorf("dead letters: %+v", dead)
		}
		w.bridge.receive(t, w.bridge.said("ann", "more"))
		w.wantPosted("ann", "re: more")
	})
}

func TestAnUnclearPostThatIsSurelyMissingIsPostedEvenWithHold(t *testing.T) {
	b := &drafty{}
	dress := func(f *fakeBridge) bridges.Bridge { b.fakeBridge = f; return b }
	inDressedWorld(t, dress, func(c *relay.Config) { c.Bridges[0].HoldUnclear = true }, func(t *testing.T, w *world) {
		unclearOnce(w, b, false)
		w.bridge.receive(t, w.bridge.said("ann", "hello"))
		time.Sleep(time.Minute)
		w.wantPosted("ann", "re: hello")
		if dead := w.dead(); len(dead) != 0 {
			t.Errorf("dead letters: %+v", dead)
		}
	})
}

func TestAPlatformThatCannotBeAskedForAnUnclearPostIsAskedAgainLater(t *testing.T) {
	inDraftyWorld(t, bridges.DraftStyle{}, func(t *testing.T, w *world, b *drafty) {
		unclearOnce(w, b, true)
		b.mu.Lock()
		b.deaf = fault.Throttle(fault.Channel, 10*time.Second, nil)
		b.mu.Unlock()
		w.bridge.receive(t, w.bridge.said("ann", "hello"))
		time.Sleep(time.Minute)
		w.wantPosted("ann")
		b.mu.Lock()
		b.deaf = nil
		b.mu.Unlock()
		time.Sleep(time.Minute)
		w.wantPosted("ann")
		w.bridge.receive(t, w.bridge.said("ann", "more"))
		w.wantPosted("ann", "re: more")
	})
}
