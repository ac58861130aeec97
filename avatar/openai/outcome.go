package openai

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"avatarbridge/bridges/fault"
)

// errContext marks the outcome of a call that a shorter history may mend.
var errContext = errors.New("too long for the model")

// errNothing marks the outcome of a call to a path that the server does not know. It adds nothing to what is shown.
var errNothing = errors.New("")

// A failure is what a service said about a call that it refused, in any of the shapes in which servers do. Its words are looked at and
// never shown.
type failure struct {
	to     place
	status int    // of HTTP, or of the error itself when HTTP said that all is well
	inside bool   // HTTP said that all is well
	code   string // lower-case, like all that follows
	kind   string
	param  string
	words  string // all of the answer
	form   string // what it is when it is no JSON: " with an HTML page"
}

// trouble reads an answer that is an error. OpenAI wraps it in an object "error", vLLM does not, and with others it is a string.
func trouble(to place, status int, body []byte) failure {
	f := failure{to: to, status: status, inside: status < 300, words: strings.ToLower(string(body))}
	type detail struct {
		Code   any  `json:"code"`
		Status any  `json:"status"`
		Type   text `json:"type"`
		Param  text `json:"param"`
	}
	var outer struct {
		Error json.RawMessage `json:"error"`
		detail
	}
	if json.Unmarshal(body, &outer) != nil {
		f.form = form(body)
		return f
	}
	d := outer.detail
	if strings.HasPrefix(string(outer.Error), "{") {
		d = detail{}
		_ = json.Unmarshal(outer.Error, &d) // it is valid; fields of another kind are left empty
	}
	code, _ := d.Code.(string)
	f.code, f.kind, f.param = strings.ToLower(code), strings.ToLower(string(d.Type)), strings.ToLower(string(d.Param))
	for _, v := range []any{d.Code, d.Status} {
		if n, ok := v.(float64); ok && f.inside && n >= 400 && n < 600 {
			f.status = int(n)
			break
		}
	}
	return f
}

func form(body []byte) string {
	switch {
	case len(body) == 0:
		return " with an empty body"
	case strings.HasPrefix(strings.TrimSpace(string(body)), "<"):
		return " with an HTML page"
	}
	return ""
}

// is reports whether the code or the kind of the failure is one of these.
func (f *failure) is(names ...string) bool {
	return slices.Contains(names, f.code) || slices.Contains(names, f.kind)
}

func (f *failure) has(words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(f.words, w) })
}

// outcome says what a failure means.
func (b *Backend) outcome(f failure, h http.Header) error {
	err := fmt.Errorf("%s answered HTTP %d%s", f.to.host(), f.status, f.form)
	if f.inside {
		err = fmt.Errorf("%s answered with an error", f.to.host())
	}
	wait, asked := fault.RetryAfter(h, b.now())
	switch {
	case f.usedUp():
		return fault.Kill("the account has no credit left: see the billing page of "+f.to.host()+", then retry the dead letters", err)
	case f.tooLong() && f.to.path != transcribePath:
		return fault.Kill("the conversation is too long for the model: lower history_tokens or max_tokens, shorten prompt, or let the server give it a larger context",
			fmt.Errorf("%w: %w", errContext, err))
	case f.status == http.StatusTooManyRequests, f.status == http.StatusServiceUnavailable && asked,
		f.inside && (f.is("rate_limit_exceeded", "rate_limit_error", "too_many_requests") || f.has("rate limit", "too many requests")):
		return fault.Throttle(fault.Avatar, wait, err)
	case f.noKey():
		return f.keyRefused(err)
	case f.noModel():
		return fault.Kill(fmt.Sprintf("%s has no model %q: check %s", f.to.host(), f.to.model, f.to.nameName), err)
	// An error inside of an answer that had begun well is a passing one, even if it calls itself a bad request, as vLLM's do.
	case f.status == http.StatusRequestTimeout, f.status == http.StatusTooEarly, f.status == http.StatusConflict, f.status >= 500, f.inside:
		return &fault.Outcome{Err: err}
	case f.status == http.StatusNotFound || f.status == http.StatusMethodNotAllowed:
		err = fmt.Errorf("%w%w", errNothing, err)
		if f.to.path == transcribePath {
			return fault.Kill(f.to.urlName+" has nothing at "+f.to.path+": set transcribe_url to a server that writes down speech, or remove transcribe", err)
		}
		return fault.Kill(f.to.urlName+" has nothing at "+f.to.path+": check "+f.to.urlName+`, which usually ends in "/v1"`, err)
	case f.status < 400:
		return fault.Kill(f.to.urlName+" answers with a redirect, which is not followed: write the address where it leads", err)
	}
	if f.to.path == transcribePath {
		return f.unheard(err)
	}
	return b.refused(f, err)
}

