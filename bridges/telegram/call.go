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

	"avatarbridge/bridges/transport"
)

const (
	maxAnswer   = 64 << 20         // bytes of an answer; a hundred updates have far less
	callTimeout = 30 * time.Second // of calls without a file; a context may be shorter
	fileTimeout = 2 * time.Minute  // of uploads: what is behind them in the conversation waits
)

// An exchange is one call to the Bot API. It is also the HTTP client that the library is given for uploads: it binds the call to a context, notes
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
	read   func(answer []byte) bool // reads a usual answer faster than the library's type; false: it is not usual. May be nil
}

var _ tgbotapi.HTTPClient = (*exchange)(nil)

// Do implements tgbotapi.HTTPClient.
func (x *exchange) Do(req *http.Request) (*http.Response, error) {
	return x.send(req.WithContext(x.watched()))
}

// watched is the exchange's context with an eye on whether the request is sent.
func (x *exchange) watched() context.Context {
	return httptrace.WithClientTrace(x.ctx, &httptrace.ClientTrace{WroteRequest: func(info httptrace.WroteRequestInfo) {
		if info.Err == nil {
			x.wrote.Store(true)
		}
	}})
}

// send makes a request in the watched context.
func (x *exchange) send(req *http.Request) (*http.Response, error) {
	resp, err := x.bridge.transport.RoundTrip(req)
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close() // ends the goroutine that writes an upload, which nobody reads any more
		}
		return nil, x.bridge.clean(err)
	}
	x.status, x.date, x.pause = resp.StatusCode, resp.Header.Get("Date"), resp.Header.Get("Retry-After")
	resp.Body = limited{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	return resp, nil
}

var formType = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}

// form makes the call with parameters. As the library's calls do, it returns the answer also beside the error that the answer tells.
func (x *exchange) form(params tgbotapi.Params) (*tgbotapi.APIResponse, error) {
	u := *x.bridge.base
	u.Path += x.method
	if u.RawPath != "" { // as api_url writes it, when another way to write it is the usual one
		u.RawPath += x.method
	}
	resp, err := x.send(transport.Request(x.watched(), http.MethodPost, &u, formType, encode(params)))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body := x.bridge.buffer()
	defer x.bridge.buffers.Put(body)
	if _, err := body.ReadFrom(resp.Body); err != nil {
		return nil, x.bridge.clean(err)
	}
	if x.read != nil && resp.StatusCode == http.StatusOK && x.read(body.Bytes()) {
		return &tgbotapi.APIResponse{Ok: true}, nil
	}
	return understand(body)
}

// understand reads an answer as the library does.
func understand(body io.Reader) (*tgbotapi.APIResponse, error) {
	var answer tgbotapi.APIResponse
	if err := json.NewDecoder(body).Decode(&answer); err != nil {
		return nil, err
	}
	if answer.Ok {
		return &answer, nil
	}
	refusal := &tgbotapi.Error{Code: answer.ErrorCode, Message: answer.Description}
	if answer.Parameters != nil {
		refusal.ResponseParameters = *answer.Parameters
	}
	return &answer, refusal
}

// encode writes parameters as a form.
func encode(params tgbotapi.Params) string {
	var b strings.Builder
	for name, value := range params {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(name))
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(value))
	}
	return b.String()
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

// api is the library's bot for one upload. The library's own constructors would call Telegram.
func (x *exchange) api() *tgbotapi.BotAPI {
	api := &tgbotapi.BotAPI{Token: x.bridge.cfg.Token, Client: x}
	api.SetAPIEndpoint(x.bridge.cfg.endpoint())
	return api
}

// call makes one call and returns its result. The error is an outcome.
func (b *Bridge) call(ctx context.Context, method string, params tgbotapi.Params) (json.RawMessage, error) {
	_, result, err := b.exchange(ctx, callTimeout, method, func(x *exchange) (*tgbotapi.APIResponse, error) { return x.form(params) })
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
