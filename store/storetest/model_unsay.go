package storetest

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"pgregory.net/rapid"

	"avatarbridge/store"
)

// target returns the turn with an event key that waits, is dead or is over; nil when there is none.
func (m *model) target(key string) *mItem {
	is := func(t *mItem) bool { return t.key != "" && t.key == key }
	for _, c := range m.convs {
		if i := slices.IndexFunc(c.turns.waits, is); i >= 0 {
			return c.turns.waits[i]
		}
	}
	for _, l := range m.dead {
		if !l.post && is(l.item) {
			return l.item
		}
	}
	for _, t := range m.answered {
		if is(t) {
			return t
		}
	}
	return nil
}

func (m *model) edit(b *store.Batch, e *store.Edit, r *mResult, turns, posts bool) {
	t := m.target(e.Target)
	switch {
	case t != nil && !t.handed && slices.Contains(t.conv.turns.waits, t):
		m.change(b, e, t, r, turns)
	case t != nil && e.Body == nil && e.Unsay != nil:
		m.unsay(b, e, t, r, turns, posts)
	default:
		r.verdict = store.NotFound
	}
}

func (m *model) change(b *store.Batch, e *store.Edit, t *mItem, r *mResult, room bool) {
	if e.Body != nil {
		if body := e.Body([]byte(t.body)); body != nil {
			t.body = string(body)
			return
		}
	}
	t.conv.turns.leave(t)
	m.answered[t.id] = t
	r.turns(t.conv.turns.offer(b.Now, room))
}

// unsay ends a turn and takes back what answers it.
func (m *model) unsay(b *store.Batch, e *store.Edit, t *mItem, r *mResult, turns, posts bool) {
	if t.unsaid {
		return
	}
	c := t.conv
	t.unsaid = true
	c.turns.leave(t)
	m.answered[t.id] = t
	var back []mReply
	if t.draft != "" && e.Erase != nil {
		back = append(back, mReply{[][]byte{e.Erase(t.id, t.draft)}, true})
	}
	t.draft = ""
	for _, p := range slices.Clone(c.posts.waits) {
		if p.answers(t) {
			c.posts.leave(p)
			if c.posts.claimed == p {
				p.unsay, p.asked = e.Unsay, t
			}
		}
	}
	m.dead = slices.DeleteFunc(m.dead, func(l *mLetter) bool { return l.item == t || l.post && l.item.answers(t) })
	slices.SortFunc(m.sent, func(a, b *mItem) int { return cmp.Compare(a.row, b.row) })
	for _, p := range m.sent {
		if p.answers(t) {
			back = append(back, mReply{[][]byte{e.Unsay(p.sentID)}, true})
		}
	}
	m.append(c, back, &mItem{person: t.person, at: b.Now})
	r.posts(c.posts.offer(b.Now, posts))
	r.turns(c.turns.offer(b.Now, turns))
}

// answers says whether a post is of a reply to the turn.
func (i *mItem) answers(t *mItem) bool {
	return i.turn == t || i.turnID != "" && i.turnID == t.id && i.conv == t.conv
}

// settleUnsaid ends a post whose turn was unsaid while it was being sent.
func (m *model) settleUnsaid(p *mItem, s store.Settled) (r mResult) {
	if s.As == store.Sent && s.SentID != "" {
		m.append(p.conv, []mReply{{[][]byte{p.unsay(s.SentID)}, true}}, &mItem{person: p.asked.person, at: s.Now})
	}
	r.posts(p.conv.posts.offer(s.Now, s.Send))
	return r
}

// quiet is what is posted of replies to a turn that was unsaid.
func quiet(replies []store.Reply) []store.Reply {
	replies = slices.Clone(replies)
	for i := range replies {
		if !replies[i].Apart {
			replies[i].Pieces = nil
		}
	}
	return replies
}

// forgetSent forgets what was posted in gone conversations, in answer to a person, or long ago.
func (m *model) forgetSent(old func(*mItem) bool) { m.sent = slices.DeleteFunc(m.sent, old) }

func (x *machine) doDraft(rt *rapid.T) {
	if len(x.turns) == 0 {
		rt.Skip("nothing is claimed")
	}
	t := pick(rt, "which", x.turns...)
	draft := x.unique("draft")
	err := x.Draft(x.ctx, t.row, draft)
	if x.open(t) {
		x.fail(rt, err)
		t.draft = draft
	} else if !errors.Is(err, store.ErrStale) {
		rt.Fatalf("the draft of a turn that is over: %v", err)
	}
}

func (x *machine) doCurrent(rt *rapid.T) {
	if len(x.turns) == 0 {
		rt.Skip("nothing is claimed")
	}
	t := pick(rt, "which", x.turns...)
	got, err := x.Current(x.ctx, t.row)
	if x.open(t) {
		x.fail(rt, err)
		x.fail(rt, x.m.isConv(got, t.conv, t.conv.snapshot()))
	} else if !errors.Is(err, store.ErrStale) {
		rt.Fatalf("the conversation of a turn that is over: %v", err)
	}
}

// open says whether a turn that was handed out is not over.
func (x *machine) open(t *mItem) bool {
	return slices.Contains(x.m.convs, t.conv) && slices.Contains(t.conv.turns.waits, t)
}

// drawEdit aims at any turn whose event is known, mostly.
func (x *machine) drawEdit(rt *rapid.T) *store.Edit {
	targets := []string{"ka", "kb"}
	for _, c := range x.m.convs {
		for _, t := range c.turns.waits {
			targets = append(targets, t.key)
		}
	}
	for _, l := range x.m.dead {
		targets = append(targets, l.item.key)
	}
	for _, t := range x.m.answered {
		targets = append(targets, t.key)
	}
	slices.Sort(targets) // a failure is replayed by what was drawn
	e := &store.Edit{Target: pick(rt, "target", slices.Compact(targets)...)}
	switch rapid.IntRange(0, 5).Draw(rt, "kind") {
	case 0, 1:
		more := x.unique("+")
		e.Body = func(old []byte) []byte { return append(append([]byte{}, old...), more...) }
	case 2:
		e.Body = cancel
	}
	if rapid.IntRange(0, 3).Draw(rt, "stays") > 0 {
		e.Unsay = func(sent string) []byte { return []byte("take back " + sent) }
	}
	if rapid.Bool().Draw(rt, "erases") {
		e.Erase = func(turn, draft string) []byte { return []byte("erase " + draft + " of " + turn) }
	}
	return e
}

// sentLongAgo says whether a purge deletes the post.
func sentLongAgo(before time.Time) func(*mItem) bool {
	return func(p *mItem) bool { return p.at.Before(before) }
}
