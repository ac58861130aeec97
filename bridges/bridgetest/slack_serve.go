package bridgetest

import (
	"io"
	"net/http"
	"strings"
)

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
