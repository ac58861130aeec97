package discord

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"avatarbridge/bridges"
)

// Types and flags of messages (https://discord.com/developers/docs/resources/message#message-object-message-types).
const (
	messageDefault = 0
	messageReply   = 19

	flagNoEmbeds  = 1 << 2
	flagEphemeral = 1 << 6
	flagLoading   = 1 << 7
	flagSilent    = 1 << 12
	flagVoice     = 1 << 13
)

// A listener is an account that Run has opened.
type listener struct {
	bridge *Bridge
	me     user
	app    id
	rx     bridges.Receiver
	log    *slog.Logger
	lines  *lines
	tree   *tree
	items  chan item
	shards int
	work   sync.WaitGroup // telling Discord that commands are worked on
	broken chan any       // holds the first panic, for Run to pass on
}

// safely does f, and keeps a panic for Run: whoever runs the bridge knows what to do about it.
func (l *listener) safely(f func()) {
	defer func() {
		if v := recover(); v != nil {
			l.log.Error("internal error: please report it", "type", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
			select {
			case l.broken <- v:
			default:
			}
		}
	}()
	f()
}

// decode makes events of one of the gateway, none when it is nothing that the relay should hear of, and returns where it says that something was
// written. What cannot be read is logged and left out.
func (l *listener) decode(kind string, data []byte) (events []heard, signs []sign) {
	defer func() {
		if v := recover(); v != nil { // one bad event must not end the program
			l.log.Error("internal error: please report it", "event", kind, "stack", string(debug.Stack()))
			events, signs = nil, nil
		}
	}()
	var ok = true
	switch kind {
	case "MESSAGE_CREATE":
		events, ok = l.message(data, l.written)
	case "MESSAGE_UPDATE":
		events, ok = l.message(data, l.edited)
	case "MESSAGE_DELETE", "MESSAGE_DELETE_BULK":
		events, ok = l.deleted(data)
	case "INTERACTION_CREATE":
		events, ok = l.invoked(data)
	case "GUILD_CREATE", "THREAD_LIST_SYNC":
		signs, ok = l.guild(kind, data)
	default:
		ok = l.learn(kind, data)
	}
	if !ok { // not logged itself: it may quote a message
		l.log.Warn("left out an event that cannot be read", "event", kind)
	}
	return events, signs
}

// message reads an event that is a message.
func (l *listener) message(data []byte, event func(*message) (heard, bool)) ([]heard, bool) {
	var m message
	if json.Unmarshal(data, &m) != nil || m.ID == "" || m.Channel == "" {
		return nil, false
	}
	if h, ok := event(&m); ok {
		return []heard{h}, true
	}
	return nil, true
}

// written makes an event of a message; false when nobody has said anything in it. Bots, webhooks and the program itself are nobody.
func (l *listener) written(m *message) (heard, bool) {
	if m.Author != nil && m.Author.ID == l.me.ID {
		l.bridge.posts.note(m.ID, string(m.Nonce))
	}
	if m.ID == "" || m.Channel == "" || m.Type != messageDefault && m.Type != messageReply || !speaks(m.Author) || m.Webhook != "" ||
		m.Author.ID == l.me.ID {
		return heard{}, false
	}
	h := heard{guild: m.Guild, Event: bridges.Event{
		Kind: bridges.Written, Key: string(m.ID), At: m.ID.at(), From: person(m.Author, m.Member), Message: string(m.ID),
		Place: bridges.Place{Channel: string(m.Channel), Direct: m.Guild == ""}, Attachments: attachments(m),
	}}
	h.Text = l.words(m)
	h.Addressed = h.Place.Direct || l.mentioned(m)
	called, sure := l.called(m)
	if !sure {
		h.unsure = m
		return h, true
	}
	if h.Text == "" && len(h.Attachments) == 0 && !called && !l.named(string(m.Content)) {
		if !h.Addressed || !l.reads(m) {
			return heard{}, false
		}
		h.Attachments = []bridges.Attachment{{Kind: "file"}} // a sticker, a poll, something forwarded
	}
	return h, true
}

// reads reports whether Discord shows the bot all that is in m.
func (l *listener) reads(m *message) bool {
	return m.Guild == "" || l.bridge.cfg.MessageContent || slices.ContainsFunc(m.Mentions, func(u mention) bool { return u.ID == l.me.ID })
}

// edited makes an event of a message whose text was changed. Discord also says so when only a link's preview is ready.
func (l *listener) edited(m *message) (heard, bool) {
	if m.Edited == "" {
		return heard{}, false
	}
	h, ok := l.written(m)
	if !ok || h.Text == "" && h.unsure == nil {
		return heard{}, false
	}
	h.Kind, h.Target, h.Key = bridges.Edited, h.Key, ""
	return h, true
}

// deleted reads that messages are gone.
func (l *listener) deleted(data []byte) ([]heard, bool) {
	var gone struct {
		ID      id   `json:"id"`
		IDs     []id `json:"ids"`
		Channel id   `json:"channel_id"`
		Guild   id   `json:"guild_id"`
	}
	if json.Unmarshal(data, &gone) != nil {
		return nil, false
	}
	var events []heard
	for _, m := range append(gone.IDs, gone.ID) {
		if m != "" {
			events = append(events, heard{guild: gone.Guild, Event: bridges.Event{Kind: bridges.Deleted, Target: string(m),
				Place: bridges.Place{Channel: string(gone.Channel), Direct: gone.Guild == ""}}})
		}
	}
	return events, len(events) > 0
}

// learn takes what an event says of channels and roles.
func (l *listener) learn(kind string, data []byte) bool {
	switch kind {
	case "GUILD_ROLE_CREATE", "GUILD_ROLE_UPDATE":
		var g struct {
			Guild id   `json:"guild_id"`
			Role  role `json:"role"`
		}
		if json.Unmarshal(data, &g) != nil {
			return false
		}
		if own := ownRole([]role{g.Role}, l.me.ID); own != "" {
			l.tree.own(g.Guild, own)
		}
	case "CHANNEL_CREATE", "CHANNEL_UPDATE", "THREAD_CREATE", "THREAD_UPDATE", "CHANNEL_DELETE", "THREAD_DELETE":
		var c channel
		if json.Unmarshal(data, &c) != nil || c.ID == "" {
			return false
		}
		if l.tree.put(c, c.Guild); strings.HasSuffix(kind, "_DELETE") {
			l.tree.drop(c.ID)
		}
	case "GUILD_DELETE":
		var g struct {
			ID   id    `json:"id"`
			Away truth `json:"unavailable"`
		}
		if json.Unmarshal(data, &g) != nil {
			return false
		}
		if !g.Away {
			l.tree.leave(g.ID)
		}
	}
	return true
}

// speaks reports whether u is a person.
func speaks(u *user) bool { return u != nil && u.ID != "" && !bool(u.Bot) && !bool(u.System) }

// person describes who writes. The member is who they are in the guild, nil in direct messages and where that is not known.
func person(u *user, m *member) bridges.Person {
	p := bridges.Person{Platform: "discord", User: string(u.ID), Name: u.name()}
	if m == nil {
		return p
	}
	if strings.TrimSpace(string(m.Nick)) != "" {
		p.Name = string(m.Nick)
	}
	for _, r := range m.Roles {
		p.Roles = append(p.Roles, string(r))
	}
	p.Manages = int64(m.Permissions)&manages != 0
	return p
}

// name is how the person calls themselves.
func (u *user) name() string {
	if strings.TrimSpace(string(u.GlobalName)) != "" {
		return string(u.GlobalName)
	}
	return string(u.Username)
}

// attachments returns the voice that came with m; the addresses of other files are in the text.
func attachments(m *message) []bridges.Attachment {
	var all []bridges.Attachment
	for _, a := range m.Attachments {
		if a.voice(m) {
			all = append(all, bridges.Attachment{
				Kind: "voice", Ref: string(m.Channel) + "/" + string(m.ID) + "/" + string(a.ID), Type: string(a.Type), Name: string(a.Filename), Size: int64(a.Size),
			})
		}
	}
	return all
}

// voice reports whether the attachment is what somebody said.
func (a *attachment) voice(m *message) bool { return m.Flags&flagVoice != 0 && a.ID != "" }
