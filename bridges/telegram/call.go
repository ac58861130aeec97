package telegram

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"
)

const (
	maxAnswer   = 64 << 20         // bytes of an answer; a hundred updates have far less
	callTimeout = 30 * time.Second // of calls without a file; a context may be shorter
	fileTimeout = 2 * time.Minute  // of uploads: what is behind them in the conversation waits
)

// An exchange is one call to the Bot API. It is the HTTP client that the library is given for it: it binds the call to a context, notes
// how far the call came, and keeps the token, which is part of every URL, out of errors.
type exchange struct {
	bridge *Bridge
	ctx    context.Context
	method string
	wrote  atomic.Bool // the request may have reached Telegram whole
	status int         // of the answer, 0 for none
	date   string      // the answer's Date header
	pause  string      // the answer's Retry-After header
	upload bool
	read   func(answer []byte) bool // see quickly; nil: the library reads the answer
}

var _ tgbotapi.HTTPClient = (*exchange)(nil)

// Do implements tgbotapi.HTTPClient.
func (x *exchange) Do(req *http.Request) (*http.Response, error) {
	trace := &httptrace.ClientTrace{WroteRequest: func(info httptrace.WroteRequestInfo) {
		if info.Err == nil {
			x.wrote.Store(true)
		}
	}}
	resp, err := x.bridge.client.Do(req.WithContext(httptrace.WithClientTrace(x.ctx, trace)))
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close() // ends the goroutine that writes an upload, which nobody reads any more
		}
		return nil, x.bridge.clean(err)
	}
	x.status, x.date, x.pause = resp.StatusCode, resp.Header.Get("Date"), resp.Header.Get("Retry-After")
	resp.Body = limited{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	if x.read != nil && resp.StatusCode == http.StatusOK {
		x.quickly(resp)
	}
	return resp, nil
}

// quickly has x.read read the whole answer at once, where the library would read it as a list of pieces to be read again. It says whether it
// understood all of it and that the call succeeded; then that is all the library hears of. Any other answer is the library's.
func (x *exchange) quickly(resp *http.Response) {
	body := x.bridge.buffer()
	_, err := body.ReadFrom(resp.Body)
	if err == nil && x.read(body.Bytes()) {
		x.bridge.buffers.Put(body)
		resp.Body = limited{strings.NewReader(`{"ok":true}`), resp.Body}
		return
	}
	resp.Body = limited{io.MultiReader(body, failing{err}), resp.Body}
}

// buffer returns an empty buffer, which may go back to b.buffers when nothing refers to what is in it.
func (b *Bridge) buffer() *bytes.Buffer {
	buffer, ok := b.buffers.Get().(*bytes.Buffer)
	if !ok {
		return &bytes.Buffer{}
	}
	buffer.Reset()
	return buffer
}

// failing is the end of a body that could not be read to its end; nil: that was its end.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return 0, io.EOF
}

type limited struct {
	io.Reader
	io.Closer
}

// clean takes the URL, which holds the token, out of err.
func (b *Bridge) clean(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if text := err.Error(); strings.Contains(text, b.secret) {
		return errors.New(strings.ReplaceAll(text, b.secret, "…"))
	}
	return err
}

// api is the library's bot for one exchange. The library's own constructors would call Telegram.
func (x *exchange) api() *tgbotapi.BotAPI {
	api := &tgbotapi.BotAPI{Token: x.bridge.cfg.Token, Client: x}
	api.SetAPIEndpoint(x.bridge.cfg.endpoint())
	return api
}

// call makes one call and returns its result. The error is an outcome.
func (b *Bridge) call(ctx context.Context, method string, params tgbotapi.Params) (json.RawMessage, error) {
	_, result, err := b.exchange(ctx, callTimeout, method, func(x *exchange) (*tgbotapi.APIResponse, error) {
		return x.api().MakeRequest(method, params)
	})
	return result, err
}

// exchange makes one call with do.
func (b *Bridge) exchange(ctx context.Context, timeout time.Duration, method string,
	do func(*exchange) (*tgbotapi.APIResponse, error)) (*exchange, json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	x := &exchange{bridge: b, ctx: ctx, method: method, upload: timeout == fileTimeout}
	resp, err := do(x)
	if err == nil {
		return x, resp.Result, nil
	}
	return x, nil, x.outcome(resp, err)
}

// get makes one call that only asks, and decodes its result into v.
func (b *Bridge) get(ctx context.Context, method string, params tgbotapi.Params, v any) error {
	result, err := b.call(ctx, method, params)
	if err != nil {
		return err
	}
	if json.Unmarshal(result, v) != nil {
		return fmt.Errorf("%s: the answer cannot be read", method)
	}
	return nil
}
