package telegram

import (
	"avatarbridge/bridges"
	"avatarbridge/bridges/markup"
)

// The forms of a message.
const (
	formHTML     = "html"
	formText     = "text"
	formVoice    = "voice"
	formAudio    = "audio"
	formDocument = "document"
)

// Fit implements bridges.Bridge. Text comes first and the sound after it, in a message of its own where it is not just a link.
func (b *Bridge) Fit(m bridges.Message) []bridges.Message { return fit(&m) }

func fit(m *bridges.Message) []bridges.Message {
	doc := markup.Reply(m.Text, m.Emotion, m.Animation)
	var sound []bridges.Form
	switch way := m.Audio.Way(len(doc) == 0); way {
	case bridges.AudioOff:
	case bridges.AudioLink:
		doc = append(doc, markup.Sound(m.Audio.Link))
	default:
		sound = soundForms(m.Audio, way)
	}
	pieces := markup.Split(doc, markup.Telegram{})
	if len(pieces) == 0 && sound == nil {
		return nil
	}
	out := make([]bridges.Message, len(pieces), len(pieces)+1)
	for i, piece := range pieces {
		out[i].Forms = textForms(piece)
	}
	if sound != nil {
		out = out[:len(pieces)+1]
		out[len(pieces)].Forms = sound
	}
	out[0].ReplyTo = m.ReplyTo
	return out
}

// soundForms are the ways to send a sound, the last one being a link to it.
func soundForms(a *bridges.Audio, mode bridges.AudioMode) []bridges.Form {
	var forms []bridges.Form
	if mode == bridges.AudioNative {
		forms = append(forms, bridges.Form{Kind: formVoice, Audio: a})
	}
	forms = append(forms, bridges.Form{Kind: formAudio, Audio: a}, bridges.Form{Kind: formDocument, Audio: a})
	if markup.IsLink(a.Link) {
		for _, piece := range markup.Split(markup.Doc{markup.Sound(a.Link)}, markup.Telegram{}) {
			forms = append(forms, textForms(piece)...)
		}
	}
	return forms
}

// textForms writes one piece as HTML and as plain text, or only as text where that is the same.
func textForms(piece markup.Doc) []bridges.Form {
	html := markup.Telegram{}.Write(piece)
	text := markup.Telegram{}.Disarm(markup.Plain{}.Write(piece)) // also what was code, and pings where it is not
	if html == text {
		return []bridges.Form{{Kind: formText, Text: text}}
	}
	forms := []bridges.Form{{Kind: formHTML, Text: html}}
	if markup.Units(text) <= (markup.Telegram{}).Limit().Units {
		forms = append(forms, bridges.Form{Kind: formText, Text: text})
	}
	return forms
}
