package slack

import (
	"regexp"
	"strings"
	"unicode"
)

// control is what Slack writes between < and >: a person, a channel, a group or a special mention, a link. A < that somebody typed comes as
// &lt;.
var control = regexp.MustCompile(`<([^<>\n]+)>`)

var entities = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")

// plain is a text of Slack's as people read it. name returns a person's name, "" for an unknown one. What only looks like one of Slack's
// signs stays: the text of a command may come as it was typed.
func plain(text string, name func(id string) string) string {
	return entities.Replace(control.ReplaceAllStringFunc(text, func(m string) string {
		target, label, labelled := strings.Cut(m[1:len(m)-1], "|")
		switch {
		case person.MatchString(target):
			return "@" + or(escape(name(target[1:])), label, target[1:])
		case channel.MatchString(target):
			return "#" + or(label, target[1:])
		case strings.HasPrefix(target, "!"):
			return special(target[1:], label)
		case !link.MatchString(target):
			return m
		case !labelled || label == "" || label == strings.TrimPrefix(target, "mailto:") || label == strings.TrimPrefix(target, "http://"):
			return or(label, target)
		}
		return label + " (" + target + ")"
	}))
}

var (
	person  = regexp.MustCompile(`^@[UWB][A-Z0-9]+$`)
	channel = regexp.MustCompile(`^#[CGD][A-Z0-9]+$`)
	link    = regexp.MustCompile(`^(?:[a-z][a-z0-9+.-]*://|mailto:|tel:)`)
)

// escape writes &, < and > as Slack does.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// special is what people see of <!here>, <!subteam^S1|@team> and <!date^…|yesterday>.
func special(word, label string) string {
	kind, rest, _ := strings.Cut(word, "^")
	switch kind {
	case "subteam":
		return or(label, "@"+rest)
	case "date":
		return label
	}
	return or(label, "@"+kind)
}

func or(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}

// mentioned are the ids of the people that a text mentions, in order, at most ten.
func mentioned(text string) []string {
	var ids []string
	for _, m := range mention.FindAllStringSubmatch(text, 10) {
		ids = append(ids, m[1])
	}
	return ids
}

var mention = regexp.MustCompile(`<@([UW][A-Z0-9]+)(?:\|[^<>\n]*)?>`)

// behindMentions is the text behind the mentions of the bot that open it.
func behindMentions(text, bot string) string {
	for {
		text = strings.TrimSpace(text)
		at := mention.FindStringSubmatchIndex(text)
		if at == nil || at[0] != 0 || text[at[2]:at[3]] != bot {
			return text
		}
		text = strings.TrimLeftFunc(text[at[1]:], func(r rune) bool { return unicode.IsSpace(r) || r == ',' || r == ':' })
	}
}

// toOthers reports whether a text opens with a mention of somebody else.
func toOthers(text, bot string) bool {
	text = strings.TrimSpace(text)
	at := mention.FindStringSubmatchIndex(text)
	return at != nil && at[0] == 0 && text[at[2]:at[3]] != bot
}

// obeyed are the commands to the program.
var obeyed = map[string]bool{"start": true, "reset": true, "mute": true, "unmute": true}

// textCommand returns the command that a text is: where Slack takes no slash commands, in threads, people write them. To who names the
// avatar beside it the word reset is enough.
func textCommand(text string, named bool) string {
	name, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(text)), "/")
	if !obeyed[name] || !ok && !(named && name == "reset") {
		return ""
	}
	return name
}

// slashCommand reads the use of a slash command. Their names are the app's own, and unique in a workspace only if each app has others:
// of "/luna-reset" the part behind the last dash counts, and what is no command to the program is said to the avatar.
func slashCommand(command, text string) (name, args string) {
	name = strings.ToLower(strings.TrimPrefix(command, "/"))
	if i := strings.LastIndexByte(name, '-'); i >= 0 {
		name = name[i+1:]
	}
	text = strings.TrimSpace(text)
	if obeyed[name] {
		return name, text
	}
	first, rest, _ := strings.Cut(text, " ")
	if first = strings.ToLower(first); obeyed[first] && strings.TrimSpace(rest) == "" {
		return first, ""
	}
	return "", text
}
