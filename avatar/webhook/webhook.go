// Package webhook lets an HTTP service of the operator's own play an avatar.
//
// # Turn
//
// Each turn is one POST of a JSON object to the configured url:
//
//	{"turn": "…", "conversation": "…", "user_uid": "…", "user_name": "Ann", "bot_name": "Luna",
//	 "text": "Hello", "platform": "telegram", "callback": "https://…"}
//
// The turn is the same when the request is repeated, so a service that remembers it never works twice. user_uid is random and
// stable: it is what a memory should belong to. conversation changes when the conversation was ended or reset. callback is empty when the
// program has no public URL.
//
// # Reply
//
// The service answers with one reply, or with a JSON list of at most 100:
//
//	{"text": "Hi!", "audio_url": "https://…", "emotion": "joy", "animation_url": "https://…", "end": false}
//
// One of the fields is needed, unknown ones are ignored. With end the conversation is over: the next turn has another
// conversation id. In a list it is over after the last reply, whichever says so. 204 and an empty list say nothing. 202 says
// that replies come later: each is a POST of the same JSON to callback, which may happen several times and at any time while the
// conversation lasts. Any other 2xx without a reply is taken for a failure that may pass, so that a service that breaks halfway is
// asked again.
//
// # Signatures
//
// With a secret, requests are signed as Standard Webhooks prescribes (https://www.standardwebhooks.com): webhook-id is the turn,
// webhook-timestamp the time in seconds, webhook-signature "v1," and the base64 of the HMAC-SHA256 of "id.timestamp.body" under the
// decoded secret. A callback is signed in the same way with the same secret, within five minutes of its timestamp, and its
// webhook-id names the reply: what comes twice with one id is said once. Without a secret neither is signed. A callback's webhook-id counts
// all the same; without one a repeat is said again.
package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"avatarbridge/avatar"
	"avatarbridge/bridges/fault"
	"avatarbridge/bridges/transport"
)

// The headers of Standard Webhooks in the form in which net/http keeps them: making it of the usual form costs more than to send it.
const (
	headerID        = "Webhook-Id"
	headerTimestamp = "Webhook-Timestamp"
	headerSignature = "Webhook-Signature"
)

const maxBody = 1 << 20 // of an answer and of a callback

// Backend is one service.
type Backend struct {
	cfg       Config
	url       *url.URL
	transport http.RoundTripper         // the client itself would look for redirects and cookies
	signer    *standardwebhooks.Webhook // nil without a secret
	now       func() time.Time
}

var (
	_ avatar.Backend  = (*Backend)(nil)
	_ avatar.Listener = (*Backend)(nil)
)

// New checks cfg and does no I/O. Of the client its transport is used, which follows no redirects.
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
	b := &Backend{cfg: cfg, transport: client.Transport, now: time.Now}
	if b.transport == nil {
		b.transport = http.DefaultTransport
	}
	b.url, _ = url.Parse(cfg.URL) // checked by Validate
	if cfg.Secret != "" {
		signer, err := standardwebhooks.NewWebhook(cfg.Secret)
		if err != nil {
			return nil, errors.New("secret cannot be read") // the library's error may quote it
		}
		b.signer = signer
	}
	return b, nil
}

// turn is a request's body.
type turn struct {
	Turn         string `json:"turn"`
	Conversation string `json:"conversation"`
	UserUID      string `json:"user_uid"`
	UserName     string `json:"user_name"`
	BotName      string `json:"bot_name"`
	Text         string `json:"text"`
	Platform     string `json:"platform"`
	Callback     string `json:"callback"`
}

// Ask says what the service answered at once before it returns, and nothing if replies come later.
func (b *Backend) Ask(ctx context.Context, t avatar.Turn, say avatar.Speaker) error {
	if t.Text == "" { // a voice that was taken in when another avatar stood here
		return fault.Reject("a voice message came, and the request of a webhook has no place for it", nil)
	}
	req, err := b.request(ctx, t)
	if err != nil {
		return err
	}
	res, err := b.transport.RoundTrip(req)
	if err != nil {
		return fault.NoAnswer(b.url.Host, err) // the turn's id makes a repeat harmless
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	if o := b.outcome(res); o != nil {
		return o // whatever its body is
	}
	if err != nil {
		return fault.NoAnswer(b.url.Host, err) // the turn's id makes a repeat harmless
	}
	if len(body) > maxBody {
		return fault.Kill("the answer of url is larger than 1 MiB: answer with an audio_url instead of the audio, and a shorter text", nil)
	}
	if res.StatusCode == http.StatusAccepted || res.StatusCode == http.StatusNoContent {
		return nil
	}
	replies, err := parseReplies(body)
	if err != nil {
		// The turn's id makes a repeat harmless, and a page of a proxy passes.
		return &fault.Outcome{Reason: "url answered with something that is no reply (204 is for saying nothing, 202 for replies that come later)", Err: err}
	}
	for _, r := range replies {
		if err := say.Say(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

func (b *Backend) request(ctx context.Context, t avatar.Turn) (*http.Request, error) {
	body, err := json.Marshal(turn{t.ID, t.Conversation, t.UserUID, t.UserName, b.cfg.botName(), t.Text, t.Platform, t.Callback})
	if err != nil {
		return nil, fmt.Errorf("write the turn as JSON: %w", err)
	}
	now := b.now()
	header := http.Header{
		"Content-Type": {"application/json"}, "Accept": {"application/json"},
		headerID: {t.ID}, headerTimestamp: {strconv.FormatInt(now.Unix(), 10)},
	}
	if b.signer != nil {
		sig, err := b.signer.Sign(t.ID, now, body)
		if err != nil {
			return nil, fmt.Errorf("sign the turn: %w", err)
		}
		header[headerSignature] = []string{sig}
	}
	req := transport.Request(ctx, http.MethodPost, b.url, header, string(body))
	if u := b.url.User; u != nil {
		password, _ := u.Password()
		req.SetBasicAuth(u.Username(), password)
	}
	return req, nil
}
