package bridgetest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"avatarbridge/bridges/bridgetest"
)

// heard is a message as a bot gets it.
type heard struct {
	ID   int   `json:"message_id"`
	Date int64 `json:"date"`
	From struct {
		ID    int64
		IsBot bool   `json:"is_bot"`
		Name  string `json:"first_name"`
	}
	SenderChat struct{ ID int64 } `json:"sender_chat"`
	Chat       struct {
		ID   int64
		Type string
	}
	Text     string
	Caption  string
	Thread   int    `json:"message_thread_id"`
	Auto     bool   `json:"is_automatic_forward"`
	EditDate int64  `json:"edit_date"`
	ReplyTo  *heard `json:"reply_to_message"`
	Entities []struct {
		Type           string
		Offset, Length int
		User           *struct{ ID int64 }
	}
}

// last returns the last update's message and its kind.
func (w *world) last(t *testing.T) (string, heard) {
	t.Helper()
	var updates []map[string]json.RawMessage
	if err := json.Unmarshal(w.call("getUpdates", "offset", -1).good(t).Result, &updates); err != nil {
		t.Fatal(err)
	}
	if len(updates) != 1 {
		t.Fatalf("%d updates, want 1", len(updates))
	}
	for kind, raw := range updates[0] {
		if kind != "update_id" {
			var m heard
			if err := json.Unmarshal(raw, &m); err != nil {
				t.Fatal(err)
			}
			return kind, m
		}
	}
	return "", heard{}
}

func TestAMessageSaysWhoWroteWhatWhere(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{})
	at := time.Unix(1_700_000_000, 0)
	m := w.tg.Write(bridgetest.Line{Chat: w.chat, From: w.anna, Text: "hi", At: at})
	kind, got := w.last(t)
	if kind != "message" || got.ID != m.Message || got.From.ID != w.anna.ID || got.From.IsBot || got.Chat.ID != w.chat.ID ||
		got.Chat.Type != "private" || got.Text != "hi" || got.Date != at.Unix() {
		t.Errorf("%s %+v", kind, got)
	}
	w.tg.Edit(w.chat, m.Message, "ho")
	if kind, got = w.last(t); kind != "edited_message" || got.ID != m.Message || got.Text != "ho" || got.EditDate == 0 {
		t.Errorf("%s %+v", kind, got)
	}
}

func TestEntitiesCountUTF16Units(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{})
	ben := w.tg.AddUser("Ben 😀")
	w.tg.Write(bridgetest.Line{Chat: w.chat, From: w.anna, Text: "😀 @luna_bot, /start@luna_bot é Ben 😀 mail@x.y a/b", Named: []*bridgetest.User{ben}})
	_, got := w.last(t)
	var list []string
	for _, e := range got.Entities {
		list = append(list, fmt.Sprint(e.Type, " ", e.Offset, " ", e.Length))
	}
	if want := []string{"mention 3 9", "bot_command 14 15", "text_mention 32 6"}; !slices.Equal(list, want) {
		t.Errorf("entities %q, want %q", list, want)
	}
	if e := got.Entities[len(got.Entities)-1]; e.User == nil || e.User.ID != ben.ID {
		t.Errorf("the mentioned person is %+v", e.User)
	}
}

func TestOtherNamesThanAPersonsOwn(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{})
	w.bot.ReadsAll = true
	group, news := w.tg.AddSupergroup("G", w.bot), w.tg.AddChannel("News", w.bot)
	for _, c := range []struct {
		name   string
		line   bridgetest.Line
		kind   string
		from   int64
		sender int64
	}{
		{"an anonymous administrator", bridgetest.Line{Chat: group, Identity: bridgetest.Identity{Anonymous: true}}, "message", 1087968824, group.ID},
		{"a person as their channel", bridgetest.Line{Chat: group, Identity: bridgetest.Identity{Channel: news}}, "message", 136817688, news.ID},
		{"a forwarded post", bridgetest.Line{Chat: group, Identity: bridgetest.Identity{Forwarded: news}}, "message", 777000, news.ID},
		{"a channel post", bridgetest.Line{Chat: news}, "channel_post", 0, news.ID},
	} {
		c.line.Text = "x"
		w.tg.Write(c.line)
		kind, got := w.last(t)
		if kind != c.kind || got.From.ID != c.from || got.SenderChat.ID != c.sender || got.Auto != (c.line.Identity.Forwarded != nil) {
			t.Errorf("%s: %s %+v", c.name, kind, got)
		}
	}
}

