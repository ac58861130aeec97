package openai

import (
	"strings"
	"unicode"
)

// A fence is the line that opens a block of code.
type fence struct {
	mark string // what closes it, with its indentation
	at   int    // where its line begins
	body int    // where the code begins
}

// whole cuts s back to the end of its last sentence, paragraph, or block of code. Code that was not closed keeps its whole lines and is
// closed. ok is false when nothing is left.
func whole(s string) (cut string, ok bool) {
	open, prose := fences(s)
	if open != nil {
		if code := s[:strings.LastIndexByte(s, '\n')+1]; len(code) > open.body && strings.TrimSpace(code[open.body:]) != "" {
			return strings.TrimRightFunc(code, unicode.IsSpace) + "\n" + open.mark, true
		}
		s = s[:open.at]
	}
	if cut, ok := wholeSentences(s[prose:]); ok {
		return strings.TrimSpace(s[:prose] + cut), true
	}
	cut = strings.TrimSpace(s[:prose])
	return cut, cut != ""
}

// fences finds the block of code that is open at the end of s, nil if none is, and where the prose after the last closed one begins.
func fences(s string) (open *fence, prose int) {
	at := 0
	for line := range strings.Lines(s) {
		bare := strings.TrimLeft(line, " \t")
		indent := line[:len(line)-len(bare)]
		mark := fenceMark(bare)
		at += len(line)
		switch rest := strings.TrimSpace(strings.TrimLeft(bare, "`~")); {
		case open == nil && mark != "" && (mark[0] == '~' || !strings.Contains(rest, "`")):
			open = &fence{mark: indent + mark, at: at - len(line), body: at}
		case open != nil && mark != "" && rest == "" && strings.HasPrefix(mark, strings.TrimLeft(open.mark, " \t")):
			open, prose = nil, at
		}
	}
	return open, prose
}

// fenceMark is the three or more of "`" or "~" with which a line begins, "" if it does not.
func fenceMark(line string) string {
	if line == "" || line[0] != '`' && line[0] != '~' {
		return ""
	}
	if n := len(line) - len(strings.TrimLeft(line, line[:1])); n >= 3 {
		return line[:n]
	}
	return ""
}
