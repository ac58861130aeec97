package markup

import (
	"sort"
	"strings"
	"unicode/utf8"
)

// lookahead is how much text behind a piece's end is looked at for a border.
const lookahead = 64

// cut parts b so that head fits into room. It reports false when not even one character does. It may change b.Spans.
func (s *splitter) cut(b Block, room Size) (head, tail Block, ok bool) {
	if room.Units < 1 || len(b.Spans) == 0 {
		return b, b, false
	}
	text := opening(b, room.Units+lookahead)
	n := sort.Search(len(text), func(i int) bool { return !s.format.Size(headOf(b, runeEnd(text, i+1))).fits(room) })
	for n > 0 && !utf8.RuneStart(byteAt(text, n)) {
		n--
	}
	if n == 0 {
		return b, b, false
	}
	end, next := border(text, n, b.Kind == Code)
	if head = headOf(b, end); !s.format.Size(head).fits(room) { // a shorter address can take more than the whole one
		end, next = n, n
		head = headOf(b, end)
	}
	tail = tailOf(b, next)
	tail.Glue = text[end:next]
	return head, tail, true
}

// byteAt is text[i], and a rune's start behind its end.
func byteAt(text string, i int) byte {
	if i >= len(text) {
		return 0
	}
	return text[i]
}

// runeEnd is the end of the rune that text[:i] ends in.
func runeEnd(text string, i int) int {
	for !utf8.RuneStart(byteAt(text, i)) {
		i++
	}
	return i
}

// opening is b's text until it has more than units.
func opening(b Block, units int) string {
	var out strings.Builder
	for _, span := range b.Spans {
		for i, r := range span.Text {
			if units -= unitsOf(r); units < 0 {
				out.WriteString(span.Text[:i])
				return out.String()
			}
		}
		out.WriteString(span.Text)
	}
	return out.String()
}

// headOf is b with the first n bytes of its text.
func headOf(b Block, n int) Block {
	spans := b.Spans
	b.Spans = nil
	for _, span := range spans {
		if n <= 0 {
			break
		}
		span.Text = span.Text[:min(n, len(span.Text))]
		n -= len(span.Text)
		b.Spans = append(b.Spans, span)
	}
	return b
}

// tailOf is b without the first n bytes of its text.
func tailOf(b Block, n int) Block {
	for n > 0 && len(b.Spans) > 0 {
		if first := &b.Spans[0]; n < len(first.Text) {
			first.Text = first.Text[n:]
			break
		}
		n -= len(b.Spans[0].Text)
		b.Spans = b.Spans[1:]
	}
	b.Cut, b.Marker, b.Tight = true, "", false
	return b
}
