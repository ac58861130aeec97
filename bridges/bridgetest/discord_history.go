package bridgetest

import (
	"net/http"
	"slices"
	"sort"
	"strconv"
)

// add puts a message into the channel's history; needs d.mu.
func (c *DiscordChannel) add(m *dMessage, remember int) {
	m.number, _ = parseID(m.ID)
	at := sort.Search(len(c.messages), func(i int) bool { return c.messages[i].number > m.number })
	c.messages = slices.Insert(c.messages, at, m)
	c.byID[m.ID] = m
	c.sent++
	c.last = c.messages[len(c.messages)-1].ID
	if over := len(c.messages) - remember; remember > 0 && over > remember/2 {
		for _, old := range c.messages[:over] {
			delete(c.byID, old.ID)
		}
		c.messages = slices.Clone(c.messages[over:])
	}
}

// replace puts a changed message in an old one's place; needs d.mu.
func (c *DiscordChannel) replace(m *dMessage) {
	c.byID[m.ID] = m
	if i := c.position(m.number); i < len(c.messages) && c.messages[i].number == m.number {
		c.messages[i] = m
	}
}

// remove takes a message out; needs d.mu.
func (c *DiscordChannel) remove(m *dMessage) {
	delete(c.byID, m.ID)
	if i := c.position(m.number); i < len(c.messages) && c.messages[i].number == m.number {
		c.messages = slices.Delete(c.messages, i, i+1)
	}
}

// position is where the first message stands whose number is n or more.
func (c *DiscordChannel) position(n uint64) int {
	return sort.Search(len(c.messages), func(i int) bool { return c.messages[i].number >= n })
}

