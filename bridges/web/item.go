package web

import (
	"encoding/json"
	"strings"

	"avatarbridge/bridges"
)

// What the page's events hold, apart from items.
type (
	hello struct {
		Assets string `json:"assets"`
		Now    int64  `json:"now"`             // Unix time in ms
		Epoch  string `json:"epoch"`           // for the page to give back: ids of another one mean something else
		Fresh  bool   `json:"fresh,omitempty"` // what the page shows is not what is in the feed any more: all of it follows
	}
	typing struct {
		For int64 `json:"for"` // ms
	}
	draft struct {
		HTML string `json:"html"`
	}
)

// shown is an item as the page gets it.
type shown struct {
	ID   int64  `json:"id"`
	At   int64  `json:"at"`   // Unix time in ms
	Kind string `json:"kind"` // "mine", "reply", "notice"

	Key   string `json:"key,omitempty"` // mine: the id that the page made up
	Text  string `json:"text,omitempty"`
	Voice bool   `json:"voice,omitempty"`

	said
	Audio *sound `json:"audio,omitempty"`
}

// said is what an avatar or the program says; as JSON, it is the Text of a Form as well.
type said struct {
	HTML      *string `json:"html,omitempty"` // nil for a sound, which belongs to the reply before it
	Link      string  `json:"link,omitempty"` // where the sound can be heard
	Emotion   string  `json:"emotion,omitempty"`
	Animation string  `json:"animation,omitempty"`
}

type sound struct {
	Src  string `json:"src"`
	Type string `json:"type,omitempty"`
}

// shownItem makes what the page shows of an item; false when this version cannot show it.
func shownItem(it *bridges.Item, of visitor) (shown, bool) {
	s := shown{ID: it.ID, At: it.At.UnixMilli()}
	if it.Key != "" {
		s.Kind, s.Text, s.Voice = "mine", it.Text, it.Voice
		s.Key = strings.TrimPrefix(it.Key, string(of)+"/")
		return s, true
	}
	s.Kind = "reply"
	if it.Notice {
		s.Kind = "notice"
	}
	switch it.Form.Kind {
	case formSay:
		return s, json.Unmarshal([]byte(it.Form.Text), &s.said) == nil
	case formSound:
		var src, mediaType string
		src, mediaType, _ = strings.Cut(it.Post, " ")
		s.Audio = &sound{src, mediaType}
		// Only what this program serves: anything else could not be heard, since the page loads nothing from elsewhere.
		return s, strings.HasPrefix(src, "/") && !strings.HasPrefix(src, "//")
	}
	return s, false
}
