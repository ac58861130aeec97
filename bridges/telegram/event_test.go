package telegram

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"avatarbridge/bridges"
)

// ear is a listener whose bot is @luna_bot with the id 42. What it logs goes to the returned buffer.
func ear() (*listener, *bytes.Buffer) {
	var logged bytes.Buffer
	log := slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return &listener{me: user{ID: 42, Username: "Luna_bot"}, log: log}, &logged
}

const (
	anna    = `"from":{"id":7,"is_bot":false,"first_name":"Anna","last_name":"B","language_code":"de"}`
	private = `"chat":{"id":7,"type":"private","first_name":"Anna"}`
	room    = `"chat":{"id":-100,"type":"supergroup","title":"Room"}`
)

func TestWhatAnUpdateBecomes(t *testing.T) {
	person := bridges.Person{Platform: "telegram", User: "7", Name: "Anna B", Locale: "de"}
	at := time.Unix(1000, 0)
	direct := bridges.Event{Key: "7/5", At: at, From: person, Place: bridges.Place{Channel: "7", Direct: true}, Message: "5", Addressed: true}
	inRoom := bridges.Event{Key: "-100/5", At: at, From: person, Place: bridges.Place{Channel: "-100"}, Message: "5"}
	with := func(e bridges.Event, f func(*bridges.Event)) *bridges.Event { f(&e); return &e }
	for name, c := range map[string]struct {
		in   string // the message without its id and date
		kind string // of the update; "message" when empty
		want *bridges.Event
	}{
		"a private message":       {anna + `,` + private + `,"text":"hi"`, "", with(direct, func(e *bridges.Event) { e.Text = "hi" })},
		"invalid UTF-8":           {anna + `,` + private + ",\"text\":\"h\xffi\"", "", with(direct, func(e *bridges.Event) { e.Text = "h\ufffdi" })},
		"a room's message":        {anna + `,` + room + `,"text":"hi"`, "", with(inRoom, func(e *bridges.Event) { e.Text = "hi" })},
		"a leading mention":       {anna + `,` + room + `,"text":" @luna_BOT, 😀 hi","entities":[{"type":"mention","offset":1,"length":9}]`, "", with(inRoom, func(e *bridges.Event) { e.Text, e.Addressed = "😀 hi", true })},
		"a mention behind emoji":  {anna + `,` + room + `,"text":"😀😀 @luna_bot hi","entities":[{"type":"mention","offset":5,"length":9}]`, "", with(inRoom, func(e *bridges.Event) { e.Text, e.Addressed = "😀😀 @luna_bot hi", true })},
		"a mention alone":         {anna + `,` + room + `,"text":"@luna_bot","entities":[{"type":"mention","offset":0,"length":9}]`, "", with(inRoom, func(e *bridges.Event) { e.Text, e.Addressed = "@luna_bot", true })},
		"somebody else's mention": {anna + `,` + room + `,"text":"@luna_bo hi","entities":[{"type":"mention","offset":0,"length":8}]`, "", with(inRoom, func(e *bridges.Event) { e.Text = "@luna_bo hi" })},
		"a mention by name":       {anna + `,` + room + `,"text":"Luna: hi","entities":[{"type":"text_mention","offset":0,"length":4,"user":{"id":42}}]`, "", with(inRoom, func(e *bridges.Event) { e.Text, e.Addressed = "hi", true })},
		"impossible entities":     {anna + `,` + private + `,"text":"x","entities":[{"type":"mention","offset":-5,"length":900},{"type":"bot_command","offset":1000000,"length":1}]`, "", with(direct, func(e *bridges.Event) { e.Text = "x" })},
		"an entity in a pair":     {anna + `,` + room + `,"text":"😀@luna_bot","entities":[{"type":"mention","offset":1,"length":9}]`, "", with(inRoom, func(e *bridges.Event) { e.Text = "😀@luna_bot" })},
		"a reply to the bot":      {anna + `,` + room + `,"text":"hi","reply_to_message":{"message_id":3,"from":{"id":42,"is_bot":true}}`, "", with(inRoom, func(e *bridges.Event) { e.Text, e.Addressed = "hi", true })},
		"a reply to another":      {anna + `,` + room + `,"text":"hi","reply_to_message":{"message_id":3,"from":{"id":43}}`, "", with(inRoom, func(e *bridges.Event) { e.Text = "hi" })},
		"in a topic": {anna + `,` + room + `,"text":"hi","message_thread_id":3,"is_topic_message":true,"reply_to_message":{"message_id":3,"from":{"id":42},"forum_topic_created":{"name":"x"}}`, "",
			with(inRoom, func(e *bridges.Event) { e.Text, e.Place.Thread = "hi", "3" })},
		"a topic's root without its kind": {anna + `,` + room + `,"text":"hi","message_thread_id":3,"is_topic_message":true,"reply_to_message":{"message_id":3,"from":{"id":42}}`, "",
			with(inRoom, func(e *bridges.Event) { e.Text, e.Place.Thread = "hi", "3" })},
		"a chain of replies": {anna + `,` + room + `,"text":"hi","message_thread_id":3`, "", with(inRoom, func(e *bridges.Event) { e.Text = "hi" })},
		"a caption": {anna + `,` + room + `,"caption":"@luna_bot see","caption_entities":[{"type":"mention","offset":0,"length":9}],"photo":[{"file_id":"s","file_size":1},{"file_id":"l","file_size":9}]`, "", with(inRoom, func(e *bridges.Event) {
			e.Text, e.Addressed = "see", true
			e.Attachments = []bridges.Attachment{{Kind: "image", Ref: "l", Size: 9}}
		})},
		"a voice message": {anna + `,` + private + `,"voice":{"file_id":"v","mime_type":"audio/ogg","file_size":3}`, "", with(direct, func(e *bridges.Event) {
			e.Attachments = []bridges.Attachment{{Kind: "voice", Ref: "v", Type: "audio/ogg", Size: 3}}
		})},
		"an animation":         {anna + `,` + private + `,"animation":{"file_id":"a"},"document":{"file_id":"a"}`, "", with(direct, func(e *bridges.Event) { e.Attachments = []bridges.Attachment{{Kind: "video", Ref: "a"}} })},
		"a document":           {anna + `,` + private + `,"document":{"file_id":"d","file_name":"a.txt"}`, "", with(direct, func(e *bridges.Event) { e.Attachments = []bridges.Attachment{{Kind: "file", Ref: "d", Name: "a.txt"}} })},
		"/start":               {anna + `,` + private + `,"text":"/start a b","entities":[{"type":"bot_command","offset":0,"length":6}]`, "", with(direct, func(e *bridges.Event) { e.Kind, e.Command, e.Text = bridges.Command, "start", "a b" })},
		"/reset in a room":     {anna + `,` + room + `,"text":"/RESET@luna_bot","entities":[{"type":"bot_command","offset":0,"length":15}]`, "", with(inRoom, func(e *bridges.Event) { e.Kind, e.Command, e.Addressed = bridges.Command, "reset", true })},
		"another bot's /reset": {anna + `,` + room + `,"text":"/reset@sol_bot","entities":[{"type":"bot_command","offset":0,"length":14}]`, "", nil},
		"another command":      {anna + `,` + private + `,"text":"/sing loud","entities":[{"type":"bot_command","offset":0,"length":5}]`, "", with(direct, func(e *bridges.Event) { e.Text = "/sing loud" })},
		"an anonymous admin": {`"from":{"id":1087968824,"is_bot":true,"first_name":"Group"},"sender_chat":{"id":-100,"title":"Room"},` + room + `,"text":"hi"`, "", with(inRoom, func(e *bridges.Event) {
			e.From = bridges.Person{Platform: "telegram", User: "-100", Name: "Room"}
			e.Text = "hi"
		})},
		"somebody as a channel": {`"from":{"id":136817688,"is_bot":true},"sender_chat":{"id":-200,"title":"News"},` + room + `,"text":"hi"`, "", with(inRoom, func(e *bridges.Event) {
			e.From = bridges.Person{Platform: "telegram", User: "-200", Name: "News"}
			e.Text = "hi"
		})},
		"an automatic forward": {`"from":{"id":777000},"sender_chat":{"id":-200,"title":"News"},"is_automatic_forward":true,` + room + `,"text":"hi"`, "", nil},
		"a channel's post": {`"sender_chat":{"id":-300,"title":"News"},"chat":{"id":-300,"type":"channel","title":"News"},"text":"hi"`, "channel_post",
			&bridges.Event{Key: "-300/5", At: at, From: bridges.Person{Platform: "telegram", User: "-300", Name: "News"}, Place: bridges.Place{Channel: "-300"}, Message: "5", Text: "hi"}},
		"another bot": {`"from":{"id":8,"is_bot":true,"first_name":"Sol"},` + room + `,"text":"hi"`, "", with(inRoom, func(e *bridges.Event) {
			e.From = bridges.Person{Platform: "telegram", User: "8", Name: "Sol", Bot: true}
			e.Text = "hi"
		})},
		"the bot itself":    {`"from":{"id":42,"is_bot":true},` + room + `,"text":"hi"`, "", nil},
		"nobody":            {private + `,"text":"hi"`, "", nil},
		"a service message": {anna + `,` + room + `,"new_chat_members":[{"id":9}]`, "", nil},
		"an edit": {anna + `,` + private + `,"text":"ho","edit_date":1001`, "edited_message", with(direct, func(e *bridges.Event) {
			e.Kind, e.Target, e.Key, e.Text, e.At = bridges.Edited, "7/5", "", "ho", time.Unix(1001, 0)
		})},
		"an edited command":    {anna + `,` + private + `,"text":"/reset","entities":[{"type":"bot_command","offset":0,"length":6}]`, "edited_message", nil},
		"a group moves":        {anna + `,"chat":{"id":-5,"type":"group"},"migrate_to_chat_id":-100`, "", &bridges.Event{Kind: bridges.Moved, Key: "moved/-5/-100", At: at, Place: bridges.Place{Channel: "-5"}, To: "-100"}},
		"a supergroup came":    {anna + `,` + room + `,"migrate_from_chat_id":-5`, "", &bridges.Event{Kind: bridges.Moved, Key: "moved/-5/-100", At: at, Place: bridges.Place{Channel: "-5"}, To: "-100"}},
		"an unknown kind":      {anna, "poll_of_the_future", nil},
		"a badly typed date":   {anna + `,` + private + `,"text":"secret","date":"now"`, "", nil},
		"a badly typed sender": {`"from":"secret",` + private, "", nil},
		"an empty message":     {`"chat":{}`, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			l, logged := ear()
			kind := c.kind
			if kind == "" {
				kind = "message"
			}
			raw := `{"update_id":99,"` + kind + `":{"message_id":5,"date":1000,` + c.in + `}}`
			u := parse(json.RawMessage(raw))
			got, id, ok := l.event(&u)
			if id != 99 {
				t.Errorf("id %d", id)
			}
			if ok != (c.want != nil) {
				t.Fatalf("became an event: %v, %+v", ok, got)
			}
			if ok {
				if diff := cmp.Diff(*c.want, got); diff != "" {
					t.Error(diff)
				}
			}
			if strings.Contains(logged.String(), "secret") || strings.Contains(logged.String(), "hi") {
				t.Errorf("the log quotes the message: %s", logged)
			}
		})
	}
}

