package bridgetest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"
)

// Types and flags of messages; see the resource Message in the documentation.
const (
	messageReply   = 19
	messageCommand = 20

	flagSuppressEmbeds = 1 << 2
	flagEphemeral      = 1 << 6
	flagLoading        = 1 << 7
	flagQuiet          = 1 << 12
	flagVoice          = 1 << 13
	flagComponentsV2   = 1 << 15
)

// maxContent is in characters, by which Discord means code points: https://github.com/discord/discord-api-docs/issues/1315.
const maxContent = 2000

// messageBody is the body of "Create Message" and of what is like it.
type messageBody struct {
	Content      *string           `json:"content"`
	Nonce        json.RawMessage   `json:"nonce"`
	EnforceNonce bool              `json:"enforce_nonce"`
	TTS          bool              `json:"tts"`
	Embeds       []json.RawMessage `json:"embeds"`
	Components   []json.RawMessage `json:"components"`
	Stickers     []string          `json:"sticker_ids"`
	Allowed      json.RawMessage   `json:"allowed_mentions"`
	Reference    *referenceBody    `json:"message_reference"`
	Attachments  *[]attachmentBody `json:"attachments"`
	Flags        *int64            `json:"flags"`
	Poll         json.RawMessage   `json:"poll"`
}

type referenceBody struct {
	Type            *int   `json:"type"`
	MessageID       string `json:"message_id"`
	ChannelID       string `json:"channel_id"`
	FailIfNotExists *bool  `json:"fail_if_not_exists"`
}

// draft is a message that a bot is about to post.
type draft struct {
	bot     *DiscordBot
	channel *DiscordChannel
	body    messageBody
	via     DiscordVia
	allowed *allowedMentions
	flags   int
	files   []storedAttachment
	reply   *dMessage
	call    *DiscordInteraction
}

// read checks the parts of a message that do not depend on its place.
func (c *discordCall) readDraft(via DiscordVia) (*draft, *discordAnswer) {
	m := &draft{bot: c.bot, via: via}
	if refused := c.decode(&m.body); refused != nil {
		return nil, refused
	}
	if refused := m.readBody(c.form); refused != nil {
		return nil, refused
	}
	return m, nil
}

func (m *draft) readBody(form discordForm) *discordAnswer {
	def := []string{"users", "roles", "everyone"}
	settable := int64(flagSuppressEmbeds | flagQuiet | flagVoice | flagComponentsV2)
	if m.via != ViaMessage {
		def, settable = []string{"users"}, settable|flagEphemeral
	}
	if m.body.Flags != nil {
		m.flags = int(*m.body.Flags & settable)
	}
	var refused *discordAnswer
	if m.allowed, refused = readAllowed(m.body.Allowed, def); refused != nil {
		return refused
	}
	if refused = m.body.checkText(); refused != nil {
		return refused
	}
	if m.files, refused = m.body.readFiles(form); refused != nil {
		return refused
	}
	if m.flags&flagVoice != 0 {
		return m.checkVoice()
	}
	if cleaned(m.text()) == "" && len(m.body.Embeds)+len(m.body.Components)+len(m.body.Stickers)+len(m.files) == 0 && len(m.body.Poll) == 0 {
		return emptyMessage()
	}
	return nil
}

func emptyMessage() *discordAnswer {
	return dFailure(http.StatusBadRequest, 50006, "Cannot send an empty message")
}

func (m *draft) text() string {
	if m.body.Content == nil {
		return ""
	}
	return *m.body.Content
}

