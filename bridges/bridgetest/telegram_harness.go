package bridgetest

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges"
)

// TelegramBridge makes the bridge that is tested, for the bot with the token at apiURL. With a webhook URL it hears updates there, each
// with the secret; else it polls.
type TelegramBridge func(apiURL, token string, hook TelegramHook, log *slog.Logger) bridges.Bridge

// TelegramHook is where a bridge that implements bridges.Webhook is served. The zero value is none.
type TelegramHook struct {
	URL    string
	Secret string
}

// TelegramHarness is the Harness for a bridge that polls Telegram. bridge makes one that calls the API at apiURL with the token.
func TelegramHarness(bridge func(apiURL, token string, log *slog.Logger) bridges.Bridge) Harness {
	return Harness{Start: func(t *testing.T) Platform {
		return startTelegram(t, func(url, token string, _ TelegramHook, log *slog.Logger) bridges.Bridge {
			return bridge(url, token, log)
		})
	}}
}

// TelegramWebhookHarness is the Harness for a bridge that hears Telegram over a webhook and implements bridges.Webhook.
func TelegramWebhookHarness(bridge TelegramBridge) Harness {
	return Harness{Pushed: true, Start: func(t *testing.T) Platform {
		p := startTelegram(t, bridge)
		p.hook = TelegramHook{URL: p.serve(p.tg.Close) + "/hook", Secret: "hook-" + randomText(30)}
		return p
	}}
}

func startTelegram(t *testing.T, bridge TelegramBridge) *telegramPlatform {
	t.Helper()
	tg, err := NewTelegram(TelegramOptions{WebhookRetry: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tg.Close)
	p := &telegramPlatform{base: base{t: t, sim: tg}, tg: tg, make: bridge, bot: tg.AddBot(BotOptions{}), person: tg.AddUser("Anna")}
	p.direct, p.room = tg.Direct(p.person, p.bot), tg.AddSupergroup("Room", p.bot)
	return p
}

// telegramPlatform drives a Telegram for Run.
type telegramPlatform struct {
	base
	tg     *Telegram
	make   TelegramBridge
	hook   TelegramHook
	bot    *Bot
	person *User
	direct *Chat
	room   *Chat
}

var _ Platform = (*telegramPlatform)(nil)

// Account implements Platform.
func (p *telegramPlatform) Account() string { return fmt.Sprintf("telegram:%d", p.bot.ID) }

// New implements Platform.
func (p *telegramPlatform) New(log *slog.Logger) bridges.Bridge {
	return p.made(p.make(p.tg.URL(), p.bot.Token, p.hook, log))
}

// NewRefused implements Platform.
func (p *telegramPlatform) NewRefused(log *slog.Logger) bridges.Bridge {
	p.tg.Revoke(p.bot)
	return p.New(log)
}

// Secrets implements Platform: the token, and its half that is not the public account id.
func (p *telegramPlatform) Secrets() []string {
	_, secret, _ := strings.Cut(p.bot.Token, ":")
	secrets := []string{p.bot.Token, secret}
	if p.hook.Secret != "" {
		secrets = append(secrets, p.hook.Secret)
	}
	return secrets
}

func (p *telegramPlatform) chat(w Where) *Chat {
	if w == Direct {
		return p.direct
	}
	return p.room
}

// Place implements Platform.
func (p *telegramPlatform) Place(w Where) bridges.Place {
	return bridges.Place{Channel: p.chat(w).Channel(), Direct: w == Direct}
}

// Write implements Platform: in the room the text begins with a mention, which is not part of the event's text.
func (p *telegramPlatform) Write(w Where, text string) {
	if w == Room {
		text = "@" + p.bot.Username + " " + text
	}
	p.tg.Write(Line{Chat: p.chat(w), From: p.person, Text: text})
}

// WriteBot implements Platform.
func (p *telegramPlatform) WriteBot(text string) {
	other := &User{ID: 777_000_001, Name: "Other", Username: "other_bot", Bot: true}
	p.tg.Write(Line{Chat: p.room, From: other, Text: "@" + p.bot.Username + " " + text})
}

// WriteBad implements Platform.
func (p *telegramPlatform) WriteBad() {
	for _, u := range []string{
		`{"update_id":$id}`,
		`{"update_id":$id,"kind_of_the_future":{"a":[1,2,{"b":null}]}}`,
		`{"update_id":$id,"message":"a text instead of an object"}`,
		`{"update_id":$id,"message":{"message_id":"seven","chat":{"id":1.5,"type":7},"date":"now"}}`,
		`{"update_id":$id,"message":{}}`,
		`{"update_id":$id,"message":null,"edited_message":[]}`,
		`{"update_id":$id,"message":{"message_id":1,"date":1,"chat":{"id":5,"type":"private"},"text":"no from"}}`,
		`{"update_id":$id,"message":{"message_id":1,"date":-1,"chat":{"id":99999999999999999999,"type":"group"},"from":{"id":true}}}`,
		`{"update_id":$id,"message":{"message_id":2,"date":1,"chat":{"id":5,"type":"private"},"from":{"id":5,"first_name":"A"},` +
			`"text":"x","entities":[{"type":"mention","offset":-5,"length":900},{"type":"bot_command","offset":1000000,"length":1}]}}`,
		"{\"update_id\":$id,\"message\":{\"message_id\":3,\"date\":1,\"chat\":{\"id\":5,\"type\":\"private\"},\"text\":\"\xff\xfe\"}}",
	} {
		p.tg.Raw(p.bot, u)
	}
}

// Unacknowledged implements Platform.
func (p *telegramPlatform) Unacknowledged() int { return len(p.bot.Pending()) }

// Posted implements Platform.
func (p *telegramPlatform) Posted(w Where) []string {
	var list []string
	for _, post := range p.tg.PostsIn(p.chat(w)) {
		list = append(list, post.Text)
	}
	return list
}

// Trouble implements Platform.
func (p *telegramPlatform) Trouble(k Trouble) {
	f := Fault{Method: "sendMessage"}
	f.Effect, f.Accepted = k.effect()
	switch k {
	case Throttling:
		f.RetryAfter = ThrottleSeconds
	case FormRefused:
		f.Times, f.Code = 1, http.StatusBadRequest
		f.Body = fmt.Sprintf(`Bad Request: can't parse entities: Unsupported start tag "%s" at byte offset 0`, canary) // it quotes the text
	case Blocked:
		p.tg.Block(p.direct, p.bot)
		return
	}
	p.tg.Break(f)
}

// Calm implements Platform.
func (p *telegramPlatform) Calm() {
	p.tg.ClearFaults()
	p.tg.Unblock(p.direct, p.bot)
}
