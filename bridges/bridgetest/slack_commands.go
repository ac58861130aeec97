package bridgetest

import (
	"net/url"
	"strconv"
	"time"
)

// The bounds of a response URL.
const (
	slackHookUses  = 5
	slackHookLasts = 30 * time.Minute
)

// SlackInvocation is a slash command that somebody has used, or a button that they pressed.
type SlackInvocation struct {
	ResponseURL string
	TriggerID   string

	s       *Slack
	outcome string // guarded by Slack.mu
}

// Outcome is "" while the app may still acknowledge, then "acknowledged", or "operation_timeout", which the person is told.
func (i *SlackInvocation) Outcome() string {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	return i.outcome
}

// SlackCommand is the use of a slash command.
type SlackCommand struct {
	App     *SlackApp
	Channel *SlackChannel // the bot need not be in it
	User    *SlackUser
	Name    string // "/ask"
	Text    string // as typed: escaping of users and channels is off
}

// Command lets somebody use a slash command. The app needs the scope commands. Slack does not send a command again.
func (s *Slack) Command(c SlackCommand) *SlackInvocation {
	s.mu.Lock()
	defer s.mu.Unlock()
	inv, hook := s.invoke(c.App, c.Channel, c.User, "commands")
	if !c.App.hasAny("commands") {
		inv.outcome = "dispatch_unknown_error"
		return inv
	}
	name := c.Channel.Name
	switch c.Channel.kind {
	case "im":
		name = "directmessage"
	case "group":
		name = "privategroup"
	}
	fields := map[string]any{
		"token": "legacy-" + c.App.ID, "team_id": c.App.Team.ID, "team_domain": c.App.Team.Domain, "channel_id": c.Channel.ID,
		"channel_name": name, "user_id": c.User.ID, "user_name": c.User.Handle, "command": c.Name, "text": c.Text,
		"api_app_id": c.App.ID, "is_enterprise_install": strconv.FormatBool(c.App.enterprise), "response_url": inv.ResponseURL,
		"trigger_id": inv.TriggerID,
	}
	if e := c.App.Team.Enterprise; e != "" {
		fields["enterprise_id"], fields["enterprise_name"] = e, "Org "+e
	}
	form := url.Values{}
	for k, v := range fields {
		if text, ok := v.(string); ok {
			form.Set(k, text)
		}
	}
	s.deliver(s.invocation(inv, hook, &slackDelivery{app: c.App, kind: "slash_commands", payload: slackJSON(fields), form: form.Encode()}))
	return inv
}

// Click lets somebody press a button of a message: the app gets block_actions.
func (s *Slack) Click(a *SlackApp, ch *SlackChannel, u *SlackUser, ts, action, value string) *SlackInvocation {
	s.mu.Lock()
	defer s.mu.Unlock()
	inv, hook := s.invoke(a, ch, u, "actions")
	payload := slackJSON(map[string]any{
		"type": "block_actions", "team": map[string]any{"id": a.Team.ID, "domain": a.Team.Domain},
		"user": map[string]any{"id": u.ID, "username": u.Handle, "name": u.Handle, "team_id": u.Team.ID}, "api_app_id": a.ID,
		"token": "legacy-" + a.ID, "container": map[string]any{"type": "message", "message_ts": ts, "channel_id": ch.ID, "is_ephemeral": false},
		"trigger_id": inv.TriggerID, "channel": map[string]any{"id": ch.ID, "name": ch.Name}, "response_url": inv.ResponseURL,
		"actions": []any{map[string]any{"type": "button", "action_id": action, "block_id": "b1", "value": value, "action_ts": s.ts(s.clock.now())}},
	})
	s.deliver(s.invocation(inv, hook, &slackDelivery{app: a, kind: "interactive", payload: payload}))
	return inv
}

// invoke makes the response URL of an invocation.
func (s *Slack) invoke(a *SlackApp, ch *SlackChannel, u *SlackUser, kind string) (*SlackInvocation, *slackHook) {
	path := "/" + kind + "/" + a.Team.ID + "/" + strconv.FormatInt(s.nextID, 10) + "/" + randomText(24)
	hook := &slackHook{app: a, channel: ch, user: u, until: s.clock.now().Add(slackHookLasts)}
	s.hooks[path] = hook
	return &SlackInvocation{ResponseURL: s.base() + path, TriggerID: randomText(13) + "." + randomText(32), s: s}, hook
}

// invocation completes the delivery of an invocation.
func (s *Slack) invocation(inv *SlackInvocation, hook *slackHook, d *slackDelivery) *slackDelivery {
	settle := func(outcome string) {
		s.mu.Lock()
		inv.outcome = outcome
		s.mu.Unlock()
		s.log.signal()
	}
	d.answered = func(payload []byte) {
		if len(payload) > 0 && d.kind == "slash_commands" {
			if payload[0] != '{' {
				payload = slackJSON(map[string]any{"text": string(payload)})
			}
			s.mu.Lock()
			s.respond(hook, payload, "ack")
			s.mu.Unlock()
		}
		settle("acknowledged")
	}
	d.expired = func() { settle("operation_timeout") }
	return d
}
