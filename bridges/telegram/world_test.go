package telegram

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
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
	logs *logs
}

type logs struct {
	mu  sync.Mutex
	all strings.Builder
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
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
	w := &world{T: t, tg: tg, bot: tg.AddBot(bridgetest.BotOptions{}), anna: tg.AddUser("Anna"), ctx: ctx, rx: &bridgetest.Receiver{}, logs: &logs{}}
	w.chat = tg.Direct(w.anna, w.bot)
	t.Cleanup(func() {
		_, secret, _ := strings.Cut(w.bot.Token, ":")
		if strings.Contains(w.logs.String(), secret) {
			t.Error("the token is in the log")
		}
		if strings.Contains(w.logs.String(), "message body") {
			t.Error("a message is in the log")
		}
	})
	return w
}

// bridge makes a bridge for the bot, with the default settings changed by the changes.
func (w *world) bridge(media bridges.Media, changes ...func(*Config)) *Bridge {
	w.Helper()
	cfg := Default()
	cfg.Token, cfg.APIURL = w.bot.Token, w.tg.URL()
	for _, c := range changes {
		c(&cfg)
	}
	b, err := New(cfg, media, slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		w.Fatal(err)
	}
	return b
}

// run runs b until the returned function is called, which returns Run's error.
func (w *world) run(b *Bridge) (stop func() error) {
	ctx, cancel := context.WithCancel(w.ctx)
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx, w.rx) }()
	var once sync.Once
	var err error
	stop = func() error {
		once.Do(func() {
			cancel()
			err = <-done
		})
		return err
	}
	w.Cleanup(func() { _ = stop() })
	return stop
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
	err := w.rx.WaitFor(w.ctx, func() bool {
		for _, h := range w.rx.Healths() {
			if h != nil && strings.Contains(h.Error(), words) {
				return true
			}
		}
		return false
	})
	if err != nil {
		w.Fatalf("health never said %q but %v", words, w.rx.Healths())
	}
}

// outcome checks an error's kind and returns it.
func (w *world) outcome(err error, want fault.Kind, reason string) *fault.Outcome {
	w.Helper()
	o, ok := errors.AsType[*fault.Outcome](err)
	if !ok || o.Kind != want || !strings.Contains(o.Reason, reason) {
		w.Errorf("got %v, want %v with %q", err, want, reason)
	}
	if err != nil && strings.Contains(err.Error(), strings.Split(w.bot.Token, ":")[1]) {
		w.Error("the token is in an error")
	}
	return o
}

func textMessage(place bridges.Place, text string) bridges.Message {
	return bridges.Message{ID: "p1", Place: place, Forms: []bridges.Form{{Kind: formHTML, Text: text}}}
}
