package slack

import (
	"strings"
	"unicode"

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
	doc := markup.Parse(m.Text)
	if s := oneLine(m.Emotion); !markup.Blank(s) {
		doc = append(doc, markup.Block{Spans: []markup.Span{{Text: s, Style: markup.Italic}}})
	}
	if isLink(m.Animation) {
		doc = append(doc, linkBlock("🎬 ", "Animation", m.Animation))
	}
	var sound []bridges.Form
	if a := m.Audio; a != nil {
		if mode := soundMode(a, len(doc) == 0); mode == bridges.AudioLink {
			doc = append(doc, linkBlock("🔊 ", "Audio", a.Link))
		} else if mode == bridges.AudioFile {
			sound = soundForms(*a)
		}
	}
	var out []bridges.Message
	for _, piece := range markup.Split(doc, markup.SlackMarkdown{}) {
		out = append(out, bridges.Message{Answer: m.Answer, Notice: m.Notice, Forms: textForms(piece, m.Answer != "")})
	}
	if sound != nil {
		out = append(out, bridges.Message{Forms: sound})
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

// soundMode is what can be done with a: there are no voice messages, and where there is no link to show, and nothing else either, the file
// is sent.
func soundMode(a *bridges.Audio, alone bool) bridges.AudioMode {
	switch {
	case a.Mode == bridges.AudioOff:
		return bridges.AudioOff
	case a.Mode == bridges.AudioNative, a.Mode == bridges.AudioFile:
		return bridges.AudioFile
	case isLink(a.Link):
		return bridges.AudioLink
	case alone && a.Source != "":
		return bridges.AudioFile
	}
	return bridges.AudioOff
}

// soundForms are the ways to send a sound, the last one being a link to it.
func soundForms(a bridges.Audio) []bridges.Form {
	forms := []bridges.Form{{Kind: formFile, Audio: &a}}
	if isLink(a.Link) {
		for _, piece := range markup.Split(markup.Doc{linkBlock("🔊 ", "Audio", a.Link)}, markup.SlackMarkdown{}) {
			forms = append(forms, textForms(piece, false)...)
			break
		}
	}
	return forms
}

func linkBlock(sign, label, url string) markup.Block {
	if !markup.Linkable(url) {
		return markup.Block{Spans: []markup.Span{{Text: sign + url}}} // too long for a link: people can copy it
	}
	return markup.Block{Spans: []markup.Span{{Text: sign}, {Text: label, Link: url}}}
}

func isLink(s string) bool {
	return strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://")
}

// oneLine is a short s without line breaks and the like.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if r := []rune(s); len(r) > 64 {
		s = string(r[:64]) + "…"
	}
	return strings.TrimSpace(s)
}
