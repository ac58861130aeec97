package discord

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"avatarbridge/bridges/fault"
)

const (
	// maxSkew is how far the clocks may be apart before messages look too old or too new.
	maxSkew = 30 * time.Second
	// maxChecked bounds how many servers and listed rooms are looked at.
	maxChecked = 15
)

// Flags of an application: the privileged intent is switched on, for bots in few servers and for verified ones.
const contentFlags = 1<<18 | 1<<19

// Check asks Discord who the bot is, what it may hear and where it may write. It posts nothing and begins no session.
func (b *Bridge) Check(ctx context.Context) []fault.Finding {
	defer b.transport.CloseIdleConnections()
	var me user
	err := b.get(ctx, "GET /users/@me", "/users/@me", &me)
	switch {
	case refused(err):
		return []fault.Finding{{What: "Discord refuses the token",
			Fix: "reset it at https://discord.com/developers/applications (Bot, Reset Token) and copy it into token"}}
	case err != nil:
		return []fault.Finding{{What: "Discord is not reached: " + err.Error(), Fix: b.cfg.unreached()}}
	case me.ID == "":
		return []fault.Finding{{What: errNoBot.Error(), Fix: "set api_url to a server with Discord's API"}}
	}
	found := []fault.Finding{{OK: true, What: "token accepted: " + me.name()}}
	var app struct {
		ID    id     `json:"id"`
		Flags number `json:"flags"`
	}
	if err := b.get(ctx, "GET /applications/@me", "/applications/@me", &app); err != nil {
		return append(found, fault.Finding{What: "Discord does not tell which intents the bot may use: " + err.Error(), Fix: "try again"})
	}
	found = append(found, b.checkContent(app.Flags&contentFlags != 0), b.checkStart(ctx), b.checkClock())
	found = append(found, b.checkGuilds(ctx, me.ID)...)
	found = append(found, b.checkRooms(ctx, me.ID)...)
	return append(found, fault.Finding{OK: true, What: "to add the bot to a server: " + invite(app.ID)})
}

// checkContent compares the privileged intent with what the bridge asks for and what its routes need.
func (b *Bridge) checkContent(on bool) fault.Finding {
	const portal = `at https://discord.com/developers/applications (Bot, Privileged Gateway Intents)`
	switch {
	case b.cfg.MessageContent && !on:
		return fault.Finding{What: "the intent Message Content is missing: Discord refuses the connection",
			Fix: `switch on "Message Content Intent" ` + portal + ", or set message_content = false"}
	case b.cfg.MessageContent:
		return fault.Finding{OK: true, What: "the intent Message Content is on: the bot reads all messages of its channels"}
	case b.cfg.ReadsRooms && !on:
		return fault.Finding{What: `the intent Message Content is missing: in servers the bot reads only what mentions it, and a room has reply_when = "always"`,
			Fix: `switch on "Message Content Intent" ` + portal + ", and set message_content = true"}
	case b.cfg.ReadsRooms:
		return fault.Finding{What: `in servers the bot reads only what mentions it, and a room has reply_when = "always"`, Fix: "set message_content = true"}
	}
	return fault.Finding{OK: true, What: "in servers the bot reads mentions, replies and commands, which is all it needs"}
}

// checkStart looks how many connections can be begun.
func (b *Bridge) checkStart(ctx context.Context) fault.Finding {
	st, err := b.starting(ctx)
	if err != nil {
		return fault.Finding{What: "Discord does not tell where its gateway is: " + err.Error(), Fix: "try again"}
	}
	if err := st.exhausted(1); err != nil {
		return fault.Finding{What: err.Error(), Fix: "see what starts the bot so often: another program with its token, or a loop of restarts"}
	}
	n, _ := b.cfg.shards()
	if n != 0 && n < int(st.Shards) {
		return fault.Finding{What: fmt.Sprintf("shards = %d, and Discord recommends %d", n, st.Shards), Fix: `set shards = "auto"`}
	}
	return fault.Finding{OK: true, What: fmt.Sprintf("the gateway may be used: %d sessions left today, %d recommended at once", st.Limit.Remaining, st.Shards)}
}

