package bridgetest

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"avatarbridge/bridges"
)

// DiscordBridge makes the bridge that is tested, for the bot with the token at apiURL.
type DiscordBridge func(apiURL, token string, log *slog.Logger) bridges.Bridge

// DiscordHarness is the Harness for a bridge to Discord. Discord keeps nothing for bots but what a session can be resumed with, so what is
// acknowledged is what was stored: the bridges that it makes hear through a witness, which also remembers the cursor and both places as
// the program's database would.
func DiscordHarness(bridge DiscordBridge) Harness {
	return Harness{Start: func(t *testing.T) Platform {
		t.Helper()
		d := NewDiscord(t, DiscordOptions{IdentifyEvery: -1})
		p := &discordPlatform{base: base{t: t, sim: d}, d: d, make: bridge, bot: d.AddBot(DiscordBotOptions{}), person: d.AddUser("Anna"), taken: map[string]bool{}}
		p.room = d.AddText(d.AddGuild("Guild", p.bot), "room", nil)
		p.direct = d.DM(p.person, p.bot)
		return p
	}}
}

// discordPlatform drives a Discord for Run.
type discordPlatform struct {
	base
	d      *Discord
	make   DiscordBridge
	bot    *DiscordBot
	person *DiscordUser
	direct *DiscordChannel
	room   *DiscordChannel

	mu      sync.Mutex
	written []string
	taken   map[string]bool // events that were stored, by message
	cursor  string
}

var _ Platform = (*discordPlatform)(nil)

// Account implements Platform.
func (p *discordPlatform) Account() string { return "discord:" + p.bot.ID }

// New implements Platform.
func (p *discordPlatform) New(log *slog.Logger) bridges.Bridge {
	return &witnessed{Bridge: p.make(p.d.URL(), p.bot.Token, log), p: p}
}

// NewRefused implements Platform.
func (p *discordPlatform) NewRefused(log *slog.Logger) bridges.Bridge {
	p.d.Revoke(p.bot)
	return p.New(log)
}

// Secrets implements Platform.
func (p *discordPlatform) Secrets() []string { return []string{p.bot.Token} }

// witnessed is a bridge that hears through a witness.
type witnessed struct {
	bridges.Bridge
	p *discordPlatform
}

// Run implements bridges.Bridge.
func (w *witnessed) Run(ctx context.Context, rx bridges.Receiver) error {
	return w.Bridge.Run(ctx, &witness{Receiver: rx, p: w.p})
}

// Typing implements bridges.Typer.
func (w *witnessed) Typing(ctx context.Context, place bridges.Place) (time.Duration, error) {
	return w.Bridge.(bridges.Typer).Typing(ctx, place)
}

// A witness notes what a receiver has stored.
type witness struct {
	bridges.Receiver
	p *discordPlatform
}

// Open implements bridges.Receiver with the cursor that any receiver of the platform has stored last.
func (w *witness) Open(ctx context.Context, account string) (string, error) {
	if _, err := w.Receiver.Open(ctx, account); err != nil {
		return "", err
	}
	w.p.mu.Lock()
	defer w.p.mu.Unlock()
	return w.p.cursor, nil
}

// Places implements bridges.Receiver.
func (w *witness) Places(context.Context, int) ([]bridges.Place, error) {
	return []bridges.Place{w.p.Place(Direct), w.p.Place(Room)}, nil
}

// Receive implements bridges.Receiver.
func (w *witness) Receive(ctx context.Context, b bridges.Batch) error {
	if err := w.Receiver.Receive(ctx, b); err != nil {
		return err
	}
	w.p.mu.Lock()
	for _, e := range b.Events {
		w.p.taken[e.Message] = true
	}
	if b.Cursor != "" {
		w.p.cursor = b.Cursor
	}
	w.p.mu.Unlock()
	w.p.d.log.signal()
	return nil
}

func (p *discordPlatform) channel(w Where) *DiscordChannel {
	if w == Direct {
		return p.direct
	}
	return p.room
}

// Place implements Platform.
func (p *discordPlatform) Place(w Where) bridges.Place {
	return bridges.Place{Channel: p.channel(w).ID, Direct: w == Direct}
}

// Write implements Platform: in the room the text begins with a mention, which is not part of the event's text.
func (p *discordPlatform) Write(w Where, text string) {
	if w == Room {
		text = p.bot.Mention() + " " + text
	}
	m := p.d.Say(DiscordLine{Channel: p.channel(w), From: p.person, Text: text})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.written = append(p.written, m)
}

// WriteBot implements Platform.
func (p *discordPlatform) WriteBot(text string) {
	other := p.d.AddUser("Other")
	other.Bot = true
	p.d.Say(DiscordLine{Channel: p.room, From: other, Text: p.bot.Mention() + " " + text})
}

// WriteBad implements Platform.
func (p *discordPlatform) WriteBad() {
	for _, e := range [][2]string{
		{"EVENT_OF_THE_FUTURE", `{"a":[1,2,{"b":null}]}`},
		{"MESSAGE_CREATE", `null`},
		{"MESSAGE_CREATE", `"a text instead of an object"`},
		{"MESSAGE_CREATE", `{}`},
		{"MESSAGE_CREATE", `{"id":"$id","channel_id":7.5,"content":{"a":1},"author":true}`},
		{"MESSAGE_CREATE", `{"id":"$id","channel_id":"` + p.direct.ID + `","content":"no author"}`},
		{"MESSAGE_CREATE", `{"id":"$id","channel_id":"` + p.direct.ID + `","content":"no id","author":{"username":"x"},"mentions":"none"}`},
		{"MESSAGE_UPDATE", `{"id":"$id","channel_id":"` + p.direct.ID + `"}`},
		{"MESSAGE_UPDATE", `[]`},
		{"MESSAGE_DELETE", `{"ids":7}`},
		{"INTERACTION_CREATE", `{"id":"$id","type":2,"data":[]}`},
		{"GUILD_CREATE", `{"id":true,"channels":{"0":1}}`},
		{"THREAD_CREATE", `7`},
	} {
		p.d.RawEvent(p.bot, e[0], e[1])
	}
	p.d.RawFrame(p.bot, FrameNull)
	p.d.RawFrame(p.bot, FrameMalformed)
}

// Unacknowledged implements Platform.
func (p *discordPlatform) Unacknowledged() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, m := range p.written {
		if !p.taken[m] {
			n++
		}
	}
	return n
}

// Posted implements Platform.
func (p *discordPlatform) Posted(w Where) []string { return p.d.Texts(p.channel(w)) }

// Trouble implements Platform.
func (p *discordPlatform) Trouble(k Trouble) {
	f := DiscordFault{Route: RouteCreateMessage}
	f.Effect, f.Accepted = k.effect()
	switch k {
	case Throttling:
		f.RetryAfter = ThrottleSeconds * time.Second
	case FormRefused:
		f.Times, f.Code, f.Error = 1, http.StatusBadRequest, 50035
		f.Body = "Invalid Form Body: " + canary // it quotes the text
	case Blocked:
		p.d.Block(p.person, p.bot)
		return
	}
	p.d.Break(f)
}

// Calm implements Platform.
func (p *discordPlatform) Calm() {
	p.d.ClearFaults()
	p.d.Unblock(p.person, p.bot)
}
