package bridgetest_test

import (
	"bytes"
	"compress/zlib"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"avatarbridge/bridges/bridgetest"
)

func TestGuildsGoToTheirShards(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{MaxConcurrency: 2})
	rooms := map[int]*bridgetest.DiscordChannel{}
	for len(rooms) < 2 {
		g := d.AddGuild("g", d.bot)
		shard := int(bridgetest.SnowflakeTime(g.ID).UnixMilli()-1420070400000) % 2
		rooms[shard] = d.AddText(g, "room", nil)
		d.Advance(time.Millisecond)
	}
	var list []*socket
	for i := range 2 {
		s, _ := d.start(fmt.Sprintf(`"intents":%d,"shard":[%d,2]`, unranked, i))
		list = append(list, s)
	}
	if err := d.WaitSessions(soon(t), d.bot, 2); err != nil {
		t.Fatal(err)
	}
	d.Say(bridgetest.DiscordLine{Channel: rooms[1], From: d.anna, Text: d.bot.Mention() + " one"})
	d.Say(bridgetest.DiscordLine{Channel: rooms[0], From: d.anna, Text: d.bot.Mention() + " null"})
	d.Say(bridgetest.DiscordLine{Channel: d.dm, From: d.anna, Text: "direct"})
	if m := list[1].message("MESSAGE_CREATE"); m.ChannelID != rooms[1].ID {
		t.Errorf("shard 1 got %+v", m)
	}
	for _, want := range []string{rooms[0].ID, d.dm.ID} {
		if m := list[0].message("MESSAGE_CREATE"); m.ChannelID != want {
			t.Errorf("shard 0 got %+v", m)
		}
	}
}

func TestIntentsDecideWhatIsHeard(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{})
	direct, both := d.connect(directText), d.connect(guildText|directText)
	d.Say(bridgetest.DiscordLine{Channel: d.room, From: d.anna, Text: "in the room"})
	d.Type(d.dm, d.anna) // nobody asked for it
	d.Say(bridgetest.DiscordLine{Channel: d.dm, From: d.anna, Text: "direct"})
	if f := direct.next(); f.event() != "MESSAGE_CREATE" || !strings.Contains(string(f.Data), d.dm.ID) {
		t.Errorf("without the guilds' intent: %s %s", f.event(), f.Data)
	}
	for _, id := range []string{d.room.ID, d.dm.ID} {
		if f := both.next(); f.event() != "MESSAGE_CREATE" || !strings.Contains(string(f.Data), id) {
			t.Errorf("got %s %s, want a message in %s", f.event(), f.Data, id)
		}
	}
}

func TestContentIsShownByIntentMentionOrDirectChat(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{})
	own := d.say(d.room, "from me")
	plain := d.connect(unranked)
	d.SwitchMessageContent(d.bot, true)
	full := d.connect(unranked | content)
	file := bridgetest.DiscordFile{Name: "a.png", Type: "image/png", Data: []byte("x")}
	other := d.AddUser("Ben")
	role := d.AddRole(d.guild, "bots", 0, true)
	d.GiveRole(d.guild, d.bot, role)
	for _, c := range []struct {
		name  string
		line  bridgetest.DiscordLine
		shown bool
	}{
		{"a message", bridgetest.DiscordLine{Text: "x", Files: []bridgetest.DiscordFile{file}}, false},
		{"a mention of the bot", bridgetest.DiscordLine{Text: d.bot.Mention() + " x"}, true},
		{"a mention of somebody else", bridgetest.DiscordLine{Text: other.Mention() + " x"}, false},
		{"a mention of the bot's role", bridgetest.DiscordLine{Text: role.Mention() + " x"}, false},
		{"@everyone", bridgetest.DiscordLine{Text: "@everyone x"}, false},
		{"a reply to the bot", bridgetest.DiscordLine{Text: "x", ReplyTo: own.ID}, true},
		{"a silent reply to the bot", bridgetest.DiscordLine{Text: "x", ReplyTo: own.ID, Silently: true}, false},
		{"a direct message", bridgetest.DiscordLine{Text: "x", Channel: d.dm}, true},
	} {
		c.line.From = d.anna
		if c.line.Channel == nil {
			c.line.Channel = d.room
		}
		id := d.Say(c.line)
		m, all := plain.message("MESSAGE_CREATE"), full.message("MESSAGE_CREATE")
		if m.ID != id || (m.Content != "") != c.shown || len(m.Files) != 0 && !c.shown {
			t.Errorf("%s: without the intent %+v", c.name, m)
		}
		if all.Content != c.line.Text || len(all.Files) != len(c.line.Files) {
			t.Errorf("%s: with the intent %+v", c.name, all)
		}
		if c.line.ReplyTo != "" && (m.Type != 19 || m.Referenced == nil || m.Referenced.Content != "from me" || m.Reference.MessageID != own.ID) {
			t.Errorf("%s: answers %+v", c.name, m.Referenced)
		}
	}
	d.SwitchMessageContent(d.bot, false)
	var list []dmsg
	d.do("GET", messages(d.room)+"?limit=2", nil).into(t, &list)
	if list[0].Content != "" || list[1].Content != "x" { // the silent reply, the loud one
		t.Errorf("history without the intent: %+v", list)
	}
}

