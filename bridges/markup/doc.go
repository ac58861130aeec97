// Package markup turns the Markdown that an avatar writes into what a platform shows.
//
// Parse makes one flat tree of it: blocks, each of spans that carry their whole style. Split cuts the tree into pieces that fit into
// one message each, and a Format writes a piece the way its platform wants. Since a span knows all of its style, a cut can fall
// anywhere: whatever is open is closed at the end of a piece and opened again in the next one. A new platform is one more Format. Draft
// goes before Parse where a text is shown while it grows.
package markup

import "slices"

// A Doc is a parsed text: its blocks from top to bottom. It never nests.
type Doc []Block

// Kind says what a Block is.
type Kind uint8

// The kinds of blocks. The rows of a table are paragraphs.
const (
	Paragraph Kind = iota
	Heading
	Code // has one Span, whose text is never changed
	Rule // has no Spans
)

// A Block is a paragraph and the like, with all of what it stands in.
type Block struct {
	Kind   Kind
	Level  int    // Heading: 1 to 6
	Lang   string // Code: the language, only letters, digits and "+#._-"; may be empty
	Quote  int    // how many quotes it stands in, at most maxDepth
	Indent int    // how many lists it stands in, at most maxDepth
	Nest   string // the same in order, the outermost first: '>' is a quote, '-' a list with signs, '1' one with numbers
	Marker string // what opens a list's item: "•", "3.", "☐", "☑"; "" where no item begins
	Row    Row    // which row of a table it is
	Tight  bool   // no empty line parts it from the block before
	Spans  []Span

	// Cut says that the block goes on with what began in the piece before. Glue is what stood between the two; it is not shown.
	Cut  bool
	Glue string
}

// Row says which row of a table a paragraph is.
type Row uint8

// The rows of a table. Each HeadRow begins another one.
const (
	NoRow Row = iota
	HeadRow
	BodyRow
)

// maxDepth bounds quotes and lists in one another; what stands deeper is shown at this depth.
const maxDepth = 8

// A Span is text of one style. A line break is a "\n" in it.
type Span struct {
	Text  string
	Style Style
	Link  string // "", or an absolute URL with the scheme http, https or mailto

	Column bool // it parts two cells of a table's row, and has no other text than that needs
}

// Style is a set of ways to write.
type Style uint8

// The styles.
const (
	Bold Style = 1 << iota
	Italic
	Underline
	Strike
	Mono
)

// blank reports whether d shows nothing.
func (d Doc) blank() bool {
	return !slices.ContainsFunc(d, func(b Block) bool { return !b.blank() })
}

// blank reports whether b shows nothing. A marker alone is something: it is a list's empty item.
func (b Block) blank() bool {
	return b.Kind != Rule && Blank(b.Marker) && !slices.ContainsFunc(b.Spans, func(s Span) bool { return !Blank(s.Text) })
}

// mapText returns d with f applied to all text but code and URLs that stand for themselves.
func (d Doc) mapText(f func(string) string) Doc {
	for i := range d {
		if d[i].Kind == Code {
			continue
		}
		for j := range d[i].Spans {
			if s := &d[i].Spans[j]; s.Style&Mono == 0 && !s.bare() {
				s.Text = f(s.Text)
			}
		}
	}
	return d
}

// bare reports whether s is a URL or an address that is its own text.
func (s Span) bare() bool {
	return s.Link != "" && (s.Text == s.Link || "http://"+s.Text == s.Link || "mailto:"+s.Text == s.Link)
}
