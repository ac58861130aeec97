package web

import (
	"encoding/json"
	"net/url"
	"strings"
	"unicode"

	"avatarbridge/bridges"
	"avatarbridge/bridges/markup"
)

// The forms of a message.
const (
	formSay   = "say"   // Text is a said
	formSound = "sound" // Audio is to be served
)

// maxLink bounds a link that a service names.
const maxLink = 2048

// Fit implements bridges.Bridge. A page has no limits: the whole text is one message, and its sound the next.
func (b *Bridge) Fit(m bridges.Message) []bridges.Message {
	html := toHTML(m.Text)
	s := said{HTML: &html, Emotion: markup.Line(m.Emotion), Animation: link(m.Animation)}
	var sound []bridges.Form
	if a := m.Audio; a != nil {
		switch b.mode(a) {
		case bridges.AudioLink:
			s.Link = link(a.Link)
		case bridges.AudioFile:
			heard := *a
			sound = []bridges.Form{{Kind: formSound, Audio: &heard}}
			if l, empty := link(a.Link), ""; l != "" {
				sound = append(sound, say(said{HTML: &empty, Link: l})...)
			}
		}
	}
	var out []bridges.Message
	if html != "" || s.Link != "" || s.Emotion != "" || s.Animation != "" {
		out = append(out, bridges.Message{Forms: say(s)})
	}
	if sound != nil {
		out = append(out, bridges.Message{Forms: sound})
	}
	if len(out) > 0 {
		out[0].ReplyTo = m.ReplyTo
	}
	return out
}

// mode is what can be done with a: played on the page (AudioFile), linked to, or nothing. Where there is no link to show, it is played.
func (b *Bridge) mode(a *bridges.Audio) bridges.AudioMode {
	playable := b.media != nil && a.Source != ""
	wanted := a.Mode != bridges.AudioLink && a.Mode != "" || link(a.Link) == ""
	switch {
	case a.Mode == bridges.AudioOff:
		return bridges.AudioOff
	case playable && wanted:
		return bridges.AudioFile
	case link(a.Link) != "":
		return bridges.AudioLink
	}
	return bridges.AudioOff
}

// say makes the form that says s.
func say(s said) []bridges.Form {
	text, err := json.Marshal(s)
	if err != nil {
		return nil // cannot be: it holds texts alone
	}
	return []bridges.Form{{Kind: formSay, Text: string(text)}}
}

// toHTML is Markdown that may end anywhere, as the page shows it; "" when it shows nothing.
func toHTML(text string) string {
	pieces := markup.Split(markup.Parse(text), markup.Web{})
	var out strings.Builder
	for _, p := range pieces {
		out.WriteString(markup.Web{}.Write(p))
	}
	return out.String()
}

// link is a URL that people may open, "" when s is none.
func link(s string) string {
	u, err := url.Parse(s)
	if err != nil || len(s) > maxLink || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || strings.IndexFunc(s, unicode.IsSpace) >= 0 {
		return ""
	}
	return s
}
