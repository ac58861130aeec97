package bridgetest_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges/bridgetest"
)

// commands is a discord whose bot has /ask and /reset.
func newCommands(t *testing.T) (*discord, *socket) {
	t.Helper()
	d := newDiscord(t, bridgetest.DiscordOptions{})
	d.do("PUT", "/applications/"+d.bot.ApplicationID+"/commands", `[{"name":"ask","description":"Ask me","options":[{"type":3,"name":"text","description":"What",
		"required":true}]},{"name":"reset","description":"Forget","contexts":[0]}]`).wants(t, "registering", 200, 0)
	s := d.connect(0)
	return d, s
}

// invoked is INTERACTION_CREATE.
type invoked struct {
	ID, Token     string
	ApplicationID string `json:"application_id"`
	Type          int
	ChannelID     string `json:"channel_id"`
	GuildID       string `json:"guild_id"`
	Member        *struct {
		User        duser
		Permissions string
	}
	User *duser
	Data struct {
		Name    string
		Options []struct {
			Name  string
			Type  int
			Value any
		}
	}
}

func (d *discord) ask(s *socket, c *bridgetest.DiscordChannel) (invoked, *bridgetest.DiscordInteraction) {
	d.t.Helper()
	in, err := d.Invoke(bridgetest.DiscordInvocation{Bot: d.bot, Channel: c, From: d.anna, Command: "ask", Options: map[string]any{"text": "why"}})
	if err != nil {
		d.t.Fatal(err)
	}
	var v invoked
	if err := json.Unmarshal(s.event("INTERACTION_CREATE").Data, &v); err != nil {
		d.t.Fatal(err)
	}
	return v, in
}

func (v invoked) callback() string { return "/interactions/" + v.ID + "/" + v.Token + "/callback" }
func (v invoked) webhook() string  { return "/webhooks/" + v.ApplicationID + "/" + v.Token }
func (v invoked) original() string { return v.webhook() + "/messages/@original" }

func TestCommandsAreRegisteredAndInvoked(t *testing.T) {
	d, s := newCommands(t)
	v, in := d.ask(s, d.room)
	if v.ID != in.ID || v.Token != in.Token || v.Type != 2 || v.GuildID != d.guild.ID || v.ChannelID != d.room.ID || v.User != nil || v.Member == nil ||
		v.Member.User.ID != d.anna.ID || v.Member.Permissions == "" || v.Data.Name != "ask" || len(v.Data.Options) != 1 || v.Data.Options[0].Value != "why" {
		t.Errorf("in a guild: %+v", v)
	}
	if v, _ = d.ask(s, d.dm); v.User == nil || v.User.ID != d.anna.ID || v.Member != nil || v.GuildID != "" {
		t.Errorf("in a direct chat: %+v", v)
	}
	for name, i := range map[string]bridgetest.DiscordInvocation{
		"an unknown command":                     {Channel: d.room, Command: "nothing"},
		"a missing option":                       {Channel: d.room, Command: "ask"},
		"a command that is not for direct chats": {Channel: d.dm, Command: "reset"},
	} {
		i.Bot, i.From = d.bot, d.anna
		if _, err := d.Invoke(i); err == nil {
			t.Errorf("%s was invoked", name)
		}
	}
	if list := d.Commands(d.bot); len(list) != 2 || list[0].Name != "ask" || list[0].Options[0] != "text" {
		t.Errorf("commands %+v", list)
	}
	app := "/applications/" + d.bot.ApplicationID
	for name, body := range map[string]string{
		"a capital letter":   `[{"name":"Ask","description":"x"}]`,
		"no description":     `[{"name":"ask"}]`,
		"a name twice":       `[{"name":"ask","description":"x"},{"name":"ask","description":"y"}]`,
		"an optional before": `[{"name":"ask","description":"x","options":[{"type":3,"name":"a","description":"a"},{"type":3,"name":"b","description":"b","required":true}]}]`,
	} {
		d.do("PUT", app+"/commands", body).wants(t, name, 400, 50035)
	}
	d.do("PUT", "/applications/1/commands", `[]`).wants(t, "another's application", 403, 20012)
	d.do("PUT", app+"/guilds/"+d.guild.ID+"/commands", `[{"name":"ask","description":"here"}]`).wants(t, "a guild's commands", 200, 0)
	d.do("POST", app+"/commands", `{"name":"ask","description":"new"}`).wants(t, "overwriting one", 200, 0)
	d.do("POST", app+"/commands", `{"name":"more","description":"new"}`).wants(t, "making one", 201, 0)
	var list []struct{ Name, Description string }
	d.do("GET", app+"/commands", nil).into(t, &list)
	if len(list) != 3 || len(d.Commands(d.bot)) != 4 {
		t.Errorf("global commands %+v", list)
	}
}

