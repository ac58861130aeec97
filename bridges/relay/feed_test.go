package relay_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
	"avatarbridge/bridges/relay"
)

// inPageWorld runs a test on a platform with a page, whose avatar hears.
func inPageWorld(t *testing.T, change func(*relay.Config), test func(t *testing.T, w *world, b *pager)) {
	t.Helper()
	b := &pager{voice: map[string]*bridges.File{}}
	dress := func(f *fakeBridge) bridges.Bridge { b.fakeBridge, b.news = f, make(chan bridges.Place, 100); return b }
	inDressedWorld(t, dress, change, func(t *testing.T, w *world) { test(t, w, b) })
}

func texts(items []bridges.Item) (all []string) {
	for _, it := range items {
		switch {
		case it.Key != "":
			all = append(all, "> "+it.Text)
		case it.Notice:
			all = append(all, "! "+it.Form.Text)
		default:
			all = append(all, it.Form.Text)
		}
	}
	return all
}

func (b *pager) want(t *testing.T, after int64, n int, want ...string) []bridges.Item {
	t.Helper()
	settle()
	items, err := b.items(after, n)
	if err != nil {
		t.Fatal(err)
	}
	if got := texts(items); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the feed holds %q, want %q", got, want)
	}
	return items
}

func TestAFeedHoldsTheLatestOfWhatWasWrittenAndPosted(t *testing.T) {
	inPageWorld(t, nil, func(t *testing.T, w *world, b *pager) {
		b.want(t, 0, 10)
		b.receive(t, b.said("ann", "one"))
		first := b.want(t, 0, 10, "> one", "re: one")
		if first[0].Key != "ann/1" || first[1].Post != "1" || first[0].ID >= first[1].ID || first[0].At.IsZero() {
			t.Errorf("items: %+v", first)
		}
		b.receive(t, b.said("ann", "two"))
		b.want(t, first[1].ID, 10, "> two", "re: two")
		b.want(t, 0, 10, "re: one", "> two", "re: two")
		b.want(t, 0, 1, "re: two")
		if n := len(b.news); n != 4 {
			t.Errorf("%d news, want 4", n)
		}
	})
}

func TestAFeedGoesOnAfterAResetAndARestart(t *testing.T) {
	inPageWorld(t, nil, func(t *testing.T, w *world, b *pager) {
		b.receive(t, b.said("ann", "one"))
		settle()
		reset := b.said("ann", "")
		reset.Kind, reset.Command = bridges.Command, "reset"
		b.receive(t, reset)
		b.want(t, 0, 10, "> one", "re: one", "! RESET")
		w.restart()
		b.want(t, 0, 10, "> one", "re: one", "! RESET")
	})
}

func TestAMessageThatIsRefusedOrRepeatedIsNotInTheFeedTwice(t *testing.T) {
	limits := func(c *relay.Config) {
		c.Bridges[0].Default.Limits.Person = []relay.Rate{{Max: 1, Every: time.Hour}}
	}
	inPageWorld(t, limits, func(t *testing.T, w *world, b *pager) {
		one := b.said("ann", "one")
		b.receive(t, one)
		settle()
		b.receive(t, one, b.said("ann", "two"))
		b.want(t, 0, 10, "> one", "re: one", "! BUSY")
	})
}

func TestAMessageOverALimitThatCanBeRefusedIsNotKeptAndMayComeAgain(t *testing.T) {
	limits := func(c *relay.Config) {
		c.Bridges[0].Default.Limits.Person = []relay.Rate{{Max: 1, Every: time.Hour}}
	}
	inPageWorld(t, limits, func(t *testing.T, w *world, b *pager) {
		offer := func(ev bridges.Event) error {
			return b.rx.Receive(t.Context(), bridges.Batch{Events: []bridges.Event{ev}, Refusable: true})
		}
		if err := offer(b.said("ann", "one")); err != nil {
			t.Fatal(err)
		}
		settle()
		time.Sleep(20 * time.Minute)
		two := b.said("ann", "two")
		for range 3 {
			many, ok := errors.AsType[*bridges.TooMany](offer(two))
			if !ok || many.After != 40*time.Minute {
				t.Fatalf("refused with %+v", many)
			}
		}
		b.want(t, 0, 10, "> one", "re: one")
		time.Sleep(40 * time.Minute)
		for range 2 {
			if err := offer(two); err != nil {
				t.Fatal(err)
			}
		}
		b.want(t, 0, 10, "re: one", "> two", "re: two")
	})
}

func TestAMessageToAFullConversationThatCanBeRefusedIsNotKept(t *testing.T) {
	inPageWorld(t, func(c *relay.Config) { c.MaxWaiting = 1 }, func(t *testing.T, w *world, b *pager) {
		w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
			time.Sleep(time.Second)
			return say.Say(ctx, avatar.Reply{Text: "re: " + turn.Text})
		})
		b.receive(t, b.said("ann", "one"))
		two := bridges.Batch{Events: []bridges.Event{b.said("ann", "two")}, Refusable: true}
		many, ok := errors.AsType[*bridges.TooMany](b.rx.Receive(t.Context(), two))
		if !ok || many.After <= 0 {
			t.Fatalf("refused with %+v", many)
		}
		time.Sleep(many.After)
		if err := b.rx.Receive(t.Context(), two); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		b.want(t, 0, 10, "re: one", "> two", "re: two")
	})
}

