package bridgetest_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges/bridgetest"
)

func TestDiscordRefusesRequestsByTheirForm(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{})
	get := func(path, auth, agent string) dreply {
		req, err := http.NewRequest("GET", d.URL()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", auth)
		req.Header.Set("User-Agent", agent)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		r := dreply{Status: resp.StatusCode}
		var v any
		if err := json.NewDecoder(resp.Body).Decode(&v); err != nil {
			t.Fatal(err)
		}
		r.Body, _ = json.Marshal(v)
		return r
	}
	good, agent := "Bot "+d.bot.Token, "DiscordBot (https://example.org, 1)"
	get("/api/v10/users/@me", "Bot wrong", agent).wants(t, "a wrong token", 401, 0)
	get("/api/v10/users/@me", d.bot.Token, agent).wants(t, "no kind of token", 401, 0)
	get("/api/v10/users/@me", good, "Go-http-client/1.1").wants(t, "another user agent", 403, 40333)
	get("/api/v7/users/@me", good, agent).wants(t, "an old version", 400, 50041)
	get("/api/users/@me", good, agent).wants(t, "no version", 400, 50041)
	get("/api/v10/nothing", good, agent).wants(t, "an unknown route", 404, 0)
	d.do("GET", "/channels/abc", nil).wants(t, "an id that is no snowflake", 400, 50035)
	d.do("GET", "/channels/1", nil).wants(t, "an unknown channel", 404, 10003)
	d.do("POST", messages(d.room), `{"content":`).wants(t, "broken JSON", 400, 50109)
	d.send("POST", messages(d.room), "text/plain", strings.NewReader("x")).wants(t, "another content type", 400, 50035)
	d.do("POST", messages(d.room), `{"content":7}`).wants(t, "a number as content", 400, 50035)
	if d.InvalidRequests() != 3 {
		t.Errorf("%d invalid requests were counted, want the two of 401 and the one of 403", d.InvalidRequests())
	}
	d.Revoke(d.bot)
	d.do("GET", "/users/@me", nil).wants(t, "a token that was revoked", 401, 0)
}

func TestDiscordTellsWhoTheBotIs(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{Shards: 4, MaxConcurrency: 2})
	var me struct {
		ID  string
		Bot bool
	}
	d.do("GET", "/users/@me", nil).into(t, &me)
	if me.ID != d.bot.ID || !me.Bot {
		t.Errorf("me is %+v", me)
	}
	for _, path := range []string{"/applications/@me", "/oauth2/applications/@me"} {
		var app struct {
			ID    string
			Flags int
		}
		d.SwitchMessageContent(d.bot, true)
		d.do("GET", path, nil).into(t, &app)
		if app.ID != d.bot.ApplicationID || app.Flags != 1<<19 {
			t.Errorf("%s: %+v, want the flag of message content", path, app)
		}
	}
	var g struct {
		URL    string
		Shards int
		Limit  map[string]int `json:"session_start_limit"`
	}
	d.connect(unranked)
	d.do("GET", "/gateway/bot", nil).into(t, &g)
	if !strings.HasPrefix(g.URL, "ws://127.0.0.1:") || g.Shards != 4 || g.Limit["max_concurrency"] != 2 || g.Limit["total"] != 1000 || g.Limit["remaining"] != 999 ||
		g.Limit["reset_after"] < 86_000_000 {
		t.Errorf("gateway %+v", g)
	}
}

func TestPermissionsAreAsked(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{})
	thread := d.AddThread(d.room, "thread", d.anna)
	hi := map[string]any{"content": "x"}
	file := bridgetest.DiscordFile{Name: "a.txt", Type: "text/plain", Data: []byte("x")}
	d.Deny(d.room, d.bot, bridgetest.PermSendMessages)
	d.do("POST", messages(d.room), hi).wants(t, "no SEND_MESSAGES", 403, 50013)
	d.do("POST", "/channels/"+d.room.ID+"/typing", nil).wants(t, "typing without SEND_MESSAGES", 403, 50013)
	d.do("POST", messages(thread), hi).wants(t, "SEND_MESSAGES has no effect in threads", 200, 0)
	d.Deny(d.room, d.bot, bridgetest.PermSendInThreads)
	d.do("POST", messages(thread), hi).wants(t, "no SEND_MESSAGES_IN_THREADS", 403, 50013)
	d.Deny(d.room, d.bot, bridgetest.PermAttachFiles)
	d.upload(messages(d.room), "", file).wants(t, "no ATTACH_FILES", 403, 50013)
	id := d.Say(bridgetest.DiscordLine{Channel: d.room, From: d.anna, Text: "q"})
	d.Deny(d.room, d.bot, bridgetest.PermReadHistory)
	d.do("POST", messages(d.room), map[string]any{"content": "x", "message_reference": map[string]any{"message_id": id}}).wants(t, "a reply without the history", 400, 160002)
	if r := d.do("GET", messages(d.room), nil); r.Status != 200 || string(r.Body) != "[]" {
		t.Errorf("the history without permission: %d %s", r.Status, r.Body)
	}
	d.Deny(d.room, d.bot, bridgetest.PermViewChannel)
	d.do("GET", "/channels/"+d.room.ID, nil).wants(t, "no VIEW_CHANNEL", 403, 50001)
	other := d.AddText(d.AddGuild("Other"), "other", nil)
	d.do("POST", messages(other), hi).wants(t, "another guild", 403, 50001)
	d.Block(d.anna, d.bot)
	d.do("POST", messages(d.dm), hi).wants(t, "a person who refuses", 403, 50007)
	d.Unblock(d.anna, d.bot)
	d.do("POST", messages(d.dm), hi).wants(t, "a direct message", 200, 0)
	d.GiveRole(d.guild, d.bot, d.AddRole(d.guild, "admin", bridgetest.PermAdministrator, false))
	d.do("POST", messages(d.room), hi).wants(t, "an administrator", 200, 0)
	d.Kick(d.guild, d.bot)
	d.do("POST", messages(d.room), hi).wants(t, "after a kick", 403, 50001)
}

