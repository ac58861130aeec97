package bridgetest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"avatarbridge/bridges/bridgetest"
)

// events reads n events and acknowledges them.
func (c *slackSocket) events(n int) []slackEnvelope {
	c.t.Helper()
	var list []slackEnvelope
	for range n {
		list = append(list, c.next())
	}
	return list
}

func TestSlackWrapsEvents(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	c := w.connect()
	got := w.write(w.direct, "hello")
	e := c.next()
	p := e.Payload
	if e.Type != "events_api" || e.Accepts || e.Attempt == nil || *e.Attempt != 0 || e.Reason != "" {
		t.Errorf("envelope %+v", e)
	}
	if p.Type != "event_callback" || p.Team != w.team.ID || p.App != w.app.ID || p.EventID != got.Events[0] || p.Context == "" || p.Shared ||
		len(p.Auth) != 1 || p.Auth[0].User != w.app.User.ID || !p.Auth[0].Bot || p.Auth[0].Install || p.Auth[0].Enterprise != nil {
		t.Errorf("callback %+v", p)
	}
	if m := p.Event; m.Type != "message" || m.Subtype != "" || m.ChannelType != "im" || m.Channel != w.direct.ID || m.User != w.anna.ID || m.TS != got.TS || m.Text != "hello" {
		t.Errorf("message %+v", m)
	}
}

func TestSlackMentionFiresMessageAndAppMention(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	c := w.connect()
	got := w.write(w.room, w.app.User.Mention()+" what is <this> & that?")
	types := map[string]slackEnvelope{}
	for _, e := range c.events(2) {
		types[e.Payload.Event.Type] = e
	}
	message, mention := types["message"].Payload, types["app_mention"].Payload
	if message.Event.TS != got.TS || mention.Event.TS != got.TS || message.EventID == mention.EventID || message.EventID == "" || mention.EventID == "" {
		t.Errorf("got %+v and %+v, want one ts and two ids", message, mention)
	}
	if message.Event.ChannelType != "channel" || mention.Event.ChannelType != "" || mention.Event.Channel != w.room.ID {
		t.Errorf("channel types %q and %q", message.Event.ChannelType, mention.Event.ChannelType)
	}
	if want := w.app.User.Mention() + " what is &lt;this&gt; &amp; that?"; mention.Event.Text != want {
		t.Errorf("text %q, want %q", mention.Event.Text, want)
	}
	if in := w.write(w.direct, w.app.User.Mention()+" in private").Events; len(in) != 1 {
		t.Errorf("in a direct message %d events told of a mention, want message alone", len(in))
	}
	if e := c.next().Payload.Event; e.Type != "message" {
		t.Errorf("in a direct message came %+v", e)
	}
}

func TestSlackTellsOnlyWhatTheAppMayHear(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	group, chat := w.s.AddPrivate(w.team, "private", w.anna, w.app.User), w.s.AddGroupChat(w.team, w.anna, w.app.User)
	outside := w.s.AddChannel(w.team, "outside", w.anna)
	mention := w.app.User.Mention()
	heard := func() []int {
		var n []int
		for _, c := range []*bridgetest.SlackChannel{w.direct, w.room, group, chat, outside} {
			n = append(n, len(w.write(c, mention).Events))
		}
		return n
	}
	for _, c := range []struct {
		name           string
		scopes, events []string
		want           []int
	}{
		{"all", bridgetest.AllSlackScopes(), bridgetest.AllSlackEvents(), []int{1, 2, 2, 2, 0}},
		{"no scopes", nil, bridgetest.AllSlackEvents(), []int{0, 0, 0, 0, 0}},
		{"no events", bridgetest.AllSlackScopes(), nil, []int{0, 0, 0, 0, 0}},
		{"mentions", []string{"app_mentions:read"}, []string{"app_mention", "message.im"}, []int{0, 1, 1, 1, 0}},
		{"channels", []string{"channels:history"}, []string{"message.channels", "message.groups"}, []int{0, 1, 0, 0, 0}},
	} {
		w.s.SetScopes(w.app, c.scopes...)
		w.s.SetEvents(w.app, c.events...)
		if got := heard(); !slices.Equal(got, c.want) {
			t.Errorf("%s: heard %v, want %v", c.name, got, c.want)
		}
	}
}

