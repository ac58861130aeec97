package bridgetest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// slackAnswer is what the Web API says to a call.
type slackAnswer struct {
	status int
	fields map[string]any // without ok
	error  string         // "" is success
	retry  int            // seconds, of a 429
	post   *SlackPost     // what the call posted, nil for nothing

	accepted string // scopes of which the method needs one
	provided string // the token's scopes
}

func slackGood(fields map[string]any) *slackAnswer {
	if fields == nil {
		fields = map[string]any{}
	}
	return &slackAnswer{status: http.StatusOK, fields: fields}
}

func slackFailure(code string) *slackAnswer {
	return &slackAnswer{status: http.StatusOK, fields: map[string]any{}, error: code}
}

func slackThrottle(seconds int) *slackAnswer {
	a := slackFailure("ratelimited")
	a.status, a.retry = http.StatusTooManyRequests, seconds
	return a
}

// body is the answer as JSON.
func (a *slackAnswer) body() []byte {
	a.fields["ok"] = a.error == ""
	if a.error != "" {
		a.fields["error"] = a.error
	}
	b, err := json.Marshal(a.fields)
	if err != nil {
		return []byte(`{"ok":false,"error":"internal_error"}`)
	}
	return b
}

// write sends the answer and reports whether the client's connection took it.
func (a *slackAnswer) write(w http.ResponseWriter) bool {
	h := w.Header()
	if a.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(a.retry))
	}
	if a.provided != "" {
		h.Set("X-OAuth-Scopes", a.provided)
	}
	if a.accepted != "" {
		h.Set("X-Accepted-OAuth-Scopes", a.accepted)
	}
	h.Set("X-Slack-Req-Id", strings.ToLower(randomText(32)))
	return write(w, &answer{status: a.status, body: a.body()})
}

func missingSlackArg(name string) string {
	switch name {
	case "channel", "channel_id":
		return "channel_not_found"
	case "user":
		return "user_not_found"
	case "file":
		return "file_not_found"
	}
	return ""
}

func invalidSlackArgs(problem string) *slackAnswer {
	a := slackFailure("invalid_arguments")
	a.fields["response_metadata"] = map[string]any{"messages": []string{"[ERROR] " + problem}}
	return a
}

func missingSlackScope(app *SlackApp, needed ...string) *slackAnswer {
	a := slackFailure("missing_scope")
	a.fields["needed"], a.fields["provided"] = strings.Join(needed, ","), strings.Join(app.scopes, ",")
	return a
}

func refusedSlackToken(code string) *slackAnswer {
	if code == "" {
		return nil
	}
	return slackFailure(code)
}
