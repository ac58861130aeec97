package storetest

import (
	"slices"
	"time"

	"pgregory.net/rapid"

	"avatarbridge/store"
)

// The property draws from few of everything, so that things meet. The users c1 and c2 are groups that write as themselves.
var (
	users    = []string{"u1", "u2", "c1", "c2"}
	avatars  = []string{avatar, "sol"}
	channels = []string{"c1", "c2", "c3"}
	threads  = []string{"", "", "t"}
	memories = []store.Memory{store.MemoryMember, store.MemoryRoom, store.MemoryThread}
)

func drawAddress(rt *rapid.T, user string) store.Address {
	a := store.Address{Account: account, Avatar: pick(rt, "avatar", avatars...)}
	if user[0] == 'u' && rapid.Bool().Draw(rt, "direct") {
		a.Channel, a.Direct, a.Memory = user, true, store.MemoryPerson
		return a
	}
	a.Channel, a.Thread, a.Memory = pick(rt, "channel", channels...), pick(rt, "thread", threads...), pick(rt, "memory", memories...)
	return a
}

func (x *machine) drawKey(rt *rapid.T) string {
	if rapid.IntRange(0, 5).Draw(rt, "keyless") == 0 {
		return ""
	}
	return pick(rt, "prefix", "k", "k", "k", "e") + string(rune('a'+rapid.IntRange(0, 25).Draw(rt, "key")))
}

func (x *machine) drawPieces(rt *rapid.T) [][]byte {
	var all [][]byte
	for range rapid.IntRange(0, 3).Draw(rt, "pieces") {
		all = append(all, []byte(x.unique("post")))
	}
	return all
}

func (x *machine) drawNotice(rt *rapid.T, user string) *store.Notice {
	if rapid.Bool().Draw(rt, "silent") {
		return nil
	}
	return &store.Notice{Key: pick(rt, "notice", "", "busy/all", "person/"+user+"/busy"), Every: 30 * time.Second, Pieces: x.drawPieces(rt)}
}

func (x *machine) drawEntry(rt *rapid.T) store.Entry {
	e := store.Entry{Key: x.drawKey(rt)}
	switch kind := rapid.IntRange(0, 19).Draw(rt, "entry"); {
	case kind < 11:
		e.Turn = x.drawTurn(rt)
	case kind < 13:
		p := x.drawPost(rt)
		e.Post = &p
	case kind < 17:
		e.Edit = x.drawEdit(rt)
	case kind < 19:
		p := x.drawPost(rt)
		e.Reset = &store.Reset{Post: p, Limits: x.drawLimits(rt, p.From.User), Quiet: rapid.Bool().Draw(rt, "quiet")}
	default:
		e.Move = &store.Move{From: pick(rt, "from", channels...), To: pick(rt, "to", channels...)}
	}
	e.Refusable = rapid.Bool().Draw(rt, "refusable")
	return e
}

func (x *machine) drawTurn(rt *rapid.T) *store.NewTurn {
	user := pick(rt, "user", users...)
	t := &store.NewTurn{
		ID: x.unique("turn"), From: who(user), Name: pick(rt, "name", "", "A", "B"), In: drawAddress(rt, user), Body: []byte(x.unique("body")),
		MaxWaiting: rapid.IntRange(0, 3).Draw(rt, "max waiting"), Full: x.drawNotice(rt, user),
	}
	t.Feed, t.Feeds = x.drawFeed(rt)
	t.Limits = x.drawLimits(rt, user)
	return t
}

func (x *machine) drawLimits(rt *rapid.T, user string) []store.Limit {
	if !rapid.Bool().Draw(rt, "limited") {
		return nil
	}
	return []store.Limit{
		{Key: "person/" + user + "/limit", Max: 3, Every: time.Minute, Over: x.drawNotice(rt, user)},
		{Key: "person/" + user + "/limit", Max: 8, Every: time.Hour, Over: x.drawNotice(rt, user)},
		{Key: "all", Max: 5, Every: time.Minute, Over: x.drawNotice(rt, user)},
	}
}

func (x *machine) drawPost(rt *rapid.T) store.NewPost {
	user := pick(rt, "user", users...)
	p := store.NewPost{From: who(user), Name: "C", In: drawAddress(rt, user), Preface: x.drawPieces(rt)}
	if n := x.drawNotice(rt, user); n != nil {
		p.Notice = *n
	}
	return p
}

func (x *machine) drawHold(rt *rapid.T) *store.Hold {
	if rapid.Bool().Draw(rt, "unheld") {
		return nil
	}
	h := &store.Hold{Scope: x.drawScope(rt), Reason: x.unique("reason")}
	if rapid.Bool().Draw(rt, "ends") {
		h.Until = x.soon(rt)
	}
	return h
}

func (x *machine) drawScope(rt *rapid.T) store.Scope {
	s := store.Scope{Pause: rapid.Bool().Draw(rt, "pause")}
	switch rapid.IntRange(0, 4).Draw(rt, "scope") {
	case 0:
		s.Account = account
	case 1:
		s.Account, s.Channel = account, pick(rt, "channel", channels...)
	case 2:
		s.Avatar = pick(rt, "avatar", avatars...)
	case 3:
		if c := x.drawConv(rt); c != nil {
			s.Conversation = c.id
		}
	}
	return s
}

// drawConv draws a conversation whose id is known, nil when there is none.
func (x *machine) drawConv(rt *rapid.T) *mConv {
	var known []*mConv
	for _, c := range x.m.convs {
		if c.id != 0 {
			known = append(known, c)
		}
	}
	if len(known) == 0 {
		return nil
	}
	return pick(rt, "conversation", known...)
}

// drawTurnOf draws the id of a turn of the conversation: one that waits, is asked, dead, over or forgotten, or none.
func (x *machine) drawTurnOf(rt *rapid.T, c *mConv) string {
	ids := append([]string{"", ""}, c.forgotten...)
	for _, t := range append(slices.Clone(c.turns.waits), c.turns.claimed) {
		if t != nil {
			ids = append(ids, t.id)
		}
	}
	for _, l := range x.m.dead {
		if !l.post && l.item.conv == c {
			ids = append(ids, l.item.id)
		}
	}
	for _, t := range x.m.answered {
		if t.conv == c {
			ids = append(ids, t.id)
		}
	}
	slices.Sort(ids) // a failure is replayed by what was drawn
	return pick(rt, "turn", ids...)
}

func (x *machine) soon(rt *rapid.T) time.Time {
	return x.now.Add(time.Duration(rapid.IntRange(-5, 60).Draw(rt, "in")) * time.Second)
}

func (x *machine) drawReply(rt *rapid.T) store.Reply {
	return store.Reply{
		Key: pick(rt, "reply", "", "r1", "r2", x.unique("r")), Pieces: x.drawPieces(rt), Ends: rapid.IntRange(0, 5).Draw(rt, "ends") == 0,
		KeyFor: time.Duration(rapid.IntRange(0, 2).Draw(rt, "key for")) * time.Minute,
		Apart:  rapid.IntRange(0, 5).Draw(rt, "apart") == 0,
	}
}
