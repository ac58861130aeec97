package bridgetest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
)

// errSlackRedirects is what following too many redirects ends with.
var errSlackRedirects = errors.New("too many redirects")

// slackRedirects is how many redirects Slack follows.
const slackRedirects = 2

// SlackSignature is the value of X-Slack-Signature for a request with the body that was signed at the Unix time.
func SlackSignature(secret, timestamp, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte("v0:" + timestamp + ":" + body))
	return "v0=" + hex.EncodeToString(mac.Sum(nil))
}

// SignedRequest makes a request as Slack would send it to an app, now, for tests that spoil it before they send it.
func (s *Slack) SignedRequest(ctx context.Context, a *SlackApp, url, contentType, body string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make a signed request: %w", err)
	}
	timestamp := strconv.FormatInt(s.clock.now().Unix(), 10)
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("User-Agent", "Slackbot 1.0 (+https://api.slack.com/robots)")
	req.Header.Set("X-Slack-Request-Timestamp", timestamp)
	req.Header.Set("X-Slack-Signature", SlackSignature(a.SigningSecret, timestamp, body))
	return req, nil
}

// SetRequestURL makes events, commands and interactions go to a URL, after it has answered the url_verification challenge. Socket Mode
// is off then. Unlike Slack it takes http addresses too.
func (s *Slack) SetRequestURL(ctx context.Context, a *SlackApp, url string) error {
	challenge := randomText(52)
	body := slackJSON(map[string]any{"token": "legacy-" + a.ID, "challenge": challenge, "type": "url_verification"})
	req, err := s.SignedRequest(ctx, a, url, "application/json", string(body))
	if err != nil {
		return err
	}
	client, end := slackClient()
	defer end()
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("verify the request URL: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil || resp.StatusCode != http.StatusOK || slackEchoed(resp.Header.Get("Content-Type"), got) != challenge {
		return fmt.Errorf("your URL didn't respond with the value of the challenge parameter: status %d", resp.StatusCode)
	}
	s.DisableSocketMode(a)
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	a.requestURL = url
	return nil
}

// slackEchoed is the challenge in an answer, which may be plain text, a form or JSON.
func slackEchoed(contentType string, body []byte) string {
	var object struct{ Challenge string }
	if json.Unmarshal(body, &object) == nil && object.Challenge != "" {
		return object.Challenge
	}
	if strings.HasPrefix(contentType, "application/x-www-form-urlencoded") {
		form, err := url.ParseQuery(string(body))
		if err == nil {
			return form.Get("challenge")
		}
	}
	return strings.TrimSpace(string(body))
}

// slackClient follows as many redirects as Slack does.
func slackClient() (client *http.Client, end func()) {
	transport := &http.Transport{}
	return &http.Client{Transport: transport, CheckRedirect: func(_ *http.Request, via []*http.Request) error {
		if len(via) > slackRedirects {
			return errSlackRedirects
		}
		return nil
	}}, transport.CloseIdleConnections
}

// push makes one attempt over HTTP.
func (s *Slack) push(d *slackDelivery, url string) {
	ctx, expired, end := s.within(s.opt.AckWithin)
	defer end()
	s.out.mu.Lock()
	step := SlackStep{Name: SlackEventSent, App: d.app, Event: d.event, Attempt: d.attempt}
	reason := d.reason
	s.out.mu.Unlock()
	body, problem, final := s.pushOnce(ctx, d, url, step, reason)
	if problem == "" {
		s.out.mu.Lock()
		s.done(d)
		s.out.mu.Unlock()
		step.Name = SlackEventAcked
		s.taken(d, step, body)
		return
	}
	if expired() {
		problem = "http_timeout"
	}
	s.out.mu.Lock()
	if final {
		s.giveUp(d)
	} else if s.ctx.Err() == nil {
		s.failed(d, problem)
	}
	s.out.mu.Unlock()
	s.log.signal()
}

// pushOnce posts a delivery. It returns what the app answered, and what went wrong by Slack's names; final says that the app wants no
// retry.
func (s *Slack) pushOnce(ctx context.Context, d *slackDelivery, to string, step SlackStep, reason string) (body []byte, problem string, final bool) {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(info httptrace.WroteRequestInfo) {
		if info.Err == nil {
			s.log.signal()
			s.steps.call(step)
		}
	}})
	contentType, content := "application/json", string(d.payload)
	if d.form != "" {
		contentType, content = "application/x-www-form-urlencoded", d.form
	} else if d.kind == "interactive" {
		contentType, content = "application/x-www-form-urlencoded", url.Values{"payload": {content}}.Encode()
	}
	req, err := s.SignedRequest(ctx, d.app, to, contentType, content)
	if err != nil {
		return nil, "unknown_error", false
	}
	if step.Attempt > 0 {
		req.Header.Set("X-Slack-Retry-Num", strconv.Itoa(step.Attempt))
		req.Header.Set("X-Slack-Retry-Reason", reason)
	}
	client, end := slackClient()
	defer end()
	resp, err := client.Do(req)
	if errors.Is(err, errSlackRedirects) {
		return nil, "too_many_redirects", false
	}
	if err != nil {
		return nil, "connection_failed", false
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	switch {
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return nil, "http_error", resp.Header.Get("X-Slack-No-Retry") == "1"
	case err != nil:
		return nil, "unknown_error", false
	}
	return bytes.TrimSpace(got), "", false
}
