package markup

import (
	"strings"
	"unicode"
)

// Reply is an avatar's text with what is shown below it: its emotion, a line in italics, and a link to its animation. Either may be "".
func Reply(text, emotion, animation string) Doc {
	doc := Parse(text)
	if s := Line(emotion); s != "" {
		doc = append(doc, Block{Spans: []Span{{Text: s, Style: Italic}}})
	}
	if IsLink(animation) {
		doc = append(doc, linkLine("🎬 ", "Animation", animation))
	}
	return doc
}

// Sound is a line that links to the sound of a reply.
func Sound(url string) Block { return linkLine("🔊 ", "Audio", url) }

func linkLine(sign, label, url string) Block {
	if !Linkable(url) {
		return Block{Spans: []Span{{Text: sign + url}}} // too long for a link: people can copy it
	}
	return Block{Spans: []Span{{Text: sign}, {Text: label, Link: url}}}
}

// IsLink reports whether s is an address of the web, of whatever length.
func IsLink(s string) bool {
	return strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://")
}

// maxLine bounds a Line, in characters.
const maxLine = 64

// Line is a short s without line breaks and the like, "" where nothing of it is seen.
func Line(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if r := []rune(s); len(r) > maxLine {
		s = string(r[:maxLine]) + "…"
	}
	if Blank(s) {
		return ""
	}
	return strings.TrimSpace(s)
}
