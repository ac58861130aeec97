package voximplant

import (
	"context"
	"errors"
	"net/http"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges/fault"
)

const utteranceTimeout = 20 * time.Second // Voximplant's own client waits for 15 seconds

// rest is the transport for conversations of any length. Nothing is said before ask returns: replies come to the callback.
type rest struct {
	cfg     Config
	doorman *doorman
	client  *http.Client // for addresses that the platform names
	now     func() time.Time
}

// newREST makes the REST transport. nlu is for the addresses that the platform names.
func newREST(cfg Config, platform *platformAPI, nlu *http.Client, now func() time.Time) *rest {
	return &rest{cfg: cfg, client: nlu, now: now, doorman: &doorman{cfg: cfg, platform: platform, client: nlu, now: now}}
}

func (r *rest) patience() time.Duration { return r.cfg.ReplyTimeout }

func (r *rest) close() error { return nil }

// utterance is the body of a call that brings a person's words.
type utterance struct {
	CallbackURI string `json:"callbackUri"`
	Utterance   string `json:"utterance"`
	CustomData  any    `json:"customData"`
}

// ask sends the words. Any 2xx means that they were taken, unless it brings an error or a page.
func (r *rest) ask(ctx context.Context, t avatar.Turn, _ avatar.Speaker) error {
	if t.Callback == "" {
		return fault.Kill(`replies come to server.public_url of a running program, and there is none here: set it and talk over a bridge, or set transport = "grpc"`, nil)
	}
	data, err := r.cfg.data(t)
	if err != nil {
		return err
	}
	return r.call(ctx, r.cfg.utteranceCall(), utterance{t.Callback, t.Text, data}, t.Conversation)
}

// end stops the conversation. One that the service does not know is over already.
func (r *rest) end(ctx context.Context, conversation string) error {
	c := r.cfg.utteranceCall()
	c.name, c.malformed = "stop", "the avatar API refused to stop a conversation"
	err := r.call(ctx, c, struct{}{}, conversation, "stop")
	if errors.Is(err, errMissing) {
		return nil
	}
	return err
}

// call makes a call of the avatar. It logs in again once when the login was refused, and goes to another address once for each that it surely
// did not reach: these calls have no key by which the service could tell a repeat.
func (r *rest) call(ctx context.Context, c call, body any, path ...string) error {
	renewed, refused := false, ""
	for tries := 0; ; tries++ {
		p, err := r.doorman.get(ctx, refused)
		if err != nil {
			return err
		}
		err = r.callAt(ctx, p, c, body, path)
		r.doorman.report(p.base.String(), err)
		switch {
		case errors.Is(err, errRefused) && !renewed:
			renewed, refused = true, p.token
		case unsent(err) && ctx.Err() == nil && tries < maxAddresses && r.doorman.hasBetter(p):
		default:
			return err
		}
	}
}

func (r *rest) callAt(ctx context.Context, p *permit, c call, body any, path []string) error {
	ctx, cancel := context.WithTimeout(ctx, utteranceTimeout)
	defer cancel()
	content, err := asJSON(body)
	if err != nil {
		return err
	}
	u := p.base.JoinPath(append([]string{"api", "v1", "chats", r.cfg.AvatarID}, path...)...)
	ans, err := post(ctx, r.client, u, p.token, "application/json", content)
	if err != nil {
		return err
	}
	return ans.outcome(c, r.now())
}