// refused is about a call that the server understood and did not want.
func (b *Backend) refused(f failure, err error) error {
	unknown := f.is("unsupported_parameter", "unknown_parameter") || f.has("extra_forbidden", "unsupported parameter", "unknown parameter", "unrecognized")
	switch {
	case unknown && f.names("max_tokens") && b.newerTokens.CompareAndSwap(false, true):
		return &fault.Outcome{Reason: "the model does not take max_tokens under its old name: the next try uses the new one", Err: err}
	case unknown && f.names("user") && b.anonymous.CompareAndSwap(false, true):
		return &fault.Outcome{Reason: "the server takes no id of a person: the next try leaves it out", Err: err}
	case f.param == "temperature" || unknown && f.names("temperature"):
		return fault.Kill("the model does not take this temperature: change or remove it", err)
	case f.param == "max_tokens" || f.param == "max_completion_tokens":
		return fault.Kill("the model does not take this max_tokens: change or remove it", err)
	}
	return fault.Kill("the server refused this message: its log may say why; if it refuses every one, check model, temperature and max_tokens", err)
}

// names reports whether the failure is about a parameter.
func (f *failure) names(param string) bool {
	return f.param == param || f.has("'"+param+"'", `"`+param+`"`, "`"+param+"`", `\"`+param+`\"`)
}

func (f *failure) usedUp() bool {
	return f.status == http.StatusPaymentRequired ||
		f.is("insufficient_quota", "billing_not_active", "billing_hard_limit_reached", "insufficient_balance") ||
		f.status != http.StatusTooManyRequests && f.has("insufficient balance", "insufficient_quota", "credit balance is too low", "insufficient credit")
}

func (f *failure) tooLong() bool {
	if f.is("context_length_exceeded", "exceed_context_size_error") {
		return true
	}
	refused := f.inside || slices.Contains([]int{http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusInternalServerError}, f.status)
	return refused && f.has("context length", "context_length", "context size", "context window", "maximum input length", "prompt is too long", "input is too long")
}

func (f *failure) noKey() bool {
	switch f.status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return true
	case http.StatusOK, http.StatusBadRequest:
		return f.is("invalid_api_key", "authentication_error", "permission_error", "permission_denied", "account_deactivated") ||
			f.has("api key not valid", "invalid api key", "incorrect api key", "unauthorized")
	}
	return false
}

func (f *failure) noModel() bool {
	switch f.status {
	case http.StatusNotFound:
		return f.to.path != modelsPath && (f.inside || f.is("model_not_found") || f.has("model"))
	case http.StatusOK, http.StatusBadRequest:
		return f.is("model_not_found")
	}
	return false
}

func (f *failure) keyRefused(err error) error {
	if f.to.key == "" {
		return fault.Kill("the server wants a key: set "+f.to.keyName, err)
	}
	return fault.Kill("the server refuses "+f.to.keyName+": check that it is whole, not revoked, and allowed to use the model", err)
}

// missing says more about a 404: which models there are, and whether it is about the model at all.
func (b *Backend) missing(ctx context.Context, o error) error {
	if fault.Of(o).Kind != fault.Dead {
		return o
	}
	names, err := b.models(ctx, b.place(chatPath))
	switch {
	case err != nil:
		return o
	case !offers(names, b.cfg.Model):
		return fault.Kill(b.noModel(names), fault.Of(o).Err)
	}
	return o
}