func TestAnArchivedThreadOpensUnlessItIsLocked(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{})
	thread := d.AddPost(d.AddForum(d.guild, "forum", nil), "title", d.anna, "first")
	m := d.say(thread, "x")
	d.Archive(thread, false)
	d.do("PATCH", messages(thread)+"/"+m.ID, `{"content":"y"}`).wants(t, "an edit in the archive", 400, 50083)
	d.do("POST", messages(thread), `{"content":"y"}`).wants(t, "a message opens it", 200, 0)
	d.do("PATCH", messages(thread)+"/"+m.ID, `{"content":"y"}`).wants(t, "an edit", 200, 0)
	d.Archive(thread, true)
	d.do("POST", messages(thread), `{"content":"z"}`).wants(t, "a locked one", 400, 50083)
	var c struct {
		Type     int
		ParentID string                          `json:"parent_id"`
		Meta     struct{ Archived, Locked bool } `json:"thread_metadata"`
	}
	d.do("GET", "/channels/"+thread.ID, nil).into(t, &c)
	if c.Type != 11 || c.ParentID != thread.Parent().ID || !c.Meta.Archived || !c.Meta.Locked {
		t.Errorf("the thread is %+v", c)
	}
	var first dmsg
	d.do("GET", messages(thread)+"/"+thread.ID, nil).into(t, &first)
	if first.Author.ID != d.anna.ID {
		t.Errorf("the first message of a post has not the post's id: %+v", first)
	}
	d.DeleteChannel(thread)
	d.do("POST", messages(thread), `{"content":"z"}`).wants(t, "a deleted one", 404, 10003)
}

func TestDirectMessageChannelsAreOneForEachPersonAndBot(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{})
	var c struct {
		ID         string
		Type       int
		Recipients []duser
	}
	d.do("POST", "/users/@me/channels", map[string]string{"recipient_id": d.anna.ID}).into(t, &c)
	if c.ID != d.dm.ID || c.Type != 1 || len(c.Recipients) != 1 || c.Recipients[0].ID != d.anna.ID {
		t.Errorf("opened %+v", c)
	}
	if other := d.DM(d.anna, d.AddBot(bridgetest.DiscordBotOptions{})); other.ID == d.dm.ID {
		t.Error("two bots share a direct chat")
	} else {
		d.do("GET", "/channels/"+other.ID, nil).wants(t, "another bot's direct chat", 403, 50001)
	}
	d.do("POST", "/users/@me/channels", `{"recipient_id":"1"}`).wants(t, "nobody", 404, 10013)
	d.do("POST", "/users/@me/channels", `{}`).wants(t, "no recipient", 400, 50035)
}

func TestRateLimitsAreToldAndKept(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{Limits: bridgetest.RealDiscordLimits()})
	other := d.AddText(d.guild, "other", nil)
	post := func(c *bridgetest.DiscordChannel) dreply { return d.do("POST", messages(c), `{"content":"x"}`) }
	for left := 4; left >= 0; left-- {
		h := post(d.room).Header
		if h.Get("X-RateLimit-Limit") != "5" || h.Get("X-RateLimit-Remaining") != strconv.Itoa(left) || h.Get("X-RateLimit-Bucket") == "" ||
			!regexp.MustCompile(`^\d+\.\d{3}$`).MatchString(h.Get("X-RateLimit-Reset-After")) {
			t.Errorf("headers %v, want %d left", h, left)
		}
	}
	r := post(d.room)
	var body struct {
		Retry  float64 `json:"retry_after"`
		Global bool
	}
	if err := json.Unmarshal(r.Body, &body); err != nil {
		t.Fatal(err)
	}
	if r.Status != 429 || body.Retry <= 0 || body.Retry > 5 || body.Global || r.Header.Get("X-RateLimit-Scope") != "user" || r.Header.Get("Retry-After") == "" {
		t.Errorf("got %d %s %v", r.Status, r.Body, r.Header)
	}
	post(other).wants(t, "another channel", 200, 0)
	d.Advance(5 * time.Second)
	post(d.room).wants(t, "the next window", 200, 0)
	if d.PostCount() != 7 {
		t.Errorf("%d posts", d.PostCount())
	}
}

func TestTheGlobalLimitIsForAllRoutes(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{Limits: bridgetest.DiscordLimits{Global: bridgetest.DiscordLimit{N: 2, Per: time.Hour}}})
	d.say(d.room, "x")
	d.do("GET", "/users/@me", nil).wants(t, "the second", 200, 0)
	r := d.do("GET", "/channels/"+d.room.ID, nil)
	if r.Status != 429 || r.Header.Get("X-RateLimit-Global") != "true" || r.Header.Get("X-RateLimit-Scope") != "global" || !strings.Contains(string(r.Body), `"global":true`) {
		t.Errorf("got %d %s %v", r.Status, r.Body, r.Header)
	}
}
