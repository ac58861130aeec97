package bridgetest

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
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

// handle serves all that Slack serves.
func (s *Slack) handle(w http.ResponseWriter, r *http.Request) {
	s.live.RLock()
	defer s.live.RUnlock()
	if s.ctx.Err() != nil {
		return
	}
	path := r.URL.Path
	switch {
	case strings.HasPrefix(path, "/api/"):
		s.serveMethod(w, r, strings.TrimPrefix(path, "/api/"))
	case strings.HasPrefix(path, "/link/"):
		s.serveSocket(w, r)
	case strings.HasPrefix(path, "/upload/"):
		s.serveUpload(w, r)
	case strings.HasPrefix(path, "/files-pri/"):
		s.serveDownload(w, r)
	case strings.HasPrefix(path, "/commands/"), strings.HasPrefix(path, "/actions/"):
		s.serveHook(w, r)
	case path == "/":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<!DOCTYPE html><html><head><title>Slack</title></head><body>Sign in</body></html>")
	default:
		http.NotFound(w, r)
	}
}

// slackCall is one call of the Web API.
type slackCall struct {
	r      *http.Request
	method string
	app    *SlackApp
	p      params
}

// channel is the id of the channel that the call is about, "" for none.
func (c *slackCall) channel() string {
	if id := c.p.text("channel"); id != "" {
		return id
	}
	return c.p.text("channel_id")
}

func (c *slackCall) thread() string { return c.p.text("thread_ts") }

// serveMethod answers one call, and puts the faults that a test asked for into it.
func (s *Slack) serveMethod(w http.ResponseWriter, r *http.Request, method string) {
	p, warning, refused := readSlackParams(r)
	call := &slackCall{r: r, method: method, p: p}
	req := s.log.request(call, s.clock.now())
	if refused != nil {
		s.log.answered(req, refused)
		refused.write(w)
		return
	}
	posts := postsSlackMessage(method)
	if posts {
		s.steps.call(SlackStep{Name: SendReceived, Method: method, Channel: call.channel(), Thread: call.thread()})
	}
	a, delivered := s.faults.through(s, w, r, slackWireCall{method, call.channel()}, func() *slackAnswer {
		a := s.call(call)
		if warning != "" {
			a.fields["warning"] = warning
			if a.fields["response_metadata"] == nil {
				a.fields["response_metadata"] = map[string]any{"warnings": []string{warning}}
			}
		}
		s.log.answered(req, a)
		return a
	})
	if a != nil && delivered && posts && a.post != nil {
		s.steps.call(SlackStep{Name: SendAnswered, Method: method, App: call.app, Channel: a.post.Channel, Thread: a.post.Thread, TS: a.post.TS})
	}
}

func postsSlackMessage(method string) bool {
	switch method {
	case "chat.postMessage", "chat.startStream", "files.completeUploadExternal":
		return true
	}
	return false
}

// call checks token, scopes and rates, and processes a call.
func (s *Slack) call(c *slackCall) *slackAnswer {
	m, known := slackMethods[c.method]
	if !known {
		return slackFailure("unknown_method")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	app, refused := s.authorize(c, m)
	if refused != nil {
		return refused
	}
	c.app = app
	a := s.checked(c, m)
	if m.app {
		return a
	}
	a.provided, a.accepted = strings.Join(app.scopes, ","), strings.Join(m.scopes, ",")
	return a
}

func (s *Slack) checked(c *slackCall, m slackMethod) *slackAnswer {
	switch {
	case !m.app && !c.app.hasAny(m.scopes...):
		return missingSlackScope(c.app, m.scopes...)
	case m.jsonless && isSlackJSON(c.r):
		c.p = params{values: map[string]string{}} // these methods read forms only
	}
	if wait := s.limits.take(c, s.clock.now()); wait > 0 {
		return slackThrottle(wait)
	}
	for _, name := range m.required {
		if c.p.text(name) == "" {
			if code := missingSlackArg(name); code != "" {
				return slackFailure(code)
			}
			return invalidSlackArgs("missing required field: " + name)
		}
	}
	return m.do(s, c)
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

// authorize finds the app of the token; needs s.mu.
func (s *Slack) authorize(c *slackCall, m slackMethod) (*SlackApp, *slackAnswer) {
	header, hasHeader := strings.CutPrefix(c.r.Header.Get("Authorization"), "Bearer ")
	token := header
	if !hasHeader {
		token = c.p.text("token")
	}
	switch {
	case token == "":
		return nil, slackFailure("not_authed")
	case m.app && c.r.Method != http.MethodPost:
		return nil, slackFailure("insecure_request")
	case m.app && !hasHeader:
		return nil, slackFailure("missing_args") // documented: the token must be in the header
	}
	for _, a := range s.apps {
		switch token {
		case a.AppToken:
			if !m.app && c.method != "auth.test" {
				return nil, slackFailure("not_allowed_token_type")
			}
			return a, refusedSlackToken(a.appError)
		case a.BotToken:
			if m.app {
				return nil, slackFailure("not_allowed_token_type")
			}
			return a, refusedSlackToken(a.tokenError)
		}
	}
	return nil, slackFailure("invalid_auth")
}

func refusedSlackToken(code string) *slackAnswer {
	if code == "" {
		return nil
	}
	return slackFailure(code)
}

func isSlackJSON(r *http.Request) bool {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return kind == "application/json"
}

// readSlackParams reads query, form and JSON arguments; objects and lists are JSON text, as Slack defines for forms.
func readSlackParams(r *http.Request) (p params, warning string, refused *slackAnswer) {
	p = params{values: map[string]string{}}
	p.addAll(r.URL.Query())
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return p, "", slackFailure("request_timeout")
	}
	kind, args, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case len(body) == 0:
	case kind == "application/json":
		return readSlackJSON(p, body, args["charset"])
	case kind == "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return p, "", slackFailure("invalid_form_data")
		}
		p.addAll(form)
	case kind == "multipart/form-data":
		if p.addMultipart(body, args["boundary"]) != nil {
			return p, "", slackFailure("invalid_form_data")
		}
	case kind == "":
		return p, "", slackFailure("missing_post_type")
	default:
		return p, "", slackFailure("invalid_post_type")
	}
	return p, "", nil
}

func readSlackJSON(p params, body []byte, charset string) (params, string, *slackAnswer) {
	if !json.Valid(body) {
		return p, "", slackFailure("invalid_json")
	}
	if p.addJSON(body) != nil {
		return p, "", slackFailure("json_not_object")
	}
	delete(p.values, "token") // of a JSON call it must be in the header
	if charset == "" {
		return p, "missing_charset", nil
	}
	return p, "", nil
}
