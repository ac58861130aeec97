package virtuals

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"

	"avatarbridge/avatar"
)

// text is a JSON string that does not fail the whole answer when it is something else: a number is taken as written, the rest is empty.
type text string

// UnmarshalJSON never fails.
func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*t = text(s)
	} else if len(b) > 0 && (b[0] == '-' || b[0] >= '0' && b[0] <= '9') {
		*t = text(b)
	}
	return nil
}

// parseReply reads an answer of /prompts or /prompts/voice. ok is false when there is nothing in it to show.
func parseReply(body []byte) (r avatar.Reply, ok bool) {
	var p struct {
		Text     text            `json:"text"`
		Prompt   text            `json:"prompt"`
		AudioUID text            `json:"audioUid"`
		Body     json.RawMessage `json:"body"`
	}
	if !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) || json.Unmarshal(body, &p) != nil {
		return avatar.Reply{}, false
	}
	var b struct {
		UID       text `json:"uid"`
		Sentiment text `json:"sentiment"`
		URL       text `json:"url"`
	}
	if json.Unmarshal(p.Body, &b) != nil {
		b.UID, b.Sentiment, b.URL = "", "", "" // no body, or one of another kind: neither spoils the words
	}
	r = avatar.Reply{
		Text:      strings.TrimSpace(string(p.Text)),
		Heard:     strings.TrimSpace(string(p.Prompt)),
		Audio:     avatar.Audio{URL: link(p.AudioUID)},
		Emotion:   label(b.Sentiment),
		Animation: avatar.Animation{Name: label(b.UID), URL: link(b.URL)},
	}
	return r, r.Text != "" || r.Audio.URL != "" || r.Emotion != "" || r.Animation != avatar.Animation{}
}

// link returns s if it is an absolute http or https address, else "". Whether it may be fetched is not decided here.
func link(s text) string {
	u, err := url.Parse(strings.TrimSpace(string(s)))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return ""
	}
	return u.String()
}

// label returns a short name, "" for what is too long to be one.
func label(s text) string {
	name := strings.TrimSpace(string(s))
	if len(name) > 200 {
		return ""
	}
	return name
}
