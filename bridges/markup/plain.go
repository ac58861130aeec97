package markup

import "strings"

// Plain writes text without any markup, for at most Max UTF-16 units a piece.
type Plain struct{ Max int }

var _ Format = Plain{}

// Limit is Max units.
func (p Plain) Limit() Size { return Size{Units: p.Max} }

// Size is exact.
func (p Plain) Size(b Block) Size { return plainSize(b) }

// Disarm returns text as it is.
func (p Plain) Disarm(text string) string { return text }

// Write writes a link's URL behind its text, and code as it stands.
func (p Plain) Write(piece Doc) string {
	var out strings.Builder
	for i, b := range piece {
		if i > 0 {
			out.WriteString(gap(b))
		}
		if b.Kind == Code {
			out.WriteString(b.Spans[0].Text)
			continue
		}
		first, rest := indents(b, b.Quote)
		out.WriteString(first)
		if b.Kind == Rule {
			out.WriteString(rule)
		}
		for j, s := range b.Spans {
			out.WriteString(strings.ReplaceAll(s.Text, "\n", "\n"+rest))
			if endsLink(b.Spans, j) {
				out.WriteString(linkNote(s))
			}
		}
	}
	return out.String()
}
