package markup

import (
	"bytes"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// wholeTables leaves a paragraph what it is where a table would show less of it, as it drops the cells of a row that is wider than the
// head, or would be too large: a narrow paragraph of many lines below a wide head has rows times columns cells.
type wholeTables struct{ parser.ParagraphTransformer }

const maxCells = 20_000

// Transform makes a table of node where it is one.
func (t wholeTables) Transform(node *ast.Paragraph, r text.Reader, pc parser.Context) {
	lines := node.Lines()
	columns, widest := 0, 0
	for i, seg := range lines.Sliced(0, lines.Len()) {
		line := seg.Value(r.Source())
		widest = max(widest, bytes.Count(line, []byte{'|'})+1)
		switch {
		case i == 0: // at most the head
		case columns == 0:
			columns = delimiters(line)
		case cells(line) > columns:
			return
		}
	}
	if columns > 0 && widest*lines.Len() <= maxCells {
		t.ParagraphTransformer.Transform(node, r, pc)
	}
}

// delimiters counts the columns of the line below a table's head, as the parser does: 0 when line is none.
func delimiters(line []byte) int {
	if indent, _ := util.IndentWidth(line, 0); indent > 3 {
		return 0
	}
	columns := bytes.Split(line, []byte{'|'})
	if util.IsBlank(columns[0]) {
		columns = columns[1:]
	}
	if n := len(columns); n > 0 && util.IsBlank(columns[n-1]) {
		columns = columns[:n-1]
	}
	for _, c := range columns {
		c = bytes.TrimSuffix(bytes.TrimPrefix(util.TrimRightSpace(util.TrimLeftSpace(c)), []byte{':'}), []byte{':'})
		if len(c) == 0 || len(bytes.Trim(c, "-")) > 0 {
			return 0
		}
	}
	return len(columns)
}

// cells counts the cells of a row up to the last that is not blank, as the parser parts them.
func cells(line []byte) int {
	line = util.TrimRightSpace(util.TrimLeftSpace(line))
	line = bytes.TrimPrefix(line, []byte{'|'})
	n, last, from := 0, 0, 0
	for i := 0; i <= len(line); i++ {
		if i < len(line) && (line[i] != '|' || i > 0 && line[i-1] == '\\') {
			continue
		}
		n++
		if !util.IsBlank(line[from:i]) {
			last = n
		}
		from = i + 1
	}
	return last
}
