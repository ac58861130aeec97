package markup

import (
	"regexp"
	"strings"
	"unicode"
)

// Draft makes of the beginning of a Markdown text one that reads as the whole will: bold, italic and code whose end has not come yet are
// ended, of a link only its text is shown, and signs at the end that may become anything are left out. It is for text that grows while
// people see it; what is complete is written without it. It never adds anything but signs.
func Draft(markdown string) string {
	from := strings.LastIndexByte(markdown, '\n') + 1
	if fenced(markdown[:from]) {
		if strings.Trim(markdown[from:], "`~ \t>") == "" { // the beginning of the fence's end
			return strings.TrimSuffix(markdown[:from], "\n")
		}
		return markdown
	}
	if unclear.MatchString(markdown[from:]) {
		return strings.TrimRight(markdown[:from], "\n")
	}
	if fence := strings.TrimLeft(markdown[from:], " \t>"); strings.HasPrefix(fence, "```") || strings.HasPrefix(fence, "~~~") {
		return markdown[:from] // its language may not be whole
	}
	for from > 0 && !begins.MatchString(markdown[from:]) {
		before := strings.LastIndexByte(markdown[:from-1], '\n') + 1
		if Blank(markdown[before:from]) {
			break
		}
		from = before
	}
	if len(markdown)-from > maxDraft {
		return markdown
	}
	d := drafter{text: markdown[from:]}
	d.read()
	return markdown[:from] + d.ended()
}

// begins is the beginning of a line that does not go on with the paragraph above it.
var begins = regexp.MustCompile(`^[ \t>]*(?:[-*+] |[0-9]{1,9}[.)] |#{1,6} |\|)`)

// maxDraft bounds the paragraph that Draft looks at.
const maxDraft = 8192

// unclear is a line that holds nothing yet but what may begin a heading, a list, a quote, a rule, a table or a style.
var unclear = regexp.MustCompile("^[ \\t>]*(?:[-*+=_~`|#:!\\[ ]*|[0-9]{1,9}[.)]|[-*+] \\[[ xX]?\\]?)[ \\t]*$")

// fenced reports whether text, which ends with a line, ends inside of fenced code.
func fenced(text string) bool {
	open := ""
	for line := range strings.Lines(text) {
		line = strings.TrimLeft(line, " \t>")
		if open == "" {
			line = strings.TrimLeft(line, "-*+ ") // in an item
		}
		run := line[:len(line)-len(strings.TrimLeft(line, "`"))]
		if run == "" {
			run = line[:len(line)-len(strings.TrimLeft(line, "~"))]
		}
		switch rest := line[len(run):]; {
		case len(run) < 3:
		case open == "":
			if run[0] == '~' || !strings.Contains(rest, "`") {
				open = run
			}
		case run[0] == open[0] && len(run) >= len(open) && strings.TrimSpace(rest) == "":
			open = ""
		}
	}
	return open != ""
}

// A drafter looks through the last paragraph for what is open at its end.
type drafter struct {
	text string
	open []string // the signs of styles that are open
	code string   // the backticks of code that is open
	link []int    // where the brackets are that are open
}

func (d *drafter) read() {
	for i := 0; i < len(d.text); {
		switch d.text[i] {
		case '\\':
			i += 2
		case '`':
			i = d.inline(i)
		case '*', '_', '~':
			n := runAt(d.text, i)
			d.style(i, n)
			i += n
		case '[':
			d.link = append(d.link, i)
			i++
		case ']':
			i = d.bracket(i)
		default:
			i++
		}
	}
	if len(d.link) > 0 && len(d.text)-d.link[0] < maxLabel {
		d.label(len(d.text))
	}
}

// ended is the text with all ended that is open, before the blank space at its end.
func (d *drafter) ended() string {
	shown := strings.TrimRightFunc(d.text, unicode.IsSpace)
	if d.code != "" {
		shown = d.text
	}
	end := d.code
	for i := len(d.open) - 1; i >= 0; i-- {
		end += d.open[i]
	}
	return shown + end + d.text[len(shown):]
}

// maxLabel bounds what is taken for the text of a link that has not ended.
const maxLabel = 200

// runAt is the length of the run of one character that begins at i.
func runAt(s string, i int) int {
	n := 1
	for i+n < len(s) && s[i+n] == s[i] {
		n++
	}
	return n
}

// inline returns the end of the code that begins at i. Code of nothing yet is left out.
func (d *drafter) inline(i int) int {
	n := runAt(d.text, i)
	for j := i + n; j < len(d.text); {
		if d.text[j] != '`' {
			j++
			continue
		}
		run := runAt(d.text, j)
		if j += run; run == n {
			return j
		}
	}
	d.text = d.text[:i] + strings.TrimRight(d.text[i:], "`") // as the first of two that end it
	if len(d.text) < i+n || Blank(d.text[i+n:]) {
		d.text = d.text[:i]
	} else {
		d.code = strings.Repeat("`", n)
	}
	return len(d.text)
}

// style closes and opens what a run of n signs at i stands for. What is at the end may be half of one and is left out.
func (d *drafter) style(i, n int) {
	run, before, after := d.text[i:i+n], lastRune(d.text[:i]), firstRune(d.text[i+n:])
	if i > 0 && !unicode.IsSpace(before) {
		for len(d.open) > 0 && run != "" && strings.HasPrefix(run, d.open[len(d.open)-1]) {
			run = run[len(d.open[len(d.open)-1]):]
			d.open = d.open[:len(d.open)-1]
		}
	}
	if i+n == len(d.text) {
		d.text = d.text[:len(d.text)-len(run)]
		return
	}
	inWord := wordRune(before)
	if run == "" || len(run) > 3 || unicode.IsSpace(after) || inWord && (run[0] == '_' || !wordRune(after)) || run[0] == '~' && len(run) != 2 {
		return
	}
	if len(run) == 3 {
		d.open = append(d.open, run[:1])
		run = run[:2]
	}
	d.open = append(d.open, run)
}

// bracket returns where to go on behind a bracket that ends at i.
func (d *drafter) bracket(i int) int {
	if len(d.link) == 0 {
		return i + 1
	}
	rest := d.text[i+1:]
	if rest == "" || rest[0] == '(' && len(rest) < maxLink && !strings.ContainsAny(rest, ") \n") {
		d.label(i)
		return len(d.text)
	}
	d.link = d.link[:len(d.link)-1]
	if end := strings.IndexByte(rest, ')'); rest[0] == '(' && end >= 0 {
		return i + 1 + end // signs in an address are none
	}
	return i + 1
}

// label leaves of a link that has not ended its text alone, which ends at end.
func (d *drafter) label(end int) {
	at := d.link[0]
	d.text = strings.TrimSuffix(d.text[:at], "!") + strings.NewReplacer("![", "", "[", "").Replace(d.text[at+1:end])
	d.link = nil
}
