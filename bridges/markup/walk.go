package markup

import (
	"bufio"
	"bytes"
	"fmt"
	"html"
	"strings"

	"github.com/yuin/goldmark/ast"
	east "github.com/yuin/goldmark/extension/ast"
	gmhtml "github.com/yuin/goldmark/renderer/html"
)

// A walker flattens the parser's tree.
type walker struct {
	src []byte
	doc Doc
}

// context is what a block stands in.
type context struct {
	quote, indent int
	nest          string
	marker        string // of the item that begins with the next block
	tight         bool
	first         bool // the block is its container's first, so tight was decided by the container
}

// blocks adds the blocks in parent.
func (w *walker) blocks(parent ast.Node, c context) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		if !c.first {
			_, table := n.(*east.Table) // the parser forgets what is before a table
			c.tight = !table && !n.HasBlankPreviousLines() && len(w.doc) > 0
		}
		c.first = false
		w.block(n, c)
		c.marker = ""
	}
}

func (w *walker) block(n ast.Node, c context) {
	switch n := n.(type) {
	case *ast.Blockquote:
		w.markerAlone(&c)
		if c.quote < maxDepth {
			c.quote, c.nest = c.quote+1, c.nest+nestQuote
		}
		c.first = true
		w.blocks(n, c)
	case *ast.List:
		w.list(n, c)
	case *ast.FencedCodeBlock:
		w.fence(n, c)
	case *ast.CodeBlock:
		w.code(w.lines(n), "", c)
	case *ast.ThematicBreak:
		w.markerAlone(&c)
		w.add(Block{Kind: Rule}, c)
	case *ast.Heading:
		spans := w.inlines(n, &c)
		w.add(Block{Kind: Heading, Level: n.Level, Spans: spans}, c)
	case *east.Table:
		w.table(n, c)
	default:
		spans := w.inlines(n, &c)
		w.add(Block{Spans: spans}, c)
	}
}

func (w *walker) add(b Block, c context) {
	b.Quote, b.Indent, b.Nest, b.Marker, b.Tight = c.quote, c.indent, c.nest, c.marker, c.tight
	if !b.blank() {
		w.doc = append(w.doc, b)
	}
}

// markerAlone gives an item's marker a line of its own, before a block that cannot stand beside it.
func (w *walker) markerAlone(c *context) {
	if c.marker != "" {
		w.add(Block{}, *c)
		c.marker, c.tight = "", true
	}
}

func (w *walker) list(l *ast.List, c context) {
	w.markerAlone(&c)
	number := l.Start
	if c.indent < maxDepth {
		c.indent, c.nest = c.indent+1, c.nest+nestOf(l)
	}
	for item := l.FirstChild(); item != nil; item = item.NextSibling() {
		if item.PreviousSibling() != nil {
			c.tight = !item.HasBlankPreviousLines()
		}
		c.marker = "•"
		if l.IsOrdered() {
			c.marker = fmt.Sprintf("%d%c", number, l.Marker)
			number++
		}
		if !item.HasChildren() {
			w.markerAlone(&c)
			continue
		}
		c.first = true
		w.blocks(item, c)
	}
}

// What Block.Nest is made of.
const nestQuote, nestSigns, nestNumbers = ">", "-", "1"

func nestOf(l *ast.List) string {
	if l.IsOrdered() {
		return nestNumbers
	}
	return nestSigns
}

// table makes a line of each row. No messenger has tables; aligned columns would need code, in which links do not work.
func (w *walker) table(t *east.Table, c context) {
	for row := t.FirstChild(); row != nil; row = row.NextSibling() {
		var spans []Span
		for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
			if cell.PreviousSibling() != nil {
				spans = append(spans, Span{Text: " | ", Column: true})
			}
			spans = append(spans, w.inlines(cell, &c)...)
		}
		kind := BodyRow
		if row.Kind() == east.KindTableHeader {
			kind = HeadRow
			for i := range spans {
				spans[i].Style |= Bold
			}
		}
		w.add(Block{Row: kind, Spans: merged(spans)}, c)
		c.marker, c.tight = "", true
	}
}

// inlines returns n's text. A task's box becomes the marker in c.
func (w *walker) inlines(n ast.Node, c *context) []Span {
	f := flattener{src: w.src, marker: &c.marker}
	f.children(n, Span{})
	return merged(f.spans)
}

// merged joins neighbours of one style and drops empty spans.
func merged(spans []Span) []Span {
	var out []Span
	var run strings.Builder
	for i, s := range spans {
		run.WriteString(s.Text)
		if i+1 < len(spans) && spans[i+1].Style == s.Style && spans[i+1].Link == s.Link && !spans[i+1].Column && !s.Column {
			continue
		}
		if run.Len() > 0 {
			s.Text = run.String()
			out = append(out, s)
		}
		run.Reset()
	}
	return out
}

// plainText resolves what a text's backslashes and entities stand for.
func plainText(raw []byte) string {
	if !bytes.ContainsAny(raw, `\&`) {
		return string(raw)
	}
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	gmhtml.DefaultWriter.Write(w, raw)
	_ = w.Flush() // into memory
	return clean(html.UnescapeString(b.String()))
}
