package virtuals

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"avatarbridge/bridges/fault"
)

// errRefused marks the outcome of a call that a fresh access token may mend.
var errRefused = errors.New("refused")

// call says what the operator can do about each way in which a call is refused. An empty elsewhere means that a redirect is not the
// operator's to mend.
type call struct {
	name      string
	refused   string
	missing   string
	malformed string
	elsewhere string
	// strict: an error that gives no hint is taken as a refusal, not as a passing failure.
	strict bool
}

const credentials = "check api_key, api_secret and virtual_id"

var (
	tokenCall = call{
		name:      "access token",
		refused:   "the credentials were refused: " + credentials,
		missing:   `there is no such Virtual, or api_url is not the service's: check virtual_id and api_url ("https://api.virtuals.io")`,
		malformed: "the request was refused as malformed: check virtual_id and metadata",
		elsewhere: "api_url answers with a redirect, which is not followed with credentials: write the address where it leads",
		strict:    true,
	}
	runnerCall = call{
		name:      "runner",
		refused:   "a new access token was refused too: " + credentials,
		missing:   "there is no such Virtual at the runner: check virtual_id",
		malformed: "the service refused this message; if it refuses every one, check overrides",
	}
)

const balance = "the balance at Virtual Protocol is used up: charge it, then retry the dead letters"

// usedUp finds words, in small letters, that say so. A "load balancer" does not.
var usedUp = regexp.MustCompile(`\b(insufficient|not enough|out of|no|low|exhausted|negative|empty)[ _-]?((account|user|token|remaining)[ _-])?(balance|funds|credits?)\b` +
	`|\b(balance|funds|credits?)[ _-](((is|are|was|has|have|been|too|now|currently)[ _-])*)(insufficient|exhausted|used[ _-]up|low|empty|negative|depleted|not enough)\b`)

// outcome says how the call ended: nil when it succeeded. What the service wrote is looked at and never repeated, because it may quote
// the person or the credentials.
func (a *answer) outcome(c call, now time.Time) error {
	status, words, failed := a.failure()
	if !failed {
		return nil
	}
	err := fmt.Errorf("%s: %s answered HTTP %d%s", c.name, a.host, a.status, a.form())
	wait, asked := fault.RetryAfter(a.header, now)
	switch {
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly:
		return &fault.Outcome{Err: err}
	case status == http.StatusPaymentRequired, status < 500 && usedUp.MatchString(words):
		return fault.Kill(balance, err)
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable && asked:
		return fault.Throttle(fault.Avatar, wait, err)
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return fault.Kill(c.refused, fmt.Errorf("%w: %w", errRefused, err))
	case status == http.StatusNotFound && !c.strict && a.html():
		return &fault.Outcome{Err: err} // of a proxy before the runner, which is away
	case status == http.StatusNotFound:
		return fault.Kill(c.missing, err)
	case status >= 400 && status < 500:
		return fault.Kill(c.malformed, err)
	case status >= 300 && status < 400 && c.elsewhere != "":
		return fault.Kill(c.elsewhere+" ("+redirect(a.header)+")", err)
	case status >= 300:
		return &fault.Outcome{Err: err}
	}
	return c.guess(words, err)
}

// guess is for an error that came with a status of success: only its words are left to tell.
func (c call) guess(words string, err error) error {
	switch {
	case has(words, "rate limit", "too many", "throttl"):
		return fault.Throttle(fault.Avatar, 0, err)
	case has(words, "unauthor", "forbidden", "jwt", "access token", "token expired", "invalid token"):
		return fault.Kill(c.refused, fmt.Errorf("%w: %w", errRefused, err))
	case has(words, "internal", "timeout", "timed out", "unavailable", "try again", "temporar", "overload"):
		return &fault.Outcome{Err: err}
	case c.strict && has(words, "not found", "no such"):
		return fault.Kill(c.missing, err)
	case c.strict:
		return fault.Kill(c.refused, err)
	}
	return &fault.Outcome{Err: err}
}

// failure reads the answer's status and its "error", which may be a string or an object, with any HTTP status. An object's own status
// counts when HTTP says that all is well.
func (a *answer) failure() (status int, words string, failed bool) {
	var body struct {
		Error json.RawMessage `json:"error"`
	}
	ok := a.status >= 200 && a.status < 300
	if json.Unmarshal(a.body, &body) != nil {
		return a.status, "", !ok
	}
	switch strings.TrimSpace(string(body.Error)) {
	case "", "null", "false", `""`:
		return a.status, "", !ok
	}
	var detail struct {
		Status any `json:"status"`
		Code   any `json:"code"`
	}
	status = a.status
	if ok && json.Unmarshal(body.Error, &detail) == nil {
		for _, v := range []any{detail.Status, detail.Code} {
			if n, isNumber := v.(float64); isNumber && n >= 400 && n < 600 {
				status = int(n)
				break
			}
		}
	}
	return status, strings.ToLower(string(body.Error)), true
}

// form names an answer that is not the service's own.
func (a *answer) form() string {
	switch {
	case len(a.body) == 0:
		return " with an empty body"
	case a.html():
		return " with an HTML page"
	case !json.Valid(a.body):
		return " with something that is not JSON"
	}
	return ""
}

// html says that the answer is a page, which the service never writes.
func (a *answer) html() bool {
	return bytes.HasPrefix(bytes.TrimSpace(a.body), []byte("<")) || strings.HasPrefix(a.header.Get("Content-Type"), "text/html")
}

// redirect names the host of a Location and nothing that may be secret.
func redirect(h http.Header) string {
	if u, err := url.Parse(h.Get("Location")); err == nil && u.Hostname() != "" {
		return u.Scheme + "://" + u.Host
	}
	return "the same host"
}

func has(s string, words ...string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}
