package bridgetest

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

// post makes a message of a draft, tells everybody of it and writes it into the log; needs d.mu.
func (d *Discord) post(m *draft) (*dMessage, *DiscordPost) {
	c := m.channel
	w := d.newMessage(c, d.newID(), m.bot.wire())
	w.Content, w.TTS, w.Flags, w.Nonce = cleaned(m.text()), m.body.TTS, m.flags, m.body.Nonce
	if string(w.Nonce) == "null" || m.via != ViaMessage { // webhooks take none
		w.Nonce = nil
	}
	w.Embeds, w.Components = orNone(m.body.Embeds), orNone(m.body.Components)
	for _, f := range m.files {
		w.Attachments = append(w.Attachments, d.store(c, f, m.flags&flagEphemeral != 0))
	}
	mass := c.Guild != nil && (m.via != ViaMessage || d.may(m.bot, c)&PermMentionEveryone != 0)
	pings := d.pingsOf(w.Content, c, m.allowed, mass)
	if m.reply != nil {
		w.Type = messageReply
		w.Reference = &dReference{MessageID: m.reply.ID, ChannelID: c.ID, GuildID: c.guildID()}
		if author := m.reply.Author.ID; (m.allowed.Replied || slices.Contains(m.allowed.Users, author)) && !slices.Contains(pings.Users, author) {
			pings.Users = append(pings.Users, author)
		}
	}
	if m.call != nil {
		m.call.sign(w)
	}
	d.mentioned(w, pings)
	c.add(w, d.opt.Remember)
	post := d.log.add(m, w, pings)
	d.tell("MESSAGE_CREATE", w, c)
	return w, post
}

func orNone(list []json.RawMessage) []json.RawMessage {
	if list == nil {
		return noObjects
	}
	return list
}

// newMessage is an empty message; needs d.mu.
func (d *Discord) newMessage(c *DiscordChannel, id string, author dUser) *dMessage {
	return &dMessage{
		ID: id, ChannelID: c.ID, Author: author, Timestamp: isoTime(SnowflakeTime(id)), Mentions: []dUser{}, MentionRoles: []string{},
		Attachments: []dAttachment{}, Embeds: noObjects, Components: noObjects,
	}
}

func (b *DiscordBot) wire() dUser { return b.user.wire() }

// editMessage is the route of that name.
func (d *Discord) editMessage(c *discordCall) *discordAnswer {
	d.mu.Lock()
	defer d.mu.Unlock()
	ch, refused := d.look(c)
	if refused != nil {
		return refused
	}
	old := ch.byID[c.path("message")]
	switch {
	case old == nil || old.ephemeral:
		return unknownMessage()
	case old.Author.ID != c.bot.ID:
		return dFailure(http.StatusForbidden, 50005, "Cannot edit a message authored by another user")
	case ch.archived:
		return archivedThread()
	}
	w, refused := d.change(c, ch, old, ViaMessage)
	if refused != nil {
		return refused
	}
	return dGood(d.show(w, ch, c.bot, true))
}

