package discord

import (
	"slices"
	"strconv"
	"strings"

	"github.com/bwmarrin/discordgo"
)

// A permission is something that the bot needs, by the name that Discord's settings show.
type permission struct {
	bit  int64
	name string
}

// needed are the permissions without which the bot does less than it promises.
var needed = []permission{
	{discordgo.PermissionViewChannel, "View Channels"},
	{discordgo.PermissionSendMessages, "Send Messages"},
	{discordgo.PermissionSendMessagesInThreads, "Send Messages in Threads"},
	{discordgo.PermissionReadMessageHistory, "Read Message History"},
	{discordgo.PermissionAttachFiles, "Attach Files"},
}

// missing names what is needed and not in have.
func missing(have int64) string {
	if have&discordgo.PermissionAdministrator != 0 {
		return ""
	}
	var names []string
	for _, p := range needed {
		if have&p.bit == 0 {
			names = append(names, p.name)
		}
	}
	return strings.Join(names, ", ")
}

// invite is the link by which a server's managers add the bot with all that it needs.
func invite(app id) string {
	bits := int64(0)
	for _, p := range needed {
		bits |= p.bit
	}
	return "https://discord.com/oauth2/authorize?client_id=" + string(app) + "&scope=bot+applications.commands&permissions=" + strconv.FormatInt(bits, 10)
}

// A guild is a server as the API describes it.
type guild struct {
	ID    id     `json:"id"`
	Name  text   `json:"name"`
	Owner id     `json:"owner_id"`
	Roles []role `json:"roles"`
}

// permissions are a member's in the whole guild (https://discord.com/developers/docs/topics/permissions#permission-overwrites).
func (g *guild) permissions(roles []id) int64 {
	all := int64(0)
	for _, r := range g.Roles {
		if r.ID == g.ID || slices.Contains(roles, r.ID) { // the role that everybody has is called as the guild
			all |= int64(r.Permissions)
		}
	}
	return all
}

// permissions are a member's in one channel.
func (c *channel) permissions(g *guild, me id, roles []id) int64 {
	all := g.permissions(roles)
	if all&discordgo.PermissionAdministrator != 0 {
		return all
	}
	apply := func(fits func(overwrite) bool) {
		var allow, deny int64
		for _, o := range c.Overwrites {
			if fits(o) {
				allow, deny = allow|int64(o.Allow), deny|int64(o.Deny)
			}
		}
		all = all&^deny | allow
	}
	apply(func(o overwrite) bool { return o.ID == g.ID })
	apply(func(o overwrite) bool { return o.Type == 0 && o.ID != g.ID && slices.Contains(roles, o.ID) })
	apply(func(o overwrite) bool { return o.Type == 1 && o.ID == me })
	return all
}
