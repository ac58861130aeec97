// Package openai lets a language model play an avatar, at any server with the API of OpenAI: Ollama, vLLM, llama.cpp, OpenAI and others.
//
// A turn is one call of /chat/completions with the system prompt, what was said before, and what the person says now. The model
// remembers nothing, so each Turn brings its history; the newest of it is sent, as much as history_tokens allows. When the server says
// that this is too long for the model, half of the history is sent once more.
//
// The answer is always streamed, so that one that stalls is noticed. One that stalls or does not end is said as far as its last whole
// sentence. An answer that breaks off otherwise, or with an error, is asked for again: the API knows no idempotency.
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
	client *http.Client
	log    *slog.Logger
	now    func() time.Time

	// What the server was found not to take. It stays so until the program ends.
	anonymous   atomic.Bool // the parameter user
	newerTokens atomic.Bool // max_tokens, which newer models call max_completion_tokens
}

var (
	_ avatar.Backend    = (*Backend)(nil)
	_ avatar.Rememberer = (*Backend)(nil)
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
	b.base, _ = base(cfg.BaseURL) // checked by Validate
	return b, nil
}

// History is how many exchanges a turn is to bring.
func (b *Backend) History() int { return b.cfg.History }

// Ask says the model's reply before it returns. If the sound of it cannot be had, it is said without.
func (b *Backend) Ask(ctx context.Context, t avatar.Turn, say avatar.Speaker) error {
	history := b.recent(t.History)
	text, err := b.chat(ctx, &t, history)
	if errors.Is(err, errContext) && len(history) > 0 {
		text, err = b.chat(ctx, &t, history[(len(history)+1)/2:])
	}
	if err != nil {
		return err
	}
	r := avatar.Reply{Text: text}
	if b.cfg.Speech {
		var err error
		if r.Audio, err = b.speak(ctx, text); err != nil {
			b.log.Warn("the reply has no sound, as the server did not speak it", "err", fault.Of(err))
		}
	}
	return say.Say(ctx, r)
}
