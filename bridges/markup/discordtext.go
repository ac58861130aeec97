package markup

import (
	"strings"
	"unicode"
)

var discord = dialect{
	signs:  []sign{{Bold, "**"}, {Strike, "~~"}, {Italic, "*"}, {Underline, "__"}},
	escape: discordEscape,
	code:   discordInline,
	clash:  "*_~",
	link:   discordLink,
	note:   func(url string) string { return "(" + discordAddress(url) + ")" },
	joint: func(before, after part) string {
		if before.kind != inner && after.kind != inner && before.edge == after.edge {
			return "\u2060" // *** could be * and ** or ** and *
		}
		return ""
	},
}

// discordEscape puts a backslash before all that Discord would read as something else than text, and disarms what was code before.
func discordEscape(text string, before rune) string {
	if ordinary(text, before, "\\*_`[<~|:@") {
		return text
	}
	text = Discord{}.Disarm(text)
	var out strings.Builder
	start, digits := before == 0, before == 0
	for i, r := range text {
		switch r {
		case '\\', '*', '_', '`', '[', '<':
			out.WriteByte('\\')
		case '~', '|':
			if before == r {
				out.WriteByte('\\')
			}
		case '#', '-', '+', '>':
			if start {
				out.WriteByte('\\')
			}
		case '.':
			if digits && i > 0 {
				out.WriteByte('\\')
			}
		case ':':
			if strings.HasPrefix(text[i:], "://") && before != 0 && word(byte(min(before, 0x7f))) {
				out.WriteByte('\\') // no address that was not meant as one, as it would be read with its backslashes
			}
		}
		start, digits = false, digits && r >= '0' && r <= '9'
		out.WriteRune(r)
		before = r
	}
	return out.String()
}

// discordInline writes code between one or two backticks, as Discord knows no more.
func discordInline(text string) (string, bool) {
	switch {
	case !strings.Contains(text, "`"):
		return "`" + text + "`", true
	case strings.Contains(text, "``") || text[0] == '`' || text[len(text)-1] == '`':
		return "", false
	}
	return "``" + text + "``", true
}

// discordLink masks a link where Discord shows one: of the web, and with a text that needs no backslash, which is shown there, and
// holds no address (https://github.com/discord/discord-api-docs/issues/6088).
func discordLink(text, url, follows string) (string, bool) {
	switch {
	case text == url && ofTheWeb(url):
		if address := discordURL(url, ""); address != url || goesOn(follows) {
			return "<" + address + ">", true
		}
		return url, true
	case !ofTheWeb(url):
		return discordAddress(url), Span{Text: text, Link: url}.bare()
	case Blank(text), strings.ContainsAny(text, "\n]()>\u2060"), strings.Contains(text, "://"), discordEscape(text, 0) != text, strings.TrimSpace(text) != text:
		return "", false
	}
	return "[" + text + "](" + discordURL(url, "()[]") + ")", true
}

func ofTheWeb(url string) bool {
	return len(url) > 8 && (strings.EqualFold(url[:7], "http://") || strings.EqualFold(url[:8], "https://"))
}

// goesOn reports whether text would be read as part of an address before it.
func goesOn(text string) bool {
	text = strings.TrimLeft(text, `.,:;"'!?`)
	return text != "" && !unicode.IsSpace(firstRune(text))
}

// discordAddress writes an address that is read as nothing else, nor is shown with a preview.
func discordAddress(url string) string {
	if !ofTheWeb(url) {
		return discordEscape(strings.TrimPrefix(url, "mailto:"), 0)
	}
	return "<" + discordURL(url, "") + ">"
}

// discordURL writes a URL without what would be read as a sign, ping somebody, or is in set. It leads to the same page.
func discordURL(url, set string) string {
	if (Discord{}).Disarm(url) != url {
		set += "@"
	}
	return strings.ReplaceAll(percent(url, `\*|`+set), "~~", "%7E%7E")
}

// percent encodes those characters of url that are in set.
func percent(url, set string) string {
	const hex = "0123456789ABCDEF"
	var out strings.Builder
	for i := range len(url) {
		c := url[i]
		if c > ' ' && c != 0x7f && strings.IndexByte(set, c) < 0 {
			out.WriteByte(c)
			continue
		}
		out.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return out.String()
}
