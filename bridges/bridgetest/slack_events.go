package bridgetest

import (
	"encoding/base64"
	"encoding/json"
	"slices"
)

// slackHeard is an event that an app may hear.
type slackHeard struct {
	event   string        // its subscription: "message.im", "app_mention"
	channel *SlackChannel // nil for what is in none
	inner   any
}

func (c *SlackChannel) heard(event string, inner any) slackHeard {
	return slackHeard{event: event, channel: c, inner: inner}
}

// event is the message as an event tells of it.
func (m *slackMessage) event(c *SlackChannel) slackEvent {
	return slackEvent{slackMessage: m.shownIn(false), Channel: c.ID, EventTS: m.TS, ChannelType: c.kind}
}

// scopeOf is the scope that an event needs, "" for none.
func (h slackHeard) scopeOf() string {
	switch h.event {
	case "app_mention":
		return "app_mentions:read"
	case "assistant_thread_started", "assistant_thread_context_changed":
		return "assistant:write"
	case "member_joined_channel":
		return h.channel.scope("read")
	case "app_uninstalled", "tokens_revoked":
		return ""
	}
	return h.channel.scope("history")
}

// dispatch sends an event to an app that has subscribed to it, and returns its id, "" when the app does not hear it; needs s.mu.
func (s *Slack) dispatch(a *SlackApp, h slackHeard) string {
	scope := h.scopeOf()
	if !slices.Contains(a.events, h.event) || scope != "" && !a.hasAny(scope) {
		return ""
	}
	id := s.id("Ev")
	payload, err := json.Marshal(s.wrap(a, h, id))
	if err != nil {
		return "" // cannot happen: inner is one of the wire types
	}
	lane := ""
	if h.channel != nil {
		lane = a.ID + h.channel.ID
	}
	if s.opt.OneByOne {
		lane = a.ID
	}
	s.deliver(&slackDelivery{app: a, kind: "events_api", event: id, payload: payload, lane: lane})
	return id
}

// wrap puts an event into the callback that all events share.
func (s *Slack) wrap(a *SlackApp, h slackHeard, id string) map[string]any {
	var enterprise any
	if a.Team.Enterprise != "" {
		enterprise = a.Team.Enterprise
	}
	context := a.Team.ID + "-" + id
	shared := false
	if h.channel != nil {
		shared = h.channel.shared()
	}
	w := map[string]any{
		"token": "legacy-" + a.ID, "team_id": a.Team.ID, "context_team_id": a.Team.ID, "context_enterprise_id": enterprise,
		"api_app_id": a.ID, "type": "event_callback", "event_id": id, "event_time": s.clock.now().Unix(), "event": h.inner,
		"is_ext_shared_channel": shared, "event_context": "4-" + base64.RawURLEncoding.EncodeToString([]byte(context)),
		"authorizations": []any{map[string]any{
			"enterprise_id": enterprise, "team_id": a.Team.ID, "user_id": a.User.ID, "is_bot": true, "is_enterprise_install": a.enterprise}},
	}
	if enterprise != nil {
		w["enterprise_id"] = enterprise
	}
	return w
}

// tell tells the apps in a channel of a new message: message, and app_mention when it names the app's bot. The two come in either order.
func (s *Slack) tell(c *SlackChannel, m *slackMessage, sender *SlackUser) []string {
	var ids []string
	for _, a := range s.listeners(c) {
		list := []slackHeard{c.heard(c.eventName(), m.event(c))}
		if sender != a.User && c.mentions(a, m.Text) {
			list = append(list, c.heard("app_mention", m.mention(c)))
		}
		if s.nextID%2 == 0 {
			slices.Reverse(list)
		}
		for _, h := range list {
			if id := s.dispatch(a, h); id != "" {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// mentions says that a text causes app_mention: there is none in direct messages.
func (c *SlackChannel) mentions(a *SlackApp, text string) bool {
	return c.kind != "im" && slices.Contains(slackPings(text), a.User.ID)
}

// mention is the message as app_mention tells of it: without subtype and channel_type.
func (m *slackMessage) mention(c *SlackChannel) slackEvent {
	e := m.event(c)
	e.Type, e.ChannelType = "app_mention", ""
	if e.Subtype != "bot_message" {
		e.Subtype = ""
	}
	e.Root = nil
	return e
}

// changed tells the apps in a channel that a message is another now. A mention that was added by an edit is an app_mention as well.
func (s *Slack) changed(c *SlackChannel, old, now *slackMessage, by *SlackUser) []string {
	ts := s.ts(s.clock.now())
	inner := map[string]any{
		"type": "message", "subtype": "message_changed", "hidden": true, "channel": c.ID, "channel_type": c.kind, "ts": ts, "event_ts": ts,
		"message": now.shownIn(false), "previous_message": old.shownIn(false),
	}
	var ids []string
	for _, a := range s.listeners(c) {
		ids = append(ids, s.dispatch(a, c.heard(c.eventName(), inner)))
		if by != nil && by != a.User && c.mentions(a, now.Text) && !c.mentions(a, old.Text) {
			ids = append(ids, s.dispatch(a, c.heard("app_mention", now.mention(c))))
		}
	}
	return slices.DeleteFunc(ids, func(id string) bool { return id == "" })
}

// erase deletes a message. A parent with replies leaves a tombstone, which apps hear of as a change.
func (s *Slack) erase(c *SlackChannel, m *slackMessage, by *SlackUser) []string {
	old := m.copy()
	if m.ReplyCount > 0 {
		*m = slackMessage{Type: "message", Subtype: "tombstone", Hidden: true, User: "USLACKBOT", Text: "This message was deleted.", TS: old.TS,
			ThreadTS: old.ThreadTS, ReplyCount: old.ReplyCount, ReplyUsers: old.ReplyUsers, ReplyUserNum: old.ReplyUserNum, LatestReply: old.LatestReply}
		return s.changed(c, old, m, nil)
	}
	c.remove(m)
	if parent := c.byTS[m.ThreadTS]; parent != nil && parent != m {
		parent.ReplyCount--
	}
	ts := s.ts(s.clock.now())
	inner := map[string]any{
		"type": "message", "subtype": "message_deleted", "hidden": true, "channel": c.ID, "channel_type": c.kind, "ts": ts, "event_ts": ts,
		"deleted_ts": old.TS, "previous_message": old.shownIn(false),
	}
	var ids []string
	for _, a := range s.listeners(c) {
		if id := s.dispatch(a, c.heard(c.eventName(), inner)); id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}
