package discord

import (
	"context"
	"testing"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
	"avatarbridge/bridges/fault"
)

// world is a simulated Discord with a bot, a person, a guild with a channel in a category, and the person's direct messages.
type world struct {
	*testing.T
	d     *bridgetest.Discord
	bot   *bridgetest.DiscordBot
	anna  *bridgetest.DiscordUser
	guild *bridgetest.DiscordGuild
	rooms *bridgetest.DiscordChannel
	room  *bridgetest.DiscordChannel
	dm    *bridgetest.DiscordChannel
	ctx   context.Context
	rx    *bridgetest.Receiver
	logs  *bridgetest.Log
	hide  []string // what must be in no log
}

func newWorld(t *testing.T, o bridgetest.DiscordOptions) *world {
	t.Helper()
	if o.IdentifyEvery == 0 {
		o.IdentifyEvery = -1
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	d := bridgetest.NewDiscord(t, o)
	w := &world{T: t, d: d, bot: d.AddBot(bridgetest.DiscordBotOptions{}), anna: d.AddUser("Anna"), ctx: ctx, rx: &bridgetest.Receiver{}, logs: &bridgetest.Log{}}
	w.guild = d.AddGuild("Guild", w.bot)
	w.rooms = d.AddCategory(w.guild, "Rooms")
	w.room = d.AddText(w.guild, "room", w.rooms)
	w.dm = d.DM(w.anna, w.bot)
	w.hide = []string{w.bot.Token, "message body"}
	t.Cleanup(func() { w.logs.Hides(t, w.hide...) })
	return w
}

// bridge makes a bridge for the bot, with the default settings changed by the changes. It tries again sooner than it would.
func (w *world) bridge(media bridges.Media, changes ...func(*Config)) *Bridge {
	w.Helper()
	cfg := Default()
	cfg.Token, cfg.APIURL, cfg.AllRooms = w.bot.Token, w.d.URL(), true
	for _, c := range changes {
		c(&cfg)
	}
	b, err := New(cfg, media, w.logs.Logger())
	if err != nil {
		w.Fatal(err)
	}
	b.least, b.gate.every = 10*time.Millisecond, 20*time.Millisecond
	return b
}

// run runs b until the returned function is called, which returns Run's error. It waits until the bridge is connected.
func (w *world) run(b *Bridge) (stop func() error) {
	w.Helper()
	stop = w.begin(b)
	if err := w.rx.WaitHealth(w.ctx, false); err != nil {
		w.Fatalf("%v\n%s", err, w.logs)
	}
	return stop
}

// begin runs b without waiting.
func (w *world) begin(b *Bridge) (stop func() error) {
	return bridgetest.Begin(w.ctx, w.T, b, w.rx)
}

// fails runs b and returns the error with which Run ends by itself.
func (w *world) fails(b *Bridge) error {
	w.Helper()
	return bridgetest.Ends(w.ctx, w.T, b, w.rx, nil)
}

// says lets Anna write and returns the message's id.
func (w *world) says(c *bridgetest.DiscordChannel, text string) string {
	return w.d.Say(bridgetest.DiscordLine{Channel: c, From: w.anna, Text: text})
}

// heard waits for n events in all and returns them.
func (w *world) heard(n int) []bridges.Event {
	w.Helper()
	got, err := w.rx.WaitUnique(w.ctx, n)
	if err != nil {
		w.Fatalf("%v: %d events of %d\n%s", err, len(got), n, w.logs)
	}
	return got
}

// until waits for something to happen in Discord.
func (w *world) until(what string, done func() bool) {
	w.Helper()
	if err := w.d.WaitFor(w.ctx, done); err != nil {
		w.Fatalf("waiting for %s: %v\n%s", what, err, w.logs)
	}
}

// told waits until the bridge has told of its health in words.
func (w *world) told(words string) {
	w.Helper()
	if err := w.rx.WaitTold(w.ctx, words); err != nil {
		w.Fatalf("health never said %q but %v", words, w.rx.Healths())
	}
}

// outcome checks an error's kind and returns it.
func (w *world) outcome(err error, want fault.Kind, reason string) *fault.Outcome {
	w.Helper()
	return bridgetest.Outcome(w.T, err, want, reason, w.hide...)
}

func (w *world) place(c *bridgetest.DiscordChannel) bridges.Place {
	return bridges.Place{Channel: c.ID, Direct: c == w.dm}
}

func (w *world) text(c *bridgetest.DiscordChannel, text string) bridges.Message {
	return bridges.Message{ID: "p1", Place: w.place(c), Forms: []bridges.Form{{Kind: formText, Text: text}}}
}
