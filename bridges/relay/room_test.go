package relay_test

import (
	"context"
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
)

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
		ev.Attachments = []bridges.Attachment{{Kind: "image", Ref: "x"}}
		w.bridge.receive(t, ev)
		w.wantPosted("ann", "TEXT ONLY")
	})
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

func TestMoveToTheSameChannelIsNoEndlessLoop(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		var calls atomic.Int32
		w.bridge.onSend(func(m bridges.Message) error { calls.Add(1); return fault.MoveTo(m.Place.Channel, nil) })
		w.bridge.receive(t, w.bridge.said("ann", "1"))
		time.Sleep(10 * time.Minute)
		if calls.Load() > 100 {
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
