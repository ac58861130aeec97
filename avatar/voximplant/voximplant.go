// Package voximplant lets an avatar of Voximplant's play an avatar.
//
// # REST
//
// Logon at the platform API names the addresses of the avatar API. A login at one of them gives a token, which is renewed before its end and once when
// it is refused. Each turn is one call that brings the words and an address for replies, and is answered at once without one. The
// avatar says what it has to say by posting to that address: at once, days later, several times, unasked, or never. What it posts as final ends the
// conversation.
//
// An address of the avatar API that fails is passed over for a while if there are others. A call that brings words is not made twice, as nothing in
// it tells the service that it is a repeat: it goes to another address at once only if it surely did not reach the first.
//
// # Custom data
//
// The avatar's scenario is told, as customData, the keys platform, bridge, userUid (the memory that the turn belongs to), userName and locale, and the
// operator's metadata. It may return customData with emotion, audio_url, and buttons: a list of labels, shown as numbered lines after the words.
package voximplant

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges/fault"
)

// Backend is one avatar.
type Backend struct {
	cfg       Config
	platform  *platformAPI
	transport transport
}

var (
	_ avatar.Backend = (*Backend)(nil)
	_ avatar.Waiter  = (*Backend)(nil)
	_ avatar.Ender   = (*Backend)(nil)
	_ avatar.Keeper  = (*Backend)(nil)
)

// New checks cfg and does no I/O. With api it talks to the operator's own api_url; nlu is for the addresses that the platform names, and its
// transport must refuse those that the operator did not allow. If that error is a *fault.Outcome, Ask returns it as it is. Neither
// client is asked to follow redirects, which would carry credentials and messages to another address. The avatar.Backend is an
// avatar.Waiter, Ender and Keeper, and with transport "rest" an avatar.Listener.
func New(cfg Config, api, nlu *http.Client) (avatar.Backend, error) {
	return build(cfg, api, nlu, time.Now)
}

func build(cfg Config, api, nlu *http.Client, now func() time.Time) (avatar.Backend, error) {
	var faults []error
	for _, s := range cfg.Validate() {
		faults = append(faults, fmt.Errorf("%s %s", s.Key, s.Problem))
	}
	if api == nil || nlu == nil {
		faults = append(faults, errors.New("a client is missing"))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	log := slog.New(slog.DiscardHandler)
	if cfg.Log != nil {
		log = cfg.Log.With("avatar", cfg.Name)
	}
	platform, err := newPlatformAPI(cfg, fault.Direct(api), now)
	if err != nil {
		return nil, err
	}
	b := &Backend{cfg: cfg, platform: platform}
	if cfg.Transport == transportGRPC {
		if b.transport, err = newGRPC(cfg, log, platform, cfg.Dial); err != nil {
			return nil, err
		}
		return b, nil
	}
	b.transport = newREST(cfg, platform, fault.Direct(nlu), now)
	return hooked{b}, nil
}

// Ask gives the avatar the words. Its replies come later.
func (b *Backend) Ask(ctx context.Context, t avatar.Turn, say avatar.Speaker) error {
	if t.Conversation == "" {
		return fault.Kill("a turn without a conversation would be heard in another one", nil)
	}
	if t.Text == "" { // a voice that was taken in when another avatar stood here
		return fault.Reject("a voice message came, and Voximplant's avatars take text alone", nil)
	}
	return b.transport.ask(ctx, t, say)
}

// Patience is reply_timeout, or 0 if the transport says every reply before Ask returns.
func (b *Backend) Patience() time.Duration { return b.transport.patience() }

// End stops the conversation at the service.
func (b *Backend) End(ctx context.Context, conversation string) error {
	if conversation == "" {
		return nil
	}
	return b.transport.end(ctx, conversation)
}

// Close ends what the transport keeps open.
func (b *Backend) Close() error { return b.transport.close() }
