package slack

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"avatarbridge/bridges/fault"
)

// An apiError is a refusal by its name.
type apiError struct {
	method string
	name   string
	needed string // the scopes that were missing
}

func (e *apiError) Error() string {
	if e.needed != "" {
		return fmt.Sprintf("%s: %s, needed: %s", e.method, e.name, e.needed)
	}
	return e.method + ": " + e.name
}

// named returns the name of the refusal in err, "" for none.
func named(err error) string {
	if e, ok := errors.AsType[*apiError](err); ok {
		return e.name
	}
	return ""
}

// refused reports whether err says that a token is not valid, or not for this.
func refused(err error) bool { return hopelessNames[named(err)] != "" }

// hopelessNames are the refusals after which nothing works until somebody changes something.
var hopelessNames = map[string]string{
	"invalid_auth":            "Slack refuses the token: copy it again from the app's page",
	"not_authed":              "Slack got no token: copy it again from the app's page",
	"account_inactive":        "the app was removed from the workspace, or its user deactivated: install it again and copy the new bot token",
	"token_revoked":           "the token was revoked: install the app again and copy the new bot token",
	"token_expired":           "the token has expired: switch token rotation off for the app, install it again and copy the new bot token",
	"not_allowed_token_type":  "the token is of another kind: bot_token begins with xoxb-, app_token with xapp-",
	"org_login_required":      "the workspace is being moved to an enterprise: install the app again when that is done",
	"socket_mode_not_enabled": "Socket Mode is off for the app: switch it on at the app's page Socket Mode",
}

// closed are the refusals that no other form of the message would change.
var closed = map[string]string{
	"no_permission":             "the workspace does not let the app do this: ask an administrator to approve it",
	"team_access_not_granted":   "the app is not installed in this workspace: install it there",
	"two_factor_setup_required": "the workspace demands two-factor authentication of the app's user",
	"access_denied":             "the bot may not use this channel: invite it, or ask an administrator",
	"not_in_channel":            "the bot is not in the channel: write /invite @ and the bot's name there",
	"channel_not_found":         "the bot cannot see this channel, which was deleted, is private, or never was: invite the bot",
	"is_archived":               "the channel is archived",
	"is_inactive":               "the channel is archived or frozen",
	"restricted_action":         "the workspace does not let the bot write there: an administrator can allow it",
	"user_not_found":            "there is no such person in the workspace any more",
	"user_disabled":             "the person's account was deactivated",
	"cannot_dm_bot":             "bots cannot write to bots",
	"messages_tab_disabled": "the app takes no direct messages: switch the Messages tab on at the app's page App Home, and allow writing " +
		"from it",
	"cannot_reply_to_message":       "this message takes no replies",
	"thread_not_found":              "the thread was deleted",
	"thread_locked":                 "the thread is locked",
	"ekm_access_denied":             "the workspace's administrators have suspended the app's access",
	"message_limit_exceeded":        "the workspace has reached its limit of messages",
	"cant_delete_message":           "the message is not the bot's own",
	"cant_update_message":           "the message is not the bot's own",
	"as_user_not_supported":         "the app is of the classic kind: make a new one",
	"enterprise_is_restricted":      "the enterprise does not let the app do this",
	"external_channel_migrating":    "the channel is being moved",
	"slack_connect_blocked_dms_ext": "the person's organisation does not let the bot write to them",
}

// transient are the refusals of which nobody knows whether something was done.
var transient = []string{"internal_error", "fatal_error", "service_unavailable", "server_error"}

// outcome says how a call ended that was not answered with success. err is what the library said.
func (x *exchange) outcome(err error) error {
	switch {
	case x.status == 0 && err == nil:
		return nil // nothing was called
	case x.status == 0 && !x.wrote.Load():
		return &fault.Outcome{Kind: fault.Retry, Err: fmt.Errorf("%s: not sent: %w", x.method, fault.Cause(err))}
	case x.status == 0:
		return fault.Unsure(fmt.Errorf("%s: no answer: %w", x.method, fault.Cause(err)))
	case x.status == http.StatusTooManyRequests, x.read && (x.said.Error == "ratelimited" || x.said.Error == "rate_limited"):
		return fault.Throttle(fault.Channel, pauseOf(x.header), &apiError{method: x.method, name: "ratelimited"})
	case x.read:
		return x.judge()
	case x.status == http.StatusRequestEntityTooLarge:
		return fault.Reject("it is larger than the server at api_url takes", x.unreadable())
	case x.status < 300, x.status >= 500:
		return fault.Unsure(x.unreadable())
	}
	return &fault.Outcome{Kind: fault.Retry, Err: x.unreadable(), Reason: "see whether api_url is Slack's Web API"}
}

// succeeded reports whether Slack answered with success, though nobody can read with what.
func (x *exchange) succeeded() bool { return !x.read && x.status >= 200 && x.status < 300 }

// unreadable is an answer that is not the Web API's, such as a proxy's page.
func (x *exchange) unreadable() error {
	return fmt.Errorf("%s: status %d with something else than an answer of the Web API", x.method, x.status)
}

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9_.:-]{0,80}$`)
var scopeForm = regexp.MustCompile(`^[a-z][a-z0-9_.:,-]{0,300}$`)

// judge classifies a refusal by its name.
func (x *exchange) judge() error {
	e := &apiError{method: x.method, name: x.said.Error}
	if !nameForm.MatchString(e.name) { // it may quote anything
		e.name = "a refusal without a name"
	}
	if scopeForm.MatchString(x.said.Needed) {
		e.needed = x.said.Needed
	}
	switch why := closed[e.name]; {
	case e.name == "missing_scope":
		return fault.Kill("the app lacks a scope: add "+orSome(e.needed)+" at the app's page OAuth & Permissions, and install it again", e)
	case refused(e):
		return &fault.Outcome{Kind: fault.Retry, Reason: hopelessNames[e.name], Err: e}
	case why != "":
		return fault.Kill(why, e)
	case strings.HasPrefix(e.name, "restricted_action"):
		return fault.Kill(closed["restricted_action"], e)
	case e.name == "request_timeout": // "the POST data was either missing or truncated"
		return &fault.Outcome{Kind: fault.Retry, Err: e}
	}
	for _, name := range transient {
		if e.name == name {
			return fault.Unsure(e)
		}
	}
	return fault.Reject("", e)
}

func orSome(scopes string) string {
	if scopes == "" {
		return "the scopes of the manifest in the README"
	}
	return scopes
}

// hopeless is the error of Run when err says that nothing will work.
func hopeless(err error) error {
	o := fault.Of(err)
	return fault.Kill(o.Reason, o.Err)
}

// pauseOf is how long Slack, or a proxy before it, wants to be left alone.
func pauseOf(h http.Header) time.Duration {
	if d, ok := fault.RetryAfter(h, time.Now()); ok && d > 0 {
		return d
	}
	return 10 * time.Second
}
