package bridgetest_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"avatarbridge/bridges/bridgetest"
)

func TestSlackPostsComeAsFormOrJSON(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	w.post(w.room, "form é")
	w.callJSON("chat.postMessage", `{"channel":"`+w.room.ID+`","text":"json \u00e9","unfurl_links":false,"unfurl_media":false,"mrkdwn":false}`).good(t)
	r := w.send(w.app.BotToken, "chat.postMessage", "application/json", `{"channel":"`+w.room.ID+`","text":"no charset"}`).good(t)
	if r.Warning != "missing_charset" {
		t.Errorf("warning %q, want missing_charset", r.Warning)
	}
	posts := w.s.PostsIn(w.room, "")
	if len(posts) != 3 || posts[0].Text != "form é" || posts[1].Text != "json é" || !posts[1].Plain || posts[1].Unfurl != "false,false" {
		t.Errorf("posted %+v", posts)
	}
	w.send(w.app.BotToken, "chat.postMessage", "application/json", `{"channel":`).fails(t, "invalid_json")
	w.send(w.app.BotToken, "chat.postMessage", "application/json", `[1]`).fails(t, "json_not_object")
	w.send(w.app.BotToken, "chat.postMessage", "text/plain", `channel=C`).fails(t, "invalid_post_type")
	w.send("", "chat.postMessage", "application/json", `{"token":"`+w.app.BotToken+`","channel":"`+w.room.ID+`","text":"x"}`).fails(t, "not_authed")
	w.callAs("", "chat.postMessage", "token", w.app.BotToken, "channel", w.room.ID, "text", "token in the form").good(t)
}

func TestSlackRefusesPostsWhereTheAppMayNotWrite(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	elsewhere := w.s.AddChannel(w.team, "elsewhere", w.anna)
	secret := w.s.AddPrivate(w.team, "secret", w.anna)
	archived, locked := w.s.AddChannel(w.team, "old", w.app.User), w.s.AddChannel(w.team, "news", w.app.User)
	w.s.Archive(archived)
	w.s.Restrict(locked, true)
	for id, code := range map[string]string{
		elsewhere.ID: "not_in_channel", secret.ID: "channel_not_found", archived.ID: "is_archived", locked.ID: "restricted_action",
		"C0NOWHERE": "channel_not_found", "": "channel_not_found",
	} {
		w.call("chat.postMessage", "channel", id, "text", "x").fails(t, code)
	}
	w.call("chat.postMessage", "channel", w.room.ID).fails(t, "no_text")
	w.call("chat.postMessage", "channel", w.room.ID, "text", "  \n").fails(t, "no_text")
	w.call("chat.postMessage", "channel", w.room.ID, "text", "x", "markdown_text", "y").fails(t, "markdown_text_conflict")
	if n := w.s.PostCount(); n != 0 {
		t.Errorf("%d posted", n)
	}
	if ts := w.call("chat.postMessage", "channel", w.anna.ID, "text", "to a person").good(t).TS; w.s.PostsIn(w.direct, "")[0].TS != ts {
		t.Error("a post to a person is not in their direct messages")
	}
}

