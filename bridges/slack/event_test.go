package slack

import (
	"slices"
	"strings"
	"testing"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
)

func TestAMessageAndItsMentionAreOneEvent(t *testing.T) {
	w := newWorld(t, patient)
	w.connected(w.bridge(nil))
	ts := w.writes(bridgetest.SlackLine{Channel: w.room, Text: w.app.User.Mention() + ": who is <@" + w.anna.ID + ">?"})
	e := w.hears(1)[0]
	if e.Key != w.room.ID+"/"+ts || e.Text != "who is @Anna?" || !e.Addressed || e.Message != ts {
		t.Errorf("%+v", e)
	}
	if want := (bridges.Place{Channel: w.room.ID, Thread: ts}); e.Place != want {
		t.Errorf("place %+v, want the thread that the message opens", e.Place)
	}
	if !slices.Equal(e.Within, []string{w.team.ID}) {
		t.Errorf("within %v", e.Within)
	}
	if n := len(w.rx.Stored()); n != 2 {
		t.Errorf("%d events were received, want message and app_mention with one key", n)
	}
}

func TestADirectChatNeedsNoMentionAndHasNoThreadOfItsOwn(t *testing.T) {
	w := newWorld(t, patient)
	w.connected(w.bridge(nil))
	ts := w.writes(bridgetest.SlackLine{Text: "message body 1 < 2 & <b>"})
	w.writes(bridgetest.SlackLine{Text: "in its thread", Thread: ts})
	got := w.hears(2)
	if got[0].Place != w.direct() || !got[0].Addressed || got[0].Text != "message body 1 < 2 & <b>" {
		t.Errorf("%+v", got[0])
	}
	if got[1].Place != (bridges.Place{Channel: w.chat.ID, Thread: ts, Direct: true}) {
		t.Errorf("%+v", got[1].Place)
	}
	p := got[0].From
	if p.Platform != "slack" || p.Tenant != w.team.ID || p.User != w.anna.ID || p.Name != "Anna" || p.Locale != "en-US" || p.Bot {
		t.Errorf("%+v", p)
	}
}

func TestAnEnterpriseIsTheTenant(t *testing.T) {
	w := newWorld(t, patient, func(_ *bridgetest.SlackOptions, a *bridgetest.SlackAppOptions) { a.Enterprise = true })
	w.connected(w.bridge(nil))
	w.writes(bridgetest.SlackLine{Text: "hello"})
	e := w.hears(1)[0]
	if e.From.Tenant != "E123" || !slices.Equal(e.Within, []string{w.team.ID, "E123"}) {
		t.Errorf("%+v", e)
	}
	if want := "slack:E123:" + w.app.User.ID; w.rx.Accounts()[0] != want {
		t.Errorf("account %q, want %q", w.rx.Accounts()[0], want)
	}
}