func TestWhatCannotBeReadIsConfirmedWithTheRest(t *testing.T) {
	l, logged := ear()
	batch, next := l.read([]update{
		parse(json.RawMessage(`{"update_id":10,"message":"no object"}`)),
		parse(json.RawMessage(`{"update_id":11,"message":{"message_id":1,"date":1,` + anna + `,` + private + `,"text":"good"}}`)),
		parse(json.RawMessage(`"no update"`)),
		parse(json.RawMessage(`{"update_id":12,"message":{"message_id":{},"text":"bad"}}`)),
	})
	if len(batch.Events) != 1 || batch.Events[0].Text != "good" || next != 13 {
		t.Errorf("%d events, next offset %d", len(batch.Events), next)
	}
	if n := strings.Count(logged.String(), "level=WARN"); n != 3 {
		t.Errorf("%d warnings for 3 bad updates: %s", n, logged)
	}
}

func FuzzUpdate(f *testing.F) {
	f.Add([]byte(`{"update_id":1,"message":{"message_id":5,"date":1000,` + anna + `,` + room + `,"text":" @luna_bot hi","entities":[{"type":"mention","offset":1,"length":9}]}}`))
	f.Add([]byte(`{"update_id":1,"edited_message":{"message_id":5,"chat":{"id":1}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		l, _ := ear()
		u := parse(raw)
		e, _, ok := l.event(&u)
		if ok && (e.Place.Channel == "" || e.Kind == bridges.Written && (e.Key == "" || e.From.User == "" || e.Text == "" && len(e.Attachments) == 0)) {
			t.Errorf("half an event: %+v", e)
		}
	})
}
