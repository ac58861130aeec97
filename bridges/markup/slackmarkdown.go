package markup

import (
	"strings"
	"unicode"
)

// SlackMarkdown writes the text of Slack's markdown block, which is CommonMark with strikethrough
// (https://docs.slack.dev/reference/block-kit/blocks/markdown-block). All is escaped that the text does not mean, and what Slack reads
// between < and > even there is written as &lt; and &gt;. A table's rows are lines: Slack takes one table a message only, and refuses
// one that a cut left without its head. Code is never changed, nor indented or quoted.
//
// The message's plain text is the same piece as Slack writes it.
type SlackMarkdown struct{}

var _ Format = SlackMarkdown{}

// Limit is 3,900 units, for the plain text beside it.
func (SlackMarkdown) Limit() Size { return Size{Units: slackLimit} }

// Size is what b takes in that of the two ways to write it in which it takes more. All escapes and signs count.
func (SlackMarkdown) Size(b Block) Size { return slackSize(b) }

// Disarm puts an invisible word joiner into what could notify people.
func (SlackMarkdown) Disarm(text string) string { return parted(text, slackPings) }

// slackSize is of what either format writes, wherever b stands in a piece.
func slackSize(b Block) Size {
	first, rest := deepest(b)
	n := max(Units(mrkdwnBlock(b)), Units(blockMarkdown(b, first, rest)))
	if b.Quote > 0 {
		n += Units(quoteSigns(b.Quote)) + 1 // on the empty line before it
	}
	return Size{Units: n + 1} // an empty line where b says that there is none
}

// Write writes one piece.
func (SlackMarkdown) Write(piece Doc) string {
	var out strings.Builder
	var l levels
	for i, b := range piece {
		if i > 0 {
			out.WriteString(markdownGap(piece[i-1], b))
		}
		first, rest := l.enter(b)
		out.WriteString(blockMarkdown(b, first, rest))
	}
	return out.String()
}

func quoteSigns(n int) string { return strings.Repeat(quoteSign, n) }

// markdownGap parts b from the block before it. Where the signs at the beginning of b are its own text, or nothing follows them, only
// an empty line keeps it from going on with a paragraph.
func markdownGap(before, b Block) string {
	quote := ""
	if before.Quote > 0 && before.Quote == b.Quote && before.Kind != Code && b.Kind != Code {
		quote = "\n" + strings.TrimRight(quoteSigns(b.Quote), " ")
	}
	if b.Tight && (!alone(b) || alone(before)) && (b.Quote == before.Quote || b.Kind == Code || before.Kind == Code) {
		return "\n"
	}
	if quote == "" {
		return "\n\n"
	}
	return quote + "\n"
}

// alone reports whether b is a marker that nothing stands beside, which below a paragraph would make a heading of it.
func alone(b Block) bool { return b.Kind == Paragraph && len(b.Spans) == 0 }

// levels are the columns at which the text begins of the items that are open in a piece.
type levels struct {
	quote   int
	columns []int
}

// maxMarker is how long an item's number may be that is written as one: longer ones would ask for more columns than Size knows of.
const maxMarker = 5

// enter returns what stands before the first and each further line of b.
func (l *levels) enter(b Block) (first, rest string) {
	if b.Kind == Code || b.Quote != l.quote {
		l.columns = nil
	}
	if b.Kind == Code {
		return "", ""
	}
	l.quote = b.Quote
	depth := min(b.Indent, len(l.columns))
	if b.Marker != "" && b.Indent > 0 {
		depth = min(b.Indent-1, len(l.columns))
	}
	l.columns = l.columns[:depth]
	lead := quoteSigns(b.Quote)
	if depth > 0 {
		lead += strings.Repeat(" ", l.columns[depth-1])
	}
	if b.Marker == "" || b.Indent == 0 {
		return lead, lead
	}
	mark, width := marker(b.Marker)
	if width > 0 {
		l.columns = append(l.columns, len(lead)-len(quoteSigns(b.Quote))+width)
	}
	return lead + mark, lead + strings.Repeat(" ", width)
}

