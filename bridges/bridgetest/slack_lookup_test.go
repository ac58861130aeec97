package bridgetest_test

import (
	"encoding/json"
	"testing"

	"avatarbridge/bridges/bridgetest"
)

func (r slackReply) channelIDs() map[string]bool {
	ids := map[string]bool{}
	for _, c := range r.Channels {
		ids[c.ID] = true
	}
	return ids
}

func TestSlackListsWhatTheAppSees(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	outside, secret := w.s.AddChannel(w.team, "outside", w.anna), w.s.AddPrivate(w.team, "secret", w.anna)
	group := w.s.AddPrivate(w.team, "group", w.app.User)
	old := w.s.AddChannel(w.team, "old", w.app.User)
	w.s.Archive(old)
	other := w.s.AddChannel(w.s.AddTeam("Other", ""), "other")
	const all = "public_channel,private_channel,mpim,im"
	for _, c := range []struct {
		name string
		got  slackReply
		want []*bridgetest.SlackChannel
	}{
		{"list", w.call("conversations.list"), []*bridgetest.SlackChannel{w.room, outside, old}},
		{"list of all kinds", w.call("conversations.list", "types", all), []*bridgetest.SlackChannel{w.room, outside, old, group, w.direct}},
		{"not archived", w.call("conversations.list", "exclude_archived", true), []*bridgetest.SlackChannel{w.room, outside}},
		{"own", w.call("users.conversations", "types", all), []*bridgetest.SlackChannel{w.room, old, group, w.direct}},
		{"own direct messages", w.call("users.conversations", "types", "im"), []*bridgetest.SlackChannel{w.direct}},
	} {
		ids := c.got.good(t).channelIDs()
		for _, ch := range c.want {
			if !ids[ch.ID] {
				t.Errorf("%s lacks %s", c.name, ch.Name)
			}
			delete(ids, ch.ID)
		}
		if len(ids) > 0 || ids[secret.ID] || ids[other.ID] {
			t.Errorf("%s has %v besides", c.name, ids)
		}
	}
	w.call("conversations.list", "types", "telegram").fails(t, "invalid_types")
}

func TestSlackListsInPages(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	for range 5 {
		w.s.AddChannel(w.team, "more")
	}
	seen, cursor, pages := map[string]bool{}, "", 0
	for {
		r := w.call("conversations.list", "limit", 2, "cursor", cursor).good(t)
		pages++
		for id := range r.channelIDs() {
			if seen[id] {
				t.Errorf("%s is on two pages", id)
			}
			seen[id] = true
		}
		if cursor = r.Response.Cursor; cursor == "" {
			break
		}
	}
	if len(seen) != 6 || pages != 3 {
		t.Errorf("%d channels on %d pages, want 6 on 3", len(seen), pages)
	}
	w.call("conversations.list", "cursor", "x").fails(t, "invalid_cursor")
}

func TestSlackChannelInfo(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	outside, secret := w.s.AddChannel(w.team, "outside", w.anna), w.s.AddPrivate(w.team, "secret", w.anna)
	info := func(c *bridgetest.SlackChannel) (got struct {
		Channel bool   `json:"is_channel"`
		IM      bool   `json:"is_im"`
		Member  bool   `json:"is_member"`
		Private bool   `json:"is_private"`
		User    string `json:"user"`
		Shared  bool   `json:"is_ext_shared"`
	}) {
		t.Helper()
		if err := json.Unmarshal(w.call("conversations.info", "channel", c.ID).good(t).Channel, &got); err != nil {
			t.Fatal(err)
		}
		return got
	}
	if c := info(w.room); !c.Channel || !c.Member || c.Private || c.IM || c.Shared {
		t.Errorf("the room is %+v", c)
	}
	if c := info(w.direct); !c.IM || c.User != w.anna.ID || !c.Private {
		t.Errorf("the direct messages are %+v", c)
	}
	if c := info(outside); c.Member {
		t.Errorf("a channel without the bot is %+v", c)
	}
	w.call("conversations.info", "channel", secret.ID).fails(t, "channel_not_found")
	w.s.Share(w.room, w.s.AddTeam("Partner", ""))
	if !info(w.room).Shared {
		t.Error("the shared channel is not is_ext_shared")
	}
}

func TestSlackOpensDirectMessages(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	id := func(r slackReply) string {
		t.Helper()
		var c struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(r.good(t).Channel, &c); err != nil {
			t.Fatal(err)
		}
		return c.ID
	}
	if got := id(w.call("conversations.open", "users", w.anna.ID)); got != w.direct.ID {
		t.Errorf("opened %s, want %s", got, w.direct.ID)
	}
	bert := w.s.AddUser(w.team, "Bert")
	got := id(w.call("conversations.open", "users", bert.ID))
	w.call("chat.postMessage", "channel", got, "text", "hello").good(t)
	if posts := w.s.PostsIn(w.s.Direct(w.app, bert), ""); len(posts) != 1 {
		t.Errorf("%d posts in the direct messages that were opened", len(posts))
	}
	w.call("conversations.open").fails(t, "users_list_not_supplied")
	w.call("conversations.open", "users", "U0NOBODY").fails(t, "user_not_found")
	bert.Deleted = true
	w.call("conversations.open", "users", bert.ID).fails(t, "user_disabled")
	w.s.SetScopes(w.app, "groups:write")
	if r := w.call("conversations.open", "users", w.anna.ID).fails(t, "missing_scope"); r.Needed != "im:write" {
		t.Errorf("needed %q", r.Needed)
	}
}

func TestSlackAnswersCarryScopes(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	w.s.SetScopes(w.app, "users:read", "im:history")
	r := w.call("auth.test").good(t)
	if got := r.Header.Get("X-OAuth-Scopes"); got != "users:read,im:history" {
		t.Errorf("X-OAuth-Scopes %q", got)
	}
	r = w.call("chat.postMessage", "channel", w.direct.ID, "text", "x").fails(t, "missing_scope")
	if r.Needed != "chat:write" || r.Provided != "users:read,im:history" || r.Header.Get("X-Accepted-OAuth-Scopes") != "chat:write" {
		t.Errorf("needed %q, provided %q, accepted %q", r.Needed, r.Provided, r.Header.Get("X-Accepted-OAuth-Scopes"))
	}
	w.call("no.such.method").fails(t, "unknown_method")
	w.callAs("", "auth.test").fails(t, "not_authed")
	w.callAs("xoxb-wrong", "auth.test").fails(t, "invalid_auth")
	link := w.call("chat.getPermalink", "channel", w.room.ID, "message_ts", w.write(w.room, "x").TS).good(t)
	if link.Raw == "" {
		t.Error("no permalink")
	}
	w.call("chat.getPermalink", "channel", w.room.ID, "message_ts", "1.2").fails(t, "message_not_found")
}
