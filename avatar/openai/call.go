package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"avatarbridge/avatar"
	"avatarbridge/bridges/fault"
)

const maxBody = 1 << 20 // of an answer that is not streamed

// chatRequest is the body of a call for a completion.
type chatRequest struct {
	Model               string    `json:"model"`
	Messages            []message `json:"messages"`
	Stream              bool      `json:"stream"`
	Temperature         *float64  `json:"temperature,omitempty"`
	MaxTokens           int       `json:"max_tokens,omitempty"`
	MaxCompletionTokens int       `json:"max_completion_tokens,omitempty"`
	User                string    `json:"user,omitempty"`
}

func (b *Backend) chatRequest(t *avatar.Turn, history []avatar.Exchange) chatRequest {
	r := chatRequest{Model: b.cfg.Model, Messages: b.messages(t, history), Stream: true, Temperature: b.cfg.Temperature}
	if b.newerTokens.Load() {
		r.MaxCompletionTokens = b.cfg.MaxTokens
	} else {
		r.MaxTokens = b.cfg.MaxTokens
	}
	if !b.anonymous.Load() {
		r.User = t.UserUID
	}
	return r
}

// chat makes one call for a completion and returns the reply's text, which is never empty. What there is of it is shown while it comes.
func (b *Backend) chat(ctx context.Context, t *avatar.Turn, history []avatar.Exchange, draft func(string)) (string, error) {
	w, stop := b.watch(ctx)
	defer stop()
	res, err := b.call(w.ctx, b.place(chatPath), b.chatRequest(t, history))
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	a, err := b.hear(w, res.Body, draft)
	if err != nil {
		return "", err
	}
	text, err := b.reply(a)
	if a.text.veiled {
		b.veiled.Store(true)
	}
	return text, err
}

// upload is the body of a call that is no JSON.
type upload struct {
	contentType string
	data        []byte
}

// call makes one call and returns its answer, whose body must be closed, if it succeeded. A nil body makes it a GET.
func (b *Backend) call(ctx context.Context, to place, body any) (*http.Response, error) {
	req, err := to.request(ctx, body)
	if err != nil {
		return nil, err
	}
	res, err := b.client.Do(req)
	if err != nil {
		return nil, b.broken(ctx, to.host(), err)
	}
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return res, nil
	}
	defer res.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10)) // the status tells enough
	f := trouble(to, res.StatusCode, said)
	o := b.outcome(f, res.Header)
	if to.path == chatPath && f.status == http.StatusNotFound {
		o = b.missing(ctx, o)
	}
	return nil, o
}

func (p *place) request(ctx context.Context, body any) (*http.Request, error) {
	method, f := http.MethodPost, upload{contentType: "application/json"}
	var err error
	switch body := body.(type) {
	case nil:
		method = http.MethodGet
	case upload:
		f = body
	default:
		f.data, err = json.Marshal(body)
	}
	if err != nil {
		return nil, fmt.Errorf("write the request as JSON: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, method, p.url(), bytes.NewReader(f.data))
	if err != nil {
		return nil, errNoURL
	}
	if body != nil {
		req.Header.Set("Content-Type", f.contentType)
	}
	if p.key != "" {
		req.Header.Set("Authorization", "Bearer "+p.key)
	}
	return req, nil
}

// broken is the outcome of a call to host without a whole answer.
func (b *Backend) broken(ctx context.Context, host string, err error) error {
	if late := context.Cause(ctx); errors.Is(late, errTooLong) || errors.Is(late, errStalled) {
		return &fault.Outcome{Reason: host + " did not answer", Err: late}
	}
	return fault.NoAnswer(host, err)
}