func (b *messageBody) checkText() *discordAnswer {
	if b.Content != nil && utf8.RuneCountInString(*b.Content) > maxContent {
		return dInvalid("content", "BASE_TYPE_MAX_LENGTH", "Must be 2000 or fewer in length.")
	}
	if len(b.Embeds) > 10 {
		return dInvalid("embeds", "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.")
	}
	if len(b.nonce()) > 25 {
		return dInvalid("nonce", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
	}
	if n := b.Nonce; len(n) > 0 && (n[0] == '{' || n[0] == '[' || n[0] == 't' || n[0] == 'f') {
		return dInvalid("nonce", "BASE_TYPE_BAD_TYPE", "Value is neither an integer nor a string.")
	}
	return nil
}

// nonce is the nonce as text, "" for none.
func (b *messageBody) nonce() string {
	var s string
	if json.Unmarshal(b.Nonce, &s) == nil {
		return s
	}
	if string(b.Nonce) == "null" {
		return ""
	}
	return string(b.Nonce)
}

type nonceKey struct{ author, nonce string }

type nonceUse struct {
	at      time.Time
	channel *DiscordChannel
	message string
}

// createMessage is the route of that name.
func (d *Discord) createMessage(c *discordCall) *discordAnswer {
	d.mu.Lock()
	defer d.mu.Unlock()
	ch, refused := d.look(c)
	if refused == nil {
		refused = d.maySend(c.bot, ch)
	}
	if refused != nil {
		return refused
	}
	m, refused := c.readDraft(ViaMessage)
	if refused != nil {
		return refused
	}
	m.channel = ch
	if refused = d.mayPost(m); refused != nil {
		return refused
	}
	key := nonceKey{c.bot.ID, m.body.nonce()}
	if old, used := d.nonces[key]; used && m.body.EnforceNonce && key.nonce != "" && d.Now().Sub(old.at) <= d.opt.NonceWindow {
		have := old.channel.byID[old.message]
		if have == nil {
			return unknownMessage() // it was deleted meanwhile, and is not made again
		}
		d.log.repeated(old.message)
		return dGood(d.show(have, old.channel, c.bot, true))
	}
	if refused = m.findReply(d); refused != nil {
		return refused
	}
	if ch.archived {
		d.archive(ch, false, ch.locked)
	}
	w, post := d.post(m)
	if key.nonce != "" {
		d.remember(key, nonceUse{d.Now(), ch, w.ID})
	}
	a := dGood(d.show(w, ch, c.bot, true))
	a.post = post
	return a
}

// remember keeps a nonce and forgets old ones; needs d.mu.
func (d *Discord) remember(key nonceKey, use nonceUse) {
	if len(d.nonces) > 20_000 {
		for k, old := range d.nonces {
			if d.Now().Sub(old.at) > d.opt.NonceWindow {
				delete(d.nonces, k)
			}
		}
	}
	d.nonces[key] = use
}

// maySend says why a bot cannot write in a channel that it sees; needs d.mu.
func (d *Discord) maySend(b *DiscordBot, c *DiscordChannel) *discordAnswer {
	perms := d.may(b, c)
	needed := PermSendMessages
	if c.thread() {
		needed = PermSendInThreads
	}
	switch {
	case c.person != nil && b.blocked[c.person.ID]:
		return dFailure(http.StatusForbidden, 50007, "Cannot send messages to this user")
	case c.Type == channelForum:
		return dFailure(http.StatusBadRequest, 40058, "Cannot send a message in a forum channel")
	case c.Type == channelCategory:
		return dFailure(http.StatusBadRequest, 50008, "Cannot send messages in a non-text channel")
	case perms&needed == 0:
		return missingPermissions()
	case c.locked && c.archived && perms&PermManageThreads == 0: // an archived one that is not locked opens by itself
		return archivedThread()
	case c.locked && perms&PermManageThreads == 0:
		return dFailure(http.StatusForbidden, 160005, "Thread is locked")
	}
	return nil
}

func archivedThread() *discordAnswer {
	return dFailure(http.StatusBadRequest, 50083, "Thread is archived")
}

// mayPost says why a bot cannot post this message in a channel where it can write; needs d.mu.
func (d *Discord) mayPost(m *draft) *discordAnswer {
	perms := d.may(m.bot, m.channel)
	switch {
	case len(m.files) > 0 && perms&PermAttachFiles == 0:
		return missingPermissions()
	case m.flags&flagVoice != 0 && perms&PermSendVoiceMessages == 0:
		return dFailure(http.StatusForbidden, 50173, "You cannot send voice messages in this channel.")
	case m.body.Reference != nil && perms&PermReadHistory == 0:
		return dFailure(http.StatusBadRequest, 160002, "Cannot reply without permission to read message history")
	}
	return nil
}

// findReply finds the message that this one answers; needs d.mu.
func (m *draft) findReply(d *Discord) *discordAnswer {
	ref := m.body.Reference
	if ref == nil {
		return nil
	}
	if ref.Type != nil && *ref.Type != 0 {
		return dInvalid("message_reference.type", "BASE_TYPE_CHOICES", "The simulator knows no forwards.")
	}
	if _, ok := parseID(ref.MessageID); !ok {
		return dInvalid("message_reference.message_id", "NUMBER_TYPE_COERCE", "Value "+strconv.Quote(ref.MessageID)+" is not snowflake.")
	}
	old := m.channel.byID[ref.MessageID]
	if ref.ChannelID != "" && ref.ChannelID != m.channel.ID {
		return dInvalid("message_reference", "REPLIES_CANNOT_REFERENCE_OTHER_CHANNEL", "Cannot reply to a message in a different channel")
	}
	switch {
	case old == nil && (ref.FailIfNotExists == nil || *ref.FailIfNotExists):
		return dInvalid("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
	case old != nil && old.Type != 0 && old.Type != messageReply && old.Type != messageCommand:
		return dInvalid("message_reference", "REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE", "Cannot reply to a system message")
	}
	m.reply = old
	return nil
}
