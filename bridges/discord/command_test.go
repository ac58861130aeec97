package discord

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
	"avatarbridge/bridges/fault"
)

// registered runs a bridge until its commands can be used.
func (w *world) registered(b *Bridge) (stop func() error) {
	w.Helper()
	stop = w.run(b)
	w.until("the commands", func() bool { return len(w.d.Commands(w.bot)) == 4 })
	return stop
}

// invokes lets Anna use a command. Its token must be seen nowhere.
func (w *world) invokes(c *bridgetest.DiscordChannel, command, text string) *bridgetest.DiscordInteraction {
	w.Helper()
	v := bridgetest.DiscordInvocation{Bot: w.bot, Channel: c, From: w.anna, Command: command, Locale: "de"}
	if text != "" {
		v.Options = map[string]any{"text": text}
	}
	in, err := w.d.Invoke(v)
	if err != nil {
		w.Fatal(err)
	}
	w.hide = append(w.hide, in.Token)
	return in
}

// answers fits texts as answers to an event, and sends all of them.
func (w *world) answers(b *Bridge, e bridges.Event, texts ...string) {
	w.Helper()
	var all []bridges.Message
	for i, text := range texts {
		all = append(all, b.Fit(bridges.Message{Text: text, Answer: e.Answer, More: i > 0, ReplyTo: e.Message, Mention: e.From.User})...)
	}
	for i, m := range all {
		m.ID, m.Place = fmt.Sprint("p", i), e.Place
		if _, err := b.Send(w.ctx, m); err != nil {
			w.Fatalf("piece %d: %v", i, err)
		}
	}
}

