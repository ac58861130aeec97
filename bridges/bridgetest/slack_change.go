package bridgetest

// own returns the app's own message that a call names.
func (s *Slack) own(c *slackCall, foreign string) (*SlackChannel, *slackMessage, *slackAnswer) {
	ch, refused := s.open(c)
	if refused != nil {
		return nil, nil, refused
	}
	m := ch.byTS[c.p.text("ts")]
	switch {
	case m == nil || m.Subtype == "tombstone":
		return nil, nil, slackFailure("message_not_found")
	case m.BotID != c.app.User.BotID:
		return nil, nil, slackFailure(foreign)
	}
	return ch, m, nil
}

// updateMessage is chat.update. Metadata stays unless other metadata, or the empty object, is sent.
func (s *Slack) updateMessage(c *slackCall) *slackAnswer {
	ch, m, refused := s.own(c, "cant_update_message")
	if refused != nil {
		return refused
	}
	got, remove, refused := c.content()
	switch {
	case refused != nil:
		return refused
	case ch.archived:
		return slackFailure("is_inactive")
	case m.StreamState == "in_progress":
		return slackFailure("streaming_state_conflict")
	case utf16Len(c.p.text("text")) > maxSlackUpdate:
		return slackFailure("msg_too_long")
	}
	old := *m
	m.Text, m.Blocks = got.text, nil
	if got.blocks != nil {
		m.Blocks = got.blocks.raw
	}
	if got.metadata != nil || remove {
		m.Metadata = got.metadata
	}
	m.Edited = &slackEdited{User: c.app.User.ID, TS: s.ts(s.clock.now())}
	s.log.change(ch.ID, m.TS, func(p *SlackPost) {
		s.fill(p, got)
		p.Metadata = m.Metadata.log()
		p.Pings = append(p.Pings, got.pings...)
		p.Edits++
	})
	s.changed(ch, &old, m, c.app.User)
	return slackGood(map[string]any{"channel": ch.ID, "ts": m.TS, "text": m.Text, "message": m.copy()})
}

// deleteMessage is chat.delete.
func (s *Slack) deleteMessage(c *slackCall) *slackAnswer {
	ch, m, refused := s.own(c, "cant_delete_message")
	if refused != nil {
		return refused
	}
	s.erase(ch, m, c.app.User)
	s.log.change(ch.ID, m.TS, func(p *SlackPost) { p.Deleted = true })
	return slackGood(map[string]any{"channel": ch.ID, "ts": m.TS})
}
