package telegram

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"avatarbridge/bridges"
)

// heard makes an event of a message; false when there is nothing to hear in it.
func (l *listener) heard(m *message, edited bool) (bridges.Event, bool) {
	if e, ok := moved(m); ok {
		return e, true
	}
	from, ok := l.person(m)
	if !ok || m.AutoForward { // a channel's post in its discussion group: nobody wrote it there
		return bridges.Event{}, false
	}
	e := bridges.Event{
		Kind: bridges.Written, Key: key(m), At: time.Unix(m.Date, 0), From: from, Place: place(m),
		Message: strconv.FormatInt(m.ID, 10), Attachments: m.attachments(),
	}
	if !l.words(m, &e) || e.Text == "" && len(e.Attachments) == 0 && e.Kind != bridges.Command {
		return bridges.Event{}, false
	}
	if edited {
		if e.Kind == bridges.Command {
			return bridges.Event{}, false // it was obeyed when it was written
		}
		e.Kind, e.Target, e.Key = bridges.Edited, e.Key, ""
		if m.EditDate > 0 {
			e.At = time.Unix(m.EditDate, 0)
		}
	}
	return e, true
}

// key names a message for good. Update ids do not: they start again somewhere else after a week without updates.
func key(m *message) string { return fmt.Sprintf("%d/%d", m.Chat.ID, m.ID) }

func place(m *message) bridges.Place {
	p := bridges.Place{Channel: strconv.FormatInt(m.Chat.ID, 10), Direct: m.Chat.Type == "private"}
	if m.IsTopic && m.Thread != 0 { // elsewhere a thread id only marks a chain of replies
		p.Thread = strconv.FormatInt(m.Thread, 10)
	}
	return p
}

// moved reads that a group has become a supergroup. Telegram says it twice, in the old chat and in the new one.
func moved(m *message) (bridges.Event, bool) {
	from, to := m.Chat.ID, m.MigrateTo
	if m.MigrateFrom != 0 {
		from, to = m.MigrateFrom, m.Chat.ID
	}
	if to == 0 {
		return bridges.Event{}, false
	}
	return bridges.Event{
		Kind: bridges.Moved, Key: fmt.Sprintf("moved/%d/%d", from, to), At: time.Unix(m.Date, 0),
		Place: bridges.Place{Channel: strconv.FormatInt(from, 10)}, To: strconv.FormatInt(to, 10),
	}, true
}

// person says in whose name m was written: a chat's where people hide behind it (anonymous administrators, channels), which Telegram
// shows as one bot account for all of them. It is false for nobody, and for the bot itself.
func (l *listener) person(m *message) (bridges.Person, bool) {
	c := m.SenderChat
	if c == nil && m.From == nil && m.Chat.Type == "channel" {
		c = &m.Chat
	}
	switch {
	case c != nil && c.ID != 0:
		return bridges.Person{Platform: "telegram", User: strconv.FormatInt(c.ID, 10), Name: named(c.Title, c.FirstName, c.Username)}, true
	case m.From == nil || m.From.ID == 0 || m.From.ID == l.me.ID:
		return bridges.Person{}, false
	}
	u := m.From
	return bridges.Person{
		Platform: "telegram", User: strconv.FormatInt(u.ID, 10), Locale: u.Language, Bot: u.Bot,
		Name: named(strings.TrimSpace(u.FirstName+" "+u.LastName), u.Username),
	}, true
}

// named returns the first name that is not empty.
func named(names ...string) string {
	for _, n := range names {
		if strings.TrimSpace(n) != "" {
			return n
		}
	}
	return ""
}

// attachments returns what came with m.
func (m *message) attachments() []bridges.Attachment {
	var all []bridges.Attachment
	add := func(kind string, f *file) {
		if f != nil && f.ID != "" {
			all = append(all, bridges.Attachment{Kind: kind, Ref: f.ID, Type: f.Type, Name: f.Name, Size: f.Size})
		}
	}
	add("voice", m.Voice)
	add("file", m.Audio)
	if n := len(m.Photo); n > 0 {
		add("image", &m.Photo[n-1]) // the largest
	}
	add("video", m.Video)
	add("video", m.VideoNote)
	add("image", m.Sticker)
	if add("video", m.Animation); m.Animation == nil {
		add("file", m.Document)
	}
	return all
}
