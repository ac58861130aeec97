package bridgetest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges/bridgetest"
)

// texts are the texts of an answer's messages.
func (r slackReply) texts() string {
	var list []string
	for _, m := range r.Messages {
		list = append(list, m.Text)
	}
	return strings.Join(list, " ")
}

func TestSlackHistoryGoesBackInPages(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	var ts []string
	for i := range 5 {
		ts = append(ts, w.write(w.room, fmt.Sprint("m", i)).TS)
	}
	w.post(w.room, "reply", "thread_ts", ts[1])
	w.post(w.room, "shown", "thread_ts", ts[1], "reply_broadcast", true)
	get := func(pairs ...any) slackReply {
		t.Helper()
		return w.call("conversations.history", append([]any{"channel", w.room.ID}, pairs...)...)
	}
	if got := get().good(t).texts(); got != "shown m4 m3 m2 m1 m0" {
		t.Errorf("history %q: the newest first, without replies", got)
	}
	var pages []string
	cursor := ""
	for {
		r := get("limit", 4, "cursor", cursor).good(t)
		pages = append(pages, r.texts())
		if cursor = r.Response.Cursor; cursor == "" {
			if r.HasMore {
				t.Error("has_more without a cursor")
			}
			break
		}
	}
	if got := strings.Join(pages, " | "); got != "shown m4 m3 m2 | m1 m0" {
		t.Errorf("pages %q", got)
	}
	for _, c := range []struct{ want, bounds string }{
		{"m4 m3", "oldest=" + ts[2] + "&latest=" + ts[4] + "&inclusive=true&limit=2"},
		{"m4 m3 m2", "oldest=" + ts[2] + "&latest=" + ts[4] + "&inclusive=1"},
		{"m3", "oldest=" + ts[2] + "&latest=" + ts[4]},
		{"", "latest=5"},
		{"shown m4 m3 m2 m1 m0", "oldest=0"},
	} {
		args := []any{}
		for k, v := range mustQuery(t, c.bounds) {
			args = append(args, k, v[0])
		}
		if got := get(args...).good(t).texts(); got != c.want {
			t.Errorf("%s: %q, want %q", c.bounds, got, c.want)
		}
	}
	get("oldest", "yesterday").fails(t, "invalid_ts_oldest")
	get("latest", "x").fails(t, "invalid_ts_latest")
	get("cursor", "x").fails(t, "invalid_cursor")
}

func TestSlackRepliesBeginWithTheParent(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	parent := w.write(w.room, "parent").TS
	var ts []string
	for i := range 5 {
		ts = append(ts, w.post(w.room, fmt.Sprint("r", i), "thread_ts", parent))
	}
	get := func(pairs ...any) slackReply {
		t.Helper()
		return w.call("conversations.replies", append([]any{"channel", w.room.ID, "ts", parent}, pairs...)...)
	}
	if got := get().good(t).texts(); got != "parent r0 r1 r2 r3 r4" {
		t.Errorf("thread %q", got)
	}
	first := get("limit", 3).good(t)
	second := get("limit", 3, "cursor", first.Response.Cursor).good(t)
	third := get("limit", 3, "cursor", second.Response.Cursor).good(t)
	if got := first.texts() + " | " + second.texts() + " | " + third.texts(); got != "parent r0 r1 | parent r2 r3 | parent r4" || third.HasMore {
		t.Errorf("pages %q, more %v", got, third.HasMore)
	}
	if got := get("oldest", ts[2]).good(t).texts(); got != "parent r3 r4" {
		t.Errorf("after the third reply %q", got)
	}
	if got := w.call("conversations.replies", "channel", w.room.ID, "ts", ts[1]).good(t).texts(); got != "r1" {
		t.Errorf("of a reply %q, want only itself", got)
	}
	w.call("conversations.replies", "channel", w.room.ID, "ts", "1.2").fails(t, "thread_not_found")
	w.send(w.app.BotToken, "conversations.replies", "application/json; charset=utf-8",
		`{"channel":"`+w.room.ID+`","ts":"`+parent+`"}`).fails(t, "channel_not_found") // it reads no JSON
}

