package markup

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// border chooses where to cut text, at n bytes or before. What stands between end and next is blank, and dropped. In code only one
// line break is.
func border(text string, n int, code bool) (end, next int) {
	if i := strings.LastIndexByte(text[:min(n+1, len(text))], '\n'); i > 0 && (code || i >= n/2) {
		if code {
			if !Blank(text[:i]) {
				return i, i + 1
			}
		} else if end, next = trimmed(text, i); end > 0 {
			return end, next
		}
	}
	if !code {
		if i := sentence(text, n); i > 0 {
			return trimmed(text, i)
		}
		if i := space(text, n); i > 0 {
			return trimmed(text, i)
		}
	}
	i := grapheme(text, n)
	return i, i
}

// trimmed widens a cut at i over the blank space around it.
func trimmed(text string, i int) (end, next int) {
	end = len(strings.TrimRightFunc(text[:i], unicode.IsSpace))
	next = len(text) - len(strings.TrimLeftFunc(text[i:], unicode.IsSpace))
	return end, next
}

// sentence returns the end of the last sentence in the second half of text[:n], 0 for none.
func sentence(text string, n int) int {
	for i := n; i > n/2; {
		before, size := utf8.DecodeLastRuneInString(text[:i])
		if strings.ContainsRune("。！？｡", before) {
			return i
		}
		if after, _ := utf8.DecodeRuneInString(text[i:]); unicode.IsSpace(after) {
			s := strings.TrimRight(text[max(0, i-16):i], "\"')]}»”’*_")
			if r, _ := utf8.DecodeLastRuneInString(s); strings.ContainsRune(".!?…", r) {
				return i
			}
		}
		i -= size
	}
	return 0
}

// space returns the last place in text[:n+1] where words part, 0 for none.
func space(text string, n int) int {
	if after, _ := utf8.DecodeRuneInString(text[n:]); unicode.IsSpace(after) && !Blank(text[:n]) {
		return n
	}
	i := strings.LastIndexFunc(text[:n], unicode.IsSpace)
	if i > 0 && !Blank(text[:i]) {
		return i
	}
	return 0
}

// grapheme returns the last place in text[:n] that is not inside of what is seen as one character, n when there is none.
func grapheme(text string, n int) int {
	for i := n; i > 0; {
		before, size := utf8.DecodeLastRuneInString(text[:i])
		after, _ := utf8.DecodeRuneInString(text[i:])
		if !joined(text[:i], before, after) {
			return i
		}
		i -= size
	}
	return n
}

const joiner = '\u200d'

// joined reports whether after belongs to the character that head ends with. It knows marks, joined and coloured emoji, flags and
// Hangul letters, which is what people write.
func joined(head string, before, after rune) bool {
	switch {
	case before == joiner, after == joiner, unicode.In(after, unicode.M):
		return true
	case after >= 0x1f3fb && after <= 0x1f3ff, after >= 0xe0020 && after <= 0xe007f: // skin tones, tags
		return true
	case after >= 0x1160 && after <= 0x11ff: // Hangul vowels and finals
		return true
	case regional(before) && regional(after):
		n := 0
		for len(head) > 0 {
			r, size := utf8.DecodeLastRuneInString(head)
			if !regional(r) {
				break
			}
			head, n = head[:len(head)-size], n+1
		}
		return n%2 == 1
	}
	return false
}

func regional(r rune) bool { return r >= 0x1f1e6 && r <= 0x1f1ff }