// marker writes an item's sign or number; width is what its text is indented by, 0 where Slack is to read no item.
func marker(m string) (mark string, width int) {
	switch n := strings.TrimRight(m, ".)"); {
	case m == "•":
		return "- ", 2
	case n == m:
		return "- " + m + " ", 2
	case len(m) > maxMarker:
		return n + `\` + m[len(n):] + " ", 0
	}
	return m + " ", len(m) + 1
}

// deepest is at least as much as enter returns for b.
func deepest(b Block) (first, rest string) {
	rest = quoteSigns(b.Quote) + strings.Repeat(" ", b.Indent*(maxMarker+1))
	mark, _ := marker(b.Marker)
	return rest + mark, rest
}

func blockMarkdown(b Block, first, rest string) string {
	switch b.Kind {
	case Code:
		ticks := strings.Repeat("`", max(3, longestRun(b.Spans[0].Text)+1))
		return ticks + b.Lang + "\n" + b.Spans[0].Text + "\n" + ticks
	case Rule:
		return first + rule
	case Heading:
		hashes := strings.Repeat("#", min(max(b.Level, 1), 6)) + " "
		return first + hashes + markdownText.spans(b.Spans, rest+hashes)
	}
	return first + markdownText.spans(b.Spans, rest)
}

// longestRun is the length of the longest run of backticks in text.
func longestRun(text string) int {
	longest, n := 0, 0
	for i := range len(text) {
		if text[i] != '`' {
			n = 0
			continue
		}
		n++
		longest = max(longest, n)
	}
	return longest
}

var markdownText = dialect{
	signs:  []sign{{Bold, "**"}, {Strike, "~~"}, {Italic, "*"}},
	escape: markdownEscape,
	code:   markdownInline,
	link:   markdownLink,
	note:   func(url string) string { return "(" + markdownAddress(url) + ")" },
	flanks: func(outside, inside rune) bool {
		return unicode.IsLetter(inside) || unicode.IsDigit(inside) || unicode.IsPunct(outside)
	},
}

// markdownEscape puts a backslash before all that would be read as something else than text.
func markdownEscape(text string, before rune) string {
	if ordinary(text, before, "\\*_`[]<>&|~#!:@.") {
		return text
	}
	text = SlackMarkdown{}.Disarm(text) // what was code before
	var out strings.Builder
	start, digits := before == 0, before == 0
	for i, r := range text {
		switch r {
		case '<':
			out.WriteString("&lt;")
		case '>':
			out.WriteString("&gt;")
		case '&':
			out.WriteString("&amp;")
		case '\\', '*', '`', '[', ']', '|', '~':
			out.WriteString(`\` + string(r))
		case '_':
			if !wordRune(before) || i+1 == len(text) || !wordRune(firstRune(text[i+1:])) {
				out.WriteByte('\\')
			}
			out.WriteByte('_')
		case '#': // also at the end of a heading
			out.WriteString(`\#`)
		case '-', '+', '=', '!':
			if start && r != '!' || r == '!' && i+1 == len(text) { // before a link a ! makes it an image

				out.WriteByte('\\')
			}
			out.WriteRune(r)
		case '.', ')':
			if digits && i > 0 || r == '.' && i >= 3 && strings.EqualFold(text[i-3:i], "www") {
				out.WriteByte('\\')
			}
			out.WriteRune(r)
		case ':':
			if strings.HasPrefix(text[i:], "://") { // no address that was not meant as one
				out.WriteByte('\\')
			}
			out.WriteRune(r)
		default:
			out.WriteRune(r)
		}
		start, digits = false, digits && r >= '0' && r <= '9'
		before = r
	}
	return out.String()
}

func wordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// markdownInline writes code between as many backticks as it needs.
func markdownInline(text string) (string, bool) {
	ticks := strings.Repeat("`", longestRun(text)+1)
	pad := ""
	if text[0] == '`' || text[len(text)-1] == '`' || text[0] == ' ' && text[len(text)-1] == ' ' {
		pad = " "
	}
	return ticks + pad + text + pad + ticks, true
}

func markdownLink(text, url, _ string) (string, bool) {
	if Blank(text) || strings.TrimSpace(text) != text || strings.Contains(text, "\n") {
		return "", false
	}
	return "[" + markdownLabel(text) + "](" + markdownURL(url) + ")", true
}

// markdownLabel writes a link's text, in which an address is no other link.
func markdownLabel(text string) string {
	return strings.ReplaceAll(markdownEscape(text, 0), `\://`, "://")
}

// markdownAddress writes a link without a text of its own.
func markdownAddress(url string) string {
	return "[" + markdownLabel(strings.TrimPrefix(url, "mailto:")) + "](" + markdownURL(url) + ")"
}

// markdownURL writes a URL without what would end it or be read as a sign. It leads to the same page.
func markdownURL(url string) string { return percent(url, "()\\*_~`[]<>;") }
