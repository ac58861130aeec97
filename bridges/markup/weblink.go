package markup

import "strings"

var webTags = []struct {
	style Style
	tag   string
}{{Bold, "strong"}, {Italic, "em"}, {Underline, "u"}, {Strike, "s"}, {Mono, "code"}}

// spans writes a line of text, of whose styles those in without are left out.
func (w *webWriter) spans(spans []Span, without Style) {
	for _, s := range spans {
		var tags []string
		if Linkable(s.Link) {
			tags = append(tags, `a href="`+href(s.Link)+`" rel="noopener noreferrer nofollow" target="_blank"`)
		}
		for _, t := range webTags {
			if s.Style&^without&t.style != 0 {
				tags = append(tags, t.tag)
			}
		}
		w.enter(tags)
		text := s.Text
		if s.Style&Mono == 0 {
			text = strings.Map(unturned, text)
		}
		w.out.WriteString(strings.ReplaceAll(escape(text), "\n", "<br>"))
	}
	w.enter(nil)
}

// unturned leaves out what makes text run against its letters' direction. No language needs it; it only makes a text, or a link's
// address, look like another one. In code it stays, since code is never changed.
func unturned(r rune) rune {
	if r == '\u202d' || r == '\u202e' {
		return -1
	}
	return r
}

// href writes a URL in those ASCII characters only that mean nothing to HTML, and & escaped. A browser reads the same URL from it.
func href(link string) string {
	const hex = "0123456789ABCDEF"
	var out strings.Builder
	for i := range len(link) {
		switch c := link[i]; {
		case c == '&':
			out.WriteString("&amp;")
		case word(c), strings.IndexByte("-.~:/?#[]@!$()*+,;=%|", c) >= 0:
			out.WriteByte(c)
		default:
			out.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return out.String()
}
