package relay

import (
	"encoding/json"
	"fmt"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/store"
)

// bodyVersion stands in every body in the store. A reader refuses bodies of a newer version.
const bodyVersion = 1

// turnBody is a turn as it is stored.
type turnBody struct {
	V       int      `json:"v"`
	At      int64    `json:"at"` // when the person wrote it, unix milliseconds
	Text    string   `json:"text"`
	Name    string   `json:"name,omitempty"`
	Locale  string   `json:"locale,omitempty"`
	Channel string   `json:"channel,omitempty"` // where it was written: message ids mean nothing in the channel that it may move to
	Within  []string `json:"within,omitempty"`  // bridges.Event.Within
	Message string   `json:"message,omitempty"` // the platform's id of the message
	Tenant  string   `json:"tenant,omitempty"`
	User    string   `json:"user,omitempty"`   // the platform's id of the person
	Answer  string   `json:"answer,omitempty"` // bridges.Event.Answer

	Voice *bridges.Attachment `json:"voice,omitempty"` // what the person said, where the avatar hears
}

// replyTo is the message that a reply refers to: in a room it says who is answered.
func (b *turnBody) replyTo(c *store.Conversation) string {
	if c.Direct || b.Channel != c.Channel {
		return ""
	}
	return b.Message
}

func (b *turnBody) written() time.Time { return time.UnixMilli(b.At) }

// postBody is a post as it is stored.
type postBody struct {
	V       int    `json:"v"`
	Channel string `json:"channel,omitempty"` // where ReplyTo means something
	Remove  string `json:"remove,omitempty"`  // nothing is posted: what has this id on the platform is taken back
	Lost    string `json:"lost,omitempty"`    // likewise, with the id that the draft was posted with
	bridges.Message
}

// encode makes a body. Bodies hold strings and numbers only, which always encode.
func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return data
}

// decodeTurn reads a turn; nil only beside an error.
func decodeTurn(data []byte) (*turnBody, error) {
	b := &turnBody{}
	if quickTurn(data, b) && b.V <= bodyVersion {
		return b, nil
	}
	*b = turnBody{}
	if err := decode(data, b, &b.V); err != nil {
		return nil, err
	}
	return b, nil
}

// decodePost reads a post; nil only beside an error.
func decodePost(data []byte) (*postBody, error) {
	b := &postBody{}
	if quickPost(data, b) && b.V <= bodyVersion {
		return b, nil
	}
	*b = postBody{}
	if err := decode(data, b, &b.V); err != nil {
		return nil, err
	}
	return b, nil
}

// decode never quotes the body in its errors.
func decode(data []byte, into any, version *int) error {
	if json.Unmarshal(data, into) != nil {
		return fmt.Errorf("the stored body cannot be read (%d bytes)", len(data))
	}
	if *version > bodyVersion {
		return fmt.Errorf("the stored body has version %d, this program reads up to %d", *version, bodyVersion)
	}
	return nil
}
