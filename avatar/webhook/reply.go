package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"avatarbridge/avatar"
)

const maxReplies = 100 // in one list

// reply is one reply as the service writes it.
type reply struct {
	Text         *string `json:"text"`
	AudioURL     *string `json:"audio_url"`
	Emotion      *string `json:"emotion"`
	AnimationURL *string `json:"animation_url"`
	End          *bool   `json:"end"`
}

var errNoField = errors.New("a reply is an object with at least one of text, audio_url, emotion, animation_url, end")

// parseReplies reads one reply or a list of them. Replies that neither show nor end anything are left out. Its errors say what is wrong
// without a word of what was said.
func parseReplies(body []byte) ([]avatar.Reply, error) {
	body = bytes.TrimSpace(body)
	var said []reply
	switch {
	case len(body) == 0:
		return nil, errors.New("the body is empty")
	case body[0] == '{':
		said = make([]reply, 1)
		if err := decode(body, &said[0]); err != nil {
			return nil, err
		}
	case body[0] == '[':
		if err := decode(body, &said); err != nil {
			return nil, err
		}
	default:
		return nil, errors.New("the body is neither a JSON object nor a list of them")
	}
	if len(said) > maxReplies {
		return nil, fmt.Errorf("the list has more than %d replies", maxReplies)
	}
	return convert(said)
}

// convert makes replies of what was said. The last one carries the end of the conversation.
func convert(said []reply) ([]avatar.Reply, error) {
	var replies []avatar.Reply
	var end bool
	for _, s := range said {
		r, err := s.reply()
		if err != nil {
			return nil, err
		}
		end = end || s.End != nil && *s.End
		if r.Text != "" || r.Emotion != "" || r.Audio.URL != "" || r.Animation.URL != "" {
			replies = append(replies, r)
		}
	}
	if end && len(replies) == 0 {
		replies = append(replies, avatar.Reply{})
	}
	if end {
		replies[len(replies)-1].Ends = true
	}
	return replies, nil
}

func (s reply) reply() (r avatar.Reply, err error) {
	if s == (reply{}) {
		return r, errNoField
	}
	r.Text, r.Emotion = trimmed(s.Text), trimmed(s.Emotion)
	r.Audio.URL, r.Animation.URL = trimmed(s.AudioURL), trimmed(s.AnimationURL)
	for _, f := range []struct{ name, url string }{{"audio_url", r.Audio.URL}, {"animation_url", r.Animation.URL}} {
		if f.url != "" && !absolute(f.url) {
			return r, fmt.Errorf("%s is no absolute http or https address", f.name)
		}
	}
	return r, nil
}

func trimmed(s *string) string {
	if s == nil {
		return ""
	}
	return strings.TrimSpace(*s)
}

// decode reads JSON and names the field that has another type than it should.
func decode(body []byte, into any) error {
	err := json.Unmarshal(body, into)
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		field := e.Field
		if field == "" {
			field = "a reply"
		}
		return fmt.Errorf("%s must be %s", field, kinds[e.Type.Kind().String()])
	}
	if err != nil {
		return errors.New("the body is not valid JSON")
	}
	return nil
}

var kinds = map[string]string{"string": "a string", "bool": "true or false", "struct": "a JSON object", "slice": "a list"}

func absolute(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}