// A platform that cannot tell people has its events acknowledged, and they get a word.
func TestAMessageOverALimitOfAnotherPlatformIsAcknowledgedAndForgotten(t *testing.T) {
	inWorld(t, limits("1/h", "off"), func(t *testing.T, w *world) {
		two := w.bridge.said("ann", "two")
		w.bridge.receive(t, w.bridge.said("ann", "one"))
		settle()
		w.bridge.receive(t, two)
		w.wantPosted("ann", "re: one", "BUSY")
		time.Sleep(2 * time.Hour)
		two.At = time.Now()
		w.bridge.receive(t, two)
		w.wantPosted("ann", "re: one", "BUSY")
	})
}

func TestAResetOfAStrangerLeavesNobodyBehindAndCounts(t *testing.T) {
	limits := func(c *relay.Config) { c.Bridges[0].Default.Limits.Person = []relay.Rate{{Max: 2, Every: time.Hour}} }
	inPageWorld(t, limits, func(t *testing.T, w *world, b *pager) {
		var last error
		for range 3 {
			ev := b.said("ann", "")
			ev.Kind, ev.Command = bridges.Command, "reset"
			last = b.rx.Receive(t.Context(), bridges.Batch{Events: []bridges.Event{ev}, Refusable: true})
		}
		if _, ok := errors.AsType[*bridges.TooMany](last); !ok {
			t.Errorf("the third ended with %v", last)
		}
		people, err := w.store.People(t.Context(), 0, 9)
		if err != nil || len(people) > 0 {
			t.Errorf("known: %+v, %v", people, err)
		}
		b.want(t, 0, 10)
	})
}

func TestEveryMessageOnAPageThatCannotBeAnsweredIsToldSo(t *testing.T) {
	inPageWorld(t, nil, func(t *testing.T, w *world, b *pager) {
		w.avatar.onAsk(func(context.Context, avatar.Turn, avatar.Speaker) error { return fault.Kill("refused", nil) })
		for _, text := range []string{"one", "two"} {
			b.receive(t, b.said("ann", text))
			settle()
		}
		b.want(t, 0, 10, "! UNAVAILABLE", "> two", "! UNAVAILABLE") // it keeps three
	})
}

func TestVisitorsOfOneBridgeDoNotUseUpTheAvatarForOthers(t *testing.T) {
	both := func(c *relay.Config) {
		all := relay.Limits{Avatar: []relay.Rate{{Max: 10, Every: time.Hour}}}
		c.Bridges[0].Default.Limits = all
		all.Bridge = []relay.Rate{{Max: 4, Every: time.Hour}}
		c.Bridges = append(c.Bridges, relay.Bridge{Name: "page", Platform: "web", Bridge: newFakeBridge("web:page"),
			Default: relay.Settings{Avatar: "luna", Limits: all}})
	}
	inWorld(t, both, func(t *testing.T, w *world) {
		page := w.cfg.Bridges[1].Bridge.(*fakeBridge)
		<-page.opened
		refused := 0
		for i := range 20 {
			err := page.rx.Receive(t.Context(), bridges.Batch{Events: []bridges.Event{page.said(fmt.Sprint("visitor", i), "x")}, Refusable: true})
			if errors.As(err, new(*bridges.TooMany)) {
				refused++
			}
		}
		w.bridge.receive(t, w.bridge.said("ann", "hello"))
		w.wantPosted("ann", "re: hello")
		if refused != 16 {
			t.Errorf("%d messages of visitors were refused, want 16", refused)
		}
	})
}

func TestVisitorsWhoStayAwayAreForgottenAndAccountsAreNot(t *testing.T) {
	for visitors, want := range map[bool]int{true: 0, false: 1} {
		inPageWorld(t, func(c *relay.Config) { c.Bridges[0].Visitors, c.Keep = visitors, 2*time.Hour }, func(t *testing.T, w *world, b *pager) {
			b.receive(t, b.said("ann", "one"))
			settle()
			time.Sleep(4 * time.Hour)
			settle()
			people, err := w.store.People(t.Context(), 0, 9)
			if err != nil || len(people) != want {
				t.Errorf("visitors %v: %d people are known, %v", visitors, len(people), err)
			}
		})
	}
}

// Rooms are no page.
func TestARoomHasNoFeed(t *testing.T) {
	inPageWorld(t, func(c *relay.Config) { c.Bridges[0].AllRooms = true }, func(t *testing.T, w *world, b *pager) {
		ev := b.in(bridges.Place{Channel: "ann"}, "ann", "hi")
		ev.Addressed = true
		b.receive(t, ev)
		w.wantPosted("ann", "re: hi")
		if len(b.news) != 0 {
			t.Error("there is news of a room")
		}
	})
}

