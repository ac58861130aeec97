package markup

import "strings"

// Slack writes mrkdwn, which is what the plain text of a message holds (https://docs.slack.dev/messaging/formatting-message-text): what
// notifications, search, screen readers and old clients show beside SlackMarkdown. It has neither headings nor lists nor languages of
// code, and no sign that makes another sign mean nothing: where the text has one of its own, an invisible word joiner keeps Slack
// from taking it for the beginning of a style.
//
// A piece of one of Slack and SlackMarkdown is a piece of the other, and the same Doc is to be written with both.
type Slack struct{}

var _ Format = Slack{}

// slackLimit is below the 4,000 characters at which Slack parts a message's text into several messages, which would double the
// SlackMarkdown beside it, break fences, and leave an id for the first only. The 12,000 for all of a message's markdown blocks
// (https://docs.slack.dev/reference/block-kit/blocks/markdown-block) are never reached by it.
const slackLimit = 3900

// Limit is 3,900 units, for Slack parts longer texts.
func (Slack) Limit() Size { return Size{Units: slackLimit} }

// Size is what b takes in that of the two ways to write it in which it takes more. All escapes and signs count.
func (Slack) Size(b Block) Size { return slackSize(b) }

// Disarm puts an invisible word joiner into what could notify people.
func (Slack) Disarm(text string) string { return parted(text, slackPings) }

var slackPings = []string{"@channel", "@everyone", "@here", "@group", "<@", "<!", "<#"}

// Write writes one piece.
func (Slack) Write(piece Doc) string {
	var out strings.Builder
	for i, b := range piece {
		if i > 0 {
			out.WriteString(quotedGap(piece[i-1], b))
		}
		out.WriteString(mrkdwnBlock(b))
	}
	return out.String()
}

func mrkdwnBlock(b Block) string {
	if b.Kind == Code {
		return mrkdwnCode(b.Spans[0].Text)
	}
	first, rest := indents(b, max(b.Quote-1, 0))
	if b.Quote > 0 {
		first, rest = quoteSign+escape(first), quoteSign+escape(rest)
	}
	switch b.Kind {
	case Rule:
		return first + rule
	case Heading:
		b.Spans = bold(b.Spans)
	}
	return first + mrkdwn.spans(b.Spans, rest)
}

// mrkdwnCode writes code between fences, or as text where it holds a fence.
func mrkdwnCode(text string) string {
	if !strings.Contains(text, fence) {
		return fence + "\n" + escape(text) + "\n" + fence
	}
	return mrkdwn.spans([]Span{{Text: text}}, "")
}

var mrkdwn = dialect{
	signs:  []sign{{Bold, "*"}, {Strike, "~"}, {Italic, "_"}},
	escape: mrkdwnEscape,
	code:   mrkdwnInline,
	link:   mrkdwnLink,
	note:   func(url string) string { return "(" + mrkdwnAddress(url) + ")" },
	joint:  mrkdwnJoint,
}

// mrkdwnJoint is a space without width where Slack reads a sign only if no word goes on there.
func mrkdwnJoint(before, after part) string {
	switch {
	case before.kind == closer && after.kind == opener,
		before.kind == closer && after.kind == inner && wordRune(after.edge),
		before.kind == inner && after.kind == opener && wordRune(before.edge):
		return "\u200b"
	}
	return ""
}

func mrkdwnEscape(text string, before rune) string {
	if ordinary(text, before, "*_~`<>&@") {
		return text
	}
	text = Slack{}.Disarm(text) // what was code before
	var out strings.Builder
	for _, r := range text {
		switch r {
		case '*', '_', '~', '`':
			out.WriteString("\u2060")
		case '>':
			if before == 0 {
				out.WriteString("\u2060") // Slack's own clients write a quote as &gt;
			}
		}
		before = r
		out.WriteRune(r)
	}
	return escape(out.String())
}

func mrkdwnInline(text string) (string, bool) {
	return "`" + escape(text) + "`", !strings.Contains(text, "`")
}

func mrkdwnLink(text, url, _ string) (string, bool) {
	switch {
	case Span{Text: text, Link: url}.bare():
		return mrkdwnAddress(url), true
	case Blank(text), strings.ContainsAny(text, "\n|`"), strings.TrimSpace(text) != text:
		return "", false
	}
	return strings.TrimSuffix(mrkdwnAddress(url), ">") + "|" + escape(text) + ">", true
}

// mrkdwnAddress writes a link without a text of its own.
func mrkdwnAddress(url string) string { return "<" + escape(percent(url, "<>|")) + ">" }
