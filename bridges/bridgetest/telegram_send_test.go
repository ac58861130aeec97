package bridgetest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges/bridgetest"
)

func TestTextsAreRefusedInTelegramsWords(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{})
	for _, c := range []struct {
		text, mode, want string
	}{
		{"", "", "message text is empty"},
		{" \n ", "", "text must be non-empty"},
		{"<b></b>", "HTML", "text must be non-empty"},
		{strings.Repeat("x", 4097), "", "message is too long"},
		{strings.Repeat("😀", 2049), "", "message is too long"},
		{strings.Repeat("x", 40_000), "", "text is too long"},
		{"a\xffb", "", "strings must be encoded in UTF-8"},
		{"<x>", "html", `can't parse entities: Unsupported start tag "x" at byte offset 0`},
		{"x", "YAML", "unsupported parse_mode"},
	} {
		w.call("sendMessage", "chat_id", w.chat.ID, "text", c.text, "parse_mode", c.mode).wants(t, 400, "Bad Request: "+c.want)
	}
	if n := w.tg.PostCount(); n != 0 {
		t.Errorf("%d refused messages were posted", n)
	}
	w.call("sendMessage", "chat_id", w.chat.ID, "text", strings.Repeat("😀", 2048)).good(t)
	w.call("sendMessage", "chat_id", w.chat.ID, "text", "<b>"+strings.Repeat("&lt;", 4096)+"</b>", "parse_mode", "HTML").good(t)
	p := w.tg.Posts()[1]
	if p.Text != strings.Repeat("<", 4096) || len(p.Entities) != 1 || p.Entities[0].Type != "bold" || p.Mode != "HTML" {
		t.Errorf("the second post has %d characters and entities %v", len(p.Text), p.Entities)
	}
}

func TestPlacesAreChecked(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{})
	stranger := w.tg.AddUser("Ben")
	group, forum, foreign := w.tg.AddGroup("G", w.bot), w.tg.AddForum("F", w.bot), w.tg.AddGroup("Other")
	topic := w.tg.AddTopic(forum, "News")
	send := func(chat int64, pairs ...any) reply {
		return w.call("sendMessage", append(pairs, "chat_id", chat, "text", "x")...)
	}
	w.call("sendMessage", "text", "x").wants(t, 400, "Bad Request: chat_id is empty")
	send(stranger.ID).wants(t, 400, "Bad Request: chat not found")
	send(foreign.ID).wants(t, 403, "Forbidden: bot is not a member of the group chat")
	send(forum.ID, "message_thread_id", topic+1).wants(t, 400, "Bad Request: message thread not found")
	send(forum.ID, "message_thread_id", topic).good(t)
	if p := w.tg.PostsIn(forum); len(p) != 1 || p[0].Thread != topic {
		t.Errorf("posted in the forum: %+v", p)
	}
	w.tg.CloseTopic(forum, topic)
	send(forum.ID, "message_thread_id", topic).wants(t, 400, "Bad Request: message thread not found")
	w.tg.Block(w.chat, w.bot)
	send(w.chat.ID).wants(t, 403, "Forbidden: bot was blocked by the user")
	if w.write("unheard") != 0 {
		t.Error("a bot hears somebody who has blocked it")
	}
	w.tg.Unblock(w.chat, w.bot)
	send(w.chat.ID).good(t)
	w.tg.Block(group, w.bot)
	send(group.ID).wants(t, 403, "Forbidden: bot was kicked from the group chat")
	w.tg.Block(forum, w.bot)
	send(forum.ID).wants(t, 403, "Forbidden: bot was kicked from the supergroup chat")
}

func TestAMigratedGroupNamesItsNewChat(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{})
	group := w.tg.AddGroup("G", w.bot)
	super := w.tg.Migrate(group)
	r := w.call("sendMessage", "chat_id", group.ID, "text", "x")
	r.wants(t, 400, "Bad Request: group chat was upgraded to a supergroup chat")
	if r.Parameters.MigrateTo != super.ID {
		t.Errorf("migrate_to_chat_id is %d, want %d", r.Parameters.MigrateTo, super.ID)
	}
	w.call("sendMessage", "chat_id", super.ID, "text", "x").good(t)
	updates := string(w.call("getUpdates").good(t).Result)
	for _, want := range []string{fmt.Sprintf(`"migrate_to_chat_id":%d`, super.ID), fmt.Sprintf(`"migrate_from_chat_id":%d`, group.ID)} {
		if !strings.Contains(updates, want) {
			t.Errorf("no %s in %s", want, updates)
		}
	}
}

