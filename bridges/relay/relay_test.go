package relay_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"avatarbridge/avatar"
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
