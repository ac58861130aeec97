package discord

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

	"github.com/bwmarrin/discordgo"
)

const (
	maxAnswer   = 32 << 20         // bytes of an answer; a hundred messages have far less
	callTimeout = 30 * time.Second // of calls without a file; a context may be shorter
	fileTimeout = 2 * time.Minute  // of uploads: what is behind them in the conversation waits
)

// A request is one call to the API.
type request struct {
	method string
	path   string // below /api/v10, with ids put in
	name   string // the path without ids and tokens, for errors
	bucket string // of the rate limit: calls with the same one share it; "" for none
	token  bool   // the path holds an interaction's token
	body   any    // nil: none
	files  []*discordgo.File
}

// An exchange is one call on its way. It is the transport that the library is given for it: it binds the call to a context, and notes
// how far the call came and what came back, so that nothing depends on what the library makes of an answer.
type exchange struct {
	bridge *Bridge
	req    *request
	ctx    context.Context
	wrote  atomic.Bool // the request may have reached Discord whole
	status int         // of the answer, 0 for none
	header http.Header // of the answer
	body   []byte      // of the answer, as far as it came
	broken bool        // the answer broke off
}

// RoundTrip implements http.RoundTripper.
func (x *exchange) RoundTrip(req *http.Request) (*http.Response, error) {
	trace := &httptrace.ClientTrace{WroteRequest: func(info httptrace.WroteRequestInfo) {
		if info.Err == nil {
			x.wrote.Store(true)
		}
	}}
	if x.req.token {
		req.Header.Del("Authorization") // the token in the path is what counts; the bot's own has limits of its own
	}
	resp, err := x.bridge.transport.RoundTrip(req.WithContext(httptrace.WithClientTrace(x.ctx, trace)))
	if err != nil {
		return nil, err
	}
	x.status, x.header = resp.StatusCode, resp.Header
	x.body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	x.broken = err != nil
	_ = resp.Body.Close() // was only read
	// The library is to make nothing of limits and statuses: it would wait, repeat, or take a posted message for a failure.
	return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
}

// call makes one call. The exchange is never nil; the error is an outcome.
func (b *Bridge) call(ctx context.Context, req *request) (*exchange, error) {
	x := &exchange{bridge: b, req: req}
	if err := b.pace.ask(req, time.Now()); err != nil {
		return x, err
	}
	timeout := callTimeout
	if req.files != nil {
		timeout = fileTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	x.ctx = ctx
	kind, body, err := req.encode()
	if err != nil {
		return x, fmt.Errorf("%s: cannot be written: %w", req.name, err)
	}
	// A limiter of its own for each call: the library's would keep one for each address, tokens included, and sleep without a context.
	bucket := discordgo.NewRatelimiter().LockBucket("")
	_, err = b.session.RequestWithLockedBucket(req.method, b.cfg.api()+req.path, kind, body, bucket, 0,
		discordgo.WithClient(&http.Client{Transport: x, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}),
		discordgo.WithRetryOnRatelimit(false), discordgo.WithRestRetries(0))
	b.pace.note(req, x.header, time.Now())
	b.noteClock(x.header)
	if x.status >= 200 && x.status < 300 {
		return x, nil
	}
	return x, x.outcome(err)
}

// encode makes the body, nil for none.
func (r *request) encode() (kind string, body []byte, err error) {
	switch {
	case r.files != nil:
		return discordgo.MultipartBodyWithJSON(r.body, r.files)
	case r.body == nil:
		return "application/json", nil, nil
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	err = enc.Encode(r.body)
	return "application/json", buf.Bytes(), err
}

var errUnreadable = errors.New("the answer cannot be read: see whether api_url is Discord's API")

// get asks for something and decodes it into v.
func (b *Bridge) get(ctx context.Context, name, path string, v any) error {
	x, err := b.call(ctx, &request{method: http.MethodGet, path: path, name: name})
	if err != nil {
		return err
	}
	if x.broken || json.Unmarshal(x.body, v) != nil {
		return fmt.Errorf("%s: %w", name, errUnreadable)
	}
	return nil
}

// clean keeps URLs, which may hold tokens, and the tokens themselves out of err.
func (b *Bridge) clean(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if text := err.Error(); strings.Contains(text, b.cfg.Token) {
		return errors.New(strings.ReplaceAll(text, b.cfg.Token, "…"))
	}
	return err
}

// noteClock notes how far Discord's clock is ahead of this machine's: ids carry Discord's time.
func (b *Bridge) noteClock(h http.Header) {
	if at, err := http.ParseTime(h.Get("Date")); err == nil {
		b.ahead.Store(int64(time.Until(at)))
	}
}

// theirTime is t on Discord's clock.
func (b *Bridge) theirTime(t time.Time) time.Time { return t.Add(time.Duration(b.ahead.Load())) }