func TestADeferredAnswerIsEditedAndFollowed(t *testing.T) {
	d, s := newCommands(t)
	v, in := d.ask(s, d.room)
	d.do("PATCH", v.original(), `{"content":"early"}`).wants(t, "before any answer", 404, 10015)
	d.do("POST", v.callback(), `{"type":5}`).wants(t, "deferring", 204, 0)
	d.do("POST", v.callback(), `{"type":5}`).wants(t, "deferring twice", 400, 40060)
	if st := d.Answered(in); !st.Answered || !st.Loading || len(d.Texts(d.room)) != 0 {
		t.Errorf("state %+v, texts %q", st, d.Texts(d.room))
	}
	var m, f dmsg
	d.do("PATCH", v.original(), `{"content":"first"}`).into(t, &m)
	if m.Flags != 0 || m.Content != "first" || m.Type != 20 || m.WebhookID != d.bot.ApplicationID || d.Answered(in).Loading {
		t.Errorf("the original is %+v", m)
	}
	all := "second @everyone " + d.anna.Mention()
	d.do("POST", v.webhook(), map[string]any{"content": all}).into(t, &f)
	p := d.PostsIn(d.room)
	if len(p) != 2 || p[0].Text != "first" || p[0].Via != bridgetest.ViaResponse || p[0].Edits != 0 || p[1].Text != all || p[1].Via != bridgetest.ViaFollowUp ||
		p[1].Interaction != in.ID {
		t.Fatalf("posted %+v", p)
	}
	if g := p[1].Pings; g.Everyone || len(g.Users) != 1 {
		t.Errorf("a follow-up pings by default %+v, want users only", g)
	}
	d.do("PATCH", v.webhook()+"/messages/"+f.ID, `{"content":"changed"}`).wants(t, "editing a follow-up", 200, 0)
	d.do("GET", v.original(), nil).into(t, &m)
	d.do("DELETE", v.original(), nil).wants(t, "deleting the original", 204, 0)
	d.do("GET", v.original(), nil).wants(t, "after that", 404, 10008)
	d.do("PATCH", v.webhook()+"/messages/"+d.say(d.room, "x").ID, `{"content":"y"}`).wants(t, "a message that is not its own", 404, 10008)
	d.do("POST", v.webhook(), `{"content":"`+strings.Repeat("x", 2001)+`"}`).wants(t, "a long follow-up", 400, 50035)
	d.do("POST", v.webhook(), `{}`).wants(t, "an empty follow-up", 400, 50006)
}

func TestAFollowUpRightAfterDeferringIsTheOriginal(t *testing.T) {
	d, s := newCommands(t)
	v, in := d.ask(s, d.room)
	d.do("POST", v.callback(), `{"type":5}`).wants(t, "deferring", 204, 0)
	var m dmsg
	d.do("POST", v.webhook(), `{"content":"x"}`).into(t, &m)
	if m.ID != d.Answered(in).Original || d.PostCount() != 1 {
		t.Errorf("got %s, the original is %s", m.ID, d.Answered(in).Original)
	}
}

func TestAnAnswerAtOnceCanBeEphemeralAndTold(t *testing.T) {
	d, s := newCommands(t)
	v, _ := d.ask(s, d.room)
	var r struct {
		Interaction struct {
			Original string `json:"response_message_id"`
		}
		Resource struct{ Message dmsg }
	}
	d.do("POST", v.callback()+"?with_response=true", `{"type":4,"data":{"content":"psst","flags":64}}`).into(t, &r)
	if r.Resource.Message.Content != "psst" || r.Interaction.Original != r.Resource.Message.ID {
		t.Errorf("the response is %+v", r)
	}
	if p := d.Posts()[0]; !p.Ephemeral || p.Text != "psst" {
		t.Errorf("posted %+v", p)
	}
	if h := d.do("GET", messages(d.room), nil); string(h.Body) != "[]" {
		t.Errorf("the history shows it: %s", h.Body)
	}
	v, _ = d.ask(s, d.room)
	d.do("POST", v.callback(), `{"type":7,"data":{"content":"x"}}`).wants(t, "an answer for buttons", 400, 50035)
	d.do("POST", v.callback(), `{"type":4}`).wants(t, "an empty answer", 400, 50006)
}

func TestInteractionsHaveDeadlines(t *testing.T) {
	d, s := newCommands(t)
	v, in := d.ask(s, d.room)
	d.Advance(4 * time.Second)
	d.do("POST", v.callback(), `{"type":5}`).wants(t, "after 3 s", 404, 10062)
	d.do("POST", v.webhook(), `{"content":"x"}`).wants(t, "its token is invalid", 404, 10015)
	if d.Answered(in).Answered {
		t.Error("it counts as answered")
	}
	d.do("POST", "/interactions/1/nothing/callback", `{"type":5}`).wants(t, "an unknown one", 404, 10062)
	v, _ = d.ask(s, d.room)
	d.do("POST", v.callback(), `{"type":5}`).wants(t, "deferring", 204, 0)
	d.Advance(14 * time.Minute)
	d.do("PATCH", v.original(), `{"content":"x"}`).wants(t, "after 14 min", 200, 0)
	d.Advance(2 * time.Minute)
	d.do("PATCH", v.original(), `{"content":"x"}`).wants(t, "after 16 min", 401, 50027)
	d.do("POST", v.webhook(), `{"content":"x"}`).wants(t, "a follow-up after 16 min", 401, 50027)
	d.do("POST", messages(d.room), `{"content":"x"}`).wants(t, "the channel", 200, 0)
}

func TestInteractionsNeedNoBotToken(t *testing.T) {
	d, s := newCommands(t)
	v, _ := d.ask(s, d.room)
	req, err := http.NewRequest("POST", d.URL()+"/api/v10"+v.callback(), strings.NewReader(`{"type":5}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("User-Agent", "DiscordBot (https://example.org, 1)")
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 204 {
		t.Errorf("got %d", resp.StatusCode)
	}
}
