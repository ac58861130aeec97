package openai

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"avatarbridge/bridges/fault"
)

// maxReply is how long a reply may be. A model that writes more is caught in a loop.
const maxReply = 64 << 10

// reply makes the text to say of an answer.
func (b *Backend) reply(a *answer) (string, error) {
	said := a.text.end()
	if len(said) > maxReply {
		said, a.early = strings.ToValidUTF8(said[:maxReply], ""), errTooLong
	}
	cut, ok := whole(said)
	switch {
	case said == "" && a.finish == "length" && b.cfg.MaxTokens > 0:
		return "", fault.Kill("the model used all of max_tokens for thinking and said nothing: raise max_tokens", nil)
	case a.early != nil && !ok:
		return "", &fault.Outcome{Reason: b.base.Host + " began no sentence that it ended", Err: a.early}
	case said == "" && a.finish == "content_filter":
		return "", fault.Kill("the content filter of "+b.base.Host+" let nothing of the reply through: change prompt if it does so often", nil)
	case said == "":
		return "", &fault.Outcome{Reason: b.base.Host + " answered with an empty reply"}
	case a.early != nil:
		b.log.Warn("a reply did not end; it is said as far as its last whole sentence", "err", a.early)
		return cut, nil
	case a.finish == "length" && ok:
		return cut, nil
	}
	return said, nil
}

// wholeSentences cuts prose back to the end of its last sentence or paragraph. ok is false when it has none.
func wholeSentences(s string) (whole string, ok bool) {
	s = strings.TrimRightFunc(s, unicode.IsSpace)
	for i := len(s); i > 0; {
		r, size := utf8.DecodeLastRuneInString(s[:i])
		if i -= size; ends(s, i, size, r) {
			end := i + size
			for end < len(s) {
				c, n := utf8.DecodeRuneInString(s[end:])
				if !strings.ContainsRune(closers, c) {
					break
				}
				end += n
			}
			return strings.TrimSpace(s[:end]), true
		}
	}
	return "", false
}

// closers are what stands behind a sentence and belongs to it.
const closers = "\"'”’»›)]*_」』）"

// ends reports whether the rune r at i, of some size, is the end of a sentence, or an empty line behind a paragraph.
func ends(s string, i, size int, r rune) bool {
	switch r {
	case '。', '！', '？', '｡', '।', '۔', '؟':
		return true
	case '.':
		return endsAtDot(s[:i], s[i+1:])
	case '!', '?', '…':
		behind := first(strings.TrimLeft(s[i+size:], closers+".!?…"))
		return behind == 0 || unicode.IsSpace(behind)
	case '\n':
		before := strings.TrimRightFunc(s[:i], unicode.IsSpace)
		return strings.HasPrefix(s[i:], "\n\n") && before != "" && !strings.HasSuffix(before, ":")
	}
	return false
}

// endsAtDot tells a sentence's end from what opens a list's item, and from a number that may go on.
func endsAtDot(before, behind string) bool {
	next := first(strings.TrimLeft(behind, closers+".!?…"))
	if next != 0 && !unicode.IsSpace(next) {
		return false
	}
	rest := strings.TrimRight(before, "0123456789")
	if len(rest) == len(before) {
		return strings.TrimSpace(rest) != ""
	}
	rest = strings.TrimRight(rest, " \t")
	return next != 0 && rest != "" && !strings.HasSuffix(rest, "\n")
}

// first is the first rune of s, 0 if there is none.
func first(s string) rune {
	if s == "" {
		return 0
	}
	r, _ := utf8.DecodeRuneInString(s)
	return r
}