// change edits a message by the body of a call; needs d.mu. Fields that the body does not have stay as they are.
func (d *Discord) change(c *discordCall, ch *DiscordChannel, old *dMessage, via DiscordVia) (*dMessage, *discordAnswer) {
	var body messageBody
	if refused := c.decode(&body); refused != nil {
		return nil, refused
	}
	def := []string{"users"}
	if via == ViaMessage {
		def = append(def, "roles", "everyone")
	}
	allowed, refused := readAllowed(body.Allowed, def)
	if refused == nil {
		refused = body.checkText()
	}
	if refused == nil && old.Flags&flagVoice != 0 {
		refused = dFailure(http.StatusBadRequest, 50162, "Voice messages cannot be edited.")
	}
	if refused != nil {
		return nil, refused
	}
	files, refused := body.readFiles(c.form)
	if refused != nil {
		return nil, refused
	}
	w := *old
	given := map[string]json.RawMessage{}
	_ = json.Unmarshal(c.form.payload, &given) // decode has read it already; empty without a body
	if _, ok := given["content"]; ok {
		w.Content = ""
		if body.Content != nil {
			w.Content = cleaned(*body.Content)
		}
	}
	if _, ok := given["embeds"]; ok {
		w.Embeds = orNone(body.Embeds)
	}
	if body.Attachments != nil {
		w.Attachments = body.kept(old.Attachments)
	}
	w.Attachments = slices.Clone(w.Attachments)
	for _, f := range files {
		w.Attachments = append(w.Attachments, d.store(ch, f, old.ephemeral))
	}
	if w.Content == "" && len(w.Embeds)+len(w.Components)+len(w.Attachments) == 0 {
		return nil, emptyMessage()
	}
	d.log.attached(w.ID, loggedFiles(files, w.Attachments[len(w.Attachments)-len(files):]))
	mass := ch.Guild != nil && (via != ViaMessage || d.may(c.bot, ch)&PermMentionEveryone != 0)
	d.mentioned(&w, d.pingsOf(w.Content, ch, allowed, mass))
	d.edited(ch, &w)
	return &w, nil
}

// edited puts a changed message in its place and tells everybody; needs d.mu.
func (d *Discord) edited(ch *DiscordChannel, w *dMessage) {
	now := isoTime(d.Now())
	w.EditedTimestamp = &now
	w.Flags &^= flagLoading
	ch.replace(w)
	d.log.edited(w)
	d.tell("MESSAGE_UPDATE", w, ch)
}

// deleteMessage is the route of that name.
func (d *Discord) deleteMessage(c *discordCall) *discordAnswer {
	d.mu.Lock()
	defer d.mu.Unlock()
	ch, refused := d.look(c)
	if refused != nil {
		return refused
	}
	m := ch.byID[c.path("message")]
	switch {
	case m == nil || m.ephemeral:
		return unknownMessage()
	case m.Author.ID == c.bot.ID:
	case ch.Guild == nil:
		return dFailure(http.StatusForbidden, 50003, "Cannot execute action on a DM channel")
	case d.may(c.bot, ch)&PermManageMessages == 0:
		return missingPermissions()
	}
	d.drop(ch, m)
	return dDone()
}

// drop removes a message and tells everybody; needs d.mu.
func (d *Discord) drop(ch *DiscordChannel, m *dMessage) {
	ch.remove(m)
	d.log.deleted(m.ID)
	d.tellGone(ch, m.ID)
}

// triggerTyping is the route of that name.
func (d *Discord) triggerTyping(c *discordCall) *discordAnswer {
	d.mu.Lock()
	defer d.mu.Unlock()
	ch, refused := d.look(c)
	if refused == nil {
		refused = d.maySend(c.bot, ch)
	}
	if refused == nil && ch.archived {
		refused = archivedThread()
	}
	if refused != nil {
		return refused
	}
	d.log.typing(DiscordTyping{Bot: c.bot, Channel: ch.ID, At: d.Now()})
	d.sayTyping(ch, c.bot.user)
	return dDone()
}

// sayTyping dispatches TYPING_START; needs d.mu.
func (d *Discord) sayTyping(ch *DiscordChannel, u *DiscordUser) {
	payload := map[string]any{"channel_id": ch.ID, "user_id": u.ID, "timestamp": d.Now().Truncate(time.Second).Unix()}
	if ch.Guild == nil {
		d.dispatchTo(ch.bot, nil, intentDirectTyping, "TYPING_START", payload, ch)
		return
	}
	payload["guild_id"] = ch.Guild.ID
	if m := ch.Guild.members[u.ID]; m != nil {
		payload["member"] = m.wire(true)
	}
	d.dispatch(ch.Guild, ch, intentGuildTyping, "TYPING_START", payload)
}