func TestSlackCutsTextAndBoundsBlocks(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	w.post(w.room, strings.Repeat("a", 39_999)+"😀")
	if got := w.last().Raw; len(got) != 39_999 || !utf8.ValidString(got) {
		t.Errorf("the text has %d bytes, want it cut before the character that is over", len(got))
	}
	section := func(n int) string {
		return fmt.Sprintf(`{"type":"section","text":{"type":"mrkdwn","text":%q}}`, strings.Repeat("s", n))
	}
	markdown := func(n int) string { return fmt.Sprintf(`{"type":"markdown","text":%q}`, strings.Repeat("m", n)) }
	for _, c := range []struct{ name, blocks, code string }{
		{"section", section(3_000), ""},
		{"long section", section(3_001), "invalid_blocks"},
		{"empty section", section(0), "invalid_blocks"},
		{"fifty", strings.TrimSuffix(strings.Repeat(`{"type":"divider"},`, 50), ","), ""},
		{"too many", strings.TrimSuffix(strings.Repeat(`{"type":"divider"},`, 51), ","), "invalid_blocks"},
		{"markdown", markdown(12_000), ""},
		{"markdown together", markdown(6_000) + "," + markdown(6_001), "msg_blocks_too_long"},
		{"markdown without text", `{"type":"markdown"}`, "invalid_blocks"},
		{"unknown", `{"type":"hologram"}`, "invalid_blocks"},
		{"same id", `{"type":"divider","block_id":"a"},{"type":"divider","block_id":"a"}`, "invalid_blocks"},
		{"no JSON", `{"type":`, "invalid_blocks_format"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := w.call("chat.postMessage", "channel", w.room.ID, "text", "fallback", "blocks", "["+c.blocks+"]")
			if c.code == "" {
				r.good(t)
				return
			}
			r.fails(t, c.code)
			if c.code == "invalid_blocks" && len(r.Response.Messages) != 1 {
				t.Errorf("no reason in %s", r.Raw)
			}
		})
	}
	w.call("chat.postMessage", "channel", w.room.ID, "markdown_text", strings.Repeat("m", 12_001)).fails(t, "msg_too_long")
}

func TestSlackShowsWhatPeopleReadAndRecordsWhoWasPinged(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	u := w.anna.ID
	for _, c := range []struct {
		name, text, blocks, options string
		shown                       string
		pings                       []string
	}{
		{"escaped", "a &lt;!channel&gt; &amp; b", "", "", "a <!channel> & b", nil},
		{"a name", "Hi <@" + u + ">", "", "", "Hi @Anna", []string{u}},
		{"special", "<!here> <!everyone|all> <!channel> <!subteam^S1|x>", "", "", "@here @everyone @channel @subteam", []string{"here", "everyone", "channel", "subteam"}},
		{"a link", "<https://example.com|the page> <https://a.b>", "", "", "the page https://a.b", nil},
		{"plain words", "@channel @here", "", "", "@channel @here", nil},
		{"plain words with link_names", "@channel", "", "link_names=1", "@channel", []string{"channel"}},
		{"markdown", "x", `[{"type":"markdown","text":"**hi** <!here>\n` + "`<!channel>`" + `\n` + "```\\n<!everyone>\\n```" + `"}]`, "", "**hi** @here\n`@channel`\n```\n@everyone\n```", []string{"here"}},
		{"a section", "x", `[{"type":"section","text":{"type":"mrkdwn","text":"a <!channel>"}},{"type":"section","text":{"type":"plain_text","text":"<!here>"}}]`, "", "a @channel\n@here", []string{"channel"}},
		{"rich text", "x", `[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"user","user_id":"` + u + `"},{"type":"broadcast","range":"here"},{"type":"text","text":"yes"}]}]}]`, "", "yes", []string{u, "here"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := []any{}
			if c.blocks != "" {
				args = append(args, "blocks", c.blocks)
			}
			for k, v := range mustQuery(t, c.options) {
				args = append(args, k, v[0])
			}
			w.post(w.room, c.text, args...)
			if p := w.last(); p.Text != c.shown || !slices.Equal(p.Pings, c.pings) {
				t.Errorf("shown %q, pinged %v; want %q, %v", p.Text, p.Pings, c.shown, c.pings)
			}
		})
	}
}

func TestSlackKeepsMetadataAndRefusesWhatIsNone(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	for _, bad := range []string{`{`, `[]`, `"x"`, `{"event_type":"a"}`, `{"event_type":"","event_payload":{}}`, `{"event_type":"a","event_payload":"p"}`} {
		w.call("chat.postMessage", "channel", w.room.ID, "text", "x", "metadata", bad).fails(t, "invalid_metadata_format")
	}
	ts := w.post(w.room, "x", "metadata", `{"event_type":"reply","event_payload":{"post":"p1"}}`)
	meta := func() *bridgetest.SlackMetadata { return w.last().Metadata }
	if m := meta(); m == nil || m.Type != "reply" || string(m.Payload) != `{"post":"p1"}` {
		t.Errorf("metadata %+v", m)
	}
	w.call("chat.update", "channel", w.room.ID, "ts", ts, "text", "y").good(t)
	if m := meta(); m == nil || m.Type != "reply" {
		t.Errorf("an update without metadata left %+v, want it kept", m)
	}
	w.call("chat.update", "channel", w.room.ID, "ts", ts, "text", "y", "metadata", `{}`).good(t)
	if m := meta(); m != nil {
		t.Errorf("an empty object left %+v, want none", m)
	}
}

