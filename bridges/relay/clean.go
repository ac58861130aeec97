package relay

import (
	"strings"
	"unicode"
)

// maxName is how many characters of a person's name an avatar is told.
const maxName = 64

// cleanName makes of a display name what an avatar may be told: letters, digits, marks, symbols such as emoji, and a little
// punctuation. Markup, quotes, control and bidirectional characters become spaces, so that a name cannot give orders or break a
// prompt's lines.
func cleanName(name string) string {
	var b strings.Builder
	n, space := 0, false
	for _, r := range strings.ToValidUTF8(name, " ") {
		if !nameRune(r) {
			space = true
			continue
		}
		if space && n > 0 && n < maxName {
			b.WriteByte(' ')
			n++
		}
		if space = false; n >= maxName {
			break
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}

func nameRune(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.So) || strings.ContainsRune("-.'’", r)
}

// cleanText makes valid UTF-8 without control characters, and trims white space around it.
func cleanText(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ReplaceAll(s, "\r\n", "\n"))
	return strings.TrimSpace(s)
}
