package telegram

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

const (
	secretHeader = "X-Telegram-Bot-Api-Secret-Token" //nolint:gosec // a header's name
	maxUpdate    = 1 << 20
)

// webhookInfo is how Telegram sees a bot's webhook.
type webhookInfo struct {
	URL       string `json:"url"`
	Pending   int    `json:"pending_update_count"`
	ErrorDate int64  `json:"last_error_date"`
	Error     string `json:"last_error_message"`
}

// failing reports whether Telegram could not deliver lately.
func (i webhookInfo) failing(now time.Time) bool {
	return i.Error != "" && i.Pending > 0 && now.Sub(time.Unix(i.ErrorDate, 0)) < 5*time.Minute
}

// watchWebhook sets the webhook and looks after it until ctx ends: another program that polls, or sets its own, would leave the bot deaf.
func (b *Bridge) watchWebhook(ctx context.Context, l *listener) error {
	pause := fault.Backoff{Least: 500 * time.Millisecond, Most: 30 * time.Second}
	refusals := 0
	for {
		err := b.keepWebhook(ctx, l)
		if ctx.Err() != nil {
			return nil
		}
		if l.rx.Health(err); err == nil {
			pause.Reset()
			refusals = 0
			if !sleep(ctx, b.watch) {
				return nil
			}
			continue
		}
		if refused(err) {
			if refusals++; refusals >= maxRefusals {
				return hopeless(err)
			}
		}
		l.log.Warn("the webhook does not work", "error", err)
		if pause.Wait(ctx, err) != nil {
			return nil
		}
	}
}

// keepWebhook sets the webhook unless it is set, and returns an error when Telegram cannot deliver to it.
func (b *Bridge) keepWebhook(ctx context.Context, l *listener) error {
	var info webhookInfo
	if err := b.get(ctx, "getWebhookInfo", nil, &info); err != nil {
		return err
	}
	if info.URL != "" && info.URL != b.cfg.WebhookURL {
		l.log.Warn("another webhook was set for the bot; replacing it", "bot", "@"+l.me.Username)
	}
	if info.URL == b.cfg.WebhookURL && l.hooked.Load() {
		if info.failing(time.Now()) {
			return fmt.Errorf("the webhook is not reached by Telegram: %s", b.harmless(info.Error))
		}
		return nil
	}
	// Set at each start even if the address is the same: the secret may have changed, which Telegram does not tell.
	_, err := b.call(ctx, "setWebhook", tgbotapi.Params{
		"url": b.cfg.WebhookURL, "secret_token": b.cfg.WebhookSecret, "allowed_updates": allowedUpdates, "max_connections": "100",
	})
	if err != nil {
		return fmt.Errorf("set the webhook: %w", err)
	}
	l.hooked.Store(true)
	return nil
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Handler implements bridges.Webhook. Telegram repeats an update until it is answered with 2xx and holds back the next ones of that
// chat meanwhile. So an update that can never be understood is taken and left out; only what may come whole the next time is refused.
func (b *Bridge) Handler() http.Handler { return http.HandlerFunc(b.hear) }

func (b *Bridge) hear(w http.ResponseWriter, r *http.Request) {
	l := b.ear.Load()
	var status int
	switch {
	case r.Method != http.MethodPost:
		status = http.StatusMethodNotAllowed
	case l == nil || b.cfg.Mode != Webhook:
		status = http.StatusServiceUnavailable
	case !same(r.Header.Get(secretHeader), b.cfg.WebhookSecret):
		status = http.StatusUnauthorized
	default:
		status = b.take(w, r, l)
	}
	w.WriteHeader(status)
}

// take stores one update and returns the status that answers it.
func (b *Bridge) take(w http.ResponseWriter, r *http.Request, l *listener) int {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxUpdate))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return http.StatusRequestEntityTooLarge
	}
	if err != nil || !json.Valid(body) { // cut off on its way
		return http.StatusBadRequest
	}
	l.rx.Health(nil)
	u := parse(body)
	e, _, ok := l.event(&u)
	if !ok {
		return http.StatusOK
	}
	events := []bridges.Event{e}
	b.vouch(r.Context(), events)
	if err := l.rx.Receive(r.Context(), bridges.Batch{Events: events}); err != nil {
		l.log.Error("a message is not stored, and not confirmed to Telegram", "error", err)
		return http.StatusServiceUnavailable
	}
	return http.StatusOK
}

// same compares in a time that does not tell how much of a secret was right.
func same(got, want string) bool {
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return want != "" && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