func TestCommandsAreRegisteredOnce(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	const put = "PUT /applications/{app}/commands"
	stop := w.registered(w.bridge(nil))
	w.until("their registration to be answered", func() bool { return w.d.RequestCount(put) == 1 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	w.registered(w.bridge(nil))
	w.until("a look", func() bool { return w.d.RequestCount("GET /applications/{app}/commands") == 2 })
	if n := w.d.RequestCount(put); n != 1 {
		t.Errorf("they were registered %d times", n)
	}
	if got := w.d.Commands(w.bot)[0]; got.Name != "ask" || got.Guild != "" || !slices.Equal(got.Options, []string{"text"}) {
		t.Errorf("%+v", got)
	}
}

func TestACommandIsPostponedInTimeThoughTheStoreIsSlow(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	b := w.bridge(nil)
	w.registered(b)
	release := w.rx.Hold()
	defer release()
	w.says(w.dm, "before it")
	in := w.invokes(w.dm, "ask", "what is it?")
	w.until("the first word", func() bool { return w.d.Answered(in).Loading })
	release()
	e := w.heard(2)[1]
	if e.Kind != bridges.Written || e.Text != "what is it?" || e.Key != in.ID || !e.Addressed || e.From.Locale != "de" || e.Answer == "" {
		t.Errorf("heard %+v", e)
	}
	w.answers(b, e, "It is **that**.")
	if got := w.d.PostsIn(w.dm); len(got) != 1 || got[0].Text != "It is **that**." || got[0].Loading || got[0].Via != bridgetest.ViaResponse || !got[0].Pings.None() {
		t.Errorf("posted %+v", got)
	}
}

func TestTheFirstPieceTakesTheWaitingPlaceAndLaterOnesFollow(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	b := w.bridge(nil)
	w.registered(b)
	in := w.invokes(w.room, "ask", "much")
	e := w.heard(1)[0]
	if !slices.Equal(e.Within, []string{w.rooms.ID, w.guild.ID}) || e.Place.Direct {
		t.Errorf("heard %+v", e)
	}
	w.answers(b, e, strings.Repeat("A sentence of the answer. ", 200), "And another thing.")
	got := w.d.PostsIn(w.room)
	if len(got) != 4 || got[0].ID != w.d.Answered(in).Original || got[3].Text != "And another thing." {
		t.Fatalf("posted %d messages: %+v", len(got), got)
	}
	for i, p := range got {
		if (p.Via == bridgetest.ViaResponse) != (i == 0) || p.Deleted || p.Loading {
			t.Errorf("piece %d: %+v", i, p)
		}
	}
}

func TestARestartAnswersWhatWasPostponedBefore(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	stop := w.registered(w.bridge(nil))
	in := w.invokes(w.room, "ask", "and then?")
	e := w.heard(1)[0]
	w.until("the first word", func() bool { return w.d.Answered(in).Loading })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	b := w.bridge(nil)
	w.answers(b, e, "one", "two")
	if got := w.d.Texts(w.room); !slices.Equal(got, []string{"one", "two"}) || w.d.Answered(in).Loading {
		t.Errorf("posted %q", got)
	}
}

func TestALateAnswerGoesToTheChannel(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	b := w.bridge(nil)
	w.registered(b)
	w.invokes(w.room, "ask", "slowly")
	e := w.heard(1)[0]
	w.d.Advance(16 * time.Minute)
	m := b.Fit(bridges.Message{Text: "at last", Answer: e.Answer})[0]
	m.ID, m.Place = "p1", e.Place
	_, err := b.Send(w.ctx, m)
	w.outcome(err, fault.Expired, "")
	m.Forms = m.Forms[1:]
	if _, err := b.Send(w.ctx, m); err != nil {
		t.Fatal(err)
	}
	if got := w.d.PostsIn(w.room); got[len(got)-1].Via != bridgetest.ViaMessage || got[len(got)-1].Text != "at last" {
		t.Errorf("posted %+v", got)
	}
	w.d.Deny(w.room, w.bot, bridgetest.PermSendMessages)
	_, err = b.Send(w.ctx, m)
	w.outcome(err, fault.Dead, "Send Messages")
}

func TestAnAnswerOfWhichNobodyKnowsIsFound(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	b := w.bridge(nil)
	w.registered(b)
	w.invokes(w.room, "ask", "twice")
	e := w.heard(1)[0]
	message := func(text string) bridges.Message {
		m := b.Fit(bridges.Message{Text: text, Answer: e.Answer})[0]
		m.ID, m.Place = "p1", e.Place
		return m
	}
	for i, text := range []string{"first", "second"} {
		m := message(text)
		m.ID, m.More = fmt.Sprint("p", i), i > 0
		if got, err := b.Find(w.ctx, m, time.Now()); err != nil || got != "" {
			t.Errorf("%s was found before it was there: %q, %v", text, got, err)
		}
		clear := w.d.Break(bridgetest.DiscordFault{Route: bridgetest.RouteEditFollowUp, Times: 1, Effect: bridgetest.Cut, Accepted: true})
		w.d.Break(bridgetest.DiscordFault{Route: bridgetest.RouteFollowUp, Times: 1, Effect: bridgetest.Cut, Accepted: true})
		_, err := b.Send(w.ctx, m)
		w.d.ClearFaults()
		clear()
		w.outcome(err, fault.Unclear, "")
		if got, err := b.Find(w.ctx, m, time.Now()); err != nil || got == "" {
			t.Errorf("%s was not found: %v", text, err)
		}
	}
}

func TestCommandsToTheProgram(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	b := w.bridge(nil)
	w.registered(b)
	w.invokes(w.room, "reset", "")
	w.invokes(w.room, "mute", "")
	w.d.AddMember(w.guild, w.anna, w.d.AddRole(w.guild, "moderators", bridgetest.PermManageMessages, false))
	w.invokes(w.room, "unmute", "")
	got := w.heard(3)
	for i, want := range []struct {
		command string
		manages bool
	}{{"reset", false}, {"mute", false}, {"unmute", true}} {
		if e := got[i]; e.Kind != bridges.Command || e.Command != want.command || e.From.Manages != want.manages || e.Answer == "" || e.Message == "" {
			t.Errorf("/%s became %+v", want.command, e)
		}
	}
	if _, err := w.d.Invoke(bridgetest.DiscordInvocation{Bot: w.bot, Channel: w.dm, From: w.anna, Command: "mute"}); err == nil {
		t.Error("there is /mute in direct messages")
	}
}

func TestACommandElsewhereIsRefusedWithoutOthersSeeingIt(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	thread := w.d.AddThread(w.room, "thread", w.anna)
	elsewhere := w.d.AddText(w.guild, "elsewhere", nil)
	b := w.bridge(nil, func(c *Config) { c.AllRooms, c.Rooms = false, []string{w.rooms.ID} })
	stop := w.registered(b)
	word := notHere
	for range 2 { // the second time after a restart, when Discord does not name the channels
		for _, c := range []*bridgetest.DiscordChannel{w.room, thread, w.dm, elsewhere} {
			in := w.invokes(c, "ask", "hello?")
			w.until("the first word", func() bool { return w.d.Answered(in).Answered })
			posts := w.d.PostsIn(c)
			last := posts[len(posts)-1]
			if refused := last.Ephemeral && last.Text == word; refused != (c == elsewhere) || w.d.Answered(in).Loading == refused {
				t.Errorf("in %s: %+v", c.Name, last)
			}
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		word = "Nicht hier."
		b = w.bridge(nil, func(c *Config) { c.AllRooms, c.Rooms, c.Denied = false, []string{w.rooms.ID}, word })
		stop = w.run(b)
	}
}

func TestAFirstWordThatDoesNotArriveLeavesTheChannel(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	b := w.bridge(nil)
	w.registered(b)
	w.d.Break(bridgetest.DiscordFault{Route: bridgetest.RouteInteractionCallback, Effect: bridgetest.Refuse, Code: 404, Error: 10062, Body: "Unknown interaction"})
	w.invokes(w.room, "ask", "hello?")
	e := w.heard(1)[0]
	m := b.Fit(bridges.Message{Text: "hello", Answer: e.Answer})[0]
	m.ID, m.Place = "p1", e.Place
	_, err := b.Send(w.ctx, m)
	w.outcome(err, fault.Expired, "")
}

func TestAHandleThatIsNoneIsExpired(t *testing.T) {
	b := newWorld(t, bridgetest.DiscordOptions{}).bridge(nil)
	for _, handle := range []string{"", "x", "{}", `{"i":"1","a":"2"}`} {
		_, err := b.Send(t.Context(), bridges.Message{Answer: handle, Forms: []bridges.Form{{Kind: formAnswer, Text: "x"}}})
		if o, ok := errors.AsType[*fault.Outcome](err); !ok || o.Kind != fault.Expired {
			t.Errorf("%q: %v", handle, err)
		}
	}
}

func TestAFirstWordOfWhichNobodyKnowsIsTakenForSaid(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	b := w.bridge(nil)
	w.registered(b)
	w.d.Break(bridgetest.DiscordFault{Route: bridgetest.RouteInteractionCallback, Effect: bridgetest.HTML, Accepted: true})
	in := w.invokes(w.room, "ask", "hello?")
	w.answers(b, w.heard(1)[0], "here")
	if got := w.d.PostsIn(w.room); len(got) != 1 || got[0].ID != w.d.Answered(in).Original || got[0].Text != "here" {
		t.Errorf("posted %+v", got)
	}
}
