package voximplant

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"avatarbridge/bridges/fault"
)

// What marks outcomes that the caller has its own answer to.
var (
	errRefused = errors.New("refused")   // a fresh login may mend it
	errMissing = errors.New("not found") // there is no such thing
)

// call says what the operator can do about each way in which a call is refused.
type call struct {
	name      string
	refused   string
	missing   string
	malformed string
	// strict: an error without a hint is taken as a refusal, not as a passing failure.
	strict bool
}

const (
	byKey     = "check account_id and api_key"
	bySubuser = "check account_id, subuser_login and subuser_password"
)

func (c Config) credentialKeys() string {
	if c.APIKey == "" {
		return bySubuser
	}
	return byKey
}

func (c Config) logonCall() call {
	return call{
		name:      "Logon",
		refused:   "Voximplant refused the account's credentials: " + c.credentialKeys(),
		missing:   `api_url is not the service's, which is "https://api.voximplant.com": check it`,
		malformed: "Voximplant refused the Logon as malformed: " + c.credentialKeys(),
		strict:    true,
	}
}

func (c Config) loginCall() call {
	return call{
		name:      "login",
		refused:   "the avatar API refused the account's credentials: " + c.credentialKeys(),
		missing:   "the avatar API has no login at the address that Voximplant named: see whether the account has avatars",
		malformed: "the avatar API refused the login as malformed: " + c.credentialKeys(),
		strict:    true,
	}
}

func (c Config) utteranceCall() call {
	return call{
		name:      "utterance",
		refused:   "a fresh login was refused too: " + c.credentialKeys() + ", and that the avatar is the account's",
		missing:   "there is no such avatar: check avatar_id",
		malformed: "the avatar API refused this message; if it refuses every one, check avatar_id, custom_data and metadata",
	}
}

// outcome says how the call ended: nil when it succeeded. What the service wrote is looked at and never repeated, because it may quote the person
// or the credentials.
func (a *answer) outcome(c call, now time.Time) error {
	code, words, failed := a.failure()
	if !failed && a.ok() {
		return nil
	}
	err := fmt.Errorf("%s: %s answered HTTP %d%s", c.name, a.host, a.status, a.form())
	if !a.ok() {
		return a.byStatus(c, now, err)
	}
	if code != 0 {
		err = fmt.Errorf("%s: %s answered with error %d", c.name, a.host, code)
	}
	return c.byWords(code, words, err)
}

func (a *answer) byStatus(c call, now time.Time, err error) error {
	wait, asked := fault.RetryAfter(a.header, now)
	switch s := a.status; {
	case s == http.StatusRequestTimeout, s == http.StatusTooEarly:
		return &fault.Outcome{Err: err}
	case s == http.StatusPaymentRequired:
		return fault.Kill("Voximplant asks for payment: charge the account, then retry the dead letters", err)
	case s == http.StatusTooManyRequests, s == http.StatusServiceUnavailable && asked:
		return fault.Throttle(fault.Avatar, wait, err)
	case s == http.StatusUnauthorized:
		return fault.Kill(c.refused, fmt.Errorf("%w: %w", errRefused, err))
	case s == http.StatusForbidden:
		return fault.Kill(c.refused, err)
	case s == http.StatusNotFound && a.html() && !c.strict:
		return &fault.Outcome{Err: err} // of a proxy before the service, which is away
	case s == http.StatusNotFound:
		return fault.Kill(c.missing, fmt.Errorf("%w: %w", errMissing, err))
	case s >= 400 && s < 500:
		return fault.Kill(c.malformed, err)
	case s >= 300 && s < 400 && c.strict:
		return fault.Kill("the service answers with a redirect ("+redirect(a.header)+"), which is not followed with credentials: check api_url", err)
	}
	return &fault.Outcome{Err: err}
}

// The codes of the platform API that are documented.
const (
	codeUnauthorized = 100
	codeInvalid      = 101
)

// byWords is for an error that came with a status of success: its code and its words are left to tell.
func (c call) byWords(code int, words string, err error) error {
	switch {
	case code == codeUnauthorized, code == http.StatusUnauthorized:
		return fault.Kill(c.refused, fmt.Errorf("%w: %w", errRefused, err))
	case code == codeInvalid:
		return fault.Kill(c.malformed, err)
	case code == http.StatusTooManyRequests, has(words, "rate limit", "too many", "throttl", "limit exceeded"):
		return fault.Throttle(fault.Avatar, 0, err)
	case has(words, "unauthor", "authorization failed", "forbidden", "jwt", "token expired", "invalid token"):
		return fault.Kill(c.refused, fmt.Errorf("%w: %w", errRefused, err))
	case c.strict && has(words, "insufficient", "not enough money", "frozen", "blocked"):
		return fault.Kill("Voximplant has stopped the account: see the control panel, then retry the dead letters", err)
	}
	return &fault.Outcome{Err: err}
}

// failure reads the answer's "error", which may be a string or an object with a code, with any HTTP status.
func (a *answer) failure() (code int, words string, failed bool) {
	if a.ok() && a.html() {
		return 0, "", true
	}
	var body struct {
		Error json.RawMessage `json:"error"`
	}
	if json.Unmarshal(a.body, &body) != nil {
		return 0, "", false
	}
	switch strings.TrimSpace(string(body.Error)) {
	case "", "null", "false", `""`, "{}":
		return 0, "", false
	}
	var detail struct {
		Code float64 `json:"code"`
	}
	if json.Unmarshal(body.Error, &detail) == nil && detail.Code > 0 && detail.Code < 1<<20 {
		code = int(detail.Code)
	}
	return code, strings.ToLower(string(body.Error)), true
}

// nonsense is the outcome of an answer that says it is a success and is none.
func nonsense(c call, a *answer, what string) error {
	return &fault.Outcome{Reason: c.name + ": " + a.host + " answered with " + what + a.form()}
}

// redirect names the host of a Location and nothing that may be secret.
func redirect(h http.Header) string {
	if u, err := url.Parse(h.Get("Location")); err == nil && u.Hostname() != "" {
		return u.Scheme + "://" + u.Host
	}
	return "to the same host"
}

func has(s string, words ...string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}
