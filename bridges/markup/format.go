package markup

import "strings"

// A Format is how one platform wants a Doc written, and how much of it fits into one message.
type Format interface {
	// Limit is what one message holds.
	Limit() Size
	// Size is what b takes of the limit at most, without the empty line before it. More text never makes it smaller.
	Size(b Block) Size
	// Disarm changes text that would ping somebody so that it looks the same and does not. It is given all text but code.
	Disarm(text string) string
	// Write writes one piece. What is not blank becomes a message that the platform takes.
	Write(piece Doc) string
}

// Size measures text against a platform's limits.
type Size struct {
	Units int // UTF-16 units
	Links int // links and blocks of code, where a platform counts them; 0 as a limit is none
}

func (s Size) plus(t Size) Size { return Size{s.Units + t.Units, s.Links + t.Links} }

func (s Size) fits(limit Size) bool {
	return s.Units <= limit.Units && (limit.Links == 0 || s.Links <= limit.Links)
}

// indents returns what stands before the first and before each further line of b where each of quotes is shown by a sign.
func indents(b Block, quotes int) (first, rest string) {
	lead := strings.Repeat("> ", quotes) + strings.Repeat("  ", max(b.Indent-1, 0))
	rest = lead
	if b.Indent > 0 {
		rest += "  "
	}
	if b.Marker == "" {
		return rest, rest
	}
	return lead + b.Marker + " ", rest
}

// gap is what parts b from the block before it.
func gap(b Block) string {
	if b.Tight {
		return "\n"
	}
	return "\n\n"
}

const rule = "———"

// plainSize measures b as Plain writes it. What counts as a link is counted as one whether or not the text is plain.
func plainSize(b Block) Size {
	switch b.Kind {
	case Rule:
		first, _ := indents(b, b.Quote)
		return Size{Units: Units(first) + Units(rule)}
	case Code:
		return Size{Units: Units(b.Spans[0].Text), Links: 1}
	}
	first, rest := indents(b, b.Quote)
	size := Size{Units: Units(first)}
	for i, s := range b.Spans {
		size.Units += Units(s.Text) + strings.Count(s.Text, "\n")*len(rest)
		if s.Style&Mono != 0 {
			size.Links++
		}
		if endsLink(b.Spans, i) {
			size.Units += Units(linkNote(s))
			size.Links++
		}
	}
	return size
}

// endsLink reports whether the link of spans[i] is over with it.
func endsLink(spans []Span, i int) bool {
	return spans[i].Link != "" && (i+1 == len(spans) || spans[i+1].Link != spans[i].Link)
}

// linkNote is what stands behind a link's text where only text can be written.
func linkNote(s Span) string {
	if s.bare() {
		return ""
	}
	return " (" + strings.TrimPrefix(s.Link, "mailto:") + ")"
}
