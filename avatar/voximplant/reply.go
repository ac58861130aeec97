package voximplant

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"avatarbridge/avatar"
)

const (
	maxButtons = 50
	maxLabel   = 300 // runes of a button
)

// said is the body of a callback, in both spellings that are documented.
type said struct {
	IsFinal     *bool           `json:"isFinal"`
	IsFinal2    *bool           `json:"is_final"`
	Response    *string         `json:"response"`
	CustomData  json.RawMessage `json:"customData"`
	CustomData2 json.RawMessage `json:"custom_data"`
}

var (
	errNoObject = errors.New("the body is no JSON object")
	errNoField  = errors.New("a reply is an object with at least one of response, isFinal, customData")
)

// parseReply reads the body of a callback. Its errors say what is wrong without a word of what was said.
func parseReply(body []byte) (avatar.Reply, error) {
	var s said
	if !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		return avatar.Reply{}, errNoObject
	}
	err := json.Unmarshal(body, &s)
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return avatar.Reply{}, fmt.Errorf("%s has the wrong type", e.Field)
	}
	if err != nil {
		return avatar.Reply{}, errNoObject
	}
	if s.IsFinal == nil && s.IsFinal2 == nil && s.Response == nil && s.CustomData == nil && s.CustomData2 == nil {
		return avatar.Reply{}, errNoField
	}
	r := avatar.Reply{Ends: isTrue(s.IsFinal) || isTrue(s.IsFinal2)}
	if s.Response != nil {
		r.Text = strings.TrimSpace(*s.Response)
	}
	if !decorate(&r, s.CustomData) {
		decorate(&r, s.CustomData2)
	}
	return r, nil
}

func isTrue(b *bool) bool { return b != nil && *b }

// extras are what the scenario may say beside the words. Every field may have any type: what is not understood is left out.
type extras struct {
	Emotion  json.RawMessage `json:"emotion"`
	AudioURL json.RawMessage `json:"audio_url"`
	Buttons  json.RawMessage `json:"buttons"`
	Portal   json.RawMessage `json:"avatarPortalData"`
}

// decorate adds what customData says: an object, or a string that holds one. It reports whether there was any.
func decorate(r *avatar.Reply, raw json.RawMessage) bool {
	if text := word(raw); text != "" {
		raw = json.RawMessage(text)
	}
	var x extras
	if !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) || json.Unmarshal(raw, &x) != nil {
		return false
	}
	r.Emotion = word(x.Emotion)
	if audio := word(x.AudioURL); absolute(audio) {
		r.Audio.URL = audio
	}
	labels := buttons(x.Buttons)
	if len(labels) == 0 {
		var portal struct {
			Buttons json.RawMessage `json:"inlineKeyboardButtons"`
		}
		if json.Unmarshal(x.Portal, &portal) == nil {
			labels = buttons(portal.Buttons)
		}
	}
	r.Text = withButtons(r.Text, labels)
	return true
}

// word is a JSON string without the space around it; "" for anything else.
func word(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return strings.TrimSpace(s)
}

// buttons are the labels of a list of strings, or of objects with a text, title or label.
func buttons(raw json.RawMessage) []string {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	var labels []string
	for _, item := range list {
		var o struct {
			Text  json.RawMessage `json:"text"`
			Title json.RawMessage `json:"title"`
			Label json.RawMessage `json:"label"`
		}
		label := word(item)
		if label == "" && json.Unmarshal(item, &o) == nil {
			for _, raw := range []json.RawMessage{o.Text, o.Title, o.Label} {
				if label == "" {
					label = word(raw)
				}
			}
		}
		if label = oneLine(label); label != "" && len(labels) < maxButtons {
			labels = append(labels, label)
		}
	}
	return labels
}

// oneLine keeps a label on its line, and within bounds.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) > maxLabel {
		s = string([]rune(s)[:maxLabel]) + "…"
	}
	return s
}

// withButtons adds the labels as a numbered list: people answer with the words or the number.
func withButtons(text string, labels []string) string {
	if len(labels) == 0 {
		return text
	}
	var b strings.Builder
	b.WriteString(text)
	if text != "" {
		b.WriteString("\n\n")
	}
	for i, label := range labels {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%d. %s", i+1, escape(label))
	}
	return b.String()
}

// escape keeps a label from being read as Markdown.
func escape(s string) string {
	var b strings.Builder
	for _, c := range s {
		if strings.ContainsRune("\\`*_{}[]<>()#+-.!|~&", c) {
			b.WriteByte('\\')
		}
		b.WriteRune(c)
	}
	return b.String()
}

func absolute(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}
