package bridgetest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// outgoing is a message that a bot is about to post.
type outgoing struct {
	bot    *Bot
	chat   *Chat
	thread int
	reply  int
	kind   string
	raw    string
	mode   string
	file   *SentFile
	m      *wireMessage
}

// sendMessage is the method of that name.
func (t *Telegram) sendMessage(bot *Bot, p params) *answer {
	raw := p.text("text")
	if raw == "" {
		return badRequest("message text is empty")
	}
	f, refused := format(raw, p.text("parse_mode"), maxText, "message is too long")
	if refused != nil {
		return refused
	}
	if f.text == "" {
		return badRequest("text must be non-empty")
	}
	return t.post(p, &outgoing{bot: bot, kind: "text", raw: raw, mode: p.text("parse_mode"),
		m: &wireMessage{Text: f.text, Entities: f.entities}})
}

// post checks the place and posts the message there.
func (t *Telegram) post(p params, out *outgoing) *answer {
	t.mu.Lock()
	defer t.mu.Unlock()
	if refused := t.address(p, out); refused != nil {
		return refused
	}
	if wait := t.limits.take(out.chat.ID); wait > 0 {
		return tooMany(wait)
	}
	if out.kind == "voice" && out.chat.noVoice {
		return badRequest("VOICE_MESSAGES_FORBIDDEN")
	}
	from := out.bot.user()
	m := out.m
	m.From, m.Chat, m.Date = &from, out.chat.wire(), time.Now().Unix()
	if out.thread != 0 && out.chat.topics[out.thread] != "" {
		m.ThreadID, m.IsTopic = out.thread, true
	}
	if out.reply != 0 {
		m.ReplyTo = out.chat.quoted(out.reply)
	}
	out.chat.add(m)
	post := t.log.add(out)
	a := good(m, "")
	a.post = post
	return a
}

// address finds the chat, the topic and the message to reply to.
func (t *Telegram) address(p params, out *outgoing) *answer {
	chat, refused := t.open(p, out.bot)
	if refused != nil {
		return refused
	}
	out.chat = chat
	if out.thread = p.number("message_thread_id", 0, 0, 1<<31-1); out.thread != 0 && (chat.forum || chat.kind == "private") {
		if _, ok := chat.topics[out.thread]; !ok {
			return badRequest("message thread not found")
		}
	}
	return out.replyTo(p)
}

// replyTo reads reply_parameters and the older parameters in their place.
func (out *outgoing) replyTo(p params) *answer {
	var reply struct {
		MessageID int  `json:"message_id"`
		Anyway    bool `json:"allow_sending_without_reply"`
	}
	if raw := p.text("reply_parameters"); raw != "" {
		if json.Unmarshal([]byte(raw), &reply) != nil {
			return badRequest("can't parse reply parameters JSON object")
		}
	} else {
		reply.MessageID = p.number("reply_to_message_id", 0, 0, 1<<31-1)
		reply.Anyway = p.truth("allow_sending_without_reply")
	}
	if reply.MessageID <= 0 {
		return nil
	}
	if out.chat.messages[reply.MessageID] == nil {
		if reply.Anyway {
			return nil
		}
		return badRequest("message to be replied not found")
	}
	out.reply = reply.MessageID
	return nil
}

// open returns the chat of a call, or why the bot may not write there; needs t.mu.
func (t *Telegram) open(p params, bot *Bot) (*Chat, *answer) {
	id := p.text("chat_id")
	if id == "" {
		return nil, badRequest("chat_id is empty")
	}
	chat := t.find(id)
	if chat == nil {
		return nil, badRequest("chat not found")
	}
	stand, in := chat.standing[bot]
	switch {
	case !in && chat.kind == "private":
		return nil, badRequest("chat not found")
	case chat.moved != nil:
		return nil, failureWith(http.StatusBadRequest, "Bad Request: group chat was upgraded to a supergroup chat",
			map[string]any{"migrate_to_chat_id": chat.moved.ID})
	case !in:
		return nil, failure(http.StatusForbidden, "Forbidden: bot is not a member of the "+chat.kind+" chat")
	case stand == blocked:
		return nil, failure(http.StatusForbidden, "Forbidden: bot was blocked by the user")
	case stand == kicked:
		return nil, failure(http.StatusForbidden, "Forbidden: bot was kicked from the "+chat.kind+" chat")
	}
	return chat, nil
}

// find returns the chat with the id, nil for none; needs t.mu. No chat has a public @name here.
func (t *Telegram) find(id string) *Chat {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return nil
	}
	return t.chats[n]
}

// sendChatAction is the method of that name.
func (t *Telegram) sendChatAction(bot *Bot, p params) *answer {
	action := p.text("action")
	switch action {
	case "typing", "upload_photo", "record_video", "upload_video", "record_voice", "record_audio", "upload_voice", "upload_audio",
		"upload_document", "choose_sticker", "find_location", "record_video_note", "upload_video_note":
	default:
		return badRequest("wrong parameter action in request")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	out := &outgoing{bot: bot}
	if refused := t.address(p, out); refused != nil {
		return refused
	}
	t.log.addAction(Action{Bot: bot, Chat: out.chat.ID, Thread: out.thread, Action: action, At: time.Now()})
	return good(true, "")
}

// editMessageText is the method of that name.
func (t *Telegram) editMessageText(bot *Bot, p params) *answer {
	raw := p.text("text")
	if raw == "" {
		return badRequest("message text is empty")
	}
	f, refused := format(raw, p.text("parse_mode"), maxText, "message is too long")
	if refused != nil {
		return refused
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	chat, refused := t.open(p, bot)
	if refused != nil {
		return refused
	}
	old := chat.messages[p.number("message_id", 0, 0, 1<<31-1)]
	switch {
	case old == nil:
		return badRequest("message to edit not found")
	case old.From == nil || old.From.ID != bot.ID:
		return badRequest("message can't be edited")
	case old.Text == f.text && equalEntities(old.Entities, f.entities):
		return badRequest("message is not modified: specified new message content and reply markup are exactly the same as a " +
			"current content and reply markup of the message")
	}
	if wait := t.limits.take(chat.ID); wait > 0 { // edits count as messages
		return tooMany(wait)
	}
	m := *old
	m.Text, m.Entities, m.EditDate = f.text, f.entities, time.Now().Unix()
	chat.messages[m.MessageID] = &m
	t.log.edited(chat.ID, m.MessageID, f.text, raw)
	return good(&m, "")
}

func equalEntities(a, b []wireEntity) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && len(a) == len(b) && (len(a) == 0 || string(x) == string(y))
}

// deleteMessage is the method of that name.
func (t *Telegram) deleteMessage(bot *Bot, p params) *answer {
	t.mu.Lock()
	defer t.mu.Unlock()
	chat, refused := t.open(p, bot)
	if refused != nil {
		return refused
	}
	id := p.number("message_id", 0, 0, 1<<31-1)
	switch m := chat.messages[id]; {
	case m == nil:
		return badRequest("message to delete not found")
	case chat.kind != "private" && chat.standing[bot] != admin && (m.From == nil || m.From.ID != bot.ID):
		return badRequest("message can't be deleted")
	}
	delete(chat.messages, id)
	t.log.deleted(chat.ID, id)
	return good(true, "")
}

// getChat is the method of that name.
func (t *Telegram) getChat(bot *Bot, p params) *answer {
	t.mu.Lock()
	defer t.mu.Unlock()
	chat, refused := t.open(p, bot)
	if refused != nil {
		return refused
	}
	return good(chat.wire(), "")
}
