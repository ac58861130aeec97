// Package virtuals lets a Virtual of Virtual Protocol play an avatar.
//
// A turn takes an access token for the turn's memory uid (POST /api/access/token with the operator's key), which names the runner, the
// service that thinks and speaks. The runner is asked for the reply (POST /prompts). If the Virtual has a voice and the reply came
// without sound, the runner is asked for it (POST /prompts/voice). A Virtual that has a voice and no mind of its own is asked for the voice
// alone: it says the person's words, and its reply has sound and no text.
//
// A voice message goes to the runner as it is, and comes back as Heard with the reply. Which forms of sound a runner takes is not known: it is
// sent what the platform recorded.
//
// The memory of a Virtual belongs to its id and the memory uid. Tokens are kept per uid, so that two people never share one.
//
// A prompt has no idempotency key: each is remembered and billed. So one is repeated here in a single case, once with a new
// token when the runner refused the old one.
package virtuals

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges/fault"
)

// Backend is one Virtual.
type Backend struct {
	cfg    Config
	apiURL *url.URL
	api    *http.Client
	runner *http.Client
	log    *slog.Logger
	now    func() time.Time
	tokens *slots[token] // by memory uid
	known  *slots[cores] // by runner
}

var (
	_ avatar.Backend = (*Backend)(nil)
	_ avatar.Hearer  = (*Backend)(nil)
)

// New checks cfg and does no I/O. With api it talks to the operator's own api_url; runner is for the addresses that access tokens name,
// and its transport must refuse those that the operator did not allow. If that error is a *fault.Outcome, Ask returns it as it
// is. Neither client is asked to follow redirects, which would carry credentials and messages to another address.
func New(cfg Config, api, runner *http.Client) (*Backend, error) {
	var faults []error
	for _, s := range cfg.Validate() {
		faults = append(faults, fmt.Errorf("%s %s", s.Key, s.Problem))
	}
	if api == nil || runner == nil {
		faults = append(faults, errors.New("a client is missing"))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	b := &Backend{cfg: cfg, api: fault.Direct(api), runner: fault.Direct(runner), log: slog.New(slog.DiscardHandler), now: time.Now}
	if cfg.Log != nil {
		b.log = cfg.Log.With("avatar", cfg.Name)
	}
	b.apiURL, _ = base(cfg.APIURL) // checked by Validate
	clock := func() time.Time { return b.now() }
	b.tokens, b.known = newSlots[token](maxTokens, clock), newSlots[cores](maxRunners, clock)
	return b, nil
}

// Hears is always true: voice messages are prompts like any other.
func (b *Backend) Hears() bool { return true }

// Ask says the Virtual's reply before it returns.
func (b *Backend) Ask(ctx context.Context, t avatar.Turn, say avatar.Speaker) error {
	if t.UserUID == "" {
		return fault.Kill("a turn without a memory uid would share its memory with others", nil)
	}
	tok, err := b.token(ctx, t.UserUID, userName(t), "")
	if err != nil {
		return err
	}
	r, err := b.reply(ctx, tok, t)
	if refused(err) {
		if tok, err = b.token(ctx, t.UserUID, userName(t), tok.raw); err != nil {
			return err
		}
		r, err = b.reply(ctx, tok, t)
	}
	if err != nil {
		return err
	}
	return say.Say(ctx, r)
}

// userName is never empty, as the service makes up its own then.
func userName(t avatar.Turn) string {
	if t.UserName == "" {
		return "User"
	}
	return t.UserName
}
