package bridgetest

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

// RunTelegram tests what every bridge to Telegram must do beyond Run: follow Telegram's rules for identities, places and cursors.
func RunTelegram(t *testing.T, bridge TelegramBridge) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(*trial, *telegramPlatform)
	}{
		{"WhatIsSaidToTheBotIsAddressed", addressesBot},
		{"ATopicIsAThread", keepsTopics},
		{"CaptionsAreTextAndFilesAttachments", hearsFiles},
		{"CommandsAreRecognised", hearsCommands},
		{"AnEditNamesTheMessageThatItChanges", hearsEdits},
		{"SomebodyBehindAChatIsThatChat", identifiesChats},
		{"AMigratedGroupIsToldAndFollowed", followsMigration},
		{"AnotherPollerIsToldAndOutlived", outlivesOtherPoller},
		{"RestartedUpdateIdsLoseNothing", survivesNewUpdateIDs},
		{"BrokenPollsLoseNothing", survivesBrokenPolls},
		{"TwoBotsInAGroupAreTwoAccounts", separatesBots},
	} {
		t.Run(c.name, func(t *testing.T) {
			var p *telegramPlatform
			tr := newTrial(t, Harness{Start: func(t *testing.T) Platform {
				p = startTelegram(t, bridge)
				return p
			}})
			c.test(tr, p)
		})
	}
}

// hear lets somebody write while a bridge runs and returns the events in their order. The bot reads everything in groups.
func (p *telegramPlatform) hear(tr *trial, lines ...Line) []bridges.Event {
	tr.Helper()
	rx := &Receiver{}
	r := tr.run(p.New(tr.log), rx)
	for _, l := range lines {
		p.tg.Write(l)
	}
	last := canary + " the end"
	p.tg.Write(Line{Chat: p.direct, From: p.person, Text: last})
	tr.must(rx.WaitFor(tr.ctx, func() bool { return slices.Contains(texts(rx.Unique()), last) }), "waiting for the events")
	r.ended()
	all := rx.Unique()
	return all[:len(all)-1]
}

// want checks that there are n events.
func (tr *trial) want(events []bridges.Event, n int) {
	tr.Helper()
	if len(events) != n {
		tr.Fatalf("%d events, want %d: %+v", len(events), n, events)
	}
}

func addressesBot(tr *trial, p *telegramPlatform) {
	p.bot.ReadsAll = true
	bot := &User{ID: p.bot.ID, Name: "Luna"}
	sent := p.tg.Write(Line{Chat: p.room, From: &User{ID: p.bot.ID, Name: "Luna", Bot: true}, Text: "I said something"})
	at := "@" + p.bot.Username
	cases := []struct {
		line      Line
		text      string
		addressed bool
	}{
		{Line{Text: "to nobody"}, "to nobody", false},
		{Line{Text: at + " 😀 hello"}, "😀 hello", true},
		{Line{Text: at + ", hello"}, "hello", true},
		{Line{Text: "😀 hello " + at + " you"}, "😀 hello " + at + " you", true},
		{Line{Text: strings.ToUpper(at) + " hello"}, "hello", true},
		{Line{Text: "@other_bot hello"}, "@other_bot hello", false},
		{Line{Text: "mail" + at}, "mail" + at, false},
		{Line{Text: "Luna hello", Named: []*User{bot}}, "hello", true},
		{Line{Text: "yes", ReplyTo: sent.Message}, "yes", true},
	}
	var lines []Line
	for _, c := range cases {
		c.line.Chat, c.line.From = p.room, p.person
		lines = append(lines, c.line)
	}
	got := p.hear(tr, lines...)
	tr.want(got, len(cases))
	for i, c := range cases {
		text := strings.TrimLeft(got[i].Text, ", ")
		if text != c.text || got[i].Addressed != c.addressed {
			tr.Errorf("%q became %q, addressed %v; want %q, %v", c.line.Text, got[i].Text, got[i].Addressed, c.text, c.addressed)
		}
	}
}

