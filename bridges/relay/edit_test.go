package relay_test

import (
	"context"
	"testing"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges"
)

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

func TestAnEditThatComesWithARepeatOfItsMessageCounts(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		if err := w.relay.Pause(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		ev := w.bridge.said("ann", "1")
		w.bridge.receive(t, ev)
		settle()
		edit := ev
		edit.Kind, edit.Target, edit.Key, edit.Text = bridges.Edited, ev.Key, "", "one"
		w.bridge.receive(t, ev, edit)
		if err := w.relay.Resume(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		w.wantPosted("ann", "re: one")
	})
}
