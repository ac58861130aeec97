package discord

import (
	"strconv"
	"sync"
)

// Types of channels (https://discord.com/developers/docs/resources/channel#channel-object-channel-types).
const (
	typeNewsThread    = 10
	typePublicThread  = 11
	typePrivateThread = 12
)

// maxNodes bounds what is remembered of channels; what was forgotten is asked for again.
const maxNodes = 200_000

// A tree knows what each channel is in. It holds numbers alone: a bot may be in thousands of guilds.
type tree struct {
	mu    sync.Mutex
	nodes map[uint64]node
	roles map[uint64]uint64 // the bot's own role in each guild, 0 for none
}

type node struct{ parent, guild uint64 }

// put remembers a channel of a guild.
func (t *tree) put(c channel, guild id) {
	if c.ID == "" || guild == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.nodes == nil || len(t.nodes) >= maxNodes {
		t.nodes = map[uint64]node{}
	}
	t.nodes[c.ID.number()] = node{c.Parent.number(), guild.number()}
}

// own remembers the bot's own role in a guild, "" for none.
func (t *tree) own(guild, role id) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.roles == nil || len(t.roles) >= maxNodes {
		t.roles = map[uint64]uint64{}
	}
	t.roles[guild.number()] = role.number()
}

// role is the bot's own role in a guild, "" for none.
func (t *tree) role(guild id) (own id, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, known := t.roles[guild.number()]
	if n == 0 {
		return "", known
	}
	return id(decimal(n)), known
}

// drop forgets a channel.
func (t *tree) drop(c id) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.nodes, c.number())
}

// leave forgets a guild.
func (t *tree) leave(guild id) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.roles, guild.number())
	for c, n := range t.nodes {
		if n.guild == guild.number() {
			delete(t.nodes, c)
		}
	}
}

// within returns what the channel is in, narrowest first. missing is the channel of which nothing is known, "" when all is.
func (t *tree) within(c id) (ids []string, missing id) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := c.number()
	for range 3 { // a thread, its channel, that one's category
		n, ok := t.nodes[at]
		if !ok {
			return nil, id(decimal(at))
		}
		if n.parent == 0 {
			return append(ids, decimal(n.guild)), ""
		}
		ids = append(ids, decimal(n.parent))
		at = n.parent
	}
	return append(ids, decimal(t.nodes[c.number()].guild)), ""
}

// guildOf is the guild that a channel is in, "" when that is not known.
func (t *tree) guildOf(c id) id {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n, ok := t.nodes[c.number()]; ok {
		return id(decimal(n.guild))
	}
	return ""
}

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }
