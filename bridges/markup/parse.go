package markup

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// syntax is CommonMark with strikethrough, tables, task lists and bare URLs. It leaves out HTML, since an avatar that writes "<b>"
// means these three characters, and link definitions, since one that nothing refers to would vanish.
var syntax = parser.NewParser(
	parser.WithBlockParsers(
		util.Prioritized(parser.NewSetextHeadingParser(), 100),
		util.Prioritized(parser.NewThematicBreakParser(), 200),
		util.Prioritized(parser.NewListParser(), 300),
		util.Prioritized(parser.NewListItemParser(), 400),
		util.Prioritized(parser.NewCodeBlockParser(), 500),
		util.Prioritized(parser.NewATXHeadingParser(), 600),
		util.Prioritized(parser.NewFencedCodeBlockParser(), 700),
		util.Prioritized(parser.NewBlockquoteParser(), 800),
		util.Prioritized(parser.NewParagraphParser(), 1000),
	),
	parser.WithInlineParsers(
		util.Prioritized(extension.NewTaskCheckBoxParser(), 0),
		util.Prioritized(parser.NewCodeSpanParser(), 100),
		util.Prioritized(parser.NewLinkParser(), 200),
		util.Prioritized(parser.NewAutoLinkParser(), 300),
		util.Prioritized(parser.NewEmphasisParser(), 500),
		util.Prioritized(extension.NewStrikethroughParser(), 500),
		util.Prioritized(extension.NewLinkifyParser(extension.WithLinkifyAllowedProtocols([]string{"http:", "https:"})), 999),
	),
	parser.WithParagraphTransformers(
		util.Prioritized(wholeTables{extension.NewTableParagraphTransformer()}, 200),
	),
)

// Parse reads Markdown. Any text is valid: invalid UTF-8 and control characters are replaced or left out, and a text that would take
// too long to read as Markdown is taken as it stands. It takes a few times as long as copying the text, whatever the text is.
func Parse(markdown string) Doc {
	src := clean(markdown)
	if d, ok := prose(src); ok {
		return d
	}
	if hostile(src) {
		return literal(src)
	}
	return read(src)
}

// read parses src. Should the parser, which is not ours, have a flaw that some text brings out, that text is shown as it stands, and so is
// a text that is nothing but markup.
func read(src string) (d Doc) {
	defer func() {
		if recover() != nil {
			d = literal(src)
		}
	}()
	w := &walker{src: []byte(src + "\n")} // without a line break at its end the parser loses the last letter of a fence's line
	w.blocks(syntax.Parse(text.NewReader(w.src)), context{})
	if w.doc.blank() {
		return literal(src) // nothing, where src is blank
	}
	return w.doc
}

// clean makes s valid UTF-8 with "\n" as its only line break, and without control characters.
func clean(s string) string {
	s = strings.ToValidUTF8(s, string(utf8.RuneError))
	if strings.IndexFunc(s, control) < 0 {
		return s
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\r' || r == '\u2028' || r == '\u2029':
			return '\n'
		case control(r):
			return -1
		}
		return r
	}, s)
}

func control(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' || r == '\u2028' || r == '\u2029'
}

// literal makes paragraphs of s without reading it as Markdown.
func literal(s string) Doc {
	var d Doc
	for p := range strings.SplitSeq(s, "\n\n") {
		if p = strings.Trim(p, "\n"); !Blank(p) {
			d = append(d, Block{Spans: []Span{{Text: p}}})
		}
	}
	return d
}
