package bridgetest

import (
	"encoding/json"
	"time"
)

// SlackLine is what somebody writes.
type SlackLine struct {
	Channel *SlackChannel
	From    *SlackUser
	// Text is as typed: Slack escapes &, < and >, and makes links of addresses. Mentions are put in with Mention; Literal says that
	// even what looks like one was typed by hand.
	Text    string
	Literal bool

	Thread    string // the ts of the message in whose thread it is
	Broadcast bool   // a reply that is sent to the channel too
	Files     []SentFile
	Me        bool      // written with /me
	Classic   bool      // of a bot: with the subtype bot_message, without a user
	At        time.Time // when it was written; now when zero
}

// SlackWritten is what became of a line.
type SlackWritten struct {
	TS     string
	Events []string // the ids of the events that apps were sent
}

// Write lets somebody write. The apps in the channel hear it, also from other bots and from themselves.
func (s *Slack) Write(l SlackLine) SlackWritten {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := l.At
	if at.IsZero() {
		at = s.clock.now()
	}
	m := s.written(l, s.ts(at))
	_ = s.inThread(l.Channel, m, l.Thread, l.Broadcast) // a reply to a reply cannot be written by a person
	if len(l.Files) > 0 {
		m.Subtype, m.Upload = "file_share", new(bool)
		var files []*slackFile
		for _, f := range l.Files {
			file := s.newFile(f.Name, l.From.ID, l.From.Team.ID)
			file.fill(f.Data, f.Type)
			files = append(files, file)
		}
		m.Files = s.share(l.Channel, m, files)
	}
	l.Channel.add(m, s.opt.Remember)
	return SlackWritten{m.TS, s.tell(l.Channel, m, l.From)}
}

// written is the line as a message.
func (s *Slack) written(l SlackLine, ts string) *slackMessage {
	u := l.From
	m := &slackMessage{Type: "message", User: u.ID, Team: u.Team.ID, Text: SlackEscape(l.Text, l.Literal), TS: ts}
	if l.Channel.shared() {
		m.UserTeam, m.SourceTeam = u.Team.ID, u.Team.ID
	}
	switch {
	case u.Bot:
		m.BotID = u.BotID
		m.BotProfile = &slackBotProfile{ID: u.BotID, Name: u.Name, TeamID: u.Team.ID}
		if u.app != nil {
			m.AppID, m.BotProfile.AppID = u.app.ID, u.app.ID
		}
		if l.Classic {
			m.Subtype, m.User, m.Username = "bot_message", "", u.Name
		}
	case l.Me:
		m.Subtype = "me_message"
	default:
		m.ClientMsgID = newEnvelopeID()
		m.Blocks = slackRichText(l.Text)
	}
	return m
}

// slackRichText is what a client sends beside the text.
func slackRichText(text string) json.RawMessage {
	raw, err := json.Marshal([]any{map[string]any{"type": "rich_text", "block_id": randomText(5), "elements": []any{
		map[string]any{"type": "rich_text_section", "elements": []any{map[string]any{"type": "text", "text": text}}}}}})
	if err != nil {
		return nil // cannot happen: texts
	}
	return raw
}

// Edit changes the text of a message that somebody wrote. It does nothing when the channel has no such message.
func (s *Slack) Edit(c *SlackChannel, ts, text string) SlackWritten {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := c.byTS[ts]
	if m == nil {
		return SlackWritten{}
	}
	old := *m
	m.Text, m.Blocks = SlackEscape(text, false), slackRichText(text)
	m.Edited = &slackEdited{User: m.User, TS: s.ts(s.clock.now())}
	return SlackWritten{ts, s.changed(c, &old, m, s.users[m.User])}
}

// Unfurl adds a preview to a message some moments after it was written, which apps hear as message_changed with the same text.
func (s *Slack) Unfurl(c *SlackChannel, ts string) SlackWritten {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := c.byTS[ts]
	if m == nil {
		return SlackWritten{}
	}
	old := *m
	return SlackWritten{ts, s.changed(c, &old, m, nil)}
}

// Delete deletes a message. It does nothing when the channel has no such message.
func (s *Slack) Delete(c *SlackChannel, ts string) SlackWritten {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := c.byTS[ts]
	if m == nil {
		return SlackWritten{}
	}
	if m.BotID != "" {
		s.log.change(c.ID, ts, func(p *SlackPost) { p.Deleted = true })
	}
	return SlackWritten{ts, s.erase(c, m, s.users[m.User])}
}

// SendEvent sends an app an event with the inner event as it stands, valid JSON of any kind, and returns its id. Subscriptions do not matter.
func (s *Slack) SendEvent(a *SlackApp, inner string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.id("Ev")
	payload, err := json.Marshal(s.wrap(a, slackHeard{inner: json.RawMessage(inner)}, id))
	if err != nil {
		return "" // it is no JSON
	}
	s.deliver(&slackDelivery{app: a, kind: "events_api", event: id, payload: payload})
	return id
}

// SendEnvelope sends an app an envelope of any type with any payload, which must be JSON. An unknown type is not sent again.
func (s *Slack) SendEnvelope(a *SlackApp, kind, payload string) {
	s.deliver(&slackDelivery{app: a, kind: kind, payload: json.RawMessage(payload)})
}
