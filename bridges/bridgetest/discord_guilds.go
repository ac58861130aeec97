package bridgetest

import (
	"slices"
	"strconv"
	"time"
)

// Permissions, as far as the simulator knows them; see the topic Permissions in the documentation.
const (
	PermAdministrator     int64 = 1 << 3
	PermManageGuild       int64 = 1 << 5
	PermViewChannel       int64 = 1 << 10
	PermSendMessages      int64 = 1 << 11
	PermManageMessages    int64 = 1 << 13
	PermAttachFiles       int64 = 1 << 15
	PermReadHistory       int64 = 1 << 16
	PermMentionEveryone   int64 = 1 << 17
	PermConnect           int64 = 1 << 20
	PermManageThreads     int64 = 1 << 34
	PermSendInThreads     int64 = 1 << 38
	PermModerateMembers   int64 = 1 << 40
	PermSendVoiceMessages int64 = 1 << 46

	permAll      int64 = 1<<53 - 1
	permEveryone       = PermViewChannel | PermSendMessages | 1<<14 | PermAttachFiles | PermReadHistory | PermMentionEveryone | PermConnect |
		1<<31 | PermSendInThreads | PermSendVoiceMessages | 1<<6
)

// DiscordGuild is a server on Discord.
type DiscordGuild struct {
	ID   string
	Name string

	owner    string
	roles    []*DiscordRole // the first is @everyone, which has the guild's id
	members  map[string]*guildMember
	bots     []*DiscordBot
	channels []*DiscordChannel // without threads
	threads  []*DiscordChannel
	away     bool
	extra    *crowd // people who are only in GUILD_CREATE
}

type guildMember struct {
	user   *DiscordUser
	nick   string
	roles  []string
	joined string
}

// DiscordRole is a role in a guild.
type DiscordRole struct {
	ID          string
	Name        string
	mentionable bool
	permissions int64
	bot         *DiscordBot // whose own role it is, nil for none's
}

// Mention is how a text mentions the role.
func (r *DiscordRole) Mention() string { return "<@&" + r.ID + ">" }

// AddGuild makes a guild that the bots are in. Members may view, write, read the history, attach files and mention @everyone, as in a
// guild that Discord made.
func (d *Discord) AddGuild(name string, bots ...*DiscordBot) *DiscordGuild {
	d.mu.Lock()
	defer d.mu.Unlock()
	g := &DiscordGuild{ID: d.newID(), Name: name, owner: d.newID(), members: map[string]*guildMember{}}
	g.roles = []*DiscordRole{{ID: g.ID, Name: "@everyone", permissions: permEveryone}}
	d.guilds[g.ID] = g
	d.guildOrder = append(d.guildOrder, g)
	for _, b := range bots {
		d.enter(g, b)
	}
	return g
}

// Join lets a bot enter a guild.
func (d *Discord) Join(g *DiscordGuild, b *DiscordBot) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.enter(g, b)
}

// enter makes the bot a member and tells it; needs d.mu.
func (d *Discord) enter(g *DiscordGuild, b *DiscordBot) {
	if slices.Contains(g.bots, b) {
		return
	}
	g.bots = append(g.bots, b)
	g.members[b.ID] = &guildMember{user: b.user, roles: []string{}, joined: isoTime(d.Now())}
	g.changed()
	d.dispatchTo(b, g, intentGuilds, "GUILD_CREATE", d.guildCreate(g, b))
}

// changed forgets how the guild was shown; needs d.mu.
func (g *DiscordGuild) changed() {
	if g != nil && g.extra != nil {
		g.extra.shown = nil
	}
}

// Kick takes a bot out of a guild.
func (d *Discord) Kick(g *DiscordGuild, b *DiscordBot) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dispatchTo(b, g, intentGuilds, "GUILD_DELETE", map[string]string{"id": g.ID})
	g.bots = slices.DeleteFunc(g.bots, func(have *DiscordBot) bool { return have == b })
	delete(g.members, b.ID)
}

// Outage makes a guild unavailable, or available again: events of it stop in between.
func (d *Discord) Outage(g *DiscordGuild, away bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if g.away == away {
		return
	}
	g.away = false
	for _, b := range g.bots {
		if away {
			d.dispatchTo(b, g, intentGuilds, "GUILD_DELETE", dUnavailableGuild{g.ID, true})
		} else {
			d.dispatchTo(b, g, intentGuilds, "GUILD_CREATE", d.guildCreate(g, b))
		}
	}
	g.away = away
}

// AddRole makes a role.
func (d *Discord) AddRole(g *DiscordGuild, name string, permissions int64, mentionable bool) *DiscordRole {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := &DiscordRole{ID: d.newID(), Name: name, permissions: permissions, mentionable: mentionable}
	g.roles = append(g.roles, r)
	d.dispatch(g, nil, intentGuilds, "GUILD_ROLE_CREATE", map[string]any{"guild_id": g.ID, "role": r.wire(len(g.roles) - 1)})
	return r
}