func TestABridgeThatSaysItselfWhatItIsHasNoPreface(t *testing.T) {
	change := func(c *relay.Config) { c.Bridges[0].Announces, c.Messages.AINotice = true, "AI" }
	inPageWorld(t, change, func(t *testing.T, w *world, b *pager) {
		b.receive(t, b.said("ann", "one"))
		b.want(t, 0, 10, "> one", "re: one")
	})
}

func TestPlacesAreWherePeopleTalked(t *testing.T) {
	inWorld(t, func(c *relay.Config) { c.Bridges[0].AllRooms = true }, func(t *testing.T, w *world) {
		room := w.bridge.in(bridges.Place{Channel: "room", Thread: "7"}, "ann", "hi")
		room.Addressed = true
		w.bridge.receive(t, w.bridge.said("ann", "hi"), room)
		settle()
		got, err := w.bridge.rx.Places(context.Background(), 10)
		want := []bridges.Place{{Channel: "room", Thread: "7"}, {Channel: "ann", Direct: true}}
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("places %+v, %v; want %+v", got, err, want)
		}
	})
}

func spoken(b *pager, ref string) bridges.Event {
	ev := b.said("ann", "")
	ev.Attachments = []bridges.Attachment{{Kind: "voice", Ref: ref, Type: "audio/ogg"}}
	return ev
}

// hearer is an avatar that hears.
type hearer struct{ *fakeAvatar }

func (hearer) Hears() bool { return true }

func hears(c *relay.Config) {
	c.Avatars[0].Backend = hearer{c.Avatars[0].Backend.(*fakeAvatar)}
	c.Messages.NoVoice, c.Messages.NotHeard = "NO VOICE", "NOT HEARD"
}

func TestAVoiceIsGivenToAnAvatarThatHears(t *testing.T) {
	inPageWorld(t, hears, func(t *testing.T, w *world, b *pager) {
		b.voice["file"] = &bridges.File{Name: "v.ogg", Type: "audio/ogg", Data: []byte("OggS")}
		w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
			return say.Say(ctx, avatar.Reply{Text: "you sent " + string(turn.Voice.Data) + turn.Voice.Type + turn.Voice.Name, Heard: "hello"})
		})
		b.receive(t, spoken(b, "file"))
		w.wantPosted("ann", "you sent OggSaudio/oggv.ogg")
		if items := b.want(t, 0, 9, "> ", "you sent OggSaudio/oggv.ogg"); !items[0].Voice {
			t.Error("the feed does not say that it was a voice")
		}
	})
}

func TestAVoiceForAnAvatarThatCannotHearGetsAKindWord(t *testing.T) {
	words := func(c *relay.Config) { c.Messages.NoVoice = "NO VOICE" }
	inPageWorld(t, words, func(t *testing.T, w *world, b *pager) {
		b.receive(t, spoken(b, "file"))
		w.wantPosted("ann", "NO VOICE")
		if len(w.avatar.turns()) != 0 {
			t.Error("the avatar was asked")
		}
	})
}

func TestAVoiceThatIsGoneOrNotUnderstoodGetsAKindWordAndNoDeadLetter(t *testing.T) {
	inPageWorld(t, hears, func(t *testing.T, w *world, b *pager) {
		b.receive(t, spoken(b, "gone"))
		w.wantPosted("ann", "NOT HEARD")
		time.Sleep(time.Minute)
		b.voice["mumble"] = &bridges.File{}
		w.avatar.onAsk(func(context.Context, avatar.Turn, avatar.Speaker) error {
			return fault.Reject("nothing was understood", nil)
		})
		b.receive(t, spoken(b, "mumble"))
		w.wantPosted("ann", "NOT HEARD", "NOT HEARD")
		if dead := w.dead(); len(dead) != 0 {
			t.Errorf("dead letters: %+v", dead)
		}
	})
}

func TestAnAnswerToAnInteractionIsMarkedAndNoticesAreTo(t *testing.T) {
	b := &answering{}
	dress := func(f *fakeBridge) bridges.Bridge { b.fakeBridge = f; return b }
	limits := func(c *relay.Config) { c.Bridges[0].Default.Limits.Person = []relay.Rate{{Max: 1, Every: time.Hour}} }
	inDressedWorld(t, dress, limits, func(t *testing.T, w *world) {
		for i, text := range []string{"one", "two", "three"} {
			ev := b.said("ann", text)
			ev.Answer = fmt.Sprint("token", i)
			b.receive(t, ev)
			settle()
		}
		w.wantPosted("ann", "token0 re: one", "token1 BUSY", "token2 BUSY")
	})
}

// answering is a platform that answers interactions.
type answering struct{ *fakeBridge }

func (b *answering) Fit(m bridges.Message) []bridges.Message {
	m.Text = m.Answer + " " + m.Text
	return b.fakeBridge.Fit(m)
}
