// Package telegram is the bridge to Telegram's Bot API (https://core.telegram.org/bots/api).
//
// Run asks who the bot is, then hears updates by long polling or over a webhook. Of each update becomes at most one event, whose key is
// made of the chat's and the message's id: Telegram's update ids start again somewhere else after a week without updates. What cannot
// be read is left out and confirmed like the rest, so that it never comes again.
package telegram

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
	"avatarbridge/bridges/transport"
)

// Bridge is one bot account. It implements bridges.Bridge, Typer, Drafter, Fetcher and Webhook.
type Bridge struct {
	cfg   Config
	media bridges.Media
	log   *slog.Logger
	// transport follows no redirect: its address would have the token in it, and be asked without the message. Time-outs of calls are contexts,
	// since a long poll takes longer than any other.
	transport *transport.Transport
	base      *url.URL                 // of all calls; it holds the token
	secret    string                   // the token's half that must be seen nowhere
	ear       atomic.Pointer[listener] // nil before Run has opened and after it has ended
	watch     time.Duration            // between two looks at the webhook

	buffers sync.Pool // of *bytes.Buffer, for answers

	noDrafts atomic.Bool // the server knows no drafts
}

var (
	_ bridges.Bridge  = (*Bridge)(nil)
	_ bridges.Typer   = (*Bridge)(nil)
	_ bridges.Webhook = (*Bridge)(nil)
	_ bridges.Drafter = (*Bridge)(nil)
)

// New makes a bridge for a cfg that Validate found nothing wrong with. It does no I/O. Without media (nil), audio is never uploaded.
func New(cfg Config, media bridges.Media, log *slog.Logger) (*Bridge, error) {
	if faults := cfg.Validate(); len(faults) > 0 {
		return nil, fmt.Errorf("telegram: %s %s", faults[0].Key, faults[0].Problem)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	log = log.With("bridge", cfg.Name)
	_, secret, _ := strings.Cut(cfg.Token, ":")
	base, err := url.Parse(strings.TrimRight(cfg.APIURL, "/") + "/bot" + cfg.Token + "/")
	if err != nil {
		return nil, errors.New("telegram: api_url is no address") // which Validate has looked at; the error would show the token
	}
	return &Bridge{
		cfg: cfg, media: media, log: log, transport: transport.New(transport.Config{}), base: base, secret: secret, watch: time.Minute,
	}, nil
}

// A listener is an account that Run has opened.
type listener struct {
	me  user
	rx  bridges.Receiver
	log *slog.Logger

	hooked atomic.Bool // the webhook was set since Run began
}

// Run implements bridges.Bridge.
func (b *Bridge) Run(ctx context.Context, rx bridges.Receiver) error {
	if b.cfg.Mode == Webhook && b.cfg.WebhookURL == "" {
		return fault.Kill(`mode = "webhook" needs the program's public address: set server.public_url, or mode = "poll"`, nil)
	}
	defer b.transport.CloseIdleConnections()
	me, err := b.introduce(ctx, rx)
	if err != nil {
		return ended(ctx, err)
	}
	cursor, err := rx.Open(ctx, fmt.Sprintf("telegram:%d", me.ID))
	if err != nil {
		return ended(ctx, fmt.Errorf("open telegram:%d: %w", me.ID, err))
	}
	rx.Health(nil)
	l := &listener{me: me, rx: rx, log: b.log}
	b.ear.Store(l)
	defer b.ear.Store(nil)
	b.log.Info("connected to Telegram", "bot", "@"+me.Username, "mode", b.cfg.Mode)
	if b.cfg.Mode == Webhook {
		return ended(ctx, b.watchWebhook(ctx, l))
	}
	return ended(ctx, b.poll(ctx, l, cursor))
}

// ended is what Run returns for err: nil once its context has ended.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// introduce asks who the bot is, until Telegram answers. The error means that the token is refused or ctx has ended.
func (b *Bridge) introduce(ctx context.Context, rx bridges.Receiver) (user, error) {
	pause := fault.Backoff{Least: 500 * time.Millisecond, Most: 30 * time.Second}
	for {
		var me user
		err := b.get(ctx, "getMe", nil, &me)
		if err == nil && me.ID != 0 {
			return me, nil
		}
		if err == nil {
			err = errNoBot
		}
		if refused(err) {
			return me, hopeless(err)
		}
		if ctx.Err() != nil {
			return me, err
		}
		rx.Health(err)
		if err := pause.Wait(ctx, err); err != nil {
			return me, err
		}
	}
}
