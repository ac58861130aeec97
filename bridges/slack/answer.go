package slack

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

	slackapi "github.com/slack-go/slack"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

// Of a slash command's response URL, see https://docs.slack.dev/interactivity/handling-user-interaction/#message_responses: it is good five
// times within half an hour, also where the bot is no member, and is a credential: no error may hold it.

// reply is what is posted to a response URL.
type reply struct {
	Type   string           `json:"response_type"`
	Text   string           `json:"text"`
	Blocks []slackapi.Block `json:"blocks,omitempty"`
	Links  bool             `json:"unfurl_links"`
	Media  bool             `json:"unfurl_media"`
}

// answer answers a slash command: for all to see, as people see what was asked, but for the program's own words.
func (b *Bridge) answer(ctx context.Context, m *bridges.Message) error {
	u, err := url.Parse(m.Answer)
	if err != nil || !b.trusts(u) {
		return &fault.Outcome{Kind: fault.Expired, Reason: "the command cannot be answered at the address that came with it"}
	}
	block, text := both(m.Forms[0])
	say := reply{Type: "in_channel", Text: text}
	if m.Notice {
		say.Type = "ephemeral"
	}
	if block != "" {
		say.Blocks = []slackapi.Block{slackapi.NewMarkdownBlock("", block)}
	}
	body, err := json.Marshal(say)
	if err != nil {
		return fault.Reject("the answer cannot be written", nil)
	}
	return b.respond(ctx, m.Answer, body)
}

func (b *Bridge) respond(ctx context.Context, to string, body []byte) error {
	const what = "answer a command"
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var wrote atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(info httptrace.WroteRequestInfo) {
		if info.Err == nil {
			wrote.Store(true)
		}
	}})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return fault.Reject("the address for the answer cannot be read", nil)
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	resp, err := b.client.Do(req)
	switch {
	case err != nil && !wrote.Load():
		return &fault.Outcome{Kind: fault.Retry, Err: fmt.Errorf("%s: not sent: %w", what, fault.Cause(err))}
	case err != nil:
		return fault.Unsure(fmt.Errorf("%s: no answer: %w", what, fault.Cause(err)))
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<16)) // whatever it is, the status counts
	return answered(resp, string(said))
}

// answered says how an answer ended.
func answered(resp *http.Response, said string) error {
	err := fmt.Errorf("answer a command: status %d", resp.StatusCode)
	switch {
	case resp.StatusCode < 300:
		return nil
	case resp.StatusCode == http.StatusTooManyRequests:
		return fault.Throttle(fault.Channel, pauseOf(resp.Header), err)
	case resp.StatusCode >= 500:
		return fault.Unsure(err)
	case resp.StatusCode == http.StatusNotFound, resp.StatusCode == http.StatusGone, strings.Contains(said, "expired_url"), strings.Contains(said, "used_url"):
		return &fault.Outcome{Kind: fault.Expired, Reason: "the command can be answered for half an hour and five times only", Err: err}
	}
	return fault.Reject("", err)
}

// slackHosts serve what needs the token.
var slackHosts = []string{"slack.com", "slack-gov.com", "slack-files.com"}

// api is api_url.
func (b *Bridge) api() *url.URL {
	u, err := url.Parse(b.cfg.endpoint())
	if err != nil {
		return &url.URL{} // never: it was validated
	}
	return u
}

// trusts reports whether u is Slack's, or on the host of api_url.
func (b *Bridge) trusts(u *url.URL) bool {
	if api := b.api(); u.Scheme == api.Scheme && strings.EqualFold(u.Host, api.Host) && u.User == nil {
		return true
	}
	if u.Scheme != "https" || u.User != nil {
		return false
	}
	host := strings.ToLower(u.Hostname())
	for _, domain := range slackHosts {
		if host == domain || strings.HasSuffix(host, "."+domain) {
			return true
		}
	}
	return false
}

var errNotTrusted = errors.New("the address is not Slack's")
