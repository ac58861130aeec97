package discord

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

var (
	userMention = regexp.MustCompile(`<@!?([0-9]{1,20})>`)
	customEmoji = regexp.MustCompile(`<a?(:[A-Za-z0-9_]{1,64}:)[0-9]{1,20}>`)
)

// mentioned reports whether m is said to the bot: it mentions it or its role, or answers what it said.
func (l *listener) mentioned(m *message) bool {
	if m.Referenced != nil && m.Type == messageReply && m.Referenced.Author != nil && m.Referenced.Author.ID == l.me.ID {
		return true
	}
	if yes, _ := l.called(m); yes {
		return true
	}
	return slices.ContainsFunc(m.Mentions, func(u mention) bool { return u.ID == l.me.ID }) && l.named(string(m.Content))
}

// named reports whether text names the bot. A reply to the bot counts as a mention in Discord's list, and is looked at by itself.
func (l *listener) named(text string) bool {
	return slices.ContainsFunc(userMention.FindAllStringSubmatch(text, -1), func(f []string) bool { return f[1] == string(l.me.ID) })
}

// words is what m says: without the mention of the bot that opens it, other people by their names, and with the addresses of files.
func (l *listener) words(m *message) string {
	s := string(m.Content)
	if yes, _ := l.called(m); yes {
		own, _ := l.tree.role(m.Guild)
		s = strings.ReplaceAll(s, "<@&"+string(own)+">", "<@"+string(l.me.ID)+">")
	}
	s = l.unopened(s)
	s = userMention.ReplaceAllStringFunc(s, func(tag string) string {
		who := userMention.FindStringSubmatch(tag)[1]
		if who == string(l.me.ID) {
			return "@" + l.me.name()
		}
		for i := range m.Mentions {
			if u := &m.Mentions[i]; string(u.ID) == who {
				return "@" + person(&u.user, u.Member).Name
			}
		}
		return tag
	})
	lines := []string{customEmoji.ReplaceAllString(s, "$1")}
	for _, a := range m.Attachments {
		if !a.voice(m) && (strings.HasPrefix(string(a.URL), "https://") || strings.HasPrefix(string(a.URL), "http://")) {
			lines = append(lines, string(a.URL))
		}
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// unopened takes the bot's mentions from the beginning and the end of a text.
func (l *listener) unopened(s string) string {
	own := []string{"<@" + string(l.me.ID) + ">", "<@!" + string(l.me.ID) + ">"}
	for {
		before := s
		s = strings.TrimSpace(s)
		for _, tag := range own {
			if rest, ok := strings.CutPrefix(s, tag); ok {
				s = strings.TrimLeftFunc(rest, func(r rune) bool { return unicode.IsSpace(r) || r == ',' || r == ':' })
			}
			s = strings.TrimSuffix(s, tag)
		}
		if s == before {
			return s
		}
	}
}
