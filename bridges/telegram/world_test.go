package telegram

import (
	"context"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
	"avatarbridge/bridges/fault"
)

// world is a simulated Telegram with a bot, a person and their private chat.
type world struct {
	*testing.T
	tg   *bridgetest.Telegram
	bot  *bridgetest.Bot
	anna *bridgetest.User
	chat *bridgetest.Chat
	ctx  context.Context
	rx   *bridgetest.Receiver
	logs *bridgetest.Log
}

func newWorld(t *testing.T) *world {
	t.Helper()
	tg, err := bridgetest.NewTelegram(bridgetest.TelegramOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tg.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	w := &world{T: t, tg: tg, bot: tg.AddBot(bridgetest.BotOptions{}), anna: tg.AddUser("Anna"), ctx: ctx, rx: &bridgetest.Receiver{}, logs: &bridgetest.Log{}}
	w.chat = tg.Direct(w.anna, w.bot)
	t.Cleanup(func() { w.logs.Hides(t, w.secret(), "message body") })
	return w
}

// secret is the half of the token that is not the public account id.
func (w *world) secret() string {
	_, secret, _ := strings.Cut(w.bot.Token, ":")
	return secret
}

// bridge makes a bridge for the bot, with the default settings changed by the changes.
func (w *world) bridge(media bridges.Media, changes ...func(*Config)) *Bridge {
	w.Helper()
	cfg := Default()
	cfg.Token, cfg.APIURL = w.bot.Token, w.tg.URL()
	for _, c := range changes {
		c(&cfg)
	}
	b, err := New(cfg, media, w.logs.Logger())
	if err != nil {
		w.Fatal(err)
	}
	return b
}

// run runs b until the returned function is called, which returns Run's error.
func (w *world) run(b *Bridge) (stop func() error) {
	return bridgetest.Begin(w.ctx, w.T, b, w.rx)
}

// writes lets Anna write text and waits for it to be stored.
func (w *world) writes(text string) bridges.Event {
	w.Helper()
	n := len(w.rx.Unique())
	w.tg.Write(bridgetest.Line{Chat: w.chat, From: w.anna, Text: text})
	got, err := w.rx.WaitUnique(w.ctx, n+1)
	if err != nil {
		w.Fatalf("%q was not stored: %v\n%s", text, err, w.logs)
	}
	return got[n]
}

// says waits until the bridge has told of its health in words.
func (w *world) says(words string) {
	w.Helper()
	if err := w.rx.WaitTold(w.ctx, words); err != nil {
		w.Fatalf("health never said %q but %v", words, w.rx.Healths())
	}
}

// outcome checks an error's kind and returns it.
func (w *world) outcome(err error, want fault.Kind, reason string) *fault.Outcome {
	w.Helper()
	o := bridgetest.Outcome(w.T, err, want, reason, w.secret())
	if !strings.Contains(o.Reason, reason) {
		w.Errorf("got the reason %q, want one with %q", o.Reason, reason)
	}
	return o
}

func textMessage(place bridges.Place, text string) bridges.Message {
	return bridges.Message{ID: "p1", Place: place, Forms: []bridges.Form{{Kind: formHTML, Text: text}}}
}