// getMessages is "Get Channel Messages".
func (d *Discord) getMessages(c *discordCall) *discordAnswer {
	q := c.r.URL.Query()
	limit := 50
	if v := q.Get("limit"); v != "" {
		n, err := strconv.Atoi(v)
		switch {
		case err != nil:
			return dInvalid("limit", "NUMBER_TYPE_COERCE", `Value "`+v+`" is not int.`)
		case n < 1:
			return dInvalid("limit", "NUMBER_TYPE_MIN", "int value should be greater than or equal to 1.")
		case n > 100:
			return dInvalid("limit", "NUMBER_TYPE_MAX", "int value should be less than or equal to 100.")
		}
		limit = n
	}
	var which string
	var pivot uint64
	for _, name := range []string{"around", "before", "after"} {
		v := q.Get(name)
		if v == "" {
			continue
		}
		n, ok := parseID(v)
		if !ok {
			return dInvalid(name, "NUMBER_TYPE_COERCE", `Value "`+v+`" is not snowflake.`)
		}
		if which != "" {
			return dInvalid(name, "BASE_TYPE_BAD_TYPE", "around, before and after are mutually exclusive.")
		}
		which, pivot = name, n
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	ch, refused := d.look(c)
	if refused != nil {
		return refused
	}
	list := []dMessage{}
	if d.may(c.bot, ch)&PermReadHistory != 0 {
		for _, m := range ch.page(which, pivot, limit) {
			w := d.show(m, ch, c.bot, c.bot.messageContent)
			if d.opt.HideNonces {
				w.Nonce = nil
			}
			list = append(list, w)
		}
	}
	return dGood(list)
}

// page selects messages, newest first. After a message come the ones that are nearest to it.
func (c *DiscordChannel) page(which string, pivot uint64, limit int) []*dMessage {
	var from, to int
	seen := c.messages
	switch which {
	case "before":
		to = c.position(pivot)
		from = to - limit
	case "after":
		from = c.position(pivot + 1)
		to = from + limit
	case "around":
		from = c.position(pivot) - limit/2
		to = from + limit
	default:
		to = len(seen)
		from = to - limit
	}
	page := slices.Clone(seen[max(from, 0):max(min(to, len(seen)), 0)])
	slices.Reverse(page)
	return slices.DeleteFunc(page, func(m *dMessage) bool { return m.ephemeral })
}

// getMessage is "Get Channel Message".
func (d *Discord) getMessage(c *discordCall) *discordAnswer {
	d.mu.Lock()
	defer d.mu.Unlock()
	ch, refused := d.look(c)
	if refused != nil {
		return refused
	}
	if d.may(c.bot, ch)&PermReadHistory == 0 {
		return missingPermissions()
	}
	m := ch.byID[c.path("message")]
	if m == nil || m.ephemeral {
		return unknownMessage()
	}
	return dGood(d.show(m, ch, c.bot, c.bot.messageContent))
}

func unknownMessage() *discordAnswer {
	return dFailure(http.StatusNotFound, 10008, "Unknown Message")
}

// look returns the channel of a call, or why the bot may not see it; needs d.mu.
func (d *Discord) look(c *discordCall) (*DiscordChannel, *discordAnswer) {
	ch := d.channels[c.path("channel")]
	switch {
	case ch == nil:
		return nil, dFailure(http.StatusNotFound, 10003, "Unknown Channel")
	case d.may(c.bot, ch)&PermViewChannel == 0:
		return nil, dFailure(http.StatusForbidden, 50001, "Missing Access")
	}
	return ch, nil
}

// show is a message as a bot gets it: without its content if the bot may not read that. It needs d.mu.
func (d *Discord) show(m *dMessage, c *DiscordChannel, b *DiscordBot, content bool) dMessage {
	w := *m
	if !content && c.Guild != nil && m.Author.ID != b.ID && !m.mentions(b.ID) {
		w.Content, w.Attachments, w.Embeds, w.Components = "", []dAttachment{}, noObjects, noObjects
	}
	if m.Reference != nil && m.Type == messageReply {
		w.Referenced = []byte("null")
		if old := c.byID[m.Reference.MessageID]; old != nil {
			bare := *old
			bare.Reference = nil // what it answered itself is not shown
			quoted := d.show(&bare, c, b, content)
			quoted.Reference = old.Reference
			w.Referenced = mustJSON(quoted)
		}
	}
	return w
}

// tell dispatches MESSAGE_CREATE or MESSAGE_UPDATE to all bots that hear of it; needs d.mu.
func (d *Discord) tell(event string, m *dMessage, c *DiscordChannel) {
	for _, s := range d.sessions {
		intent := int64(intentGuildMessages)
		if c.Guild == nil {
			intent = intentDirectMessages
		}
		if s.intents&intent == 0 || !s.hears(c.Guild) || d.may(s.bot, c)&PermViewChannel == 0 || c.Guild != nil && c.Guild.away ||
			m.ephemeral && m.Author.ID != s.bot.ID {
			continue
		}
		w := d.show(m, c, s.bot, s.intents&intentMessageContent != 0)
		kind := c.Type
		w.ChannelType = &kind
		if c.Guild != nil && !m.ephemeral {
			w.GuildID = c.Guild.ID
			if author := c.Guild.members[m.Author.ID]; author != nil && m.WebhookID == "" {
				member := author.wire(false)
				w.Member = &member
			}
		}
		s.push(d, event, mustJSON(w))
	}
}

// tellGone dispatches MESSAGE_DELETE, or for several messages MESSAGE_DELETE_BULK; needs d.mu.
func (d *Discord) tellGone(c *DiscordChannel, ids ...string) {
	payload := map[string]any{"channel_id": c.ID}
	event, intent := "MESSAGE_DELETE", int64(intentDirectMessages)
	if len(ids) == 1 {
		payload["id"] = ids[0]
	} else {
		event, payload["ids"] = "MESSAGE_DELETE_BULK", ids
	}
	if c.Guild == nil {
		d.dispatchTo(c.bot, nil, intent, event, payload, c)
		return
	}
	payload["guild_id"] = c.Guild.ID
	d.dispatch(c.Guild, c, intentGuildMessages, event, payload)
}