func TestAThreadThatTheAvatarTakesPartInNeedsNoMention(t *testing.T) {
	w := newWorld(t, patient)
	stop := w.connected(w.bridge(nil))
	root := w.writes(bridgetest.SlackLine{Channel: w.room, Text: w.app.User.Mention() + " hello"})
	w.hears(1)
	other := w.slack.AddUser(w.team, "Ben")
	w.writes(bridgetest.SlackLine{Channel: w.room, Thread: root, Text: "and now?"})
	w.writes(bridgetest.SlackLine{Channel: w.room, Thread: root, Text: other.Mention() + " what do you think?"})
	w.writes(bridgetest.SlackLine{Channel: w.room, Text: "not in the thread"})
	for _, e := range w.hears(4)[1:] {
		if want := e.Text == "and now?"; e.Addressed != want {
			t.Errorf("%q: addressed is %v", e.Text, e.Addressed)
		}
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	w.until("the sockets to be closed", func() bool { return len(w.slack.Connections(w.app)) == 0 })

	w.rx = &bridgetest.Receiver{} // after a restart the store knows the thread
	w.rx.SetPlaces(bridges.Place{Channel: w.room.ID, Thread: root})
	stop = w.connected(w.bridge(nil))
	w.writes(bridgetest.SlackLine{Channel: w.room, Thread: root, Text: "still there?"})
	if e := w.hears(1)[0]; !e.Addressed {
		t.Error("the thread is forgotten over a restart")
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	w.until("the sockets to be closed", func() bool { return len(w.slack.Connections(w.app)) == 0 })

	w.rx = &bridgetest.Receiver{}
	w.rx.SetPlaces(bridges.Place{Channel: w.room.ID, Thread: root})
	w.connected(w.bridge(nil, func(c *Config) { c.FollowThreads = false }))
	w.writes(bridgetest.SlackLine{Channel: w.room, Thread: root, Text: "nobody asked you"})
	if e := w.hears(1)[0]; e.Addressed {
		t.Error("follow_threads = false, and the thread is followed")
	}
}

func TestEditsAndDeletionsNameTheirMessage(t *testing.T) {
	w := newWorld(t, patient)
	w.connected(w.bridge(nil))
	ts := w.writes(bridgetest.SlackLine{Text: "frist"})
	w.hears(1)
	w.slack.Unfurl(w.chat, ts) // changes no text
	w.slack.Edit(w.chat, ts, "first & last")
	w.writes(bridgetest.SlackLine{Text: "reply", Thread: ts})
	w.hears(3)
	w.slack.Delete(w.chat, ts) // leaves a tombstone
	second := w.writes(bridgetest.SlackLine{Text: "second"})
	w.slack.Delete(w.chat, second)
	got := w.hears(6)
	key := func(ts string) string { return w.chat.ID + "/" + ts }
	if e := got[1]; e.Kind != bridges.Edited || e.Target != key(ts) || e.Text != "first & last" || e.Key != "" {
		t.Errorf("edit: %+v", e)
	}
	deleted := map[string]bool{}
	for _, e := range got[3:] {
		if e.Kind == bridges.Deleted {
			deleted[e.Target] = true
		}
	}
	if len(deleted) != 2 || !deleted[key(ts)] || !deleted[key(second)] {
		t.Errorf("deleted: %v", deleted)
	}
}

func TestTheBotDoesNotHearItself(t *testing.T) {
	w := newWorld(t, patient)
	b := w.bridge(nil)
	w.connected(b)
	id, err := b.Send(w.ctx, w.message("p1", "one"))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Remove(w.ctx, w.direct(), id); err != nil {
		t.Fatal(err)
	}
	w.writes(bridgetest.SlackLine{Text: "last"})
	if e := w.hears(1)[0]; e.Text != "last" {
		t.Errorf("%+v", e)
	}
}

func TestGuestsAndStrangersAreLeftUnansweredUnlessTheyAreAllowed(t *testing.T) {
	for _, guests := range []bool{false, true} {
		w := newWorld(t, patient)
		guest, stranger := w.slack.AddUser(w.team, "Gus"), w.slack.AddUser(w.slack.AddTeam("Elsewhere", ""), "Stan")
		guest.Guest = true
		w.slack.Share(w.room, stranger.Team)
		w.connected(w.bridge(nil, func(c *Config) { c.Guests = guests }))
		w.slack.Join(w.room, guest, nil)
		w.slack.Join(w.room, stranger, nil)
		for range 2 {
			for _, u := range []*bridgetest.SlackUser{guest, stranger} {
				w.writes(bridgetest.SlackLine{Channel: w.room, From: u, Text: w.app.User.Mention() + " message body"})
			}
		}
		w.writes(bridgetest.SlackLine{Text: "I am a member"})
		want := 1
		if guests {
			want = 5
		}
		for _, e := range w.hears(want) {
			if e.From.User == stranger.ID && e.From.Tenant != stranger.Team.ID {
				t.Errorf("the stranger's tenant is %q, want their own workspace", e.From.Tenant)
			}
		}
		told := 0
		if !guests {
			told = 2
		}
		if n := strings.Count(w.logs.String(), "guests = true"); n != told {
			t.Errorf("the operator was told %d times, want %d", n, told)
		}
	}
}

func TestAVoiceClipIsAnAttachment(t *testing.T) {
	w := newWorld(t, patient)
	b := w.bridge(nil)
	w.connected(b)
	w.writes(bridgetest.SlackLine{Files: []bridgetest.SentFile{{Name: "clip.m4a", Type: "audio/mp4", Data: []byte("sound")}}})
	e := w.hears(1)[0]
	if len(e.Attachments) != 1 || e.Attachments[0].Kind != "voice" {
		t.Fatalf("%+v", e)
	}
	f, err := b.Attachment(w.ctx, e.Attachments[0])
	if err != nil || string(f.Data) != "sound" || f.Type != "audio/mp4" || f.Name != "clip.m4a" {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestAnAssistantThreadIsGreeted(t *testing.T) {
	w := newWorld(t, patient)
	b := w.bridge(nil)
	w.connected(b)
	ch, thread := w.slack.OpenAssistant(w.app, w.anna, nil)
	e := w.hears(1)[0]
	place := bridges.Place{Channel: ch.ID, Thread: thread, Direct: true}
	if e.Kind != bridges.Command || e.Command != "start" || e.Place != place || e.From.User != w.anna.ID {
		t.Errorf("%+v", e)
	}
	if lasts, err := b.Typing(w.ctx, place); err != nil || lasts <= 0 || w.slack.StatusIn(ch, thread) != thinking {
		t.Errorf("%v, %v: the status is %q", lasts, err, w.slack.StatusIn(ch, thread))
	}
	if lasts, err := b.Typing(w.ctx, w.direct()); err != nil || lasts <= 0 || w.slack.Calls("assistant.threads.setStatus") != 1 {
		t.Errorf("%v, %v: outside of threads there is no status to set", lasts, err)
	}
}

func TestWhereNoStatusCanBeShownItIsNotTriedAgain(t *testing.T) {
	w := newWorld(t)
	b := w.bridge(nil)
	for range 3 {
		if _, err := b.Typing(w.ctx, bridges.Place{Channel: w.room.ID, Thread: "1600000000.000001"}); err != nil {
			t.Error(err)
		}
	}
	if n := w.slack.Calls("assistant.threads.setStatus"); n != 1 {
		t.Errorf("%d calls", n)
	}
}

func TestCommandsCanBeWrittenAsText(t *testing.T) {
	w := newWorld(t, patient)
	w.connected(w.bridge(nil))
	w.writes(bridgetest.SlackLine{Text: " /reset"})
	w.writes(bridgetest.SlackLine{Channel: w.room, Text: w.app.User.Mention() + " /Reset"})
	w.writes(bridgetest.SlackLine{Text: "/reset the world"})
	for _, e := range w.hears(3) {
		if want := e.Text == ""; (e.Kind == bridges.Command && e.Command == "reset") != want {
			t.Errorf("%+v", e)
		}
	}
}

func TestALookupThatIsThrottledDelaysAndLosesNothing(t *testing.T) {
	w := newWorld(t)
	w.connected(w.bridge(nil))
	w.slack.Break(bridgetest.SlackFault{Method: "users.info", Effect: bridgetest.Throttle, RetryAfter: 1, Times: 1})
	w.writes(bridgetest.SlackLine{Text: "who am I?"})
	if e := w.hears(1)[0]; e.From.Name != "Anna" {
		t.Errorf("%+v", e.From)
	}
}

func TestOfWhatIsNotSaidToTheAvatarNothingIsLookedUp(t *testing.T) {
	w := newWorld(t, patient)
	w.connected(w.bridge(nil, func(c *Config) { c.ReadsRooms = false }))
	for range 3 {
		w.writes(bridgetest.SlackLine{Channel: w.room, From: w.slack.AddUser(w.team, "Ben"), Text: "among us"})
	}
	w.writes(bridgetest.SlackLine{Channel: w.room, Text: w.app.User.Mention() + " and you?"})
	w.hears(1)
	if n := w.slack.Calls("users.info"); n != 1 {
		t.Errorf("%d people were looked up, want the one who asked", n)
	}
}

func TestOfAnEditThatWasNeverSaidToTheAvatarNothingIsLookedUp(t *testing.T) {
	w := newWorld(t, patient)
	w.connected(w.bridge(nil, func(c *Config) { c.ReadsRooms = false }))
	ours := w.writes(bridgetest.SlackLine{Channel: w.room, From: w.slack.AddUser(w.team, "Ben"), Text: "among us"})
	said := w.writes(bridgetest.SlackLine{Channel: w.room, Text: w.app.User.Mention() + " and you?"})
	w.hears(1)
	w.slack.Edit(w.room, ours, "between us")
	w.slack.Edit(w.room, said, "and they?")
	if e := w.hears(2)[1]; e.Kind != bridges.Edited || e.Text != "and they?" {
		t.Errorf("who takes the mention out of a message is heard: %+v", e)
	}
	if n := w.slack.Calls("users.info"); n != 1 {
		t.Errorf("%d people were looked up, want the one who asked", n)
	}
}

func TestAThreadIsResetByAMentionWithTheWord(t *testing.T) {
	w := newWorld(t, patient)
	w.connected(w.bridge(nil))
	root := w.writes(bridgetest.SlackLine{Channel: w.room, Text: w.app.User.Mention() + " hello"})
	w.hears(1)
	for _, text := range []string{w.app.User.Mention() + " Reset", w.app.User.Mention() + " reset the clock", "reset", w.app.User.Mention() + " start"} {
		w.writes(bridgetest.SlackLine{Channel: w.room, Thread: root, Text: text})
	}
	resets := 0
	for _, e := range w.hears(5)[1:] {
		if e.Kind == bridges.Command {
			resets++
		}
		if (e.Command == "reset") != (e.Text == "") || e.Place.Thread != root {
			t.Errorf("%+v", e)
		}
	}
	if resets != 1 {
		t.Errorf("%d commands, want the one", resets)
	}
}

func TestThoseWhoWriteAtOnceInAChannelAreLookedUpAtOnce(t *testing.T) {
	const many = 6
	w := newWorld(t, patient, func(o *bridgetest.SlackOptions, _ *bridgetest.SlackAppOptions) { o.InOrder = false })
	w.connected(w.bridge(nil, func(c *Config) { c.ReadsRooms = false }))
	release := w.rx.Hold() // the first event waits to be stored, and the others behind it
	for range many {
		w.writes(bridgetest.SlackLine{Channel: w.room, From: w.slack.AddUser(w.team, "Ben"), Text: w.app.User.Mention() + " hello"})
	}
	w.until("all to be looked up", func() bool { return w.slack.Calls("users.info") == many })
	release()
	w.hears(many)
}
