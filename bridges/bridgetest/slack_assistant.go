package bridgetest

import (
	"encoding/json"
	"slices"
	"time"
)

// slackStatusLasts is how long a status stays without a message.
const slackStatusLasts = 2 * time.Minute

type slackStatus struct {
	text string
	end  func() // stops the timer
}

// SlackStatus is a status ("is thinking…") that an app has set.
type SlackStatus struct {
	App     *SlackApp
	Channel string
	Thread  string
	Status  string // "" takes it away
	At      time.Time
}

// SlackPrompts are the prompts that an app has suggested in an assistant thread.
type SlackPrompts struct {
	App     *SlackApp
	Channel string
	Thread  string
	Title   string
	Prompts []SlackPrompt
}

// SlackPrompt is one suggested prompt.
type SlackPrompt struct {
	Title   string `json:"title"`
	Message string `json:"message"`
}

// threadOf returns the thread that a call about an assistant names.
func (s *Slack) threadOf(c *slackCall) (*SlackChannel, *slackMessage, *slackAnswer) {
	ch, refused := s.open(c)
	if refused != nil {
		return nil, nil, refused
	}
	parent := ch.byTS[c.thread()]
	if parent == nil || parent.ThreadTS != "" && parent.ThreadTS != parent.TS || !ch.members[c.app.User.ID] {
		return nil, nil, slackFailure("invalid_thread_ts")
	}
	return ch, parent, nil
}

// setStatus is assistant.threads.setStatus. The status goes with the app's next message in the thread, or after two minutes.
func (s *Slack) setStatus(c *slackCall) *slackAnswer {
	ch, _, refused := s.threadOf(c)
	if refused != nil {
		return refused
	}
	text, given := c.p.values["status"]
	if !given {
		return invalidSlackArgs("missing required field: status")
	}
	if raw := c.p.text("loading_messages"); raw != "" {
		var list []string
		if json.Unmarshal([]byte(raw), &list) != nil || len(list) > 10 {
			return invalidSlackArgs("loading_messages must be a list of at most 10 texts")
		}
	}
	s.endStatus(ch.ID, c.thread())
	if text != "" {
		key := ch.ID + c.thread()
		status := &slackStatus{text: text}
		s.statuses[key] = status
		status.end = s.clock.after(slackStatusLasts, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.statuses[key] == status {
				delete(s.statuses, key)
			}
			s.log.signal()
		})
	}
	s.log.addStatus(SlackStatus{App: c.app, Channel: ch.ID, Thread: c.thread(), Status: text, At: s.clock.now()})
	return slackGood(nil)
}

// endStatus needs s.mu.
func (s *Slack) endStatus(channel, thread string) {
	if status := s.statuses[channel+thread]; status != nil {
		status.end()
		delete(s.statuses, channel+thread)
	}
}

// StatusIn returns the status that people see in a thread now, "" for none.
func (s *Slack) StatusIn(c *SlackChannel, thread string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if status := s.statuses[c.ID+thread]; status != nil {
		return status.text
	}
	return ""
}

// setTitle is assistant.threads.setTitle: the thread's first message changes, which the app hears as message_changed.
func (s *Slack) setTitle(c *slackCall) *slackAnswer {
	ch, root, refused := s.threadOf(c)
	switch {
	case refused != nil:
		return refused
	case root.Assistant == nil:
		return slackFailure("invalid_thread_ts")
	}
	old := *root
	root.Text = c.p.text("title")
	root.Assistant = &slackAssistant{Title: root.Text, Blocks: []any{}}
	s.changed(ch, &old, root, nil)
	return slackGood(nil)
}

// setPrompts is assistant.threads.setSuggestedPrompts.
func (s *Slack) setPrompts(c *slackCall) *slackAnswer {
	ch, root, refused := s.threadOf(c)
	switch {
	case refused != nil:
		return refused
	case root.Assistant == nil:
		return slackFailure("invalid_thread_ts")
	}
	var prompts []SlackPrompt
	if json.Unmarshal([]byte(c.p.text("prompts")), &prompts) != nil || len(prompts) == 0 ||
		slices.ContainsFunc(prompts, func(p SlackPrompt) bool { return p.Title == "" || p.Message == "" }) {
		return invalidSlackArgs("prompts must be a list of objects with title and message")
	}
	s.log.addPrompts(SlackPrompts{App: c.app, Channel: ch.ID, Thread: root.TS, Title: c.p.text("title"), Prompts: prompts})
	return slackGood(nil)
}

// OpenAssistant lets a person open a new assistant thread of the app, while looking at a channel (nil for none). It returns the thread.
func (s *Slack) OpenAssistant(a *SlackApp, u *SlackUser, looking *SlackChannel) (ch *SlackChannel, thread string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch = s.direct(a, u)
	at := s.clock.now()
	root := &slackMessage{Type: "message", Subtype: "assistant_app_thread", User: a.User.ID, BotID: a.User.BotID, AppID: a.ID, Team: a.Team.ID,
		Text: "New Assistant Thread", TS: s.ts(at), Assistant: &slackAssistant{Title: "New Assistant Thread", Blocks: []any{}}}
	root.ThreadTS = root.TS
	ch.add(root, s.opt.Remember)
	s.assistantEvent(a, "assistant_thread_started", u, ch, root.TS, looking)
	return ch, root.TS
}

// ChangeContext tells the app that the person looks at another channel while the thread is open.
func (s *Slack) ChangeContext(a *SlackApp, ch *SlackChannel, thread string, looking *SlackChannel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.assistantEvent(a, "assistant_thread_context_changed", ch.person, ch, thread, looking)
}

func (s *Slack) assistantEvent(a *SlackApp, event string, u *SlackUser, ch *SlackChannel, thread string, looking *SlackChannel) {
	context := map[string]any{}
	if looking != nil {
		context["channel_id"], context["team_id"], context["enterprise_id"] = looking.ID, looking.team.ID, nil
		if looking.team.Enterprise != "" {
			context["enterprise_id"] = looking.team.Enterprise
		}
	}
	s.dispatch(a, slackHeard{event: event, channel: ch, inner: map[string]any{
		"type": event, "event_ts": s.ts(s.clock.now()), "assistant_thread": map[string]any{
			"user_id": u.ID, "context": context, "channel_id": ch.ID, "thread_ts": thread}}})
}
