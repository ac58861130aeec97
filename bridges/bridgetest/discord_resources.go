package bridgetest

import (
	"net/http"
	"slices"
)

// me is the bot's own account as the API shows it.
func (b *DiscordBot) me() any {
	return struct {
		dUser
		Verified bool    `json:"verified"`
		Email    *string `json:"email"`
		Flags    int     `json:"flags"`
		MFA      bool    `json:"mfa_enabled"`
	}{dUser: b.wire(), Verified: true}
}

func (d *Discord) getMe(c *discordCall) *discordAnswer {
	d.mu.Lock()
	defer d.mu.Unlock()
	return dGood(c.bot.me())
}

func (d *Discord) getGateway(*discordCall) *discordAnswer {
	return dGood(map[string]any{"url": d.namedGateway()})
}

func (d *Discord) namedGateway() string {
	if d.opt.GatewayURL != "" {
		return d.opt.GatewayURL
	}
	return d.gatewayURL()
}

func (d *Discord) getGatewayBot(c *discordCall) *discordAnswer {
	d.mu.Lock()
	defer d.mu.Unlock()
	return dGood(map[string]any{"url": d.namedGateway(), "shards": d.opt.Shards, "session_start_limit": d.sessionLimit(c.bot)})
}

func (d *Discord) getApplication(c *discordCall) *discordAnswer {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := c.bot
	return dGood(map[string]any{
		"id": b.ApplicationID, "name": b.Name, "icon": nil, "description": "", "bot_public": true, "bot_require_code_grant": false,
		"bot": b.wire(), "flags": b.flags(), "verify_key": "", "team": nil, "redirect_uris": []string{},
	})
}

func (d *Discord) getMyGuilds(c *discordCall) *discordAnswer {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := []map[string]any{}
	for _, g := range d.guildOrder {
		if slices.Contains(g.bots, c.bot) {
			list = append(list, map[string]any{"id": g.ID, "name": g.Name, "icon": nil, "owner": false, "features": []string{}})
		}
	}
	return dGood(list)
}

// guild returns the guild of a call, or why the bot may not see it; needs d.mu.
func (d *Discord) guild(c *discordCall) (*DiscordGuild, *discordAnswer) {
	g := d.guilds[c.path("guild")]
	switch {
	case g == nil:
		return nil, dFailure(http.StatusNotFound, 10004, "Unknown Guild")
	case !slices.Contains(g.bots, c.bot):
		return nil, dFailure(http.StatusForbidden, 50001, "Missing Access")
	}
	return g, nil
}

func (d *Discord) getGuild(c *discordCall) *discordAnswer {
	d.mu.Lock()
	defer d.mu.Unlock()
	g, refused := d.guild(c)
	if refused != nil {
		return refused
	}
	return dGood(g.wire())
}

func (d *Discord) getGuildChannels(c *discordCall) *discordAnswer {
	d.mu.Lock()
	defer d.mu.Unlock()
	g, refused := d.guild(c)
	if refused != nil {
		return refused
	}
	list := []dChannel{}
	for _, ch := range g.channels {
		list = append(list, ch.wire(c.bot))
	}
	return dGood(list)
}

func (d *Discord) getActiveThreads(c *discordCall) *discordAnswer {
	d.mu.Lock()
	defer d.mu.Unlock()
	g, refused := d.guild(c)
	if refused != nil {
		return refused
	}
	threads, members := []dChannel{}, []dThreadMember{}
	for _, ch := range g.threads {
		if !ch.archived && d.may(c.bot, ch)&PermViewChannel != 0 {
			threads = append(threads, ch.wire(c.bot))
		}
	}
	return dGood(map[string]any{"threads": threads, "members": members})
}

func (d *Discord) getMember(c *discordCall) *discordAnswer {
	d.mu.Lock()
	defer d.mu.Unlock()
	g, refused := d.guild(c)
	if refused != nil {
		return refused
	}
	m := g.members[c.path("user")]
	if m == nil {
		return dFailure(http.StatusNotFound, 10007, "Unknown Member")
	}
	return dGood(m.wire(true))
}

func (d *Discord) getChannel(c *discordCall) *discordAnswer {
	d.mu.Lock()
	defer d.mu.Unlock()
	ch, refused := d.look(c)
	if refused != nil {
		return refused
	}
	return dGood(ch.wire(c.bot))
}

func (d *Discord) createDM(c *discordCall) *discordAnswer {
	var in struct {
		Recipient string `json:"recipient_id"`
	}
	if refused := c.decode(&in); refused != nil {
		return refused
	}
	if in.Recipient == "" {
		return dInvalid("recipient_id", "BASE_TYPE_REQUIRED", "This field is required")
	}
	if _, ok := parseID(in.Recipient); !ok {
		return dInvalid("recipient_id", "NUMBER_TYPE_COERCE", `Value "`+in.Recipient+`" is not snowflake.`)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.users[in.Recipient]
	switch {
	case u == nil:
		return dFailure(http.StatusNotFound, 10013, "Unknown User")
	case u.Bot:
		return dFailure(http.StatusForbidden, 50007, "Cannot send messages to this user")
	}
	return dGood(d.openDM(u, c.bot).wire(c.bot))
}
