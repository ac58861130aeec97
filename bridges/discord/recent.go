package discord

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

const (
	// maxRecent is in how many channels where nobody had talked to the bot yet a shard looks after a gap. Those that the bot may not see count too: Discord
	// names them all, and refusals add up to a ban.
	maxRecent = 200
	// guildsWithin is how long after a session's begin its guilds are named.
	guildsWithin = 30 * time.Second
)

// Types of channels in which nobody writes: people write in what they hold.
const (
	typeCategory  = 4
	typeDirectory = 14
	typeForum     = 15
	typeMedia     = 16
)

// A sign is that something was written in a channel, and up to when.
type sign struct {
	channel id
	last    uint64 // the id of the latest message
}

// A gap is what a shard still has to look through after its session began.
type gap struct {
	began time.Time
	after uint64      // messages with higher ids may have been missed
	seen  map[id]bool // channels that are looked through
	left  int         // how many more may be
}

// guildEvent is GUILD_CREATE, or THREAD_LIST_SYNC, which names its guild in another way.
type guildEvent struct {
	ID       id        `json:"id"`
	Guild    id        `json:"guild_id"`
	Away     truth     `json:"unavailable"`
	Channels []channel `json:"channels"`
	Threads  []channel `json:"threads"`
	Roles    []role    `json:"roles"`
}

// guild takes what an event says of a guild, and returns where something was written in it.
func (l *listener) guild(kind string, data []byte) (signs []sign, ok bool) {
	var g guildEvent
	if json.Unmarshal(data, &g) != nil {
		return nil, false
	}
	if kind == "THREAD_LIST_SYNC" { // its channels are ids alone
		g.ID, g.Channels = g.Guild, nil
	} else if !g.Away {
		l.tree.own(g.ID, ownRole(g.Roles, l.me.ID))
	}
	for _, c := range slices.Concat(g.Channels, g.Threads) {
		l.tree.put(c, g.ID)
		last := c.Last.number()
		switch c.Type {
		case typeCategory, typeDirectory, typeForum, typeMedia:
			last = 0
		case typeNewsThread, typePublicThread, typePrivateThread:
			last = max(last, c.ID.number()) // a post begins with a message of the same id
		}
		if last > 0 && kind == "GUILD_CREATE" {
			signs = append(signs, sign{c.ID, last})
		}
	}
	return signs, true
}

// expect notes since when messages may be missing, and which channels are looked through already. A bot that is new has missed nothing: after is 0.
func (in *intake) expect(shard int, after uint64, jobs []job) {
	if in.gaps == nil {
		in.gaps = map[int]*gap{}
	}
	delete(in.gaps, shard)
	if after == 0 || !in.bridge.cfg.AllRooms && len(in.bridge.cfg.Rooms) == 0 {
		return
	}
	g := &gap{began: time.Now(), after: after, seen: map[id]bool{}, left: maxRecent}
	for _, j := range jobs {
		g.seen[j.channel] = true
	}
	in.gaps[shard] = g
}

// recent looks for what was missed in channels that an item names. Until that is known, the item counts as not come.
func (in *intake) recent(ctx context.Context, it *item) {
	missed := in.gaps[it.shard]
	if missed == nil {
		return
	}
	for _, s := range it.signs {
		if s.last < missed.after || missed.seen[s.channel] || !in.answers(s.channel) {
			continue
		}
		if missed.left == 0 {
			in.log.Warn("too many channels had something new: not all are looked through", "shard", it.shard)
			missed.left = -1
		}
		if missed.left < 0 {
			return
		}
		missed.left--
		missed.seen[s.channel] = true
		in.look(ctx, job{channel: s.channel, shard: it.shard, after: missed.after})
		g := in.gate(string(s.channel))
		g.behind = append(g.behind, it.mark())
	}
}

// answers reports whether a channel of which all is known is answered by what the configuration lists.
func (l *listener) answers(c id) bool {
	within, _ := l.tree.within(c)
	return l.bridge.cfg.AllRooms || l.lists(c, within)
}

// lists reports whether a route lists the channel or what it is in.
func (l *listener) lists(c id, within []string) bool {
	return slices.ContainsFunc(l.bridge.cfg.Rooms, func(room string) bool { return room == string(c) || slices.Contains(within, room) })
}

// close closes the gaps of which all was looked through.
func (in *intake) close(now time.Time) {
	if in.pending > 0 {
		return
	}
	for i := range in.points {
		if g := in.gaps[i]; g != nil {
			if now.Sub(g.began) < guildsWithin {
				continue
			}
			delete(in.gaps, i)
		}
		in.points[i].Gap, in.points[i].Far = 0, nil
	}
}
