package markup

import (
	"strings"
	"unicode/utf8"
)

// prose reads a text in which nothing can be Markdown, which is what most replies are: paragraphs of lines that begin with a letter and have none
// of the characters that mean something. It makes what the parser would make of it, for a twentieth of the time; ok is false when the text may be
// something else.
func prose(src string) (d Doc, ok bool) {
	if !isProse(src) || strings.Contains(src, "://") || strings.Contains(src, "www.") {
		return nil, false
	}
	for p := range strings.SplitSeq(src, "\n\n") {
		d = append(d, Block{Spans: []Span{{Text: p}}})
	}
	return d, true
}

// isProse reports whether all lines of src begin with a letter, end with no blank, and have no character that may be markup. Empty lines stand alone
// and between others.
func isProse(src string) bool {
	start, last := true, byte('\n')
	for i := 0; i < len(src); i++ {
		c := src[i]
		switch {
		case c == '\n':
			if last == ' ' || start && (i < 2 || src[i-2] == '\n') {
				return false // a break by two blanks, or more than one empty line
			}
			start = true
		case start && !letter(c):
			return false
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRuneInString(src[i:])
			if !visible(r) {
				return false
			}
			start, i = false, i+size-1
		case !harmless[c]:
			return false
		default:
			start = false
		}
		last = c
	}
	return !start && last != ' '
}

// letter reports whether c is a letter of ASCII, or begins a character beyond it.
func letter(c byte) bool { return c >= utf8.RuneSelf || c|0x20 >= 'a' && c|0x20 <= 'z' }

// harmless are the characters of ASCII that mean nothing to the parser in the middle of a line.
var harmless = func() (set [utf8.RuneSelf]bool) {
	for c := range set {
		set[c] = letter(byte(c)) || c >= '0' && c <= '9' || strings.IndexByte(` .,;:?!'"()/%$+-=`, byte(c)) >= 0
	}
	return set
}()