// AddBotRole makes the role that Discord gives a bot of its own when it joins by an invite link with permissions. It has the bot's name.
func (d *Discord) AddBotRole(g *DiscordGuild, b *DiscordBot) *DiscordRole {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := &DiscordRole{ID: d.newID(), Name: b.Name, mentionable: true, bot: b}
	g.roles = append(g.roles, r)
	if m := g.members[b.ID]; m != nil {
		m.roles = append(m.roles, r.ID)
	}
	d.dispatch(g, nil, intentGuilds, "GUILD_ROLE_CREATE", map[string]any{"guild_id": g.ID, "role": r.wire(len(g.roles) - 1)})
	return r
}

// AddMember makes a person, or another bot, a member of a guild with the roles. Of a member it changes the roles.
func (d *Discord) AddMember(g *DiscordGuild, u *DiscordUser, roles ...*DiscordRole) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := d.memberOf(g, u)
	m.roles = []string{}
	for _, r := range roles {
		m.roles = append(m.roles, r.ID)
	}
}

// GiveRole gives the bot a role in a guild.
func (d *Discord) GiveRole(g *DiscordGuild, b *DiscordBot, r *DiscordRole) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m := g.members[b.ID]; m != nil {
		m.roles = append(m.roles, r.ID)
	}
}

// Nick sets the name that a member has in the guild.
func (d *Discord) Nick(g *DiscordGuild, u *DiscordUser, nick string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.memberOf(g, u).nick = nick
}

// memberOf returns the person's membership, which exists from then on; needs d.mu.
func (d *Discord) memberOf(g *DiscordGuild, u *DiscordUser) *guildMember {
	m := g.members[u.ID]
	if m == nil {
		m = &guildMember{user: u, roles: []string{}, joined: isoTime(d.Now())}
		g.members[u.ID] = m
		joined := m.wire(true)
		d.dispatch(g, nil, intentGuildMembers, "GUILD_MEMBER_ADD", struct {
			dMember
			GuildID string `json:"guild_id"`
		}{joined, g.ID})
	}
	return m
}

func (m *guildMember) wire(withUser bool) dMember {
	w := dMember{Roles: m.roles, JoinedAt: m.joined}
	if m.nick != "" {
		w.Nick = &m.nick
	}
	if withUser {
		u := m.user.wire()
		w.User = &u
	}
	return w
}

func (r *DiscordRole) wire(position int) dRole {
	w := dRole{ID: r.ID, Name: r.Name, Position: position, Permissions: strconv.FormatInt(r.permissions, 10), Mentionable: r.mentionable}
	if r.bot != nil {
		w.Managed, w.Tags = true, &dRoleTags{r.bot.ID}
	}
	return w
}

func (g *DiscordGuild) wire() dGuild {
	w := dGuild{ID: g.ID, Name: g.Name, OwnerID: g.owner, Locale: "en-US", AFKTimeout: 300}
	for i, r := range g.roles {
		w.Roles = append(w.Roles, r.wire(i))
	}
	w.Emojis, w.Stickers, w.Features = noObjects, noObjects, []string{}
	return w
}

// role returns the role with the id, nil for none.
func (g *DiscordGuild) role(id string) *DiscordRole {
	for _, r := range g.roles {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// guildCreate is the payload of GUILD_CREATE for a bot; needs d.mu. Without the presences intent Discord names the bot itself and who
// is in a voice channel only; a crowd is named nevertheless, as other servers do.
func (d *Discord) guildCreate(g *DiscordGuild, b *DiscordBot) []byte {
	if g.extra != nil && g.extra.shown[b] != nil {
		return g.extra.shown[b]
	}
	w := dGuildCreate{
		dGuild: g.wire(), JoinedAt: isoTime(d.Now().Add(-time.Hour)), MemberCount: len(g.members),
		VoiceStates: noObjects, Presences: noObjects, Stages: noObjects, Events: noObjects, Sounds: noObjects, Channels: []dChannel{}, Threads: []dChannel{},
	}
	if m := g.members[b.ID]; m != nil {
		w.JoinedAt = m.joined
	}
	for _, c := range g.channels {
		w.Channels = append(w.Channels, c.wire(nil))
	}
	for _, c := range g.threads {
		if !c.archived && d.may(b, c)&PermViewChannel != 0 {
			w.Threads = append(w.Threads, c.wire(b))
		}
	}
	w.Members = g.shownMembers(b)
	if g.extra != nil {
		w.MemberCount += g.extra.people
	}
	w.Large = w.MemberCount > 250
	raw := mustJSON(w)
	if g.extra != nil {
		if g.extra.shown == nil {
			g.extra.shown = map[*DiscordBot][]byte{}
		}
		g.extra.shown[b] = raw
	}
	return raw
}
