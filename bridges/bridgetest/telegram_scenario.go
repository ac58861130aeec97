package bridgetest

import (
	"strconv"
	"strings"
	"time"
)

// Line is what somebody writes.
type Line struct {
	Chat *Chat
	From *User // nil in a channel
	Bot  *Bot  // private chats: the bot that is written to, when the person talks to several; nil for all
	Text string

	Thread   int       // topic
	ReplyTo  int       // the message that it answers
	Named    []*User   // people without a @name whose names in the text are mentions
	File     *SentFile // something attached: Text is its caption
	At       time.Time // when it was written; now when zero
	Identity Identity
}

// Identity is in whose name a line is written.
type Identity struct {
	Anonymous bool  // an administrator who hides behind the group
	Channel   *Chat // a person who writes as their channel
	Forwarded *Chat // a channel's post that Telegram put into the discussion group by itself
}

// Written is what became of a line.
type Written struct {
	Message int            // its id in the chat
	Updates map[*Bot]int64 // the update's id for each bot that hears it
}

// Update returns the id of the update that the first bot of the chat got, 0 when it heard nothing.
func (w Written) Update(b *Bot) int64 { return w.Updates[b] }

func anonymousAdmin() *wireUser {
	return &wireUser{ID: 1087968824, IsBot: true, FirstName: "Group", Username: "GroupAnonymousBot"}
}

// Write lets somebody write. Bots hear it by Telegram's rules: with privacy mode on, a bot in a group hears only commands, mentions of
// itself, and replies to itself; a bot that was blocked or kicked hears nothing.
func (t *Telegram) Write(l Line) Written {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := l.message()
	if l.ReplyTo != 0 {
		m.ReplyTo = l.Chat.quoted(l.ReplyTo)
	} else if l.Thread != 0 { // every message of a topic formally answers its first one
		m.ReplyTo = l.Chat.quoted(l.Thread)
	}
	if l.File != nil {
		t.attach(m, l)
	} else {
		m.Text, m.Entities = l.Text, entitiesOf(l.Text, l.Named)
	}
	l.Chat.add(m)
	kind := "message"
	if l.Chat.kind == "channel" {
		kind = "channel_post"
	}
	return Written{m.MessageID, t.deliver(l.Chat, kind, m, l.Bot)}
}

// message is the line without its content.
func (l Line) message() *wireMessage {
	at := l.At
	if at.IsZero() {
		at = time.Now()
	}
	m := &wireMessage{Chat: l.Chat.wire(), Date: at.Unix(), ThreadID: l.Thread, IsTopic: l.Thread != 0 && l.Chat.forum}
	chat := m.Chat
	switch id := l.Identity; {
	case id.Anonymous:
		m.From, m.SenderChat, m.AuthorSignature = anonymousAdmin(), &chat, "admin"
	case id.Channel != nil:
		sender := id.Channel.wire()
		m.From, m.SenderChat = &wireUser{ID: 136817688, IsBot: true, FirstName: "Channel", Username: "Channel_Bot"}, &sender
	case id.Forwarded != nil:
		sender := id.Forwarded.wire()
		m.From, m.SenderChat = &wireUser{ID: 777000, FirstName: "Telegram"}, &sender
		m.AutoForward = true
		m.ForwardOrigin = &wireOrigin{Type: "channel", Chat: &sender, MessageID: 1, Date: m.Date}
	case l.Chat.kind == "channel":
		m.SenderChat = &chat
	case l.From != nil:
		u := l.From.wire()
		m.From = &u
	}
	return m
}

// quoted is a message as it stands inside of a reply: without what it answered itself. Nil when there is none.
func (c *Chat) quoted(id int) *wireMessage {
	m := c.messages[id]
	if m == nil {
		return nil
	}
	q := *m
	q.ReplyTo = nil
	return &q
}

// Edit changes the text of a message that somebody wrote. It does nothing when the chat has no such message.
func (t *Telegram) Edit(c *Chat, message int, text string) Written {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := c.messages[message]
	if old == nil {
		return Written{}
	}
	m := *old
	m.EditDate = time.Now().Unix()
	if m.Text != "" {
		m.Text, m.Entities = text, entitiesOf(text, nil)
	} else {
		m.Caption, m.CaptionEntities = text, entitiesOf(text, nil)
	}
	c.messages[message] = &m
	kind := "edited_message"
	if c.kind == "channel" {
		kind = "edited_channel_post"
	}
	return Written{message, t.deliver(c, kind, &m, nil)}
}

// Raw queues an update for the bot as it stands, valid or not; "$id" in it becomes the update's id, which is returned.
func (t *Telegram) Raw(b *Bot, update string) int64 {
	return b.queue.push("", func(id int64) []byte {
		return []byte(strings.ReplaceAll(update, "$id", strconv.FormatInt(id, 10)))
	})
}

// deliver queues the message for the bots that hear it; needs t.mu.
func (t *Telegram) deliver(c *Chat, kind string, m *wireMessage, only *Bot) map[*Bot]int64 {
	got := make(map[*Bot]int64, 1)
	for _, b := range c.bots {
		if only != nil && b != only || !c.hears(b, m) {
			continue
		}
		if id := b.queue.push(kind, func(id int64) []byte { return updateJSON(id, kind, m) }); id != 0 {
			got[b] = id
		}
	}
	return got
}

// hears applies blocking and privacy mode.
func (c *Chat) hears(b *Bot, m *wireMessage) bool {
	switch stand := c.standing[b]; {
	case stand == blocked || stand == kicked:
		return false
	case m.From != nil && m.From.ID == b.ID:
		return false
	case stand == admin || b.ReadsAll || c.kind == "private" || c.kind == "channel" || m.service():
		return true
	}
	if m.ReplyTo != nil && m.ReplyTo.From != nil && m.ReplyTo.From.ID == b.ID {
		return true
	}
	text := m.Text + m.Caption
	for _, e := range append(m.Entities, m.CaptionEntities...) {
		word := sliceUTF16(text, e.Offset, e.Length)
		switch e.Type {
		case "mention":
			if strings.EqualFold(word, "@"+b.Username) {
				return true
			}
		case "text_mention":
			if e.User.ID == b.ID {
				return true
			}
		case "bot_command":
			if _, name, ok := strings.Cut(word, "@"); !ok || strings.EqualFold(name, b.Username) {
				return true
			}
		}
	}
	return false
}

// service says that the message tells of an event instead of being written.
func (m *wireMessage) service() bool {
	return m.TopicCreated != nil || m.MigrateTo != 0 || m.MigrateFrom != 0
}

// sliceUTF16 cuts a text at UTF-16 positions.
func sliceUTF16(s string, offset, length int) string {
	at, start, end := 0, len(s), len(s)
	for i, r := range s {
		if at == offset {
			start = i
		}
		if at == offset+length {
			end = i
			break
		}
		at += max(1, utf16Len(string(r)))
	}
	if start > end {
		return ""
	}
	return s[start:end]
}