// checkClock compares Discord's clock with this machine's.
func (b *Bridge) checkClock() fault.Finding {
	ahead := time.Duration(b.ahead.Load()).Round(time.Second)
	if ahead.Abs() <= maxSkew {
		return fault.Finding{OK: true, What: "the clock agrees with Discord's"}
	}
	way := "behind"
	if ahead < 0 {
		way = "ahead of"
	}
	return fault.Finding{What: fmt.Sprintf("the clock is %v %s Discord's, so that messages look older or newer than they are", ahead.Abs(), way),
		Fix: "set this machine's clock by a time server (NTP)"}
}

// checkGuilds looks what the bot may do in its servers.
func (b *Bridge) checkGuilds(ctx context.Context, me id) []fault.Finding {
	var mine []guild
	if err := b.get(ctx, "GET /users/@me/guilds", "/users/@me/guilds", &mine); err != nil {
		return []fault.Finding{{What: "Discord does not tell in which servers the bot is: " + err.Error(), Fix: "try again"}}
	}
	var found []fault.Finding
	for i := range mine[:min(len(mine), maxChecked)] {
		g, roles, err := b.membership(ctx, mine[i].ID, me)
		if err != nil {
			found = append(found, fault.Finding{What: fmt.Sprintf("Discord does not tell what the bot may do in server %s: %v", mine[i].ID, err), Fix: "try again"})
			continue
		}
		found = append(found, permitted("server "+string(g.ID)+" ("+string(g.Name)+")", g.permissions(roles)))
	}
	if len(mine) == 0 {
		found = append(found, fault.Finding{OK: true, What: "the bot is in no server: people can write to it after it shares one with them"})
	}
	return found
}

// permitted says whether have is all that is needed somewhere.
func permitted(where string, have int64) fault.Finding {
	if names := missing(have); names != "" {
		return fault.Finding{What: where + ": the bot lacks the permissions " + names,
			Fix: "give them to the bot's role (Server Settings, Roles) or in the channel's settings, or use the invite link again"}
	}
	return fault.Finding{OK: true, What: where + ": the bot has the permissions it needs"}
}

func (b *Bridge) membership(ctx context.Context, of, me id) (*guild, []id, error) {
	var g guild
	if err := b.get(ctx, "GET /guilds", "/guilds/"+string(of), &g); err != nil {
		return nil, nil, err
	}
	var m member
	if err := b.get(ctx, "GET /guilds/members", "/guilds/"+string(of)+"/members/"+string(me), &m); err != nil {
		return nil, nil, err
	}
	return &g, m.Roles, nil
}

// checkRooms looks what the bot may do in the channels that routes list. Lists name categories and servers too.
func (b *Bridge) checkRooms(ctx context.Context, me id) []fault.Finding {
	var found []fault.Finding
	for _, room := range b.cfg.Rooms[:min(len(b.cfg.Rooms), maxChecked)] {
		c := toID(room)
		if c == "" {
			found = append(found, fault.Finding{What: fmt.Sprintf("a route lists %q, which is no id of Discord's", room),
				Fix: "switch on Developer Mode in Discord (Settings, Advanced), then right-click the channel, category or server and copy its id"})
			continue
		}
		found = append(found, b.checkRoom(ctx, c, me)...)
	}
	return found
}

func (b *Bridge) checkRoom(ctx context.Context, c, me id) []fault.Finding {
	var ch channel
	err := b.get(ctx, "GET /channels", "/channels/"+string(c), &ch)
	if status := statusOf(err); status == http.StatusNotFound {
		if b.get(ctx, "GET /guilds", "/guilds/"+string(c), &guild{}) == nil {
			return nil // a server, which was looked at
		}
		return []fault.Finding{{What: "a route lists " + string(c) + ", and the bot is in no such channel or server",
			Fix: "see whether the id is right, and add the bot by the invite link"}}
	} else if status == http.StatusForbidden {
		return []fault.Finding{permitted("channel "+string(c), 0)}
	}
	if err != nil {
		return []fault.Finding{{What: "Discord does not tell what the bot may do in " + string(c) + ": " + err.Error(), Fix: "try again"}}
	}
	g, roles, err := b.membership(ctx, ch.Guild, me)
	if err != nil || ch.Type == typePublicThread || ch.Type == typePrivateThread || ch.Type == typeNewsThread {
		return nil // a thread's permissions are its channel's
	}
	return []fault.Finding{permitted("channel "+string(c)+" ("+string(ch.Name)+")", ch.permissions(g, me, roles))}
}