func TestEditsAndDeletionsAreTold(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{})
	s := d.connect(unranked)
	line := bridgetest.DiscordLine{Channel: d.dm, From: d.anna, Text: "a"}
	a, b, c := d.Say(line), d.Say(line), d.Say(bridgetest.DiscordLine{Channel: d.room, From: d.anna, Text: "room"})
	e := d.Say(bridgetest.DiscordLine{Channel: d.room, From: d.anna, Text: "room"})
	d.Again(d.dm, a)
	d.Edit(d.dm, a, "changed")
	d.Touch(d.dm, b)
	d.Delete(d.dm, a)
	d.Delete(d.room, c, e)
	for range 5 {
		s.message("MESSAGE_CREATE")
	}
	if m := s.message("MESSAGE_UPDATE"); m.ID != a || m.Content != "changed" || m.Edited == nil {
		t.Errorf("the edit: %+v", m)
	}
	if m := s.message("MESSAGE_UPDATE"); m.ID != b || m.Edited != nil {
		t.Errorf("an update that is no edit: %+v", m)
	}
	if m := s.message("MESSAGE_DELETE"); m.ID != a || m.ChannelID != d.dm.ID {
		t.Errorf("the deletion: %+v", m)
	}
	var bulk struct{ IDs []string }
	if err := json.Unmarshal(s.event("MESSAGE_DELETE_BULK").Data, &bulk); err != nil || !slices.Equal(bulk.IDs, []string{c, e}) {
		t.Errorf("the deletion of several: %+v, %v", bulk, err)
	}
}

func TestAuthorsAreTellable(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{})
	s := d.connect(unranked)
	robot := d.AddUser("Robot")
	robot.Bot = true
	role := d.AddRole(d.guild, "r", 0, false)
	d.AddMember(d.guild, d.anna, role)
	d.Say(bridgetest.DiscordLine{Channel: d.room, From: d.anna, Text: "x"})
	if m := s.message("MESSAGE_CREATE"); m.Author.ID != d.anna.ID || m.Member == nil || !slices.Equal(m.Member.Roles, []string{role.ID}) || m.GuildID != d.guild.ID {
		t.Errorf("a member: %+v", m)
	}
	d.Say(bridgetest.DiscordLine{Channel: d.room, From: robot, Text: "x"})
	if f := s.event("MESSAGE_CREATE"); !strings.Contains(string(f.Data), `"bot":true`) {
		t.Errorf("a bot: %s", f.Data)
	}
	d.Say(bridgetest.DiscordLine{Channel: d.room, From: robot, Text: "x", Webhook: true})
	if m := s.message("MESSAGE_CREATE"); m.WebhookID == "" || m.WebhookID != m.Author.ID || m.Member != nil {
		t.Errorf("a webhook: %+v", m)
	}
}

func TestAHugeGuildComesInOneEvent(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{})
	g := d.AddHugeGuild("Huge", 50_000, 500, d.bot)
	s := d.open()
	s.identify(d.bot.Token, `"intents":1,"compress":true`)
	var raw []byte
	for raw == nil {
		kind, msg, err := s.ws.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		if kind == websocket.BinaryMessage {
			z, err := zlib.NewReader(bytes.NewReader(msg))
			if err != nil {
				t.Fatal(err)
			}
			if raw, err = io.ReadAll(z); err != nil {
				t.Fatal(err)
			}
		}
	}
	var f struct {
		Data struct {
			ID       string
			Members  []struct{ User duser }
			Channels []struct{ ID string }
			Threads  []struct{ ID string }
			Count    int `json:"member_count"`
		} `json:"d"`
	}
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatal(err)
	}
	if f.Data.ID != g.ID || len(f.Data.Members) != 50_001 || f.Data.Count != 50_001 || len(f.Data.Channels) != 500 || len(f.Data.Threads) == 0 || len(raw) < 10<<20 {
		t.Errorf("%d members, %d channels, %d threads, %d bytes", len(f.Data.Members), len(f.Data.Channels), len(f.Data.Threads), len(raw))
	}
	if n := len(d.Text(g)); n < 400 {
		t.Errorf("%d text channels", n)
	}
}