func TestSlackMessagesInTheirSubtypes(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	c := w.connect()
	bot := w.s.AddBot(w.team, "Other")
	next := func() slackSeen { t.Helper(); return c.next().Payload.Event }
	w.s.Write(bridgetest.SlackLine{Channel: w.room, From: bot, Text: "beep"})
	if e := next(); e.BotID != bot.BotID || e.Subtype != "" || e.User != bot.ID {
		t.Errorf("a bot wrote %+v", e)
	}
	w.s.Write(bridgetest.SlackLine{Channel: w.room, From: bot, Text: "beep", Classic: true})
	if e := next(); e.BotID != bot.BotID || e.Subtype != "bot_message" || e.User != "" {
		t.Errorf("a classic bot wrote %+v", e)
	}
	w.s.Write(bridgetest.SlackLine{Channel: w.room, From: w.anna, Text: "waves", Me: true})
	if e := next(); e.Subtype != "me_message" {
		t.Errorf("/me is %+v", e)
	}
	parent := w.write(w.room, "parent").TS
	c.next()
	w.s.Write(bridgetest.SlackLine{Channel: w.room, From: w.anna, Text: "reply", Thread: parent})
	if e := next(); e.ThreadTS != parent || e.Subtype != "" {
		t.Errorf("a reply is %+v", e)
	}
	w.s.Write(bridgetest.SlackLine{Channel: w.room, From: w.anna, Text: "to all", Thread: parent, Broadcast: true})
	if e := next(); e.ThreadTS != parent || e.Subtype != "thread_broadcast" {
		t.Errorf("a broadcast is %+v", e)
	}
	w.post(w.room, "of the app", "metadata", `{"event_type":"reply","event_payload":{"a":1}}`)
	if e := next(); e.BotID != w.app.User.BotID || e.Metadata == nil || e.Metadata.Type != "reply" || e.Metadata.Payload != nil {
		t.Errorf("the app heard of itself %+v, want the type of its metadata alone", e)
	}
	w.s.Join(w.room, w.s.AddUser(w.team, "Bert"), w.anna)
	kinds := []string{next().Type, next().Subtype}
	if !slices.Equal(kinds, []string{"member_joined_channel", "channel_join"}) {
		t.Errorf("joining told %v", kinds)
	}
}

func TestSlackEditsAndDeletions(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	c := w.connect()
	ts := w.write(w.room, "frist").TS
	c.next()
	w.s.Edit(w.room, ts, "first "+w.app.User.Mention())
	for _, env := range c.events(2) {
		switch e := env.Payload.Event; e.Type {
		case "app_mention":
			if e.TS != ts || e.Edited == nil {
				t.Errorf("the mention in an edit is %+v", e)
			}
		default:
			if e.Subtype != "message_changed" || !e.Hidden || e.TS == ts || e.Message.TS != ts || e.Message.Edited == nil || e.Previous.Text != "frist" {
				t.Errorf("the edit is %+v", e)
			}
		}
	}
	w.s.Unfurl(w.room, ts)
	if e := c.next().Payload.Event; e.Subtype != "message_changed" || e.Message.Text != e.Previous.Text {
		t.Errorf("a preview is %+v", e)
	}
	reply := w.s.Write(bridgetest.SlackLine{Channel: w.room, From: w.anna, Text: "reply", Thread: ts}).TS
	c.next()
	w.s.Delete(w.room, ts)
	if e := c.next().Payload.Event; e.Subtype != "message_changed" || e.Message.Subtype != "tombstone" || e.Message.TS != ts {
		t.Errorf("a deleted parent is %+v, want a tombstone", e)
	}
	w.s.Delete(w.room, reply)
	if e := c.next().Payload.Event; e.Subtype != "message_deleted" || e.DeletedTS != reply || e.Previous.Text != "reply" || e.Channel != w.room.ID {
		t.Errorf("the deletion is %+v", e)
	}
	if got := w.s.Delete(w.room, "1.1"); got.Events != nil {
		t.Errorf("deleting nothing told %v", got.Events)
	}
}