func TestSlackMetadataComesBackWholeOnlyWhenItIsAskedFor(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	parent := w.write(w.direct, "parent").TS
	w.post(w.direct, "top", "metadata", `{"event_type":"reply","event_payload":{"post":"p0"}}`)
	w.post(w.direct, "reply", "thread_ts", parent, "metadata", `{"event_type":"reply","event_payload":{"post":"p1"}}`)
	for _, c := range []struct{ method, want string }{{"conversations.history", "p0"}, {"conversations.replies", "p1"}} {
		all := w.call(c.method, "channel", w.direct.ID, "ts", parent, "include_all_metadata", true).good(t)
		some := w.call(c.method, "channel", w.direct.ID, "ts", parent).good(t)
		found := false
		for i, m := range all.Messages {
			if m.Metadata == nil {
				continue
			}
			found = found || string(m.Metadata.Payload) == `{"post":"`+c.want+`"}`
			if part := some.Messages[i].Metadata; part == nil || part.Type != "reply" || part.Payload != nil {
				t.Errorf("%s without include_all_metadata has %+v, want the type alone", c.method, part)
			}
		}
		if !found {
			t.Errorf("%s has no metadata with %s", c.method, c.want)
		}
	}
}

func TestSlackHistoryNeedsTheScopeOfTheKindAndMembership(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	outside, secret := w.s.AddChannel(w.team, "outside", w.anna), w.s.AddPrivate(w.team, "secret", w.anna)
	w.call("conversations.history", "channel", outside.ID).fails(t, "not_in_channel")
	w.call("conversations.history", "channel", secret.ID).fails(t, "channel_not_found")
	w.s.SetScopes(w.app, "chat:write", "im:history")
	w.call("conversations.history", "channel", w.direct.ID).good(t)
	r := w.call("conversations.history", "channel", w.room.ID).fails(t, "missing_scope")
	if r.Needed != "channels:history" || r.Provided != "chat:write,im:history" {
		t.Errorf("needed %q, provided %q", r.Needed, r.Provided)
	}
}

func TestSlackHistoryOfExternalAppsIsCut(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	app := w.s.AddApp(w.team, bridgetest.SlackAppOptions{External: true})
	room := w.s.AddChannel(w.team, "room", w.anna, app.User)
	for range 20 {
		w.write(room, "x")
	}
	if got := w.callAs(app.BotToken, "conversations.history", "channel", room.ID, "limit", 100).good(t).Messages; len(got) != 15 {
		t.Errorf("got %d messages, want 15", len(got))
	}
	r := w.callAs(app.BotToken, "conversations.history", "channel", w.room.ID).fails(t, "ratelimited")
	if r.Status != 429 || r.Header.Get("Retry-After") != "60" {
		t.Errorf("the second call got %d, Retry-After %q", r.Status, r.Header.Get("Retry-After"))
	}
	w.s.Advance(time.Minute)
	w.callAs(app.BotToken, "conversations.history", "channel", room.ID).good(t)
	for range 3 {
		w.call("conversations.history", "channel", w.room.ID).good(t) // of an internal app
	}
}

func TestSlackForgetsOldMessagesWhenItIsAskedTo(t *testing.T) {
	w := newSlackWorld(t, bridgetest.SlackOptions{Remember: 3, AckWithin: time.Hour})
	parent := w.write(w.room, "parent").TS
	for i := range 4 {
		w.write(w.room, fmt.Sprint("m", i))
	}
	if got := w.call("conversations.history", "channel", w.room.ID).good(t).texts(); got != "m3 m2 m1" {
		t.Errorf("history %q", got)
	}
	w.post(w.room, "late reply", "thread_ts", parent)
	if p := w.last(); p.Thread != parent {
		t.Errorf("the reply to a forgotten parent is in the thread %q", p.Thread)
	}
	if n := len(w.s.Requests("")); n > 3 {
		t.Errorf("%d requests are remembered", n)
	}
	if n := w.s.Calls("conversations.history"); n != 1 {
		t.Errorf("%d calls counted, want 1", n)
	}
}
