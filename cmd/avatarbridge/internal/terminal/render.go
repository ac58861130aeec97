package terminal

import (
	"strings"

	"avatarbridge/bridges"
)

const (
	eraseLine = "\r\x1b[K"
	plain     = "\x1b[0m"
	strong    = "\x1b[1;36m"
	faint     = "\x1b[2m"
)

// render writes a message as plain text: Markdown is made to be read as it is. A sound that the program keeps itself has an address only
// where there is a public URL; beside a text it is left out without one.
func render(m bridges.Message) string {
	var lines []string
	text := strings.Trim(clean(m.Text), "\n")
	if m.Emotion != "" {
		text = strings.TrimRight("("+clean(m.Emotion)+") "+text, " ")
	}
	if text != "" {
		lines = append(lines, text)
	}
	switch {
	case m.Audio == nil:
	case m.Audio.Link != "":
		lines = append(lines, "♪ "+clean(m.Audio.Link))
	case text == "": // there must be something to show
		lines = append(lines, "♪ (a sound, which a terminal does not play)")
	}
	if m.Animation != "" {
		lines = append(lines, "▶ "+clean(m.Animation))
	}
	return strings.Join(lines, "\n")
}

// clean makes a text that an avatar wrote harmless for a terminal: no escape sequences and other control characters, which could change its
// colours, title or clipboard, and no characters that turn the direction of what follows.
func clean(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r':
			return '\n'
		case r < ' ' || r >= 0x7f && r < 0xa0: // C0, DEL, C1
			return -1
		case r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069: // directional overrides and isolates
			return -1
		}
		return r
	}, s)
}

func (t *Terminal) bold(s string) string {
	if !t.cfg.Color {
		return s
	}
	return strong + s + plain
}

func (t *Terminal) dim(s string) string {
	if !t.cfg.Color {
		return s
	}
	return faint + s + plain
}

// mark is where the person writes; nothing when nobody sits there.
func (t *Terminal) mark() string {
	if !t.cfg.Color {
		return ""
	}
	return t.dim("> ")
}
