package telegram

import (
	"encoding/json"

	"avatarbridge/bridges"
)

// allowedUpdates are the kinds of updates that become events.
const allowedUpdates = `["message","edited_message","channel_post","edited_channel_post"]`

// update is an envelope. A list of them is read at once; where that fails, parse reads each by itself, so that a badly typed message spoils no other.
type update struct {
	ID                int64    `json:"update_id"`
	Message           *message `json:"message"`
	EditedMessage     *message `json:"edited_message"`
	ChannelPost       *message `json:"channel_post"`
	EditedChannelPost *message `json:"edited_channel_post"`

	problem string // why it is left out; "" when it is not, or for what the message says
}

type user struct {
	ID        int64  `json:"id"`
	Bot       bool   `json:"is_bot"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
	Username  string `json:"username"`
	Language  string `json:"language_code"`
	ReadsAll  bool   `json:"can_read_all_group_messages"` // getMe only
}

type chat struct {
	ID        int64  `json:"id"`
	Type      string `json:"type"`
	Title     string `json:"title"`
	FirstName string `json:"first_name"`
	Username  string `json:"username"`
}

type message struct {
	ID          int64  `json:"message_id"`
	Thread      int64  `json:"message_thread_id"`
	IsTopic     bool   `json:"is_topic_message"`
	From        *user  `json:"from"`
	SenderChat  *chat  `json:"sender_chat"`
	Chat        chat   `json:"chat"`
	Date        int64  `json:"date"`
	EditDate    int64  `json:"edit_date"`
	AutoForward bool   `json:"is_automatic_forward"`
	ReplyTo     *reply `json:"reply_to_message"`

	Text            string   `json:"text"`
	Entities        []entity `json:"entities"`
	Caption         string   `json:"caption"`
	CaptionEntities []entity `json:"caption_entities"`

	Voice     *file  `json:"voice"`
	Audio     *file  `json:"audio"`
	Photo     []file `json:"photo"` // one picture in several sizes
	Video     *file  `json:"video"`
	VideoNote *file  `json:"video_note"`
	Animation *file  `json:"animation"` // comes with Document
	Document  *file  `json:"document"`
	Sticker   *file  `json:"sticker"`

	MigrateTo   int64 `json:"migrate_to_chat_id"`
	MigrateFrom int64 `json:"migrate_from_chat_id"`
}

// reply is the message that a message answers.
type reply struct {
	ID           int64           `json:"message_id"`
	From         *user           `json:"from"`
	TopicCreated json.RawMessage `json:"forum_topic_created"`
}

type entity struct {
	Type   string `json:"type"`
	Offset int    `json:"offset"` // in UTF-16 units
	Length int    `json:"length"`
	User   *user  `json:"user"`
}

type file struct {
	ID   string `json:"file_id"`
	Name string `json:"file_name"`
	Type string `json:"mime_type"`
	Size int64  `json:"file_size"`
}

// read makes a batch of updates. next is the offset that confirms them all, 0 when none has an id that can be read.
func (l *listener) read(updates []update) (batch bridges.Batch, next int64) {
	batch.Events = make([]bridges.Event, 0, len(updates))
	for i := range updates {
		e, id, ok := l.event(&updates[i])
		if ok {
			batch.Events = append(batch.Events, e)
		}
		if id != 0 {
			next = max(next, id+1)
		}
	}
	return batch, next
}

// unreadable is the problem of an update whose message cannot be read, or is without what every message has. The error is told nowhere: it may
// quote the message.
const unreadable = "left out an update with a message that cannot be read"

// event makes an event of an update. ok is false when it is nothing that the relay should hear of; what cannot be read is logged. id is 0 when
// not even that can be read.
func (l *listener) event(u *update) (e bridges.Event, id int64, ok bool) {
	m, edited := u.message()
	switch {
	case u.problem != "":
		l.log.Warn(u.problem, "update", u.ID)
	case m == nil:
		l.log.Debug("left out an update of another kind", "update", u.ID)
	case m.ID == 0 || m.Chat.ID == 0:
		l.log.Warn(unreadable, "update", u.ID)
	default:
		e, ok = l.heard(m, edited)
	}
	return e, u.ID, ok
}

// message is what u is about: nil for a kind that is not known.
func (u *update) message() (m *message, edited bool) {
	for i, m := range []*message{u.Message, u.ChannelPost, u.EditedMessage, u.EditedChannelPost} {
		if m != nil {
			return m, i >= 2
		}
	}
	return nil, false
}

// parse reads one update. Where it cannot be read as a whole, what it is about is, and its id.
func parse(raw json.RawMessage) (u update) {
	if json.Unmarshal(raw, &u) == nil {
		return u
	}
	var parts struct {
		ID                int64           `json:"update_id"`
		Message           json.RawMessage `json:"message"`
		EditedMessage     json.RawMessage `json:"edited_message"`
		ChannelPost       json.RawMessage `json:"channel_post"`
		EditedChannelPost json.RawMessage `json:"edited_channel_post"`
	}
	err := json.Unmarshal(raw, &parts)
	u = update{ID: parts.ID}
	if err != nil {
		u.problem = "left out an update that cannot be read"
		return u
	}
	into := []**message{&u.Message, &u.ChannelPost, &u.EditedMessage, &u.EditedChannelPost}
	for i, part := range []json.RawMessage{parts.Message, parts.ChannelPost, parts.EditedMessage, parts.EditedChannelPost} {
		if len(part) == 0 || string(part) == "null" {
			continue
		}
		if json.Unmarshal(part, into[i]) != nil {
			u.problem = unreadable
		}
		break
	}
	return u
}