func TestRepliesNeedTheirMessage(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{})
	m := w.tg.Write(bridgetest.Line{Chat: w.chat, From: w.anna, Text: "question"})
	w.call("sendMessage", "chat_id", w.chat.ID, "text", "x", "reply_parameters", `{"message_id":999}`).wants(t, 400, "Bad Request: message to be replied not found")
	w.call("sendMessage", "chat_id", w.chat.ID, "text", "x", "reply_parameters", `{`).wants(t, 400, "Bad Request: can't parse reply parameters JSON object")
	w.call("sendMessage", "chat_id", w.chat.ID, "text", "x", "reply_parameters", `{"message_id":999,"allow_sending_without_reply":true}`).good(t)
	w.call("sendMessage", "chat_id", w.chat.ID, "text", "x", "reply_parameters", fmt.Sprintf(`{"message_id":%d}`, m.Message)).good(t)
	p := w.tg.Posts()
	if len(p) != 2 || p[0].ReplyTo != 0 || p[1].ReplyTo != m.Message {
		t.Errorf("posted %+v", p)
	}
}

func TestRatesOverTheLimitAreThrottled(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{Limits: bridgetest.TelegramLimits{Group: bridgetest.Limit{Burst: 20, Every: 3 * time.Second}}})
	group := w.tg.AddGroup("G", w.bot)
	for range 20 {
		w.call("sendMessage", "chat_id", group.ID, "text", "x").good(t)
	}
	r := w.call("sendMessage", "chat_id", group.ID, "text", "x")
	r.wants(t, 429, "Too Many Requests: retry after "+strconv.Itoa(r.Parameters.RetryAfter))
	if n := r.Parameters.RetryAfter; n < 1 || n > 3 {
		t.Errorf("retry_after is %d, want up to 3", n)
	}
	w.call("sendMessage", "chat_id", w.chat.ID, "text", "another chat").good(t)
}

func TestEditsDeletionsAndActionsAreSeen(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{})
	var sent struct {
		ID int `json:"message_id"`
	}
	if err := json.Unmarshal(w.call("sendMessage", "chat_id", w.chat.ID, "text", "one").good(t).Result, &sent); err != nil {
		t.Fatal(err)
	}
	edit := func(text string) reply {
		return w.call("editMessageText", "chat_id", w.chat.ID, "message_id", sent.ID, "text", text)
	}
	edit("two").good(t)
	if r := edit("two"); r.Status != 400 || !strings.HasPrefix(r.Description, "Bad Request: message is not modified: specified new") {
		t.Errorf("the same text again: %+v", r)
	}
	theirs := w.tg.Write(bridgetest.Line{Chat: w.chat, From: w.anna, Text: "mine"})
	w.call("editMessageText", "chat_id", w.chat.ID, "message_id", theirs.Message, "text", "x").wants(t, 400, "Bad Request: message can't be edited")
	w.call("deleteMessage", "chat_id", w.chat.ID, "message_id", sent.ID).good(t)
	edit("three").wants(t, 400, "Bad Request: message to edit not found")
	if p := w.tg.PostsIn(w.chat); len(p) != 1 || p[0].Text != "two" || p[0].Edits != 1 || !p[0].Deleted {
		t.Errorf("posted %+v", p)
	}
	w.call("sendChatAction", "chat_id", w.chat.ID, "action", "typing").good(t)
	w.call("sendChatAction", "chat_id", w.chat.ID, "action", "dancing").wants(t, 400, "Bad Request: wrong parameter action in request")
	if a := w.tg.Actions(w.chat); len(a) != 1 || a[0].Action != "typing" {
		t.Errorf("actions %+v", a)
	}
}