func TestPrivacyModeHidesWhatIsNotForTheBot(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{})
	group := w.tg.AddGroup("G", w.bot)
	var sent struct {
		ID int `json:"message_id"`
	}
	if err := json.Unmarshal(w.call("sendMessage", "chat_id", group.ID, "text", "I am here").good(t).Result, &sent); err != nil {
		t.Fatal(err)
	}
	write := func(text string, reply int) bool {
		return w.tg.Write(bridgetest.Line{Chat: group, From: w.anna, Text: text, ReplyTo: reply}).Update(w.bot) != 0
	}
	for _, c := range []struct {
		text  string
		reply int
		heard bool
	}{
		{"hello all", 0, false},
		{"hello @" + w.bot.Username, 0, true},
		{"hello @other_bot", 0, false},
		{"/start@" + w.bot.Username, 0, true},
		{"/start@other_bot", 0, false},
		{"/start", 0, true},
		{"yes", sent.ID, true},
	} {
		if got := write(c.text, c.reply); got != c.heard {
			t.Errorf("%q, reply to %d: heard is %v", c.text, c.reply, got)
		}
	}
	if _, got := w.last(t); got.ReplyTo == nil || got.ReplyTo.ID != sent.ID || got.ReplyTo.From.ID != w.bot.ID || got.ReplyTo.Text != "I am here" {
		t.Errorf("the reply is %+v", got)
	}
	w.tg.Promote(group, w.bot)
	if !write("hello all", 0) {
		t.Error("an administrator does not hear everything")
	}
}

func TestTopicsAreNamedInTheirMessages(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{})
	w.bot.ReadsAll = true
	forum := w.tg.AddForum("F", w.bot)
	topic := w.tg.AddTopic(forum, "News")
	w.tg.Write(bridgetest.Line{Chat: forum, From: w.anna, Text: "x", Thread: topic})
	if _, got := w.last(t); got.Thread != topic || got.ReplyTo == nil || got.ReplyTo.ID != topic {
		t.Errorf("got %+v", got)
	}
}

func TestSeveralBotsHearAndSpeakForThemselves(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{})
	other := w.tg.AddBot(bridgetest.BotOptions{ReadsAll: true, Username: "mara_bot"})
	w.bot.ReadsAll = true
	group := w.tg.AddGroup("G", w.bot, other)
	got := w.tg.Write(bridgetest.Line{Chat: group, From: w.anna, Text: "x"})
	if len(got.Updates) != 2 || got.Update(w.bot) == got.Update(other) {
		t.Errorf("updates %v, want one of its own for each bot", got.Updates)
	}
	w.call("getUpdates", "offset", got.Update(w.bot)+1)
	if len(w.bot.Pending()) != 0 || len(other.Pending()) != 1 {
		t.Error("one bot's offset confirmed another's update")
	}
	if direct := w.tg.Write(bridgetest.Line{Chat: w.tg.Direct(w.anna, other), From: w.anna, Bot: other, Text: "only you"}); direct.Update(w.bot) != 0 || direct.Update(other) == 0 {
		t.Errorf("a private message to one bot came to %v", direct.Updates)
	}
}

func TestRawUpdatesComeAsTheyAre(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{})
	id := w.tg.Raw(w.bot, `{"update_id":$id,"message":7}`)
	if got, want := string(w.call("getUpdates").good(t).Result), fmt.Sprintf(`[{"update_id":%d,"message":7}]`, id); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestWaitingForAPost(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{})
	go func() {
		for _, text := range []string{"a", "b", "c"} {
			w.call("sendMessage", "chat_id", w.chat.ID, "text", text)
		}
	}()
	p, err := w.tg.WaitPost(soon(t), func(p bridgetest.Post) bool { return p.Text == "b" })
	if err != nil || p.Chat != w.chat.ID {
		t.Errorf("got %+v, %v", p, err)
	}
	if all, err := w.tg.WaitPosts(soon(t), 3); err != nil || len(all) != 3 {
		t.Errorf("got %d posts, %v", len(all), err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := w.tg.WaitFor(ctx, func() bool { return false }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
