package bridgetest

import (
	"encoding/json"
	"strings"
)

// streamText reads the text that a call adds to a stream: markdown_text, or markdown chunks.
func (c *slackCall) streamText() (string, *slackAnswer) {
	text := c.p.text("markdown_text")
	if raw := c.p.text("chunks"); raw != "" {
		var chunks []struct {
			Type string `json:"type"`
			Text string `json:"text"`
		}
		if json.Unmarshal([]byte(raw), &chunks) != nil {
			return "", slackFailure("invalid_chunks")
		}
		for _, chunk := range chunks {
			switch chunk.Type {
			case "markdown_text":
				text += chunk.Text
			case "task_update", "plan_update", "blocks":
			default:
				return "", slackFailure("invalid_chunks")
			}
		}
	}
	if utf16Len(text) > maxSlackMarkdown {
		return "", slackFailure("msg_too_long")
	}
	return text, nil
}

// startStream is chat.startStream: a message in a thread that grows. It takes no metadata.
func (s *Slack) startStream(c *slackCall) *slackAnswer {
	ch, refused := s.writable(c)
	if refused != nil {
		return refused
	}
	text, refused := c.streamText()
	switch {
	case refused != nil:
		return refused
	case ch.kind != "im" && c.p.text("recipient_user_id") == "":
		return slackFailure("missing_recipient_user_id")
	case ch.kind != "im" && c.p.text("recipient_team_id") == "":
		return slackFailure("missing_recipient_team_id")
	}
	got := &slackContent{text: text, pings: slackPings(withoutSlackCode(text))}
	m := s.botMessage(c.app, got)
	m.StreamState = "in_progress"
	if refused := s.inThread(ch, m, c.thread(), false); refused != nil {
		return refused
	}
	post := s.publish(c.app, ch, m, got, c.method)
	post.Streaming, post.Markdown = true, text
	s.log.add(post)
	a := slackGood(map[string]any{"channel": ch.ID, "ts": m.TS})
	a.post = post
	return a
}

// streaming returns the app's stream that a call names.
func (s *Slack) streaming(c *slackCall) (*SlackChannel, *slackMessage, *slackAnswer) {
	ch, m, refused := s.own(c, "message_not_owned_by_app")
	if refused == nil && m.StreamState != "in_progress" {
		refused = slackFailure("message_not_in_streaming_state")
	}
	return ch, m, refused
}

// appendStream is chat.appendStream.
func (s *Slack) appendStream(c *slackCall) *slackAnswer {
	ch, m, refused := s.streaming(c)
	if refused != nil {
		return refused
	}
	text, refused := c.streamText()
	switch {
	case refused != nil:
		return refused
	case text == "" && c.p.text("chunks") == "":
		return slackFailure("no_text")
	}
	s.grow(ch, m, text)
	return slackGood(map[string]any{"channel": ch.ID, "ts": m.TS})
}

// grow adds text to a stream.
func (s *Slack) grow(ch *SlackChannel, m *slackMessage, text string) {
	m.Text += text
	s.log.change(ch.ID, m.TS, func(p *SlackPost) {
		p.Raw, p.Markdown = m.Text, m.Text
		p.Text = slackShown(m.Text, s.nameOf)
		p.Pings = slackPings(withoutSlackCode(m.Text))
	})
}

// stopStream is chat.stopStream: the message is final then, and may get blocks and metadata.
func (s *Slack) stopStream(c *slackCall) *slackAnswer {
	ch, m, refused := s.streaming(c)
	if refused != nil {
		return refused
	}
	text, refused := c.streamText()
	if refused != nil {
		return refused
	}
	blocks, refused := readSlackBlocks(c.p.text("blocks"))
	if refused != nil {
		return refused
	}
	metadata, _, refused := readSlackMetadata(c.p.text("metadata"))
	if refused != nil {
		return refused
	}
	old := *m
	s.grow(ch, m, text)
	m.StreamState, m.Metadata = "completed", metadata
	if blocks != nil {
		m.Blocks = blocks.raw
	}
	s.log.change(ch.ID, m.TS, func(p *SlackPost) {
		p.Streaming, p.Metadata = false, metadata.log()
		if blocks != nil {
			p.Blocks, p.Pings = blocks.raw, append(p.Pings, blocks.pings...)
			p.Text = strings.TrimSuffix(p.Text+"\n"+slackShown(blocks.shown, s.nameOf), "\n")
		}
	})
	s.changed(ch, &old, m, nil)
	return slackGood(map[string]any{"channel": ch.ID, "ts": m.TS, "message": m.copy()})
}
