package slack

import (
	"strings"

	"avatarbridge/bridges"
	"avatarbridge/bridges/markup"
)

// The forms of a message.
const (
	formAnswer = "answer"   // to a slash command, through its response URL
	formBlock  = "markdown" // a markdown block with the text beside it
	formText   = "text"     // mrkdwn alone
	formFile   = "file"
)

// Fit implements bridges.Bridge. Text comes first and the sound after it, in a message of its own where it is not just a link.
func (b *Bridge) Fit(m bridges.Message) []bridges.Message { return fit(m) }

func fit(m bridges.Message) []bridges.Message {
	doc := markup.Reply(m.Text, m.Emotion, m.Animation)
	var sound []bridges.Form
	switch way := m.Audio.Way(len(doc) == 0); way {
	case bridges.AudioOff:
	case bridges.AudioLink:
		doc = append(doc, markup.Sound(m.Audio.Link))
	default: // there are no voice messages
		sound = soundForms(*m.Audio, m.Answer != "")
	}
	var out []bridges.Message
	for _, piece := range markup.Split(doc, markup.SlackMarkdown{}) {
		out = append(out, bridges.Message{Answer: m.Answer, Notice: m.Notice, Forms: textForms(piece, m.Answer != "")})
	}
	if sound != nil {
		out = append(out, bridges.Message{Answer: m.Answer, Forms: sound})
	}
	return out
}

// textForms writes one piece: as an answer where there is something to answer, with a markdown block, and as text alone.
func textForms(piece markup.Doc, answers bool) []bridges.Form {
	block, text := markup.SlackMarkdown{}.Write(piece), markup.Slack{}.Write(piece)
	forms := []bridges.Form{{Kind: formBlock, Text: block + separator + text}, {Kind: formText, Text: text}}
	if answers {
		forms = append([]bridges.Form{{Kind: formAnswer, Text: block + separator + text}}, forms...)
	}
	return forms
}

// separator parts what a markdown block holds from the text beside it. Neither has a control character.
const separator = "\x1e"

// both are the two ways in which a form with a block is written.
func both(f bridges.Form) (block, text string) {
	block, text, found := strings.Cut(f.Text, separator)
	if !found {
		return "", f.Text
	}
	return block, text
}

// soundForms are the ways to send a sound, the last one being a link to it.
func soundForms(a bridges.Audio, answers bool) []bridges.Form {
	forms := []bridges.Form{{Kind: formFile, Audio: &a}}
	if markup.IsLink(a.Link) {
		for _, piece := range markup.Split(markup.Doc{markup.Sound(a.Link)}, markup.SlackMarkdown{}) {
			forms = append(forms, textForms(piece, answers)...)
			break
		}
	}
	return forms
}
