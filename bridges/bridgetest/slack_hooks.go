package bridgetest

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// slackHook is a response URL.
type slackHook struct {
	app     *SlackApp
	channel *SlackChannel
	user    *SlackUser
	until   time.Time
	used    int
}

// serveHook takes what an app posts to a response URL, which needs no token.
func (s *Slack) serveHook(w http.ResponseWriter, r *http.Request) {
	p, _, refused := readSlackParams(r)
	s.mu.Lock()
	hook, channel := s.hooks[r.URL.Path], ""
	if hook != nil {
		channel = hook.channel.ID
	}
	s.mu.Unlock()
	s.steps.call(SlackStep{Name: SendReceived, Method: "response_url", Channel: channel})
	var post *SlackPost
	told := s.faults.plain(s, w, r, slackWireCall{"response_url", channel}, func() (int, string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		w.Header().Set("Content-Type", "text/html")
		switch {
		case hook == nil:
			return http.StatusNotFound, "invalid_token"
		case refused != nil:
			return http.StatusBadRequest, "invalid_payload"
		case s.clock.now().After(hook.until):
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			return http.StatusNotFound, `{"ok":false,"error":"expired_url"}`
		case hook.used >= slackHookUses:
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			return http.StatusNotFound, `{"ok":false,"error":"used_url"}`
		}
		body, err := json.Marshal(p.values)
		if raw := p.text("payload"); raw != "" {
			body, err = []byte(raw), nil
		}
		if err != nil {
			return http.StatusBadRequest, "invalid_payload"
		}
		var problem string
		if post, problem = s.respond(hook, body, "response_url"); problem != "" {
			return http.StatusBadRequest, problem
		}
		hook.used++
		return http.StatusOK, "ok"
	})
	if told && post != nil {
		s.steps.call(SlackStep{Name: SendAnswered, Method: "response_url", App: hook.app, Channel: channel, Thread: post.Thread, TS: post.TS})
	}
}

// respond posts what an app says about an invocation: to the person alone, unless response_type is in_channel; needs s.mu.
func (s *Slack) respond(hook *slackHook, body []byte, via string) (*SlackPost, string) {
	p := params{values: map[string]string{}}
	if p.addJSON(body) != nil {
		return nil, "invalid_payload"
	}
	call := &slackCall{p: p, app: hook.app}
	if p.truth("delete_original") {
		return nil, ""
	}
	got, _, refused := call.content()
	if refused != nil {
		return nil, refused.error
	}
	got.text = cutSlack(got.text, maxSlackText)
	m := s.botMessage(hook.app, got)
	m.Subtype, m.User, m.Username = "bot_message", "", hook.app.Name
	if p.text("response_type") == "in_channel" {
		if s.inThread(hook.channel, m, p.text("thread_ts"), false) != nil {
			return nil, "cannot_reply_to_message"
		}
		post := s.publish(hook.app, hook.channel, m, got, via)
		s.log.add(post)
		return post, ""
	}
	post := &SlackPost{App: hook.app, Channel: hook.channel.ID, Thread: p.text("thread_ts"), Via: via, Ephemeral: hook.user.ID,
		Metadata: got.metadata.log(), Pings: got.pings, At: s.clock.now()}
	s.fill(post, got)
	s.log.add(post)
	return post, ""
}

// HookUses is how many times a response URL was used.
func (s *Slack) HookUses(i *SlackInvocation) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hooks[strings.TrimPrefix(i.ResponseURL, s.base())].used
}
