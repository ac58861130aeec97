package bridgetest

import (
	"html"
	"regexp"
	"slices"
	"strings"
)

// Slack's limits.
const (
	maxSlackText     = 40_000 // text of chat.postMessage: cut off beyond it
	maxSlackUpdate   = 4_000  // text of chat.update: refused beyond it
	maxSlackSection  = 3_000
	maxSlackMarkdown = 12_000 // all markdown blocks of a message together, markdown_text
	maxSlackBlocks   = 50
)

// slackControl is a control sequence of a text: user, channel, special mention, link.
var slackControl = regexp.MustCompile(`<(@[UW][A-Z0-9]+(?:\|[^<>]*)?|#C[A-Z0-9]+(?:\|[^<>]*)?|![a-z]+[^<>]*|(?:https?://|mailto:)[^<>|\s]+(?:\|[^<>]*)?)>`)

var slackURL = regexp.MustCompile(`(?:https?://|www\.)[^\s<>|]+[^\s<>|.,;:!?)'"]`)

// slackNames are the words that ping when link_names or parse=full is set.
var slackNames = regexp.MustCompile(`(?:^|[^\w@])@(channel|here|everyone)\b`)

var slackEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// SlackEscape returns what Slack delivers when somebody types text: &, < and > escaped, addresses as links. Control sequences like
// <@U…>, which people put in by choosing a name, stay unless literal is set.
func SlackEscape(text string, literal bool) string {
	if literal {
		return escapeSlackPlain(text)
	}
	var b strings.Builder
	at := 0
	for _, m := range slackControl.FindAllStringIndex(text, -1) {
		b.WriteString(escapeSlackPlain(text[at:m[0]]))
		b.WriteString(text[m[0]:m[1]])
		at = m[1]
	}
	b.WriteString(escapeSlackPlain(text[at:]))
	return b.String()
}

func escapeSlackPlain(text string) string {
	var b strings.Builder
	at := 0
	for _, m := range slackURL.FindAllStringIndex(text, -1) {
		b.WriteString(slackEscaper.Replace(text[at:m[0]]))
		url := slackEscaper.Replace(text[m[0]:m[1]])
		if strings.HasPrefix(url, "www.") {
			url = "http://" + url + "|" + url
		}
		b.WriteString("<" + url + ">")
		at = m[1]
	}
	b.WriteString(slackEscaper.Replace(text[at:]))
	return b.String()
}

// slackShown is a text as people read it.
func slackShown(text string, name func(id string) string) string {
	return unescapeSlack(slackControl.ReplaceAllStringFunc(text, func(m string) string {
		target, label, labelled := strings.Cut(m[1:len(m)-1], "|")
		switch {
		case target[0] == '@':
			return "@" + name(target[1:])
		case target[0] == '#':
			return "#" + label
		case target[0] == '!':
			word, _, _ := strings.Cut(target[1:], "^")
			return "@" + word
		case labelled:
			return label
		}
		return target
	}))
}

func unescapeSlack(text string) string {
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(text)
}

// slackPings are who is pinged by the control sequences of a text: user ids, "channel", "here", "everyone", and "subteam".
func slackPings(text string) []string {
	var list []string
	for _, m := range slackControl.FindAllStringSubmatch(text, -1) {
		target, _, _ := strings.Cut(m[1], "|")
		switch word, _, _ := strings.Cut(target[1:], "^"); {
		case target[0] == '@':
			list = append(list, target[1:])
		case target[0] == '!' && slices.Contains([]string{"channel", "here", "everyone", "group", "subteam"}, word):
			list = append(list, word)
		}
	}
	return list
}

// slackNamePings are who is pinged by plain names when an app asks Slack to look for them.
func slackNamePings(text string) []string {
	var list []string
	for _, m := range slackNames.FindAllStringSubmatch(text, -1) {
		list = append(list, m[1])
	}
	return list
}

// withoutSlackCode takes code blocks and code spans out of Markdown: nothing in them is a mention there.
func withoutSlackCode(markdown string) string {
	var kept []string
	fence := ""
	for line := range strings.SplitSeq(markdown, "\n") {
		bare := strings.TrimLeft(line, " ")
		run := len(bare) - len(strings.TrimLeft(bare, "`"))
		if tilde := len(bare) - len(strings.TrimLeft(bare, "~")); tilde > run {
			run = tilde
		}
		switch {
		case fence == "" && run >= 3:
			fence = bare[:run]
		case fence != "" && run >= len(fence) && strings.Trim(bare, fence[:1]+" ") == "":
			fence = ""
		case fence == "":
			kept = append(kept, line)
		}
	}
	return withoutSlackSpans(strings.Join(kept, "\n"))
}

func withoutSlackSpans(text string) string {
	var b strings.Builder
	for {
		open := strings.IndexByte(text, '`')
		if open < 0 {
			return b.String() + text
		}
		run := len(text[open:]) - len(strings.TrimLeft(text[open:], "`"))
		end := closingTicks(text[open+run:], run)
		if end < 0 {
			b.WriteString(text[:open+run])
			text = text[open+run:]
			continue
		}
		b.WriteString(text[:open])
		text = text[open+run+end+run:]
	}
}

// closingTicks finds a run of exactly n backticks.
func closingTicks(text string, n int) int {
	for at := 0; at < len(text); {
		next := strings.IndexByte(text[at:], '`')
		if next < 0 {
			return -1
		}
		at += next
		run := len(text[at:]) - len(strings.TrimLeft(text[at:], "`"))
		if run == n {
			return at
		}
		at += run
	}
	return -1
}

// cutSlack cuts a text to n UTF-16 units, never within a character.
func cutSlack(text string, n int) string {
	used := 0
	for i, r := range text {
		if used += max(1, utf16Len(string(r))); used > n {
			return text[:i]
		}
	}
	return text
}

// plainSlackMarkdown is Markdown with its entities decoded, as it is shown at the least.
func plainSlackMarkdown(text string) string { return html.UnescapeString(text) }
