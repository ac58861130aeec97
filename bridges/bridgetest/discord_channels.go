package bridgetest

import (
	"slices"
	"strconv"
)

// Types of channels.
const (
	channelText         = 0
	channelDM           = 1
	channelVoice        = 2
	channelCategory     = 4
	channelPublicThread = 11
	channelPrivate      = 12
	channelForum        = 15
)

// DiscordChannel is a channel, a category, a thread, a forum, a forum's post or a direct-message channel.
type DiscordChannel struct {
	ID    string
	Type  int
	Name  string
	Guild *DiscordGuild // nil in direct messages

	parent     *DiscordChannel // category, or what a thread is in
	person     *DiscordUser    // direct messages
	bot        *DiscordBot     // direct messages
	opener     string          // threads: who opened it
	joined     map[string]string
	archived   bool
	locked     bool
	changed    string // when it was archived or came back
	overwrites []dOverwrite
	messages   []*dMessage // ascending ids
	byID       map[string]*dMessage
	last       string
	sent       int
	gone       bool
}

// thread says whether the channel is a thread or a forum's post.
func (c *DiscordChannel) thread() bool {
	return c.Type == channelPublicThread || c.Type == channelPrivate
}

// Parent is the category of a channel, the channel or forum of a thread, nil for none.
func (c *DiscordChannel) Parent() *DiscordChannel { return c.parent }

func (c *DiscordChannel) guildID() string {
	if c.Guild == nil {
		return ""
	}
	return c.Guild.ID
}

// AddCategory makes a category in a guild.
func (d *Discord) AddCategory(g *DiscordGuild, name string) *DiscordChannel {
	return d.addChannel(g, channelCategory, name, nil)
}

// AddText makes a text channel, in a category or with nil outside of any.
func (d *Discord) AddText(g *DiscordGuild, name string, category *DiscordChannel) *DiscordChannel {
	return d.addChannel(g, channelText, name, category)
}

// AddVoice makes a voice channel, which has a chat of its own.
func (d *Discord) AddVoice(g *DiscordGuild, name string, category *DiscordChannel) *DiscordChannel {
	return d.addChannel(g, channelVoice, name, category)
}

// AddForum makes a forum: a channel of nothing but posts.
func (d *Discord) AddForum(g *DiscordGuild, name string, category *DiscordChannel) *DiscordChannel {
	return d.addChannel(g, channelForum, name, category)
}

func (d *Discord) addChannel(g *DiscordGuild, kind int, name string, parent *DiscordChannel) *DiscordChannel {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.newChannel(d.newID(), kind, name)
	c.Guild, c.parent = g, parent
	g.channels = append(g.channels, c)
	d.dispatch(g, nil, intentGuilds, "CHANNEL_CREATE", c.wire(nil))
	return c
}

// newChannel makes a channel; needs d.mu.
func (d *Discord) newChannel(id string, kind int, name string) *DiscordChannel {
	c := &DiscordChannel{ID: id, Type: kind, Name: name, byID: map[string]*dMessage{}, joined: map[string]string{}, changed: isoTime(d.Now())}
	d.channels[id] = c
	return c
}

// AddThread opens a public thread in a text channel. The bots see it without having joined.
func (d *Discord) AddThread(parent *DiscordChannel, name string, opener *DiscordUser) *DiscordChannel {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.openThread(d.newID(), parent, name, opener)
}

// AddPost writes a post in a forum: a thread whose first message has the thread's id. The message's id is the channel's.
func (d *Discord) AddPost(forum *DiscordChannel, title string, from *DiscordUser, text string) *DiscordChannel {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.openThread(d.newID(), forum, title, from)
	d.write(DiscordLine{Channel: c, From: from, Text: text}, c.ID)
	return c
}

func (d *Discord) openThread(id string, parent *DiscordChannel, name string, opener *DiscordUser) *DiscordChannel {
	c := d.newChannel(id, channelPublicThread, name)
	c.Guild, c.parent = parent.Guild, parent
	if opener != nil {
		c.opener = opener.ID
	}
	c.Guild.threads = append(c.Guild.threads, c)
	for _, b := range c.Guild.bots {
		w := c.wire(b)
		w.NewlyCreated = true
		d.dispatchTo(b, c.Guild, intentGuilds, "THREAD_CREATE", w, c)
	}
	return c
}

// Archive archives a thread, and locks it if wanted: a locked one is not opened again by a message. Open undoes both.
func (d *Discord) Archive(c *DiscordChannel, locked bool) { d.setArchived(c, true, locked) }

// Open takes a thread out of the archive.
func (d *Discord) Open(c *DiscordChannel) { d.setArchived(c, false, false) }

func (d *Discord) setArchived(c *DiscordChannel, archived, locked bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.archive(c, archived, locked)
}

// archive changes a thread's state; needs d.mu.
func (d *Discord) archive(c *DiscordChannel, archived, locked bool) {
	c.archived, c.locked, c.changed = archived, locked, isoTime(d.Now())
	for _, b := range c.Guild.bots {
		d.dispatchTo(b, c.Guild, intentGuilds, "THREAD_UPDATE", c.wire(b), c)
	}
}

