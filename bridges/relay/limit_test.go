package relay_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges"
	"avatarbridge/bridges/relay"
)

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
