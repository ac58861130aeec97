package bridgetest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges/bridgetest"
)

func TestAMessageIsPostedAsItWasSent(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{})
	var m dmsg
	d.do("POST", messages(d.room), map[string]any{"content": "  **hi**\n", "nonce": "n1"}).into(t, &m)
	if m.Content != "**hi**" || m.ChannelID != d.room.ID || m.Author.ID != d.bot.ID || m.Nonce != "n1" || m.Type != 0 || m.GuildID != "" {
		t.Errorf("got %+v", m)
	}
	if at := bridgetest.SnowflakeTime(m.ID); time.Since(at).Abs() > time.Minute || m.Timestamp.Sub(at).Abs() > time.Second {
		t.Errorf("the id is of %v, the timestamp %v", at, m.Timestamp)
	}
	p := d.PostsIn(d.room)
	if len(p) != 1 || p[0].Text != "**hi**" || p[0].Raw != "  **hi**\n" || p[0].Nonce != "n1" || p[0].ID != m.ID || p[0].Bot != d.bot {
		t.Errorf("posted %+v", p)
	}
	if list := d.Requests(); len(list) != 1 || list[0].Route != bridgetest.RouteCreateMessage || list[0].Status != 200 || list[0].Channel != d.room.ID {
		t.Errorf("requests %+v", list)
	}
}

func TestWhatDiscordDoesNotTake(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{})
	forum := d.AddForum(d.guild, "forum", nil)
	for _, c := range []struct {
		name    string
		channel *bridgetest.DiscordChannel
		body    any
		status  int
		code    int
	}{
		{"2,000 characters outside of the first plane", d.room, map[string]any{"content": strings.Repeat("😀", 2000)}, 200, 0},
		{"2,001 characters", d.room, map[string]any{"content": strings.Repeat("é", 2001)}, 400, 50035},
		{"nothing", d.room, map[string]any{}, 400, 50006},
		{"white space", d.room, map[string]any{"content": " \n "}, 400, 50006},
		{"an embed alone", d.room, map[string]any{"embeds": []any{map[string]string{"title": "x"}}}, 200, 0},
		{"a nonce of 26", d.room, map[string]any{"content": "x", "nonce": strings.Repeat("n", 26)}, 400, 50035},
		{"a nonce that is a number", d.room, map[string]any{"content": "x", "nonce": 123}, 200, 0},
		{"unknown fields", d.room, map[string]any{"content": "x", "future": true}, 200, 0},
		{"a category", d.room.Parent(), map[string]any{"content": "x"}, 400, 50008},
		{"a forum itself", forum, map[string]any{"content": "x"}, 400, 40058},
		{"a reply to nothing", d.room, map[string]any{"content": "x", "message_reference": map[string]any{"message_id": "12345678901234567"}}, 400, 50035},
		{"a reply to nothing, if it may fail", d.room, map[string]any{"content": "x", "message_reference": map[string]any{"message_id": "12345678901234567", "fail_if_not_exists": false}}, 200, 0},
	} {
		d.do("POST", messages(c.channel), c.body).wants(t, c.name, c.status, c.code)
	}
}

func TestAnEnforcedNonceMakesOneMessageInItsWindow(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{NonceWindow: time.Minute})
	post := func(enforce bool) dreply {
		return d.do("POST", messages(d.room), map[string]any{"content": "x", "nonce": "abc", "enforce_nonce": enforce})
	}
	var a, b, c dmsg
	post(true).into(t, &a)
	post(true).into(t, &b)
	if a.ID != b.ID || d.PostCount() != 1 || d.Posts()[0].Repeats != 1 {
		t.Errorf("%d posts, ids %s and %s", d.PostCount(), a.ID, b.ID)
	}
	if post(false).into(t, &c); c.ID == a.ID {
		t.Error("a nonce that is not enforced kept a message away")
	}
	d.Advance(2 * time.Minute)
	if post(true).into(t, &b); b.ID == a.ID || d.PostCount() != 3 {
		t.Error("the nonce outlived its window")
	}
	d.Delete(d.room, b.ID)
	post(true).wants(t, "a repeat after the message was deleted", 404, 10008)
}

