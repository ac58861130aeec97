// Package openai lets a language model play an avatar, at any server with the API of OpenAI: Ollama, vLLM, llama.cpp, OpenAI and others.
//
// A turn is one call of /chat/completions with the system prompt, what was said before, and what the person says now. The model
// remembers nothing, so each Turn brings its history; the newest of it is sent, as much as history_tokens allows. When the server says
// that this is too long for the model, half of the history is sent once more.
//
// The answer is always streamed: it is shown while it comes, without the model's thoughts, and one that stalls is noticed. One that stalls
// or does not end is said as far as its last whole sentence. An answer that breaks off otherwise, or with an error, is asked for again: the
// API knows no idempotency.
//
// What people say in voice messages is written down by a model too, at /audio/transcriptions, and then answered like text. That model may be
// at another server, as most that chat have none for it.
//
// What the service writes in errors is looked at and never repeated, because it may quote the person or the key.
package openai

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges/fault"
)

// Backend is one model with its prompt.
type Backend struct {
	cfg    Config
	base   *url.URL
	ears   *url.URL // nil when transcriptions are asked for at base
	client *http.Client
	log    *slog.Logger
	now    func() time.Time

	// What the server was found not to take. It stays so until the program ends.
	anonymous   atomic.Bool // the parameter user
	newerTokens atomic.Bool // max_tokens, which newer models call max_completion_tokens
	// veiled: the model's answers begin with thoughts, and do not say so. Known from its name, or learned.
	veiled atomic.Bool
}

var (
	_ avatar.Backend    = (*Backend)(nil)
	_ avatar.Rememberer = (*Backend)(nil)
	_ avatar.Hearer     = (*Backend)(nil)
)

// New checks cfg and does no I/O. The client is not asked to follow redirects.
func New(cfg Config, client *http.Client) (*Backend, error) {
	var faults []error
	for _, s := range cfg.Validate() {
		faults = append(faults, fmt.Errorf("%s %s", s.Key, s.Problem))
	}
	if client == nil {
		faults = append(faults, errors.New("a client is missing"))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	b := &Backend{cfg: cfg, client: fault.Direct(client), log: slog.New(slog.DiscardHandler), now: time.Now}
	if cfg.Log != nil {
		b.log = cfg.Log.With("avatar", cfg.Name)
	}
	b.base, _ = base(cfg.BaseURL) // checked by Validate, as is the other
	if cfg.TranscribeURL != "" {
		b.ears, _ = base(cfg.TranscribeURL)
	}
	b.veiled.Store(thinks(cfg.Model))
	return b, nil
}

// History is how many exchanges a turn is to bring.
func (b *Backend) History() int { return b.cfg.History }

// Hears reports whether a model is configured that writes down what people say.
func (b *Backend) Hears() bool { return b.cfg.Transcribe != "" }

// Ask says the model's reply before it returns, and shows it while it comes. If the sound of it cannot be had, it is said without. A voice
// message is written down first.
func (b *Backend) Ask(ctx context.Context, t avatar.Turn, say avatar.Speaker) error {
	r, err := b.listen(ctx, &t)
	if err != nil {
		return err
	}
	history := b.recent(t.History)
	r.Text, err = b.chat(ctx, &t, history, say.Draft)
	if errors.Is(err, errContext) && len(history) > 0 {
		r.Text, err = b.chat(ctx, &t, history[(len(history)+1)/2:], say.Draft)
	}
	if err != nil {
		return err
	}
	if b.cfg.Speech {
		var err error
		if r.Audio, err = b.speak(ctx, r.Text); err != nil {
			b.log.Warn("the reply has no sound, as the server did not speak it", "err", fault.Of(err))
		}
	}
	return say.Say(ctx, r)
}
