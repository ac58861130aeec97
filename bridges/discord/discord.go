// Package discord is the bridge to Discord (https://discord.com/developers/docs).
//
// Run keeps a connection to the gateway for each shard and hears people there. Each connection watches its own heartbeats and goes on with its
// session after a break, also after a restart: how far a session is stored is the cursor. Where a session cannot be gone on with, the channels
// in which people talked are looked through over REST. Everything that is heard goes through one intake in order, and a message that comes
// in two ways has one key, its id. The connection is not the library's: that one can neither go on with a session nor be stopped while it hangs.
package discord

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bwmarrin/discordgo"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
	"avatarbridge/bridges/transport"
)

// Bridge is one bot account. It implements bridges.Bridge, Typer, Drafter, Remover, Finder and Fetcher.
type Bridge struct {
	cfg       Config
	media     bridges.Media
	log       *slog.Logger
	session   *discordgo.Session
	transport *transport.Transport
	open      atomic.Pointer[listener] // nil before Run has opened and after it has ended
	me        atomic.Pointer[string]   // the account's id, once it is known
	ahead     atomic.Int64             // Discord's clock before this machine's, in nanoseconds
	pace      pace
	answers   answers
	posts     posts
	gate      turnstile
	least     time.Duration // the shortest pause between two attempts
}

var (
	_ bridges.Bridge  = (*Bridge)(nil)
	_ bridges.Typer   = (*Bridge)(nil)
	_ bridges.Drafter = (*Bridge)(nil)
	_ bridges.Remover = (*Bridge)(nil)
	_ bridges.Finder  = (*Bridge)(nil)
	_ bridges.Fetcher = (*Bridge)(nil)
)

// New makes a bridge for a cfg that Validate found nothing wrong with. It does no I/O. Without media (nil), audio is never uploaded.
func New(cfg Config, media bridges.Media, log *slog.Logger) (*Bridge, error) {
	if faults := cfg.Validate(); len(faults) > 0 {
		return nil, fmt.Errorf("discord: %s %s", faults[0].Key, faults[0].Problem)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	session, err := discordgo.New("Bot " + cfg.Token)
	if err != nil {
		return nil, errors.New("discord: the library does not take the token")
	}
	session.StateEnabled, session.ShouldReconnectOnError, session.ShouldRetryOnRateLimit, session.MaxRestRetries = false, false, false, 0
	return &Bridge{
		cfg: cfg, media: media, log: log.With("bridge", cfg.Name), session: session, transport: transport.New(transport.Config{}),
		gate: turnstile{every: identifyEvery}, least: 500 * time.Millisecond,
	}, nil
}

// intents are what the bot asks to hear: channels and threads, messages in servers, direct messages. The text of messages in servers that do
// not mention the bot comes only with the privileged one.
func (b *Bridge) intents() discordgo.Intent {
	all := discordgo.IntentGuilds | discordgo.IntentGuildMessages | discordgo.IntentDirectMessages
	if b.cfg.MessageContent {
		all |= discordgo.IntentMessageContent
	}
	return all
}

// Run implements bridges.Bridge.
func (b *Bridge) Run(ctx context.Context, rx bridges.Receiver) error {
	defer b.transport.CloseIdleConnections()
	l := &listener{bridge: b, rx: rx, log: b.log, tree: &tree{}, items: make(chan item, intakeSize), broken: make(chan any, 1)}
	if err := b.introduce(ctx, l); err != nil {
		return ended(ctx, err)
	}
	account := "discord:" + string(l.me.ID)
	stored, err := rx.Open(ctx, account)
	if err != nil {
		return ended(ctx, fmt.Errorf("open %s: %w", account, err))
	}
	l.lines = newLines(rx, l.shards)
	b.open.Store(l)
	defer b.open.Store(nil)
	return ended(ctx, l.listen(ctx, readCursor(stored, l.shards)))
}

// ended is what Run returns for err: nil once its context has ended.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

var (
	errNoBot      = errors.New("GET /users/@me: the answer names no bot: see whether api_url is Discord's API")
	errConnecting = errors.New("connecting")
)

// introduce asks who the bot is and how it is to connect, until Discord answers. The error means that the token is refused or ctx has ended.
func (b *Bridge) introduce(ctx context.Context, l *listener) error {
	pause := fault.Backoff{Least: b.least, Most: 30 * time.Second}
	for {
		err := b.whoami(ctx, l)
		switch {
		case err == nil:
			return nil
		case refused(err):
			return hopelessToken(err)
		case ctx.Err() != nil:
			return err
		}
		l.rx.Health(err)
		b.log.Warn("Discord does not answer; trying again", "err", err)
		if err := pause.Wait(ctx, err); err != nil {
			return err
		}
	}
}

func (b *Bridge) whoami(ctx context.Context, l *listener) error {
	if err := b.get(ctx, "GET /users/@me", "/users/@me", &l.me); err != nil {
		return err
	}
	if l.me.ID == "" {
		return errNoBot
	}
	me := string(l.me.ID)
	b.me.Store(&me)
	var app struct {
		ID id `json:"id"`
	}
	if err := b.get(ctx, "GET /oauth2/applications/@me", "/oauth2/applications/@me", &app); err != nil && statusOf(err) != http.StatusNotFound {
		return err
	}
	if l.app = app.ID; l.app == "" {
		l.app = l.me.ID // as it is for all but the oldest bots
	}
	st, err := b.starting(ctx)
	if err != nil {
		return err
	}
	if l.shards, _ = b.cfg.shards(); l.shards == 0 {
		l.shards = min(int(st.Shards), maxShards)
	}
	return nil
}

// account is the bot's id, "" before it is known.
func (b *Bridge) account() id {
	if me := b.me.Load(); me != nil {
		return id(*me)
	}
	return ""
}

// hopelessToken is the error of Run for a token that is refused.
func hopelessToken(err error) error {
	e, _ := errors.AsType[*apiError](err)
	return fault.Kill(tokenReason, e)
}

// listen hears all shards until ctx ends or one of them says that going on is pointless.
func (l *listener) listen(ctx context.Context, points []point) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer l.work.Wait()
	in := &intake{
		listener: l, points: points, gates: map[string]*gate{}, results: make(chan result),
		looks: &lookout{listener: l, slots: make(chan struct{}, lookers)},
	}
	var all sync.WaitGroup
	defer in.looks.work.Wait()
	defer all.Wait()
	all.Go(func() { l.safely(func() { in.run(ctx) }) })
	all.Go(func() { l.safely(func() { l.register(ctx) }) })
	errs := make(chan error, l.shards)
	for n := range l.shards {
		s := &shard{listener: l, n: n, of: l.shards, session: points[n].session}
		all.Go(func() { l.safely(func() { errs <- s.run(ctx) }) })
	}
	for range l.shards {
		select {
		case err := <-errs:
			if err != nil {
				stop()
				return err
			}
		case v := <-l.broken:
			stop()
			all.Wait()
			panic(v)
		}
	}
	return nil
}
