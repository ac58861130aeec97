package discord

import (
	"avatarbridge/bridges"
	"avatarbridge/bridges/markup"
)

// The forms of a message.
const (
	formAnswer     = "answer"      // Markdown, as an answer to the command
	formAnswerFile = "answer-file" // a file, as an answer to the command
	formText       = "text"        // Markdown, in the channel
	formPlain      = "plain"       // text in which every sign stands for itself, in the channel, as a reply to no message
	formVoice      = "voice"
	formFile       = "file"
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
	default:
		if m.Answer != "" && !m.More && len(doc) == 0 {
			way = bridges.AudioFile // it takes the place of "is thinking", which a voice message cannot
		}
		sound = soundForms(*m.Audio, way, m.Answer != "")
	}
	var out []bridges.Message
	for _, piece := range markup.Split(doc, markup.Discord{}) {
		out = append(out, bridges.Message{Forms: textForms(piece, m.Answer != "")})
	}
	if sound != nil {
		out = append(out, bridges.Message{Forms: sound})
	}
	for i := range out {
		out[i].Answer, out[i].More = m.Answer, m.Answer != "" && (m.More || i > 0)
	}
	if len(out) > 0 && m.Answer == "" { // an answer shows by itself what it answers
		out[0].ReplyTo, out[0].Mention = m.ReplyTo, m.Mention
	}
	return out
}

// soundForms are the ways to send a sound, a link to it behind the others. As long as a command can be answered, nothing goes past it but a
// voice message.
func soundForms(a bridges.Audio, mode bridges.AudioMode, answer bool) []bridges.Form {
	var forms, link []bridges.Form
	if mode == bridges.AudioNative {
		forms = append(forms, bridges.Form{Kind: formVoice, Audio: &a})
	}
	if markup.IsLink(a.Link) {
		for _, piece := range markup.Split(markup.Doc{markup.Sound(a.Link)}, markup.Discord{}) {
			link = append(link, textForms(piece, answer)...)
		}
	}
	if answer {
		forms = append(forms, bridges.Form{Kind: formAnswerFile, Audio: &a})
		if len(link) > 0 {
			forms, link = append(forms, link[0]), link[1:]
		}
	}
	forms = append(forms, bridges.Form{Kind: formFile, Audio: &a})
	return append(forms, link...)
}

// textForms writes one piece as Markdown and, for a server that refuses that, in plain words.
func textForms(piece markup.Doc, answer bool) []bridges.Form {
	limit := (markup.Discord{}).Limit().Units
	rich := markup.Discord{}.Write(piece)
	var forms []bridges.Form
	if answer {
		forms = append(forms, bridges.Form{Kind: formAnswer, Text: rich})
	}
	forms = append(forms, bridges.Form{Kind: formText, Text: rich})
	plain := markup.Discord{}.Disarm(markup.Plain{}.Write(piece)) // also what was code, and pings where it is not
	if markup.Units(plain) > limit || markup.Blank(plain) {
		plain = rich
	}
	return append(forms, bridges.Form{Kind: formPlain, Text: plain})
}
