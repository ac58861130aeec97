package markup

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A dialect is how a platform writes a line of text with its signs for styles.
type dialect struct {
	signs []sign

	// escape writes text, which has neither line breaks nor blank space at its ends, so that it means nothing. before is what stands
	// in front of it: 0 at the beginning of a line.
	escape func(text string, before rune) string
	// code writes code within a line, false where that cannot be done.
	code func(text string) (string, bool)
	// clash are the characters that would end a style even in code, which then has none.
	clash string
	// link writes a link, false where its address has to stand behind the text. follows is the text behind the link.
	link func(text, url, follows string) (string, bool)
	// note writes the address that stands behind a text.
	note func(url string) string
	// joint returns what is put between two parts of a line of which one is a sign, so that it is read as one; nil for nothing.
	joint func(before, after part) string
	// flanks reports whether a sign is read as one between what is outside and inside of what it is around; nil if it always is.
	flanks func(outside, inside rune) bool
}

// A part of a line is a sign or what is between signs. A joint sees the one before by its last character, the other by its first.
type part struct {
	kind partKind
	edge rune
}

type partKind uint8

const (
	inner partKind = iota
	opener
	closer
)

type sign struct {
	style Style
	text  string
}

// A token is a piece of a line: blank space, or what has one style and is written already.
type token struct {
	text  string
	style Style
	blank bool
}

// spans writes spans; prefix stands behind each of their line breaks. No style goes over the end of a line.
func (d dialect) spans(spans []Span, prefix string) string {
	var out strings.Builder
	var line []token
	before := rune(0)
	end := func() {
		d.line(&out, d.flanked(line))
		line, before = line[:0], 0
	}
	add := func(text string, style Style, raw bool) {
		for i, part := range strings.Split(text, "\n") {
			if i > 0 {
				end()
				out.WriteString("\n" + prefix)
			}
			line = d.tokens(line, part, style, raw, before)
			if part != "" {
				before = lastRune(part)
			}
			if Blank(part) && len(line) == 1 {
				before = 0
			}
		}
	}
	for i := 0; i < len(spans); {
		n := i + 1
		for spans[i].Link != "" && n < len(spans) && spans[n].Link == spans[i].Link {
			n++
		}
		d.group(spans[i:n], spans[n:], add)
		i = n
	}
	end()
	return out.String()
}

// group adds spans of one link, or one span of none.
func (d dialect) group(spans, behind []Span, add func(text string, style Style, raw bool)) {
	url := spans[0].Link
	if url != "" {
		var label, follows strings.Builder
		style := ^Style(0)
		for _, s := range spans {
			label.WriteString(s.Text)
			style &= s.Style
		}
		for _, s := range behind {
			follows.WriteString(s.Text)
			if follows.Len() > 8 {
				break
			}
		}
		if text, ok := d.link(label.String(), url, follows.String()); ok {
			add(text, style&^Mono, true)
			return
		}
	}
	for _, s := range spans {
		if s.Style&Mono != 0 && !Blank(s.Text) {
			if code, ok := d.code(s.Text); ok {
				if strings.ContainsAny(code, d.clash) {
					s.Style = 0
				}
				add(code, s.Style&^Mono, true)
				continue
			}
		}
		add(s.Text, s.Style&^Mono, false)
	}
	if url != "" {
		add(" "+d.note(url), 0, true)
	}
}

// tokens parts text into blank space and what stands between.
func (d dialect) tokens(line []token, text string, style Style, raw bool, before rune) []token {
	core := strings.TrimLeftFunc(text, unicode.IsSpace)
	if n := len(text) - len(core); n > 0 {
		line = append(line, token{text: text[:n], style: style, blank: true})
		if before != 0 {
			before = ' '
		}
	}
	if core == "" {
		return line
	}
	rest := strings.TrimRightFunc(core, unicode.IsSpace)
	written := rest
	if !raw {
		written = d.escape(rest, before)
	}
	line = append(line, token{text: written, style: style})
	if len(rest) < len(core) {
		line = append(line, token{text: core[len(rest):], style: style, blank: true})
	}
	return line
}

