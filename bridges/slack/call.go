package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	slackapi "github.com/slack-go/slack"

	"avatarbridge/bridges/fault"
)

const (
	maxAnswer   = 16 << 20         // bytes of an answer
	callTimeout = 30 * time.Second // of calls without a file; a context may be shorter
	fileTimeout = 2 * time.Minute  // of uploads and downloads
)

// An exchange is one call to the Web API. It is the HTTP client that the library is given for it: it notes how far the call came and
// keeps the answer, which is read here: what the library cannot decode may have been done all the same.
type exchange struct {
	bridge *Bridge
	method string
	wrote  atomic.Bool // the request may have reached Slack whole
	status int         // of the answer, 0 for none
	header http.Header
	body   []byte // of the answer
	said   answer
	read   bool // said is what the answer says
}

// answer is what all answers of the Web API have.
type answer struct {
	OK     bool   `json:"ok"`
	Error  string `json:"error"`
	Needed string `json:"needed"`
	TS     string `json:"ts"`
}

// Do makes the request, once. The library calls it.
func (x *exchange) Do(req *http.Request) (*http.Response, error) {
	trace := &httptrace.ClientTrace{WroteRequest: func(info httptrace.WroteRequestInfo) {
		if info.Err == nil {
			x.wrote.Store(true)
		}
	}}
	resp, err := x.bridge.client.Do(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
	if err != nil {
		return nil, fault.Cause(err) // its text holds the address, which may be a credential, and what the answer began with
	}
	defer resp.Body.Close()
	x.status, x.header = resp.StatusCode, resp.Header
	x.body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err == nil && json.Unmarshal(x.body, &x.said) == nil && (x.said.OK || x.said.Error != "") {
		x.read = true
	}
	resp.Body = io.NopCloser(bytes.NewReader(x.body))
	return resp, nil
}

// call makes one call with do, which is given the library's client for it. The error is an outcome: nil when Slack said that it was done,
// whether or not the library understood the rest.
func (b *Bridge) call(ctx context.Context, method string, do func(context.Context, *slackapi.Client) error) (*exchange, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	x := &exchange{bridge: b, method: method}
	err := do(ctx, slackapi.New(b.cfg.BotToken, slackapi.OptionHTTPClient(x), slackapi.OptionAPIURL(b.cfg.endpoint()),
		slackapi.OptionAppLevelToken(b.cfg.AppToken), slackapi.OptionLog(log.New(io.Discard, "", 0))))
	if x.read && x.said.OK {
		return x, nil
	}
	return x, x.outcome(err)
}