func TestHistoryComesInPages(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{})
	var ids []string
	for i := range 7 {
		ids = append(ids, d.say(d.room, fmt.Sprint(i)).ID)
	}
	old := d.Say(bridgetest.DiscordLine{Channel: d.room, From: d.anna, Text: "old", At: time.Now().Add(-time.Hour)})
	get := func(query string) string {
		var list []dmsg
		d.do("GET", messages(d.room)+query, nil).into(t, &list)
		text := ""
		for _, m := range list {
			if m.ID == old {
				text += "o"
			}
			text += m.Content
		}
		return text
	}
	for query, want := range map[string]string{
		"": "6543210o", "?limit=2": "65", "?before=" + ids[3] + "&limit=2": "21", "?after=" + ids[3] + "&limit=2": "54", "?after=0&limit=3": "10o",
		"?around=" + ids[3] + "&limit=3": "432", "?after=" + ids[6]: "", "?before=" + old: "",
	} {
		if got := get(query); got != want {
			t.Errorf("%q: got %q, want %q", query, got, want)
		}
	}
	for _, query := range []string{"?limit=0", "?limit=101", "?limit=x", "?before=x", "?before=1&after=2"} {
		d.do("GET", messages(d.room)+query, nil).wants(t, query, 400, 50035)
	}
}

func TestAMessageIsEditedAndDeletedByItsAuthor(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{})
	m := d.say(d.room, "a")
	theirs := d.Say(bridgetest.DiscordLine{Channel: d.room, From: d.anna, Text: "hers"})
	path := messages(d.room) + "/"
	var e dmsg
	d.do("PATCH", path+m.ID, `{"content":"b"}`).into(t, &e)
	if e.Content != "b" || e.Edited == nil || d.Texts(d.room)[0] != "b" || d.Posts()[0].Edits != 1 {
		t.Errorf("edited to %+v", e)
	}
	d.do("PATCH", path+m.ID, `{"content":""}`).wants(t, "an empty edit", 400, 50006)
	d.do("PATCH", path+theirs, `{"content":"b"}`).wants(t, "another's message", 403, 50005)
	d.do("PATCH", path+"1", `{"content":"b"}`).wants(t, "an unknown message", 404, 10008)
	d.do("DELETE", path+theirs, nil).wants(t, "deleting another's message", 403, 50013)
	d.Allow(d.room, d.bot, bridgetest.PermManageMessages)
	d.do("DELETE", path+theirs, nil).wants(t, "deleting as a moderator", 204, 0)
	d.do("DELETE", path+m.ID, nil).wants(t, "deleting", 204, 0)
	d.do("DELETE", path+m.ID, nil).wants(t, "deleting again", 404, 10008)
	if !d.Posts()[0].Deleted || len(d.Texts(d.room)) != 0 {
		t.Error("the post is not gone")
	}
}

func TestWhomAMessagePings(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{})
	d.AddMember(d.guild, d.anna)
	quiet, loud := d.AddRole(d.guild, "quiet", 0, false), d.AddRole(d.guild, "loud", 0, true)
	stranger := d.AddUser("Stranger")
	asked := d.Say(bridgetest.DiscordLine{Channel: d.room, From: d.anna, Text: "q"})
	all := "@everyone " + d.anna.Mention() + quiet.Mention() + loud.Mention() + stranger.Mention()
	for _, c := range []struct {
		name, text, allowed string
		reply               bool
		want                string
		status              int
	}{
		{"by default all", all, "", false, "users[anna] roles[quiet loud] everyone", 200},
		{"nothing", all, `{"parse":[]}`, false, "", 200},
		{"nothing by an empty object", all, `{}`, false, "", 200},
		{"a null list is the default", all, `{"parse":null}`, false, "users[anna] roles[quiet loud] everyone", 200},
		{"one person", all, `{"parse":[],"users":["` + d.anna.ID + `"]}`, false, "users[anna]", 200},
		{"who is not in the text", "hi", `{"users":["` + d.anna.ID + `"]}`, false, "", 200},
		{"roles", all, `{"parse":["roles"]}`, false, "roles[quiet loud]", 200},
		{"code", "`" + d.anna.Mention() + "` ```\n@everyone\n```", "", false, "", 200},
		{"a reply by default", "hi", "", true, "users[anna]", 200},
		{"a reply without", "hi", `{"parse":[]}`, true, "", 200},
		{"a reply with", "hi", `{"parse":[],"replied_user":true}`, true, "users[anna]", 200},
		{"parse and users at once", all, `{"parse":["users"],"users":["` + d.anna.ID + `"]}`, false, "", 400},
		{"an unknown kind", all, `{"parse":["all"]}`, false, "", 400},
	} {
		body := map[string]any{"content": c.text}
		if c.allowed != "" {
			body["allowed_mentions"] = json.RawMessage(c.allowed)
		}
		if c.reply {
			body["message_reference"] = map[string]string{"message_id": asked}
		}
		r := d.do("POST", messages(d.room), body)
		if r.Status != c.status {
			t.Errorf("%s: %d %s", c.name, r.Status, r.Body)
		}
		if r.Status != 200 {
			continue
		}
		if got := named(d, d.Posts()[d.PostCount()-1].Pings, quiet, loud); got != c.want {
			t.Errorf("%s: pings %q, want %q", c.name, got, c.want)
		}
	}
}