// line writes tokens with signs around what has a style. What runs longest is opened first, so that as little as can be is closed only
// to be opened again.
func (d dialect) line(out *strings.Builder, line []token) {
	w := lineWriter{dialect: d, out: out}
	for i, t := range line {
		if t.blank {
			if i > 0 || d.flanks == nil { // what is indented could be code
				w.close(t.style)
				w.blank += t.text
			}
			continue
		}
		w.close(t.style)
		w.write(w.blank, inner)
		w.blank = ""
		for style := w.longest(line[i:]); style.style != 0; style = w.longest(line[i:]) {
			w.write(style.text, opener)
			w.open = append(w.open, style)
		}
		w.write(t.text, inner)
	}
	w.close(0)
	out.WriteString(w.blank)
}

type lineWriter struct {
	dialect
	out   *strings.Builder
	open  []sign
	blank string // is written before what follows, behind the signs that end
	last  part   // what was written last
}

func (w *lineWriter) write(text string, kind partKind) {
	if text == "" {
		return
	}
	if w.joint != nil && w.last.edge != 0 && (kind != inner || w.last.kind != inner) {
		w.out.WriteString(w.joint(w.last, part{kind, firstRune(text)}))
	}
	w.out.WriteString(text)
	w.last = part{kind, lastRune(text)}
}

// close closes what is not in want, and what was opened within it.
func (w *lineWriter) close(want Style) {
	keep := 0
	for keep < len(w.open) && want&w.open[keep].style != 0 {
		keep++
	}
	for i := len(w.open) - 1; i >= keep; i-- {
		w.write(w.open[i].text, closer)
	}
	w.open = w.open[:keep]
}

// longest returns what line's first token has to open next.
func (w *lineWriter) longest(line []token) (best sign) {
	var opened Style
	for _, s := range w.open {
		opened |= s.style
	}
	most := 0
	for _, s := range w.signs {
		n := 0
		for n < len(line) && line[n].style&s.style != 0 {
			n++
		}
		if s.style&opened == 0 && line[0].style&s.style != 0 && n > most {
			best, most = s, n
		}
	}
	return best
}

// flanked takes styles away where their signs would be read as text.
func (d dialect) flanked(line []token) []token {
	if d.flanks == nil {
		return line
	}
	for _, s := range d.signs {
		for i := 0; i < len(line); i++ {
			if line[i].blank || line[i].style&s.style == 0 {
				continue
			}
			from, to := i, i+1
			for n := to; n < len(line) && line[n].style&s.style != 0; n++ {
				if !line[n].blank {
					to = n + 1
				}
			}
			if !d.flank(line, from-1, from, s) || !d.flank(line, to, to-1, s) {
				for n := from; n < to; n++ {
					line[n].style &^= s.style
				}
			}
			i = to - 1
		}
	}
	return line
}

// flank looks at one end of what has a style: inside is its last token there, outside the one beside it.
func (d dialect) flank(line []token, outside, inside int, s sign) bool {
	if outside < 0 || outside >= len(line) || line[outside].blank {
		return edge(line[inside].text, outside > inside) != firstRune(s.text)
	}
	if others := (line[inside].style ^ line[outside].style) &^ s.style; others != 0 {
		return false
	}
	before, after := edge(line[outside].text, outside < inside), edge(line[inside].text, outside > inside)
	own := firstRune(s.text)
	return before != own && after != own && d.flanks(before, after)
}

// ordinary reports quickly whether text has none of signs in it and cannot be the beginning of anything.
func ordinary(text string, before rune, signs string) bool {
	return (before != 0 || unicode.IsLetter(firstRune(text))) && !strings.ContainsAny(text, signs)
}

// edge is the first or the last character of s.
func edge(s string, last bool) rune {
	if last {
		return lastRune(s)
	}
	return firstRune(s)
}

func firstRune(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

func lastRune(s string) rune {
	r, _ := utf8.DecodeLastRuneInString(s)
	return r
}
