package markup

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Web writes HTML for a page that others' text must do nothing to. All that was not Markdown is text in it; there are only the elements
// p, h3 to h6 (a page has its own h1 and h2), ul, ol, li, blockquote, pre, code, hr, br, table, thead, tbody, tr, th, td, strong, em, u,
// s and a, and only the attributes class="language-…" on code, start on ol, and href, rel and target on a. An image is a link to
// it, so nothing is loaded before somebody asks for it. Links are of the web or of mail, and lead out of the page without telling where from.
//
// There is no limit: Split with it returns at most one piece, and Write takes a Doc as Parse returns it just as well.
type Web struct{}

var _ Format = Web{}

// Limit is none that a text reaches.
func (Web) Limit() Size { return Size{Units: math.MaxInt32} }

// Size is nothing, since nothing is too long.
func (Web) Size(Block) Size { return Size{} }

// Disarm returns text as it is: a page pings nobody.
func (Web) Disarm(text string) string { return text }

// Write writes all of doc. Each element is closed, whatever doc is, so that the HTML can stand in any block of a page.
func (Web) Write(doc Doc) string {
	var w webWriter
	for _, b := range doc {
		w.nest(b)
		w.block(b)
	}
	w.endTable()
	w.leave(0)
	return w.out.String()
}

type webWriter struct {
	tagWriter
	nested string // the quotes and lists that are open, as in Block.Nest
	number []int  // for each of them the number of its item, noNumber where it has none
	table  Row    // NoRow outside of tables, else the part of one that is open
}

// nest closes and opens quotes, lists and items until those are open that b stands in.
func (w *webWriter) nest(b Block) {
	if b.Row != BodyRow || b.Marker != "" || b.Nest != w.nested {
		w.endTable()
	}
	same := 0
	for same < len(w.nested) && same < len(b.Nest) && w.nested[same] == b.Nest[same] {
		same++
	}
	if b.Marker == "" || same < len(b.Nest) || same == 0 || b.Nest[same-1] == nestQuote[0] {
		w.leave(same)
	} else {
		w.item(same, markerNumber(b))
	}
	for len(w.nested) < len(b.Nest) {
		number := noNumber
		if len(w.nested)+1 == len(b.Nest) {
			number = markerNumber(b)
		}
		w.enterNest(b.Nest[len(w.nested)], number)
	}
}

// item begins another item of the list that is the depth'th of what is open, or of a new list where the numbers do not go on.
func (w *webWriter) item(depth, number int) {
	w.leave(depth)
	if last := w.number[depth-1]; number != noNumber && last != noNumber && number != last+1 {
		w.leave(depth - 1)
		return
	}
	w.number[depth-1] = number
	w.out.WriteString("</li><li>")
}

func (w *webWriter) enterNest(kind byte, number int) {
	switch kind {
	case nestQuote[0]:
		w.out.WriteString("<blockquote>")
	case nestNumbers[0]:
		if number != noNumber && number != 1 {
			fmt.Fprintf(&w.out, `<ol start="%d"><li>`, number)
		} else {
			w.out.WriteString("<ol><li>")
		}
	default:
		w.out.WriteString("<ul><li>")
	}
	w.nested += string(kind)
	w.number = append(w.number, number)
}

// leave closes all but the outermost depth of what is open.
func (w *webWriter) leave(depth int) {
	for len(w.nested) > depth {
		last := len(w.nested) - 1
		switch w.nested[last] {
		case nestQuote[0]:
			w.out.WriteString("</blockquote>")
		case nestNumbers[0]:
			w.out.WriteString("</li></ol>")
		default:
			w.out.WriteString("</li></ul>")
		}
		w.nested, w.number = w.nested[:last], w.number[:last]
	}
}

const noNumber = -1

// markerNumber is the number that opens an item, noNumber where it has another sign.
func markerNumber(b Block) int {
	n, err := strconv.Atoi(strings.TrimRight(b.Marker, ".)"))
	if err != nil || n < 0 || n > math.MaxInt32 {
		return noNumber
	}
	return n
}

func (w *webWriter) block(b Block) {
	if b.Row != NoRow {
		w.row(b)
		return
	}
	switch b.Kind {
	case Code:
		w.code(b)
	case Rule:
		w.out.WriteString("<hr>")
	case Heading:
		w.element("h"+strconv.Itoa(min(max(b.Level, 1)+2, 6)), b.Spans)
	default:
		w.paragraph(b)
	}
}

// paragraph writes b without a margin of its own where it opens an item.
func (w *webWriter) paragraph(b Block) {
	if b.Marker == "" {
		w.element("p", b.Spans)
		return
	}
	if b.Marker == "☐" || b.Marker == "☑" {
		w.out.WriteString(b.Marker + " ")
	}
	w.spans(b.Spans, 0)
}

func (w *webWriter) element(name string, spans []Span) {
	w.out.WriteString("<" + name + ">")
	w.spans(spans, 0)
	w.out.WriteString("</" + name + ">")
}

func (w *webWriter) code(b Block) {
	w.out.WriteString("<pre><code")
	if b.Lang != "" && len(b.Lang) <= maxLanguage && strings.IndexFunc(b.Lang, notInLanguage) < 0 {
		w.out.WriteString(` class="language-` + b.Lang + `"`)
	}
	w.out.WriteString(">")
	for _, s := range b.Spans {
		w.out.WriteString(escape(s.Text))
	}
	w.out.WriteString("</code></pre>")
}

// row writes a row, and the beginning of the table or of its body where the row before was not of it.
func (w *webWriter) row(b Block) {
	cell, plain := "td", Style(0)
	if b.Row == HeadRow {
		cell, plain = "th", Bold // which a page's th is already
	}
	switch {
	case b.Row == HeadRow:
		w.out.WriteString("<table><thead>")
	case w.table == NoRow:
		w.out.WriteString("<table><tbody>")
	case w.table == HeadRow:
		w.out.WriteString("</thead><tbody>")
	}
	w.table = b.Row
	w.out.WriteString("<tr><" + cell + ">")
	from := 0
	for i, s := range b.Spans {
		if s.Column {
			w.spans(b.Spans[from:i], plain)
			w.out.WriteString("</" + cell + "><" + cell + ">")
			from = i + 1
		}
	}
	w.spans(b.Spans[from:], plain)
	w.out.WriteString("</" + cell + "></tr>")
}

func (w *webWriter) endTable() {
	switch w.table {
	case HeadRow:
		w.out.WriteString("</thead></table>")
	case BodyRow:
		w.out.WriteString("</tbody></table>")
	}
	w.table = NoRow
}
