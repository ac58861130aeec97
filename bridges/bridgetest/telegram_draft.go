package bridgetest

import (
	"slices"
	"time"
)

// A DraftShown is one version of a draft that a bot has shown in a private chat.
type DraftShown struct {
	Chat   int64
	Thread int
	ID     int
	Text   string // as people see it
	At     time.Time
}

// sendMessageDraft is the method of that name (https://core.telegram.org/bots/api#sendmessagedraft): in private chats only, gone by itself after half a
// minute. An empty text shows that the bot thinks.
func (t *Telegram) sendMessageDraft(bot *Bot, p params) *answer {
	if t.noDrafts.Load() {
		return failure(404, "Not Found: method not found")
	}
	id := p.number("draft_id", 0, -1<<62, 1<<62)
	if id == 0 {
		return badRequest("draft_id must be non-zero")
	}
	f := formatted{}
	if raw := p.text("text"); raw != "" {
		var refused *answer
		if f, refused = format(raw, p.text("parse_mode"), maxText, "message is too long"); refused != nil {
			return refused
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	out := &outgoing{bot: bot}
	if refused := t.address(p, out); refused != nil {
		return refused
	}
	if out.chat.kind != "private" {
		return badRequest("TEXTDRAFT_PEER_INVALID")
	}
	t.log.addDraft(DraftShown{Chat: out.chat.ID, Thread: out.thread, ID: id, Text: f.text, At: time.Now()})
	return good(true, "")
}

func (l *postLog) addDraft(d DraftShown) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drafts = append(l.drafts, d)
	l.tell()
}

// Drafts returns the drafts that bots have shown in a chat, in order.
func (t *Telegram) Drafts(c *Chat) []DraftShown {
	t.log.mu.Lock()
	defer t.log.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(t.log.drafts), func(d DraftShown) bool { return d.Chat != c.ID })
}

// ForgetDrafts makes the server an older one, which knows no drafts.
func (t *Telegram) ForgetDrafts() { t.noDrafts.Store(true) }

// Administer makes a person an administrator of a group.
func (t *Telegram) Administer(c *Chat, u *User) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.admins == nil {
		c.admins = map[int64]bool{}
	}
	c.admins[u.ID] = true
}

// getChatMember is the method of that name, as far as a bot looks at it: who administers the chat.
func (t *Telegram) getChatMember(bot *Bot, p params) *answer {
	user := p.number("user_id", 0, -1<<62, 1<<62)
	if user == 0 {
		return badRequest("invalid user_id specified")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	chat, refused := t.open(p, bot)
	if refused != nil {
		return refused
	}
	status := "member"
	if chat.admins[int64(user)] {
		status = "administrator"
	}
	return good(map[string]any{"status": status, "user": map[string]any{"id": user, "is_bot": false, "first_name": "?"}}, "")
}