func named(d *discord, p bridgetest.DiscordPings, quiet, loud *bridgetest.DiscordRole) string {
	var parts []string
	if len(p.Users) > 0 {
		parts = append(parts, "users"+fmt.Sprint(p.Users))
	}
	if len(p.Roles) > 0 {
		parts = append(parts, "roles"+fmt.Sprint(p.Roles))
	}
	if p.Everyone {
		parts = append(parts, "everyone")
	}
	return strings.NewReplacer(d.anna.ID, "anna", quiet.ID, "quiet", loud.ID, "loud").Replace(strings.Join(parts, " "))
}

func TestFilesArriveAndAreServed(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{})
	file := bridgetest.DiscordFile{Name: "a b.mp3", Type: "audio/mpeg", Data: []byte("sound")}
	var m dmsg
	d.upload(messages(d.room), `{"content":"listen","attachments":[{"id":"0","filename":"c.mp3","description":"alt"}]}`, file).into(t, &m)
	if len(m.Files) != 1 || m.Files[0].Filename != "c.mp3" || m.Files[0].Size != 5 || m.Files[0].ContentType != "audio/mpeg" || m.Content != "listen" {
		t.Fatalf("got %+v", m)
	}
	p := d.Posts()[0].Files[0]
	if p.Name != "c.mp3" || string(p.Data) != "sound" || p.Description != "alt" {
		t.Errorf("posted %+v", p)
	}
	fetch := func() (int, string) {
		resp, err := http.Get(m.Files[0].URL)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		return resp.StatusCode, resp.Header.Get("Content-Type")
	}
	if status, kind := fetch(); status != 200 || kind != "audio/mpeg" {
		t.Errorf("the file is served with %d %s", status, kind)
	}
	d.Advance(25 * time.Hour)
	if status, _ := fetch(); status != 404 {
		t.Errorf("the URL has not expired: %d", status)
	}
	d.upload(messages(d.room), `{"attachments":[{"id":3}]}`, file).wants(t, "metadata of no file", 400, 50146)
	d.upload(messages(d.room), `{"attachments":[{"filename":"x"}]}`, file).wants(t, "metadata without an id", 400, 50035)
	file.Data = make([]byte, 10<<20+1)
	d.upload(messages(d.room), "", file).wants(t, "a file of more than 10 MiB", 413, 40005)
}

func TestAVoiceMessageIsOneOggWithItsMetadata(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{})
	ogg := bridgetest.DiscordFile{Name: "v.ogg", Type: "audio/ogg", Data: []byte("OggS\x00\x02OpusHead")}
	meta := `"attachments":[{"id":0,"filename":"voice-message.ogg","duration_secs":1.5,"waveform":"AAEC"}]`
	for _, c := range []struct {
		name, body string
		files      []bridgetest.DiscordFile
		status     int
		code       int
	}{
		{"content", `{"flags":8192,"content":"x",` + meta + `}`, []bridgetest.DiscordFile{ogg}, 400, 50159},
		{"two files", `{"flags":8192}`, []bridgetest.DiscordFile{ogg, ogg}, 400, 50160},
		{"no file", `{"flags":8192}`, nil, 400, 50160},
		{"no sound", `{"flags":8192,` + meta + `}`, []bridgetest.DiscordFile{{Name: "v.txt", Type: "text/plain", Data: ogg.Data}}, 400, 50160},
		{"not OGG", `{"flags":8192,` + meta + `}`, []bridgetest.DiscordFile{{Name: "v.ogg", Type: "audio/ogg", Data: []byte("ID3")}}, 400, 50160},
		{"no metadata", `{"flags":8192,"attachments":[{"id":0}]}`, []bridgetest.DiscordFile{ogg}, 400, 50161},
		{"a bad waveform", `{"flags":8192,"attachments":[{"id":0,"duration_secs":1,"waveform":"?"}]}`, []bridgetest.DiscordFile{ogg}, 400, 50035},
		{"a good one", `{"flags":8192,` + meta + `}`, []bridgetest.DiscordFile{ogg}, 200, 0},
	} {
		d.upload(messages(d.dm), c.body, c.files...).wants(t, c.name, c.status, c.code)
	}
	p := d.Posts()[0]
	if !p.Voice || p.Files[0].Duration != 1.5 || !slices.Equal(p.Files[0].Waveform, []byte{0, 1, 2}) {
		t.Errorf("posted %+v", p)
	}
	d.do("PATCH", messages(d.dm)+"/"+p.ID, `{"content":"x"}`).wants(t, "editing it", 400, 50162)
	d.Deny(d.room, d.bot, bridgetest.PermSendVoiceMessages)
	d.upload(messages(d.room), `{"flags":8192,`+meta+`}`, ogg).wants(t, "where it is not allowed", 403, 50173)
}