func TestSlackOldMessagesStandAtTheirTime(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	w.write(w.direct, "now")
	old := w.s.Write(bridgetest.SlackLine{Channel: w.direct, From: w.anna, Text: "yesterday", At: time.Now().Add(-24 * time.Hour)})
	list := w.call("conversations.history", "channel", w.direct.ID).good(t).Messages
	if len(list) != 2 || list[1].TS != old.TS || list[1].Text != "yesterday" {
		t.Errorf("history %+v", list)
	}
}

func TestSlackConnectAndEnterprise(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	c := w.connect()
	other := w.s.AddTeam("Partner", "")
	zoe := w.s.AddUser(other, "Zoe")
	user := func() (team string, stranger bool) {
		var u struct {
			Team     string `json:"team_id"`
			Stranger bool   `json:"is_stranger"`
		}
		if err := json.Unmarshal(w.call("users.info", "user", zoe.ID).good(t).User, &u); err != nil {
			t.Fatal(err)
		}
		return u.Team, u.Stranger
	}
	if team, stranger := user(); team != other.ID || !stranger {
		t.Errorf("before they meet: team %s, stranger %v", team, stranger)
	}
	shared := w.s.AddChannel(w.team, "shared", w.anna, w.app.User, zoe)
	w.s.Share(shared, other)
	if _, stranger := user(); stranger {
		t.Error("in a shared channel they are strangers no more, by the documentation")
	}
	w.s.Write(bridgetest.SlackLine{Channel: shared, From: zoe, Text: "hi"})
	if p := c.next().Payload; !p.Shared || p.Event.UserTeam != other.ID || p.Team != w.team.ID {
		t.Errorf("the event is %+v", p)
	}

	grid := w.s.AddTeam("Grid", "E0GRID")
	app := w.s.AddApp(grid, bridgetest.SlackAppOptions{Enterprise: true})
	var test struct {
		Enterprise string `json:"enterprise_id"`
		Install    bool   `json:"is_enterprise_install"`
	}
	if err := json.Unmarshal([]byte(w.callAs(app.BotToken, "auth.test").good(t).Raw), &test); err != nil || test.Enterprise != "E0GRID" || !test.Install {
		t.Errorf("auth.test says %+v, %v", test, err)
	}
}

func TestSlackSubtleUsers(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	guest, single, bot := w.s.AddUser(w.team, "Guest"), w.s.AddUser(w.team, "Single"), w.s.AddBot(w.team, "Bot")
	guest.Guest, single.OneRoom = true, true
	for _, c := range []struct {
		user *bridgetest.SlackUser
		want string
	}{{w.anna, "false false false"}, {guest, "true false false"}, {single, "true true false"}, {bot, "false false true"}, {w.app.User, "false false true"}} {
		var u struct {
			Restricted bool `json:"is_restricted"`
			Ultra      bool `json:"is_ultra_restricted"`
			Bot        bool `json:"is_bot"`
		}
		if err := json.Unmarshal(w.call("users.info", "user", c.user.ID).good(t).User, &u); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(u.Restricted, u.Ultra, u.Bot); got != c.want {
			t.Errorf("%s is %s, want %s", c.user.Name, got, c.want)
		}
	}
	w.call("users.info", "user", "U0NOBODY").fails(t, "user_not_found")
	w.call("bots.info", "bot", bot.BotID).good(t)
	w.call("bots.info", "bot", "B0").fails(t, "bot_not_found")
}

func TestSlackUninstallingAndRevoking(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	c := w.connect()
	w.s.RevokeTokens(w.app)
	if e := c.next().Payload.Event; e.Type != "tokens_revoked" {
		t.Errorf("got %+v", e)
	}
	w.call("auth.test").fails(t, "token_revoked")
	w.s.Uninstall(w.app)
	if a, b := c.next().Payload.Event.Type, c.next().Payload.Event.Type; a != "app_uninstalled" || b != "tokens_revoked" {
		t.Errorf("got %s, %s", a, b)
	}
	w.call("auth.test").fails(t, "account_inactive")
	w.s.RefuseToken(w.app, "")
	w.call("auth.test").good(t)
	w.s.RefuseAppToken(w.app, "invalid_auth")
	w.callAs(w.app.AppToken, "apps.connections.open").fails(t, "invalid_auth")
}