func keepsTopics(tr *trial, p *telegramPlatform) {
	p.bot.ReadsAll = true
	forum := p.tg.AddForum("Forum", p.bot)
	topic := p.tg.AddTopic(forum, "News")
	got := p.hear(tr, Line{Chat: forum, From: p.person, Text: "in the topic", Thread: topic}, Line{Chat: forum, From: p.person, Text: "in General"})
	tr.want(got, 2)
	if got[0].Place.Thread != Thread(topic) || got[0].Addressed || got[1].Place.Thread != "" || got[0].Place.Channel != forum.Channel() {
		tr.Errorf("places %+v and %+v, want topic %d and none; addressed %v", got[0].Place, got[1].Place, topic, got[0].Addressed)
	}
	b := p.New(tr.log)
	m := tr.marked(b)
	m.ReplyTo, m.Place, m.ID = got[0].Message, got[0].Place, "p1"
	_, err := b.Send(tr.ctx, m)
	tr.must(tr.noted(err), "answer in the topic")
	reply, err := strconv.Atoi(got[0].Message)
	tr.must(err, "the event's message")
	if posts := p.tg.PostsIn(forum); len(posts) != 1 || posts[0].Thread != topic || posts[0].ReplyTo != reply {
		tr.Errorf("posted %+v, want it in topic %d as a reply to %d", posts, topic, reply)
	}
	m.ReplyTo = "999999" // deleted meanwhile
	if _, err := b.Send(tr.ctx, m); tr.noted(err) != nil {
		tr.Errorf("a reply to a deleted message failed: %v", err)
	}
	p.tg.CloseTopic(forum, topic)
	if _, err = b.Send(tr.ctx, m); fault.Of(tr.noted(err)) == nil || fault.Of(err).Kind != fault.Dead && fault.Of(err).Kind != fault.Rejected {
		tr.Errorf("a message to a deleted topic ended as %v", err)
	}
}

func hearsFiles(tr *trial, p *telegramPlatform) {
	var lines []Line
	kinds := map[string]string{"voice": "voice", "photo": "image", "video": "video", "document": "file", "audio": "file"}
	order := []string{"voice", "photo", "video", "document", "audio"}
	for _, k := range order {
		lines = append(lines, Line{Chat: p.direct, From: p.person, Text: "look: " + k,
			File: &SentFile{Kind: k, Name: "file", Type: "application/x-" + k, Data: []byte("content")}})
	}
	got := p.hear(tr, lines...)
	tr.want(got, len(order))
	for i, k := range order {
		a := got[i].Attachments
		if got[i].Text != "look: "+k || len(a) != 1 || a[0].Kind != kinds[k] || a[0].Ref == "" || a[0].Size != 7 {
			tr.Errorf("a %s became %q with %+v", k, got[i].Text, a)
		}
	}
}

func hearsCommands(tr *trial, p *telegramPlatform) {
	at := "@" + p.bot.Username
	got := p.hear(tr,
		Line{Chat: p.direct, From: p.person, Text: "/start"},
		Line{Chat: p.direct, From: p.person, Text: "/reset" + at + " please"},
		Line{Chat: p.room, From: p.person, Text: "/reset" + at},
		Line{Chat: p.direct, From: p.person, Text: "do not /reset"})
	tr.want(got, 4)
	for i, want := range []string{"start ", "reset please", "reset "} {
		if e := got[i]; e.Kind != bridges.Command || e.Command+" "+e.Text != want {
			tr.Errorf("command %d became kind %d %q %q, want %q", i, e.Kind, e.Command, e.Text, want)
		}
	}
	if e := got[3]; e.Kind != bridges.Written || e.Text != "do not /reset" {
		tr.Errorf("a command inside of a text became %+v", e)
	}
}

func hearsEdits(tr *trial, p *telegramPlatform) {
	w := p.tg.Write(Line{Chat: p.direct, From: p.person, Text: "first"})
	p.tg.Edit(p.direct, w.Message, "second")
	got := p.hear(tr)
	tr.want(got, 2)
	if e := got[1]; e.Kind != bridges.Edited || e.Target != got[0].Key || e.Text != "second" || e.Key == got[0].Key {
		tr.Errorf("the edit of %q is %+v", got[0].Key, e)
	}
}

func identifiesChats(tr *trial, p *telegramPlatform) {
	p.bot.ReadsAll = true
	news := p.tg.AddChannel("News")
	got := p.hear(tr,
		Line{Chat: p.room, Identity: Identity{Anonymous: true}, Text: "as the group"},
		Line{Chat: p.room, Identity: Identity{Channel: news}, Text: "as a channel"},
		Line{Chat: p.room, From: p.person, Text: "as myself"})
	tr.want(got, 3)
	for i, want := range []int64{p.room.ID, news.ID, p.person.ID} {
		if f := got[i].From; f.User != strconv.FormatInt(want, 10) || f.Bot || f.Name == "" {
			tr.Errorf("%q is from %+v, want %d and no bot", got[i].Text, f, want)
		}
	}
}

func followsMigration(tr *trial, p *telegramPlatform) {
	p.bot.ReadsAll = true
	group := p.tg.AddGroup("Group", p.bot)
	rx := &Receiver{}
	r := tr.run(p.New(tr.log), rx)
	super := p.tg.Migrate(group)
	told := func(e bridges.Event) bool {
		return e.Kind == bridges.Moved && e.Place.Channel == group.Channel() && e.To == super.Channel()
	}
	tr.must(rx.WaitFor(tr.ctx, func() bool { return slices.ContainsFunc(rx.Stored(), told) }), "waiting for the move to be told")
	r.ended()
	b := p.New(tr.log)
	m := tr.marked(b)
	m.ID, m.Place = "p1", bridges.Place{Channel: group.Channel()}
	_, err := b.Send(tr.ctx, m)
	if o := fault.Of(tr.noted(err)); o == nil || o.Kind != fault.Moved || o.To != super.Channel() {
		tr.Errorf("sending to the old group ended as %v, want moved to %s", err, super.Channel())
	}
}

