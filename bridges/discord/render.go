package discord

import (
	"strings"
	"unicode"

	"avatarbridge/bridges"
	"avatarbridge/bridges/markup"
)

// The forms of a message.
const (
	formAnswer = "answer" // Markdown, as an answer to the command
	formText   = "text"   // Markdown, in the channel
	formPlain  = "plain"  // text in which every sign stands for itself, in the channel, as a reply to no message
	formVoice  = "voice"
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
		} else if mode != bridges.AudioOff {
			sound = soundForms(*a, mode, m.Answer != "")
		}
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

// soundMode is what can be done with a: where there is no link to show, and nothing else either, the file is sent.
func soundMode(a *bridges.Audio, alone bool) bridges.AudioMode {
	switch {
	case a.Mode == bridges.AudioNative || a.Mode == bridges.AudioFile || a.Mode == bridges.AudioOff:
		return a.Mode
	case isLink(a.Link):
		return bridges.AudioLink
	case alone && a.Source != "":
		return bridges.AudioFile
	}
	return bridges.AudioOff
}

// soundForms are the ways to send a sound, the last one being a link to it.
func soundForms(a bridges.Audio, mode bridges.AudioMode, answer bool) []bridges.Form {
	var forms []bridges.Form
	if mode == bridges.AudioNative {
		forms = append(forms, bridges.Form{Kind: formVoice, Audio: &a})
	}
	forms = append(forms, bridges.Form{Kind: formFile, Audio: &a})
	if isLink(a.Link) {
		for _, piece := range markup.Split(markup.Doc{linkBlock("🔊 ", "Audio", a.Link)}, markup.Discord{}) {
			forms = append(forms, textForms(piece, answer)...)
		}
	}
	return forms
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

func linkBlock(sign, label, url string) markup.Block {
	if !markup.Linkable(url) {
		label = url // too long for a link: people can copy it
		return markup.Block{Spans: []markup.Span{{Text: sign + label}}}
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
