package telegram

import (
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"avatarbridge/bridges"
)

// words fills e with what m says, and whether it is said to the bot. It reports false for a command to another bot.
func (l *listener) words(m *message, e *bridges.Event) bool {
	text, entities := m.Text, m.Entities
	if text == "" {
		text, entities = m.Caption, m.CaptionEntities
	}
	e.Text = strings.TrimSpace(text)
	e.Addressed = e.Place.Direct || l.answered(m)
	for _, n := range entities {
		start, end, ok := cut(text, n.Offset, n.Length)
		if !ok {
			continue
		}
		opens := strings.TrimSpace(text[:start]) == ""
		switch {
		case n.Type == "bot_command" && opens:
			if !l.command(text[start:end], text[end:], e) {
				return false
			}
		case l.mentioned(n, text[start:end]):
			e.Addressed = true
			if opens {
				e.Text = behindMention(text[end:], e.Text)
			}
		}
	}
	return true
}

// answered reports whether m answers a message of the bot. Each message of a topic formally answers the one that opened the topic.
func (l *listener) answered(m *message) bool {
	r := m.ReplyTo
	return r != nil && r.From != nil && r.From.ID == l.me.ID && len(r.TopicCreated) == 0 && !(m.IsTopic && r.ID == m.Thread)
}

func (l *listener) mentioned(n entity, word string) bool {
	switch n.Type {
	case "mention":
		return strings.EqualFold(word, "@"+l.me.Username)
	case "text_mention":
		return n.User != nil && n.User.ID == l.me.ID
	}
	return false
}

// command reads "/name@bot arguments". It reports false when it is for another bot. A command that is not the program's own stays text.
func (l *listener) command(word, rest string, e *bridges.Event) bool {
	name, bot, named := strings.Cut(strings.TrimPrefix(word, "/"), "@")
	if named {
		if !strings.EqualFold(bot, l.me.Username) {
			return false
		}
		e.Addressed = true
	}
	switch name = strings.ToLower(name); name {
	case "start", "reset", "mute", "unmute":
		e.Kind, e.Command, e.Text = bridges.Command, name, strings.TrimSpace(rest)
	}
	return true
}

// behindMention is the text behind the mention that opens it, or whole when there is none.
func behindMention(rest, whole string) string {
	rest = strings.TrimLeftFunc(rest, func(r rune) bool { return unicode.IsSpace(r) || r == ',' || r == ':' })
	if rest = strings.TrimSpace(rest); rest == "" {
		return whole
	}
	return rest
}

// cut turns a place in UTF-16 units into one in bytes; false when it is not in s.
func cut(s string, offset, length int) (start, end int, ok bool) {
	if offset < 0 || length <= 0 {
		return 0, 0, false
	}
	start, end = -1, -1
	at := 0
	for i, r := range s {
		if at == offset {
			start = i
		}
		if at == offset+length {
			end = i
			break
		}
		at += max(utf16.RuneLen(r), utf16.RuneLen(utf8.RuneError))
	}
	if end < 0 && at == offset+length {
		end = len(s)
	}
	return start, end, start >= 0 && end > start
}