func outlivesOtherPoller(tr *trial, p *telegramPlatform) {
	rx := &Receiver{}
	r := tr.run(p.New(tr.log), rx)
	tr.must(p.tg.WaitFor(tr.ctx, func() bool { return p.tg.Polling(p.bot) > 0 }), "waiting for the poll")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	got := make(chan error, 1)
	go func() {
		resp, err := client.Get(p.tg.URL() + "/bot" + p.bot.Token + "/getUpdates?timeout=50")
		if err == nil {
			err = resp.Body.Close()
		}
		got <- err
	}()
	tr.must(rx.WaitHealth(tr.ctx, true), "waiting for the conflict to be told")
	text := tr.write(Direct, "after the other poller")
	all, err := rx.WaitUnique(tr.ctx, 1)
	tr.must(err, "waiting for the event")
	if all[0].Text != text {
		tr.Errorf("stored %q, want %q", all[0].Text, text)
	}
	tr.must(rx.WaitHealth(tr.ctx, false), "waiting for the recovery to be told")
	r.ended()
	tr.must(<-got, "the other poller")
}

func survivesNewUpdateIDs(tr *trial, p *telegramPlatform) {
	rx := &Receiver{}
	r := tr.run(p.New(tr.log), rx)
	for i := range 3 {
		want := tr.write(Direct, fmt.Sprint("in sequence ", i))
		got, err := rx.WaitUnique(tr.ctx, i+1)
		tr.must(err, "waiting for the event")
		if got[i].Text != want {
			tr.Errorf("stored %q, want %q", got[i].Text, want)
		}
		tr.acknowledged()
		p.bot.RestartUpdateIDs()
	}
	r.ended()
	want := tr.write(Direct, "after a restart of both")
	r = tr.run(p.New(tr.log), rx)
	got, err := rx.WaitUnique(tr.ctx, 4)
	tr.must(err, "waiting for the event after the restart")
	if got[3].Text != want {
		tr.Errorf("stored %q, want %q", got[3].Text, want)
	}
	tr.acknowledged()
	r.ended()
}

func separatesBots(tr *trial, p *telegramPlatform) {
	other := p.tg.AddBot(BotOptions{ReadsAll: true})
	p.bot.ReadsAll = true
	group := p.tg.AddGroup("Group", p.bot, other)
	rx := [2]*Receiver{{}, {}}
	a := tr.run(p.New(tr.log), rx[0])
	b := tr.run(p.make(p.tg.URL(), other.Token, TelegramHook{}, slog.New(slog.DiscardHandler)), rx[1])
	p.tg.Write(Line{Chat: group, From: p.person, Text: "both of you"})
	for i, bot := range []*Bot{p.bot, other} {
		_, err := rx[i].WaitUnique(tr.ctx, 1)
		tr.must(err, "waiting for the event")
		if got, want := rx[i].Accounts()[0], fmt.Sprintf("telegram:%d", bot.ID); got != want {
			tr.Errorf("account %q, want %q", got, want)
		}
	}
	a.ended()
	b.ended()
}

func survivesBrokenPolls(tr *trial, p *telegramPlatform) {
	rx := &Receiver{}
	r := tr.run(p.New(tr.log), rx)
	for i, f := range []Fault{
		{Effect: HTML},
		{Effect: HTML, Accepted: true},
		{Effect: Status, Code: 500, Body: `{"ok":false,"error_code":500,"description":"Internal Server Error: restart"}`},
		{Effect: Status, Code: 200, Body: `{"ok":true,"result":{"not":"a list"}}`},
		{Effect: Status, Code: 200, Body: `{"ok":true,"result":["no update",7,null,{"update_id":"x"}]}`},
		{Effect: Garbage},
		{Effect: Garbage, Accepted: true},
		{Effect: Half, Accepted: true, Delay: time.Millisecond},
		{Effect: Cut},
		{Effect: Cut, Accepted: true},
		{Effect: Throttle, RetryAfter: 1},
	} {
		f.Method, f.Times = "getUpdates", 1
		p.tg.Break(f)
		text := tr.write(Direct, fmt.Sprint("through fault ", i))
		tr.write(Direct, fmt.Sprint("after fault ", i))
		got, err := rx.WaitUnique(tr.ctx, 2*i+2)
		tr.must(err, fmt.Sprintf("waiting for the events behind %+v", f))
		if got[2*i].Text != text {
			tr.Errorf("behind %+v came %q, want %q", f, got[2*i].Text, text)
		}
	}
	tr.acknowledged()
	r.ended()
}
