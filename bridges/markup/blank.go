package markup

import (
	"strings"
	"unicode"
)

// Blank reports whether s shows nothing: only spaces, and characters that have no width of their own. Platforms refuse a message of
// such text as empty.
func Blank(s string) bool { return strings.IndexFunc(s, visible) < 0 }

func visible(r rune) bool {
	if r > ' ' && r < 0x7f {
		return true
	}
	switch r {
	case 0x115f, 0x1160, 0x17b4, 0x17b5, 0x2800, 0x3164, 0xffa0, 0xfffc: // fillers, the empty Braille pattern, the object's place
		return false
	}
	return !unicode.IsSpace(r) && unicode.IsGraphic(r) && !unicode.In(r, unicode.Z, unicode.M)
}

// Units is the length of s in UTF-16 units, in which platforms count.
func Units(s string) int {
	n := 0
	for _, r := range s {
		n += unitsOf(r)
	}
	return n
}

func unitsOf(r rune) int {
	if r > 0xffff {
		return 2
	}
	return 1
}