// upload posts a file as part of a form.
func (w *world) upload(method, field string, data []byte, pairs ...any) reply {
	w.t.Helper()
	var body bytes.Buffer
	mw := multipart.NewWriter(&body)
	_ = mw.WriteField("chat_id", fmt.Sprint(w.chat.ID))
	for i := 0; i < len(pairs); i += 2 {
		_ = mw.WriteField(pairs[i].(string), fmt.Sprint(pairs[i+1]))
	}
	part, err := mw.CreateFormFile(field, "file.bin")
	if err != nil {
		w.t.Fatal(err)
	}
	_, _ = part.Write(data)
	_ = mw.Close()
	resp, err := http.Post(w.url(method), mw.FormDataContentType(), &body)
	if err != nil {
		w.t.Fatal(err)
	}
	return read(w.t, resp)
}

func TestFilesAreShownByTheirContent(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{})
	opus := []byte("OggS\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00OpusHead\x01")
	wav := []byte("RIFF\x24\x00\x00\x00WAVEfmt ")
	w.upload("sendVoice", "voice", opus, "caption", "<i>hi</i>", "parse_mode", "HTML").good(t)
	w.upload("sendVoice", "voice", wav).good(t)
	w.upload("sendAudio", "audio", []byte("ID3\x03\x00")).good(t)
	w.upload("sendVoice", "x", opus, "voice", "attach://x").good(t)
	var got []string
	for _, p := range w.tg.Posts() {
		got = append(got, p.Kind+" "+p.File.Type+" "+p.Text)
	}
	want := []string{"voice audio/ogg; codecs=opus hi", "document audio/wav ", "audio audio/mpeg ", "voice audio/ogg; codecs=opus "}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("posted %q, want %q", got, want)
	}
	w.upload("sendVoice", "voice", nil).wants(t, 400, "Bad Request: file must be non-empty")
	w.upload("sendVoice", "wrong", opus).wants(t, 400, "Bad Request: there is no voice in the request")
	w.upload("sendAudio", "audio", opus, "caption", strings.Repeat("x", 1025)).wants(t, 400, "Bad Request: message caption is too long")
	w.tg.ForbidVoice(w.chat)
	w.upload("sendVoice", "voice", opus).wants(t, 400, "Bad Request: VOICE_MESSAGES_FORBIDDEN")
}

func TestTooLargeFilesAreRefused(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{})
	w.upload("sendDocument", "document", make([]byte, 50<<20+1)).wants(t, 413, "Request Entity Too Large")
	w.upload("sendDocument", "document", make([]byte, 60<<20)).wants(t, 413, "Request Entity Too Large")
}

func TestAFileThatSomebodySentCanBeFetched(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{})
	w.tg.Write(bridgetest.Line{Chat: w.chat, From: w.anna, Text: "listen", File: &bridgetest.SentFile{Kind: "voice", Type: "audio/ogg", Data: []byte("sound")}})
	var updates []struct {
		Message struct {
			Caption string
			Voice   struct {
				FileID string `json:"file_id"`
			}
		}
	}
	if err := json.Unmarshal(w.call("getUpdates").good(t).Result, &updates); err != nil {
		t.Fatal(err)
	}
	if len(updates) != 1 || updates[0].Message.Caption != "listen" {
		t.Fatalf("got %+v", updates)
	}
	var file struct {
		Path string `json:"file_path"`
	}
	if err := json.Unmarshal(w.call("getFile", "file_id", updates[0].Message.Voice.FileID).good(t).Result, &file); err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(w.tg.URL() + "/file/bot" + w.bot.Token + "/" + file.Path)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	_, _ = got.ReadFrom(resp.Body)
	_ = resp.Body.Close()
	if got.String() != "sound" {
		t.Errorf("fetched %q from %s", got.String(), file.Path)
	}
	w.call("getFile", "file_id", "none").wants(t, 400, "Bad Request: invalid file_id")
}

func TestOnlySoManyMessagesOfAChatAreRemembered(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{Remember: 2})
	for range 3 {
		w.call("sendMessage", "chat_id", w.chat.ID, "text", "x").good(t)
	}
	w.call("deleteMessage", "chat_id", w.chat.ID, "message_id", 1).wants(t, 400, "Bad Request: message to delete not found")
	w.call("deleteMessage", "chat_id", w.chat.ID, "message_id", 2).good(t)
	if n := len(w.tg.PostsIn(w.chat)); n != 3 {
		t.Errorf("%d posts are known, want all 3", n)
	}
}
