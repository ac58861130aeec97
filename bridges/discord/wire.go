package discord

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// Discord's objects, as far as the bridge reads them. They are read leniently, since compatible servers send numbers as strings and the
// like: what has another type than expected is as if it were not there.

// discordEpoch is the first millisecond of 2015, from which ids count (https://discord.com/developers/docs/reference#snowflakes).
const discordEpoch = 1420070400000

// An id is a snowflake in decimal digits, "" for none: it is safe in a URL.
type id string

func (i *id) UnmarshalJSON(data []byte) error {
	s := strings.Trim(string(data), `"`)
	if n, err := strconv.ParseUint(s, 10, 63); err != nil || n == 0 {
		s = ""
	}
	*i = id(s)
	return nil
}

// number is the id's value, 0 for none.
func (i id) number() uint64 {
	n, _ := strconv.ParseUint(string(i), 10, 63) // only digits get in
	return n
}

// at is when what has the id was made.
func (i id) at() time.Time { return time.UnixMilli(int64(i.number()>>22) + discordEpoch) }

// idAt is the least id of what was made at t or later.
func idAt(t time.Time) uint64 { return uint64(max(t.UnixMilli()-discordEpoch, 0)) << 22 }

// A number is an integer, also in quotes.
type number int64

func (n *number) UnmarshalJSON(data []byte) error {
	s := strings.Trim(string(data), `"`)
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		f, _ := strconv.ParseFloat(s, 64) // 0 for what is no number
		v = int64(f)
	}
	*n = number(v)
	return nil
}

// A fraction is a number, also in quotes.
type fraction float64

func (f *fraction) UnmarshalJSON(data []byte) error {
	v, _ := strconv.ParseFloat(strings.Trim(string(data), `"`), 64) // 0 for what is no number
	*f = fraction(v)
	return nil
}

// text is a string, "" for anything else but a number, which stands as it is.
type text string

func (t *text) UnmarshalJSON(data []byte) error {
	var s string
	switch {
	case json.Unmarshal(data, &s) == nil:
	case len(data) > 0 && (data[0] == '-' || data[0] >= '0' && data[0] <= '9'):
		s = string(data)
	}
	*t = text(s)
	return nil
}

// A truth is a boolean, also in quotes.
type truth bool

func (b *truth) UnmarshalJSON(data []byte) error {
	*b = truth(bytes.Equal(bytes.Trim(data, `"`), []byte("true")))
	return nil
}

type user struct {
	ID         id    `json:"id"`
	Username   text  `json:"username"`
	GlobalName text  `json:"global_name"`
	Bot        truth `json:"bot"`
	System     truth `json:"system"`
}

type member struct {
	User        *user  `json:"user"`
	Nick        text   `json:"nick"`
	Roles       []id   `json:"roles"`
	Permissions number `json:"permissions"` // in interactions only
}

// A mention is somebody whom a message mentions.
type mention struct {
	user
	Member *member `json:"member"`
}

type attachment struct {
	ID       id     `json:"id"`
	Filename text   `json:"filename"`
	Type     text   `json:"content_type"`
	Size     number `json:"size"`
	URL      text   `json:"url"`
	Waveform text   `json:"waveform"`
}

type message struct {
	ID          id           `json:"id"`
	Channel     id           `json:"channel_id"`
	Guild       id           `json:"guild_id"` // in events only
	Author      *user        `json:"author"`
	Member      *member      `json:"member"` // in events only
	Content     text         `json:"content"`
	Edited      text         `json:"edited_timestamp"`
	Mentions    []mention    `json:"mentions"`
	Roles       []id         `json:"mention_roles"`
	Attachments []attachment `json:"attachments"`
	Type        number       `json:"type"`
	Webhook     id           `json:"webhook_id"`
	Flags       number       `json:"flags"`
	Nonce       text         `json:"nonce"`
	Referenced  *message     `json:"referenced_message"`
	Reference   *reference   `json:"message_reference"`
	Interaction *interacted  `json:"interaction_metadata"`
}

// A reference names the message that another one answers.
type reference struct {
	Message id `json:"message_id"`
}

// An interacted names the command that a message answers.
type interacted struct {
	ID id `json:"id"`
}

type interaction struct {
	ID      id      `json:"id"`
	App     id      `json:"application_id"`
	Type    number  `json:"type"`
	Token   string  `json:"token"`
	Channel id      `json:"channel_id"`
	Guild   id      `json:"guild_id"`
	Member  *member `json:"member"`
	User    *user   `json:"user"`
	Locale  text    `json:"locale"`
	Data    struct {
		Name    text `json:"name"`
		Options []struct {
			Name  text `json:"name"`
			Value text `json:"value"`
		} `json:"options"`
	} `json:"data"`
}

type channel struct {
	ID         id          `json:"id"`
	Type       number      `json:"type"`
	Guild      id          `json:"guild_id"`
	Parent     id          `json:"parent_id"`
	Name       text        `json:"name"`
	Last       id          `json:"last_message_id"`
	Overwrites []overwrite `json:"permission_overwrites"` // over REST
}

type overwrite struct {
	ID    id     `json:"id"`
	Type  number `json:"type"` // 0 role, 1 member
	Allow number `json:"allow"`
	Deny  number `json:"deny"`
}

// A frame is a payload of the gateway.
type frame struct {
	Op   number          `json:"op"`
	Seq  number          `json:"s"`
	Type text            `json:"t"`
	Data json.RawMessage `json:"d"`
}
