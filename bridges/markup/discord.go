package markup

import "strings"

// Discord writes the Markdown that Discord's clients read (https://support.discord.com/hc/en-us/articles/210298617), in which all is
// escaped that the text does not mean: signs, list and quote marks at the beginnings of lines, spoilers, timestamps, commands and emoji
// by id. Addresses of the web stand as they are, so that they can be clicked. A table's rows are lines, as in a code block no link
// works; code stands outside of quotes and lists, since each of its lines would need a sign more. Code that holds a fence of its own,
// which Discord cannot show in one, is written line by line.
type Discord struct{}

var _ Format = Discord{}

// Limit is 2,000 units (https://discord.com/developers/docs/resources/message#create-message).
func (Discord) Limit() Size { return Size{Units: 2000} }

// Size is what b takes as it is written: signs and backslashes count.
func (Discord) Size(b Block) Size {
	size := Size{Units: Units(discordBlock(b))}
	if b.Quote > 0 {
		size.Units += Units(quoteSign) // on the empty line before it
	}
	return size
}

// Disarm puts an invisible word joiner into what pings somebody, wherever it stands: a backslash before it is read by clients, not by
// what pings. A message should forbid all mentions besides.
func (Discord) Disarm(text string) string { return parted(text, discordPings) }

var discordPings = []string{"@everyone", "@here", "<@", "<#"}

// parted puts an invisible word joiner behind the first character of each of words that stands in text, in whatever case.
func parted(text string, words []string) string {
	if !strings.ContainsAny(text, "@<") {
		return text
	}
	var out strings.Builder
	for i := range len(text) {
		out.WriteByte(text[i])
		for _, w := range words {
			if text[i] == w[0] && len(text)-i >= len(w) && strings.EqualFold(text[i:i+len(w)], w) {
				out.WriteString("\u2060")
				break
			}
		}
	}
	return out.String()
}

// Write writes one piece.
func (Discord) Write(piece Doc) string {
	var out strings.Builder
	for i, b := range piece {
		if i > 0 {
			out.WriteString(quotedGap(piece[i-1], b))
		}
		out.WriteString(discordBlock(b))
	}
	return out.String()
}

const quoteSign = "> "

// quotedGap is what parts b from the block before, so that a quote goes on over an empty line.
func quotedGap(before, b Block) string {
	if b.Tight || before.Quote == 0 || b.Quote == 0 || before.Kind == Code || b.Kind == Code {
		return gap(b)
	}
	return "\n" + quoteSign + "\n"
}

func discordBlock(b Block) string {
	if b.Kind == Code {
		return discordCode(b)
	}
	if b.Quote <= 1 {
		b.Marker = discordMarker(b.Marker)
	}
	first, rest := indents(b, max(b.Quote-1, 0))
	if b.Quote > 0 { // only one is read; each further one is a sign in the text
		first = quoteSign + strings.ReplaceAll(first, ">", `\>`)
		rest = quoteSign + strings.ReplaceAll(rest, ">", `\>`)
	}
	switch {
	case b.Kind == Rule:
		return first + rule
	case b.Kind == Heading && b.Level <= 3:
		hashes := strings.Repeat("#", max(b.Level, 1)) + " "
		return first + hashes + discord.spans(b.Spans, rest+hashes)
	case b.Kind == Heading:
		b.Spans = bold(b.Spans)
	}
	return first + discord.spans(b.Spans, rest)
}

// discordMarker is m as Discord reads it.
func discordMarker(m string) string {
	switch n := strings.TrimRight(m, ".)"); {
	case m == "":
		return ""
	case n != m:
		return n + "."
	case m == "•":
		return "-"
	}
	return "- " + m
}

func bold(spans []Span) []Span {
	out := make([]Span, len(spans))
	for i, s := range spans {
		s.Style |= Bold
		out[i] = s
	}
	return out
}

const fence = "```"

func discordCode(b Block) string {
	text := b.Spans[0].Text
	if !strings.Contains(text, fence) {
		return fence + b.Lang + "\n" + text + "\n" + fence
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if code, ok := discordInline(line); ok && !Blank(line) {
			lines[i] = code
		} else if indent := len(line) - len(strings.TrimLeft(line, " \t")); indent < len(line) {
			lines[i] = line[:indent] + discordEscape(line[indent:], 0)
		}
	}
	return strings.Join(lines, "\n")
}
