package openai

import (
	"regexp"
	"strings"
	"unicode"
)

// tags are what models write around their thoughts when the server leaves them in the text.
var tags = []struct{ open, close string }{
	{"<think>", "</think>"}, {"<thinking>", "</thinking>"}, {"<thought>", "</thought>"}, {"[THINK]", "[/THINK]"},
}

// A screen lets through what an answer says, piece by piece, and keeps back what the model thinks. A thought begins a line, so that a reply can
// speak of the tags, and an unfinished one lasts to the end. The template of some models opens the thought, so that only its end is
// seen, alone at the beginning or the end of a line: all before it was thought. However a text is cut into pieces, what comes out is the same.
type screen struct {
	said   strings.Builder
	held   string // the end of what came, which may turn out to be a part of a tag
	close  string // what ends the thought; "" outside of one
	inLine bool   // something but blanks stands before held in its line
	tagged bool   // a thought was seen: another end without a beginning is mere text
	veiled bool   // its beginning was not
}

// write takes the next piece.
func (s *screen) write(piece string) {
	s.held += piece
	for s.step(false) {
	}
}

// end takes it that nothing more comes, and returns what was said.
func (s *screen) end() string {
	for s.step(true) {
	}
	return s.visible()
}

// visible is what was said so far, without blanks around it. It costs nothing.
func (s *screen) visible() string { return strings.TrimRightFunc(s.said.String(), unicode.IsSpace) }

// step takes the next part of what is held, and reports whether it may go on. At the end nothing is kept for what may still come.
func (s *screen) step(end bool) bool {
	switch {
	case s.held == "":
		return false
	case s.close != "":
		return s.think()
	case !s.inLine:
		return s.beginLine(end)
	}
	return s.goOn(end)
}

// think drops a thought.
func (s *screen) think() bool {
	_, behind, found := strings.Cut(s.held, s.close)
	if !found {
		s.held = s.held[len(s.held)-overlap(s.held, s.close):]
		return false
	}
	s.held, s.close, s.inLine = behind, "", false
	return true
}

// beginLine looks for a tag that begins a line.
func (s *screen) beginLine(end bool) bool {
	rest := strings.TrimLeft(s.held, " \t")
	partly := rest == ""
	for _, t := range tags {
		switch {
		case strings.HasPrefix(rest, t.open):
			s.held, s.close, s.tagged = rest[len(t.open):], t.close, true
			return true
		case !s.tagged && strings.HasPrefix(rest, t.close):
			s.unveil(rest[len(t.close):])
			return true
		}
		partly = partly || strings.HasPrefix(t.open, rest) || !s.tagged && strings.HasPrefix(t.close, rest)
	}
	if partly && !end {
		return false
	}
	s.inLine = true
	return true
}

// goOn lets the rest of a line through, up to a tag that may end it.
func (s *screen) goOn(end bool) bool {
	line, _, whole := strings.Cut(s.held, "\n")
	if !s.tagged {
		if at, tag := firstClose(line); tag != "" {
			after := line[at+len(tag):]
			switch {
			case strings.TrimSpace(after) == "" && (whole || end):
				s.unveil(s.held[at+len(tag):])
				return true
			case strings.TrimSpace(after) == "":
				return s.let(at)
			}
			return s.let(at + len(tag))
		}
		if !whole && !end {
			keep := 0
			for _, t := range tags {
				keep = max(keep, overlap(line, t.close))
			}
			s.let(len(line) - keep)
			return false
		}
	}
	if !whole {
		s.let(len(line))
		return false
	}
	s.let(len(line) + 1)
	s.inLine = false
	return true
}

// unveil drops all that was said: it was thought.
func (s *screen) unveil(rest string) {
	s.said.Reset()
	s.held, s.inLine, s.tagged, s.veiled = rest, false, true, true
}

// let says the first n bytes of what is held, and reports whether there were any.
func (s *screen) let(n int) bool {
	part := s.held[:n]
	s.held = s.held[n:]
	if s.said.Len() == 0 {
		part = strings.TrimLeftFunc(part, unicode.IsSpace)
	}
	s.said.WriteString(part)
	return n > 0
}

// firstClose finds the first end of a thought.
func firstClose(line string) (at int, tag string) {
	for _, t := range tags {
		if i := strings.Index(line, t.close); i >= 0 && (tag == "" || i < at) {
			at, tag = i, t.close
		}
	}
	return at, tag
}

// overlap is how many bytes at the end of s begin tag.
func overlap(s, tag string) int {
	for n := min(len(s), len(tag)-1); n > 0; n-- {
		if strings.HasSuffix(s, tag[:n]) {
			return n
		}
	}
	return 0
}

// withoutThoughts is what a whole answer says.
func withoutThoughts(s string) string {
	var all screen
	all.write(s)
	return all.end()
}

// thinkers are names of models that think before they answer.
var thinkers = regexp.MustCompile(`(?i)(^|[^a-z0-9])(r1|r1-zero|qwq|think|thinking|thinker|reason|reasoner|reasoning)([^a-z0-9]|$)`)

// thinks reports whether the name of a model says so.
func thinks(model string) bool { return thinkers.MatchString(model) }
