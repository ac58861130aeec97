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

// chat makes one call for a completion and returns the reply's text, which is never empty.
func (b *Backend) chat(ctx context.Context, t *avatar.Turn, history []avatar.Exchange) (string, error) {
	w, stop := b.watch(ctx)
	defer stop()
	res, err := b.call(w.ctx, chatPath, b.chatRequest(t, history))
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	a, err := b.hear(w, res.Body)
	if err != nil {
		return "", err
	}
	return b.reply(a)
}

// call makes one call and returns its answer, whose body must be closed, if it succeeded. A nil body makes it a GET.
func (b *Backend) call(ctx context.Context, path string, body any) (*http.Response, error) {
	req, err := b.request(ctx, path, body)
	if err != nil {
		return nil, err
	}
	res, err := b.client.Do(req)
	if err != nil {
		return nil, b.broken(ctx, err)
	}
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return res, nil
	}
	defer res.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10)) // the status tells enough
	f := trouble(path, res.StatusCode, said)
	o := b.outcome(f, res.Header)
	if path == chatPath && f.status == http.StatusNotFound {
		o = b.missing(ctx, o)
	}
	return nil, o
}

// The paths of calls.
const (
	chatPath   = "/chat/completions"
	modelsPath = "/models"
	speechPath = "/audio/speech"
)

func (b *Backend) request(ctx context.Context, path string, body any) (*http.Request, error) {
	method, content := http.MethodGet, io.Reader(nil)
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("write the request as JSON: %w", err)
		}
		method, content = http.MethodPost, bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, b.base.String()+path, content)
	if err != nil {
		return nil, errNoURL
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if b.cfg.APIKey != "" {
		req.Header.Set("Authorization", "Bearer "+b.cfg.APIKey)
	}
	return req, nil
}

// broken is the outcome of a call without a whole answer.
func (b *Backend) broken(ctx context.Context, err error) error {
	if late := context.Cause(ctx); errors.Is(late, errTooLong) || errors.Is(late, errStalled) {
		return &fault.Outcome{Reason: b.base.Host + " did not answer", Err: late}
	}
	return fault.NoAnswer(b.base.Host, err)
}
