package bridgetest

import (
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Telegram's limits: https://core.telegram.org/bots/api#sendmessage, #sendvoice, "Sending files".
const (
	maxText    = 4096     // UTF-16 units after entities parsing
	maxCaption = 1024     // likewise
	maxRaw     = 1 << 15  // bytes with the mark-up
	maxUpload  = 50 << 20 // bytes of a file
)

// utf16Len counts what Telegram counts.
func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n += max(1, utf16.RuneLen(r))
	}
	return n
}

// formatted is a text as people see it.
type formatted struct {
	text     string
	entities []wireEntity
}

// format parses and cleans a message's text or caption; limit is in UTF-16 units of the result.
func format(raw, mode string, limit int, tooLong string) (formatted, *answer) {
	if len(raw) > maxRaw {
		return formatted{}, badRequest("text is too long")
	}
	if !utf8.ValidString(raw) {
		return formatted{}, badRequest("strings must be encoded in UTF-8")
	}
	f := formatted{text: raw}
	switch strings.ToLower(mode) {
	case "", "none":
	case "html":
		var err error
		if f.text, f.entities, err = parseHTML(raw); err != nil {
			return f, badRequest("can't parse entities: " + err.Error())
		}
	case "markdown", "markdownv2":
		return f, badRequest("the simulator has no Markdown parse modes")
	default:
		return f, badRequest("unsupported parse_mode")
	}
	f.clean()
	if utf16Len(f.text) > limit {
		return f, badRequest(tooLong)
	}
	return f, nil
}

// TelegramText is what Telegram makes of a message's text: what people see, and how. The error is Telegram's description of why it
// refuses the text. Tests of rendering use it without a server.
func TelegramText(raw, parseMode string) (visible string, entities []Entity, err error) {
	if raw == "" {
		return "", nil, entityError("Bad Request: message text is empty")
	}
	f, refused := format(raw, parseMode, maxText, "message is too long")
	switch {
	case refused != nil:
		return "", nil, entityError(refused.description)
	case f.text == "":
		return "", nil, entityError("Bad Request: text must be non-empty")
	}
	return f.text, shown(f.entities), nil
}

// shown makes the entities that tests see.
func shown(entities []wireEntity) []Entity {
	var list []Entity
	for _, e := range entities {
		list = append(list, Entity{e.Type, e.Offset, e.Length, e.URL, e.Language})
	}
	return list
}

// clean does to the visible text what Telegram does: carriage returns vanish, control characters become spaces, space around the text
// is cut off. Entities move along.
func (f *formatted) clean() {
	var b strings.Builder
	shift := make([]int, 0, 8) // positions, in units of the old text, of which a unit was removed
	at := 0
	for _, r := range f.text {
		switch {
		case r == '\r':
			shift = append(shift, at)
		case r < ' ' && r != '\n':
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
		at += max(1, utf16.RuneLen(r))
	}
	text := strings.TrimRightFunc(b.String(), unicode.IsSpace)
	cut := strings.TrimLeftFunc(text, unicode.IsSpace)
	lead, length := utf16Len(text)-utf16Len(cut), utf16Len(cut)
	f.text = cut
	kept := f.entities[:0]
	for _, e := range f.entities {
		start := min(max(moved(e.Offset, shift)-lead, 0), length)
		end := min(max(moved(e.Offset+e.Length, shift)-lead, 0), length)
		if e.Offset, e.Length = start, end-start; e.Length > 0 {
			kept = append(kept, e)
		}
	}
	f.entities = kept
}

// moved is where a position comes to lie when the units at removed are gone.
func moved(at int, removed []int) int {
	n := 0
	for _, r := range removed {
		if r < at {
			n++
		}
	}
	return at - n
}

// entitiesOf finds what Telegram marks in a text that a person writes: @names and /commands at the start of a word, and the names of
// mentioned people who have no @name.
func entitiesOf(text string, named []*User) []wireEntity {
	var list []wireEntity
	units, prev := 0, ' '
	for i, r := range text {
		if kind := wordKind(r); kind != "" && !wordRune(prev) && prev != '/' && prev != '@' {
			if n := wordLen(text[i+1:], kind == "bot_command"); n > 0 {
				list = append(list, wireEntity{Type: kind, Offset: units, Length: n + 1})
			}
		}
		units, prev = units+max(1, utf16.RuneLen(r)), r
	}
	for _, u := range named {
		if i := strings.Index(text, u.Name); i >= 0 && u.Name != "" {
			w := u.wire()
			list = append(list, wireEntity{Type: "text_mention", Offset: utf16Len(text[:i]), Length: utf16Len(u.Name), User: &w})
		}
	}
	return list
}

func wordKind(r rune) string {
	switch r {
	case '@':
		return "mention"
	case '/':
		return "bot_command"
	}
	return ""
}

func wordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' }

// wordLen is how many ASCII letters, digits and underscores s begins with, for a command also its @name.
func wordLen(s string, at bool) int {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if isLetter(c) || '0' <= c && c <= '9' || c == '_' || at && c == '@' && i > 0 {
			continue
		}
		return i
	}
	return len(s)
}
