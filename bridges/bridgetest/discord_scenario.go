package bridgetest

import (
	"slices"
	"time"
)

// DiscordLine is what somebody writes.
type DiscordLine struct {
	Channel *DiscordChannel
	From    *DiscordUser
	Text    string // a mention is in it: DiscordBot.Mention, DiscordUser.Mention, DiscordRole.Mention, @everyone

	ReplyTo  string        // id of the message that it answers
	Silently bool          // the reply does not mention the other's author
	Files    []DiscordFile // attached
	At       time.Time     // when it was written; now when zero
	Webhook  bool          // it comes from a webhook that calls itself by From's name
	Kind     int           // type of a system message, such as 7 for somebody who joined
}

// Say lets somebody write and returns the message's id. Who writes in a guild is a member from then on. Bots get it by Discord's rules:
// what they may see, with the intents that they asked for, and without the content if neither the intent, nor a direct chat, nor a
// mention of the bot gives it.
func (d *Discord) Say(l DiscordLine) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.write(l, d.idAt(l.At))
}

// write needs d.mu.
func (d *Discord) write(l DiscordLine, id string) string {
	c := l.Channel
	author := dUser{}
	switch {
	case l.Webhook:
		name := l.From.Name
		author = dUser{ID: d.newID(), Username: name, Discriminator: "0000", Bot: true}
	case c.Guild != nil:
		d.memberOf(c.Guild, l.From)
		fallthrough
	default:
		author = l.From.wire()
	}
	m := d.newMessage(c, id, author)
	m.Content, m.Type = l.Text, l.Kind
	if l.Webhook {
		m.WebhookID = author.ID
	}
	for _, f := range l.Files {
		m.Attachments = append(m.Attachments, d.store(c, f.stored(), false))
		if f.Waveform != nil {
			m.Flags |= flagVoice
		}
	}
	pings := d.pingsOf(l.Text, c, &allowedMentions{Parse: &[]string{"users", "roles", "everyone"}}, c.Guild != nil)
	if l.ReplyTo != "" {
		m.Type = messageReply
		m.Reference = &dReference{MessageID: l.ReplyTo, ChannelID: c.ID, GuildID: c.guildID()}
		if old := c.byID[l.ReplyTo]; old != nil && !l.Silently && !slices.Contains(pings.Users, old.Author.ID) {
			pings.Users = append(pings.Users, old.Author.ID)
		}
	}
	d.mentioned(m, pings)
	if c.archived && !c.locked {
		d.archive(c, false, false)
	}
	c.add(m, d.opt.Remember)
	d.tell("MESSAGE_CREATE", m, c)
	return id
}

// Edit changes the text of a message that somebody wrote. It does nothing when the channel has no such message.
func (d *Discord) Edit(c *DiscordChannel, message, text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	old := c.byID[message]
	if old == nil {
		return
	}
	m := *old
	m.Content = text
	d.mentioned(&m, d.pingsOf(text, c, &allowedMentions{Parse: &[]string{"users", "roles", "everyone"}}, c.Guild != nil))
	d.edited(c, &m)
}

// Touch sends MESSAGE_UPDATE for a message that nobody has edited, as Discord does when a link's preview is ready.
func (d *Discord) Touch(c *DiscordChannel, message string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m := c.byID[message]; m != nil {
		d.tell("MESSAGE_UPDATE", m, c)
	}
}

// Delete removes messages, whoever wrote them: one alone, or several at once as a moderator does.
func (d *Discord) Delete(c *DiscordChannel, messages ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var gone []string
	for _, id := range messages {
		if m := c.byID[id]; m != nil {
			c.remove(m)
			d.log.deleted(id)
			gone = append(gone, id)
		}
	}
	if len(gone) > 0 {
		d.tellGone(c, gone...)
	}
}

// Type shows that somebody is writing.
func (d *Discord) Type(c *DiscordChannel, u *DiscordUser) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sayTyping(c, u)
}

// Again dispatches MESSAGE_CREATE of a message once more: Discord promises no more than "up to N times".
func (d *Discord) Again(c *DiscordChannel, message string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m := c.byID[message]; m != nil {
		d.tell("MESSAGE_CREATE", m, c)
	}
}

// stored is a person's file as a bot's would be.
func (f DiscordFile) stored() storedAttachment {
	s := storedAttachment{discordUpload: &discordUpload{f.Name, f.Type, f.Data}}
	s.about.Description = f.Description
	if f.Waveform != nil {
		wave := encodeWave(f.Waveform)
		s.about.Duration, s.about.Waveform = &f.Duration, &wave
	}
	return s
}
