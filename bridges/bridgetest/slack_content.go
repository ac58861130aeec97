package bridgetest

import (
	"strings"
)

// slackContent is what a message says, in any of its ways.
type slackContent struct {
	text     string
	blocks   *slackBlocks
	metadata *slackMetadata
	pings    []string
}

// content reads text, blocks, markdown_text and metadata of a call. An error stands for nothing to say.
func (c *slackCall) content() (*slackContent, bool, *slackAnswer) {
	var got slackContent
	markdown := c.p.text("markdown_text")
	if markdown != "" && (c.p.text("text") != "" || c.p.text("blocks") != "") {
		return nil, false, slackFailure("markdown_text_conflict")
	}
	if utf16Len(markdown) > maxSlackMarkdown {
		return nil, false, slackFailure("msg_too_long")
	}
	blocks, refused := readSlackBlocks(c.p.text("blocks"))
	if refused != nil {
		return nil, false, refused
	}
	metadata, remove, refused := readSlackMetadata(c.p.text("metadata"))
	if refused != nil {
		return nil, false, refused
	}
	got.text, got.blocks, got.metadata = c.p.text("text"), blocks, metadata
	got.pings = slackPings(got.text)
	if markdown != "" {
		got.text = markdown
		got.pings = slackPings(withoutSlackCode(markdown))
	}
	if c.p.truth("link_names") || c.p.text("parse") == "full" {
		got.pings = append(got.pings, slackNamePings(got.text)...)
	}
	if blocks != nil {
		got.pings = append(got.pings, blocks.pings...)
	}
	if blocks == nil && strings.TrimSpace(got.text) == "" && c.p.text("attachments") == "" {
		return nil, false, slackFailure("no_text")
	}
	return &got, remove, nil
}

// botMessage is a message of the app without its place.
func (s *Slack) botMessage(a *SlackApp, got *slackContent) *slackMessage {
	m := &slackMessage{
		Type: "message", User: a.User.ID, BotID: a.User.BotID, AppID: a.ID, Team: a.Team.ID, Text: got.text, TS: s.ts(s.clock.now()),
		BotProfile: &slackBotProfile{ID: a.User.BotID, Name: a.Name, AppID: a.ID, TeamID: a.Team.ID}, Metadata: got.metadata,
	}
	if got.blocks != nil {
		m.Blocks = got.blocks.raw
	}
	return m
}

// fill sets what people see of a post.
func (s *Slack) fill(p *SlackPost, got *slackContent) {
	p.Raw, p.Markdown, p.Blocks = got.text, "", nil
	p.Text = slackShown(got.text, s.nameOf)
	if got.blocks != nil {
		p.Blocks, p.Markdown = got.blocks.raw, got.blocks.markdown
		p.Text = slackShown(got.blocks.shown, s.nameOf)
	}
}

// nameOf is a user's name; needs s.mu.
func (s *Slack) nameOf(id string) string {
	if u := s.users[id]; u != nil {
		return u.Name
	}
	return id
}
