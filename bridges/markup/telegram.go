package markup

import (
	"net/url"
	"slices"
	"strings"
)

// Telegram writes the HTML of Telegram's Bot API. It uses only tags that may stand where they stand: code is in nothing else and has
// nothing in it, quotes are not in one another, and a link whose address Telegram would drop is written as text.
type Telegram struct{}

var _ Format = Telegram{}

// Limit is 4,096 units after Telegram has read the markup, and 100 links and code: it ignores further ones without a word
// (https://core.telegram.org/bots/api#formatting-options, https://limits.tginfo.me).
func (Telegram) Limit() Size { return Size{Units: 4096, Links: 100} }

// Size measures b as Plain writes it, which is never less than what Telegram counts, so that the piece also fits as plain text.
func (Telegram) Size(b Block) Size { return plainSize(b) }

// Disarm puts an invisible word joiner behind each @ that Telegram would take for the beginning of somebody's name.
func (Telegram) Disarm(text string) string {
	if !strings.Contains(text, "@") {
		return text
	}
	var out strings.Builder
	for i := range len(text) {
		out.WriteByte(text[i])
		if text[i] == '@' && (i == 0 || !word(text[i-1])) && (i+1 == len(text) || word(text[i+1])) {
			out.WriteString("\u2060")
		}
	}
	return out.String()
}

func word(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// Write writes one piece. If there is more of it than Telegram takes, only links and code keep their markup.
func (Telegram) Write(piece Doc) string {
	w := htmlWriter{bare: marks(piece) > Telegram{}.Limit().Links}
	for i, b := range piece {
		quoted := b.Quote > 0 && b.Kind != Code
		if w.quoted && !quoted {
			w.out.WriteString("</blockquote>")
		}
		if i > 0 {
			w.out.WriteString(gap(b))
		}
		if quoted && !w.quoted {
			w.out.WriteString("<blockquote>")
		}
		w.quoted = quoted
		w.block(b)
	}
	if w.quoted {
		w.out.WriteString("</blockquote>")
	}
	return w.out.String()
}

// marks counts at least as many entities as Telegram makes of piece.
func marks(piece Doc) int {
	n := 0
	for _, b := range piece {
		if b.Quote > 0 || b.Kind == Code {
			n++
		}
		for _, s := range oneLine(b) {
			if b.Kind == Heading {
				s.Style |= Bold
			}
			for style := s.Style; style != 0; style &= style - 1 {
				n++
			}
			if s.Link != "" {
				n++
			}
		}
	}
	return n
}

// oneLine is b's text without the borders of a table's cells, which Telegram does not know.
func oneLine(b Block) []Span {
	if b.Row == NoRow {
		return b.Spans
	}
	spans := slices.Clone(b.Spans)
	for i := range spans {
		spans[i].Column = false
	}
	return merged(spans)
}

type htmlWriter struct {
	tagWriter
	quoted bool
	bare   bool // bold, italic and the like are left out
}

func (w *htmlWriter) block(b Block) {
	if b.Kind == Code {
		w.code(b)
		return
	}
	first, rest := indents(b, max(b.Quote-1, 0))
	w.out.WriteString(escape(first))
	if b.Kind == Rule {
		w.out.WriteString(rule)
	}
	for i, s := range b.Spans {
		if b.Kind == Heading {
			s.Style |= Bold
		}
		w.enter(w.tags(s))
		w.out.WriteString(strings.ReplaceAll(escape(s.Text), "\n", "\n"+escape(rest)))
		if endsLink(b.Spans, i) && !shownAsLink(s.Link) {
			w.out.WriteString(escape(linkNote(s)))
		}
	}
	w.enter(nil)
}

func (w *htmlWriter) code(b Block) {
	text := escape(b.Spans[0].Text)
	if b.Lang == "" {
		w.out.WriteString("<pre>" + text + "</pre>")
		return
	}
	w.out.WriteString(`<pre><code class="language-` + b.Lang + `">` + text + "</code></pre>")
}

var styleTags = []struct {
	style Style
	tag   string
}{{Bold, "b"}, {Italic, "i"}, {Underline, "u"}, {Strike, "s"}}

// tags returns what has to be open for s, the outermost first. A link in code is a link: Telegram allows only one of the two.
func (w *htmlWriter) tags(s Span) []string {
	var tags []string
	switch {
	case shownAsLink(s.Link):
		tags = append(tags, `a href="`+strings.ReplaceAll(escape(s.Link), `"`, "&quot;")+`"`)
	case s.Style&Mono != 0:
		return []string{"code"}
	}
	for _, t := range styleTags {
		if s.Style&t.style != 0 && !w.bare {
			tags = append(tags, t.tag)
		}
	}
	return tags
}

// shownAsLink reports whether Telegram makes a link of the URL: it drops those that are not of the web and hosts without a dot.
func shownAsLink(link string) bool {
	u, err := url.Parse(link)
	return link != "" && err == nil && (strings.EqualFold(u.Scheme, "http") || strings.EqualFold(u.Scheme, "https")) &&
		strings.Contains(strings.Trim(u.Hostname(), "."), ".")
}