// DeleteChannel removes a channel or a thread with all that is in it.
func (d *Discord) DeleteChannel(c *DiscordChannel) {
	d.mu.Lock()
	defer d.mu.Unlock()
	event := "CHANNEL_DELETE"
	if c.thread() {
		event = "THREAD_DELETE"
	}
	if c.Guild != nil {
		d.dispatch(c.Guild, c, intentGuilds, event, c.wire(nil))
		same := func(have *DiscordChannel) bool { return have == c }
		c.Guild.channels = slices.DeleteFunc(c.Guild.channels, same)
		c.Guild.threads = slices.DeleteFunc(c.Guild.threads, same)
	}
	c.gone = true
	delete(d.channels, c.ID)
}

// DM returns the direct-message channel of a person and a bot, which exists from then on. Each bot has one of its own with a person.
func (d *Discord) DM(u *DiscordUser, b *DiscordBot) *DiscordChannel {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.openDM(u, b)
}

// openDM needs d.mu.
func (d *Discord) openDM(u *DiscordUser, b *DiscordBot) *DiscordChannel {
	if c := b.direct[u.ID]; c != nil {
		return c
	}
	c := d.newChannel(d.newID(), channelDM, "")
	c.person, c.bot = u, b
	b.direct[u.ID] = c
	return c
}

// wire is the channel as the bot sees it; nil is nobody in particular.
func (c *DiscordChannel) wire(b *DiscordBot) dChannel {
	w := dChannel{ID: c.ID, Type: c.Type, GuildID: c.guildID(), Name: c.Name, OwnerID: c.opener}
	if c.last != "" {
		last := c.last
		w.LastMessageID = &last
	}
	if c.person != nil {
		w.Recipients = []dUser{c.person.wire()}
		return w
	}
	position := 0
	w.Position, w.Overwrites = &position, c.overwrites
	if c.parent != nil {
		w.ParentID = &c.parent.ID
	}
	if c.thread() {
		count, members := c.sent, len(c.joined)
		w.Position, w.MessageCount, w.MemberCount = nil, &count, &members
		w.ThreadMeta = &dThreadMeta{Archived: c.archived, AutoArchive: 4320, ArchivedAt: c.changed, Locked: c.locked, CreatedAt: isoTime(SnowflakeTime(c.ID))}
		if b != nil && c.joined[b.ID] != "" {
			w.Member = &dThreadMember{ID: c.ID, UserID: b.ID, JoinedAt: c.joined[b.ID]}
		}
	}
	return w
}

// Deny takes permissions in a channel from a bot; Allow gives them.
func (d *Discord) Deny(c *DiscordChannel, b *DiscordBot, permissions int64) {
	d.overwrite(c, b, 0, permissions)
}

// Allow gives permissions in a channel to a bot.
func (d *Discord) Allow(c *DiscordChannel, b *DiscordBot, permissions int64) {
	d.overwrite(c, b, permissions, 0)
}

func (d *Discord) overwrite(c *DiscordChannel, b *DiscordBot, allow, deny int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c.overwrites = slices.DeleteFunc(c.overwrites, func(o dOverwrite) bool { return o.ID == b.ID })
	c.overwrites = append(c.overwrites, dOverwrite{ID: b.ID, Type: 1, Allow: strconv.FormatInt(allow, 10), Deny: strconv.FormatInt(deny, 10)})
	d.dispatch(c.Guild, c, intentGuilds, "CHANNEL_UPDATE", c.wire(nil))
}

// may returns the bot's permissions in a channel; needs d.mu.
func (d *Discord) may(b *DiscordBot, c *DiscordChannel) int64 {
	switch {
	case c.gone:
		return 0
	case c.Guild == nil && c.bot == b:
		return permAll &^ PermManageMessages
	case c.Guild == nil:
		return 0
	}
	return c.permissionsOf(b.ID)
}

// permissionsOf computes a member's permissions as the topic Permissions says: roles, then the overwrites of @everyone, of roles, of the
// member. A thread has its parent's.
func (c *DiscordChannel) permissionsOf(user string) int64 {
	g := c.Guild
	m := g.members[user]
	if m == nil {
		return 0
	}
	perms := g.roles[0].permissions
	for _, r := range g.roles[1:] {
		if slices.Contains(m.roles, r.ID) {
			perms |= r.permissions
		}
	}
	if perms&PermAdministrator != 0 || g.owner == user {
		return permAll
	}
	place := c
	if c.thread() {
		place = c.parent
	}
	var roleAllow, roleDeny int64
	for _, o := range place.overwrites {
		allow, _ := strconv.ParseInt(o.Allow, 10, 64)
		deny, _ := strconv.ParseInt(o.Deny, 10, 64)
		switch {
		case o.ID == g.ID:
			perms = perms&^deny | allow
		case o.Type == 0 && slices.Contains(m.roles, o.ID):
			roleAllow, roleDeny = roleAllow|allow, roleDeny|deny
		}
	}
	perms = perms&^roleDeny | roleAllow
	for _, o := range place.overwrites {
		if o.Type == 1 && o.ID == user {
			allow, _ := strconv.ParseInt(o.Allow, 10, 64)
			deny, _ := strconv.ParseInt(o.Deny, 10, 64)
			perms = perms&^deny | allow
		}
	}
	return perms
}
