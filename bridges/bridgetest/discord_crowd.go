package bridgetest

import (
	"encoding/json"
	"fmt"
)

// crowd are members who are nothing but an entry in GUILD_CREATE.
type crowd struct {
	people int
	raw    []byte                 // their member objects, each with a comma behind it
	shown  map[*DiscordBot][]byte // GUILD_CREATE as it was said last; forgotten when the guild changes
}

// AddHugeGuild makes a guild with many people and channels: GUILD_CREATE names them all, about 400 bytes a member. A tenth of the
// channels are categories (at least one for each 50 channels), the others text channels in them, each tenth with a thread. The people
// only stand there: who writes is made with AddUser.
func (d *Discord) AddHugeGuild(name string, people, channels int, bots ...*DiscordBot) *DiscordGuild {
	g := d.AddGuild(name)
	d.mu.Lock()
	defer d.mu.Unlock()
	g.extra = &crowd{people: people, raw: d.strangers(people)}
	categories := max(channels/10, 1)
	var parent *DiscordChannel
	for i := range channels {
		kind, title := channelText, fmt.Sprintf("channel-%d", i)
		if i%(channels/categories) == 0 {
			kind, title = channelCategory, fmt.Sprintf("Category %d", i)
		}
		c := d.newChannel(d.newID(), kind, title)
		c.Guild = g
		g.channels = append(g.channels, c)
		switch {
		case kind == channelCategory:
			parent = c
		default:
			c.parent = parent
			if i%10 == 5 {
				d.openThread(d.newID(), c, fmt.Sprintf("thread-%d", i), nil)
			}
		}
	}
	for _, b := range bots {
		d.enter(g, b)
	}
	return g
}

// strangers are n member objects; needs d.mu.
func (d *Discord) strangers(n int) []byte {
	buf := make([]byte, 0, n*380)
	joined := isoTime(d.Now())
	for i := range n {
		buf = fmt.Appendf(buf, `{"user":{"id":%q,"username":"stranger%d","discriminator":"0","global_name":"Stranger No. %d","avatar":"%032x",`+
			`"bot":false,"public_flags":0},"nick":null,"avatar":null,"roles":["%d","%d"],"joined_at":%q,"deaf":false,"mute":false,"flags":0,`+
			`"pending":false,"premium_since":null,"communication_disabled_until":null},`, d.newID(), i, i, i, d.lastID-9, d.lastID-5, joined)
	}
	return buf
}

// shownMembers are the members that GUILD_CREATE names.
func (g *DiscordGuild) shownMembers(b *DiscordBot) json.RawMessage {
	buf := []byte{'['}
	if g.extra != nil {
		buf = append(buf, g.extra.raw...)
	}
	own, err := json.Marshal(&dMember{Roles: []string{}})
	if m := g.members[b.ID]; m != nil {
		own, err = json.Marshal(m.wire(true))
	}
	if err != nil {
		return json.RawMessage("[]")
	}
	return append(append(buf, own...), ']')
}

// Text returns the guild's text channels, threads not included, in the order in which they were made.
func (d *Discord) Text(g *DiscordGuild) []*DiscordChannel {
	d.mu.Lock()
	defer d.mu.Unlock()
	var list []*DiscordChannel
	for _, c := range g.channels {
		if c.Type == channelText {
			list = append(list, c)
		}
	}
	return list
}
