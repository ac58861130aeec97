package relay_test

import (
	"fmt"
	"testing"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/relay"
)

func command(ev bridges.Event, name string, manages bool) bridges.Event {
	ev.Kind, ev.Command, ev.From.Manages = bridges.Command, name, manages
	return ev
}

func inRoomWorld(t *testing.T, change func(*relay.Config), test func(t *testing.T, w *world)) {
	inWorld(t, func(c *relay.Config) {
		c.Bridges[0].AllRooms = true
		c.Bridges[0].Default.ReplyWhen = relay.ReplyAlways
		c.Messages.Muted, c.Messages.Unmuted = "MUTED", "UNMUTED"
		if change != nil {
			change(c)
		}
	}, test)
}

func TestThoseWhoManageARoomMuteTheAvatarThereOverARestart(t *testing.T) {
	inRoomWorld(t, nil, func(t *testing.T, w *world) {
		room, other := bridges.Place{Channel: "room"}, bridges.Place{Channel: "other"}
		w.bridge.receive(t, command(w.bridge.in(room, "bob", ""), "mute", false), w.bridge.in(room, "ann", "one"))
		w.wantPosted("room", "re: one")
		w.bridge.receive(t, command(w.bridge.in(room, "ann", ""), "mute", true))
		w.wantPosted("room", "re: one", "MUTED")
		w.bridge.receive(t, w.bridge.in(room, "ann", "two"), w.bridge.in(other, "ann", "elsewhere"))
		w.wantPosted("room", "re: one", "MUTED")
		w.wantPosted("other", "re: elsewhere")
		w.restart()
		w.bridge.receive(t, w.bridge.in(room, "ann", "three"))
		w.wantPosted("room")
		time.Sleep(time.Minute)
		w.bridge.receive(t, command(w.bridge.in(room, "ann", ""), "unmute", true), w.bridge.in(room, "ann", "four"))
		settle()
		w.bridge.receive(t, w.bridge.in(room, "ann", "five"))
		settle()
		got := w.bridge.posted("room")
		if len(got) < 2 || got[0] != "UNMUTED" || got[len(got)-1] != "re: five" {
			t.Errorf("posted %q", got)
		}
	})
}

func TestAMutedRoomStaysMutedWhenItMoves(t *testing.T) {
	inRoomWorld(t, nil, func(t *testing.T, w *world) {
		w.bridge.receive(t, command(w.bridge.in(bridges.Place{Channel: "room"}, "ann", ""), "mute", true))
		w.wantPosted("room", "MUTED")
		w.bridge.receive(t, bridges.Event{Kind: bridges.Moved, Key: "m", Place: bridges.Place{Channel: "room"}, To: "new", At: time.Now()})
		w.bridge.receive(t, w.bridge.in(bridges.Place{Channel: "new"}, "ann", "hello"))
		w.wantPosted("new")
		w.restart()
		w.bridge.receive(t, w.bridge.in(bridges.Place{Channel: "new"}, "ann", "hello"))
		w.wantPosted("new")
	})
}

func TestListsOfPeopleRolesAndRoomsSayWhoIsAnswered(t *testing.T) {
	for _, c := range []struct {
		name        string
		allow, deny []string
		answered    bool
	}{
		{"nothing listed", nil, nil, true},
		{"the person", []string{"ann"}, nil, true},
		{"another person", []string{"bob"}, nil, false},
		{"a role", []string{"members"}, nil, true},
		{"the guild", []string{"guild"}, nil, true},
		{"denied", nil, []string{"ann"}, false},
		{"a denied role of an allowed person", []string{"ann"}, []string{"members"}, false},
		{"a denied room", nil, []string{"room"}, false},
		{"others denied", nil, []string{"bob", "x"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			lists := func(cfg *relay.Config) { cfg.Bridges[0].Default.Allow, cfg.Bridges[0].Default.Deny = c.allow, c.deny }
			inRoomWorld(t, lists, func(t *testing.T, w *world) {
				ev := w.bridge.in(bridges.Place{Channel: "room"}, "ann", "hi")
				ev.From.Roles, ev.Within = []string{"members"}, []string{"category", "guild"}
				w.bridge.receive(t, ev)
				if c.answered {
					w.wantPosted("room", "re: hi")
				} else {
					w.wantPosted("room")
				}
			})
		})
	}
}

func TestARouteIsFoundByWhatAChannelIsIn(t *testing.T) {
	routes := func(c *relay.Config) {
		c.Bridges[0].AllRooms = false
		c.Bridges[0].Routes = []relay.Route{{Channels: []string{"category"}, Settings: relay.Settings{Avatar: "luna", ReplyWhen: relay.ReplyAlways, ShowEmotion: true}}}
	}
	inWorld(t, routes, func(t *testing.T, w *world) {
		in, out := w.bridge.in(bridges.Place{Channel: "a"}, "ann", "hi"), w.bridge.in(bridges.Place{Channel: "b"}, "ann", "hi")
		in.Within, out.Within = []string{"category", "guild"}, []string{"guild"}
		w.bridge.receive(t, in, out)
		w.wantPosted("a", "re: hi")
		w.wantPosted("b")
	})
}

func TestACommandThatWaitsForAnAnswerIsDeclinedWhereTheAvatarIsSilent(t *testing.T) {
	b := &answering{}
	dress := func(f *fakeBridge) bridges.Bridge { b.fakeBridge = f; return b }
	deny := func(c *relay.Config) {
		c.Bridges[0].AllRooms = true
		c.Bridges[0].Default.Deny = []string{"eve"}
		c.Messages.Muted, c.Messages.Denied = "MUTED", "DENIED"
	}
	inDressedWorld(t, dress, deny, func(t *testing.T, w *world) {
		thread, asked := bridges.Place{Channel: "thread"}, 0
		ask := func(ev bridges.Event) {
			asked++
			ev.Answer, ev.Within, ev.Addressed = fmt.Sprint("token", asked), []string{"room"}, true
			b.receive(t, ev)
			settle()
		}
		ask(b.in(thread, "eve", "hi"))
		ask(command(b.in(thread, "bob", ""), "mute", false))
		mute := command(b.in(bridges.Place{Channel: "room"}, "ann", ""), "mute", true)
		mute.Addressed = true
		plain := b.in(thread, "eve", "without a command")
		plain.Addressed = true
		b.receive(t, mute, plain)
		ask(b.in(thread, "ann", "hi"))
		w.wantPosted("thread", "token1 DENIED", "token2 DENIED", "token3 MUTED")
		if n := len(w.avatar.turns()); n != 0 {
			t.Errorf("asked %d times", n)
		}
	})
}