func TestSlackThreads(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	parent := w.write(w.room, "question").TS
	reply := w.post(w.room, "answer", "thread_ts", parent)
	w.post(w.room, "to all", "thread_ts", parent, "reply_broadcast", true)
	w.post(w.room, "no such thread", "thread_ts", "1500000000.000000")
	w.call("chat.postMessage", "channel", w.room.ID, "text", "x", "thread_ts", reply).fails(t, "cannot_reply_to_message")
	var got []string
	for _, p := range w.s.PostsIn(w.room, "") {
		got = append(got, fmt.Sprint(p.Text, " ", p.Thread == parent, " ", p.Broadcast))
	}
	if want := "[answer true false to all true true no such thread false false]"; fmt.Sprint(got) != want {
		t.Errorf("posted %v, want %s", got, want)
	}
	if in := w.s.PostsIn(w.room, parent); len(in) != 2 {
		t.Errorf("%d posts in the thread, want 2", len(in))
	}
}

func TestSlackUpdatesAndDeletesOnlyTheAppsOwnMessages(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	foreign := w.write(w.room, "mine").TS
	w.call("chat.update", "channel", w.room.ID, "ts", foreign, "text", "x").fails(t, "cant_update_message")
	w.call("chat.delete", "channel", w.room.ID, "ts", foreign).fails(t, "cant_delete_message")
	w.call("chat.delete", "channel", w.room.ID, "ts", "1.2").fails(t, "message_not_found")
	ts := w.post(w.room, "first")
	w.call("chat.update", "channel", w.room.ID, "ts", ts, "text", strings.Repeat("x", 4_001)).fails(t, "msg_too_long")
	w.call("chat.update", "channel", w.room.ID, "ts", ts, "text", "second").good(t)
	if p := w.last(); p.Text != "second" || p.Edits != 1 {
		t.Errorf("after the update the post is %+v", p)
	}
	w.call("chat.delete", "channel", w.room.ID, "ts", ts).good(t)
	if !w.last().Deleted {
		t.Error("the post is not deleted")
	}
	w.call("chat.delete", "channel", w.room.ID, "ts", ts).fails(t, "message_not_found")
	w.call("chat.update", "channel", w.room.ID, "ts", ts, "text", "x").fails(t, "message_not_found")
}

func TestSlackStreams(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	asked := w.write(w.direct, "question").TS
	w.call("chat.startStream", "channel", w.room.ID, "thread_ts", w.write(w.room, "q").TS).fails(t, "missing_recipient_user_id")
	ts := w.call("chat.startStream", "channel", w.direct.ID, "thread_ts", asked, "markdown_text", "One").good(t).TS
	w.call("chat.appendStream", "channel", w.direct.ID, "ts", ts, "markdown_text", ", two").good(t)
	w.call("chat.appendStream", "channel", w.direct.ID, "ts", ts, "markdown_text", strings.Repeat("x", 12_001)).fails(t, "msg_too_long")
	w.call("chat.update", "channel", w.direct.ID, "ts", ts, "text", "x").fails(t, "streaming_state_conflict")
	if p := w.last(); p.Text != "One, two" || !p.Streaming || p.Thread != asked {
		t.Errorf("while it streams the post is %+v", p)
	}
	w.call("chat.stopStream", "channel", w.direct.ID, "ts", ts, "markdown_text", ", three.", "metadata", `{"event_type":"reply","event_payload":{}}`).good(t)
	if p := w.last(); p.Text != "One, two, three." || p.Streaming || p.Metadata == nil {
		t.Errorf("in the end the post is %+v", p)
	}
	w.call("chat.appendStream", "channel", w.direct.ID, "ts", ts, "markdown_text", "x").fails(t, "message_not_in_streaming_state")
}

func mustQuery(t *testing.T, s string) url.Values {
	t.Helper()
	v, err := url.ParseQuery(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
