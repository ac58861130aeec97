package storetest

import (
	"maps"
	"slices"
	"time"

	"avatarbridge/store"
)

func (m *model) move(from, to string) {
	if from == to {
		return
	}
	m.moveIdentity(from, to)
	for _, c := range m.convs {
		if c.in.Channel == from {
			c.in.Channel = to
		}
	}
	m.retire()
	for _, k := range m.memories {
		if k.channel == from {
			k.channel = to
		}
	}
	m.mergeMemories()
	for s, h := range m.holds {
		if s.Account == account && s.Channel == from {
			delete(m.holds, s)
			s.Channel, h.Scope.Channel = to, to
			if old, ok := m.holds[s]; !ok || !old.Until.IsZero() && (h.Until.IsZero() || h.Until.After(old.Until)) {
				m.holds[s] = h
			}
		}
	}
	for old, now := range m.moves {
		if now == from {
			m.moves[old] = to
		}
	}
	m.moves[from] = to
	delete(m.moves, to)
}

// retire keeps the oldest of the conversations that have one address now.
func (m *model) retire() {
	for i, a := range m.convs {
		for _, b := range m.convs[i+1:] {
			x, y := a.in, b.in
			x.Direct, y.Direct = false, false
			if a.live && b.live && x == y && a.person == b.person {
				b.live = false // m.convs is in the order of age
				mergeFeeds(a, b)
			}
		}
	}
}

// mergeMemories keeps the oldest of the memories that are for one and the same.
func (m *model) mergeMemories() {
	slices.SortFunc(m.memories, func(a, b *mMemory) int { return a.seq - b.seq })
	for i := 0; i < len(m.memories); i++ {
		a := m.memories[i]
		m.memories = slices.DeleteFunc(m.memories, func(b *mMemory) bool {
			if a == b || a.channel != b.channel || a.kind != b.kind || a.thread != b.thread || a.person != b.person {
				return false
			}
			for _, c := range m.convs {
				if c.memory == b {
					c.memory = a
				}
			}
			return true
		})
	}
}

// moveIdentity follows somebody whose id is that of the channel; if the new id is somebody already, the two are one.
func (m *model) moveIdentity(from, to string) {
	a, b := m.people[who(from)], m.people[who(to)]
	if a == nil {
		return
	}
	delete(m.people, who(from))
	a.identities = slices.DeleteFunc(a.identities, func(i store.Identity) bool { return i == who(from) })
	if b == nil || a == b {
		m.people[who(to)] = a
		if b == nil {
			a.identities = append(a.identities, who(to))
		}
		return
	}
	if a.seq > b.seq {
		a, b = b, a
	}
	for id, p := range m.people {
		if p == b {
			m.people[id] = a
		}
	}
	m.people[who(to)] = a
	for _, i := range append([]store.Identity{who(to)}, b.identities...) {
		if !slices.Contains(a.identities, i) {
			a.identities = append(a.identities, i)
		}
	}
	m.replacePerson(b, a)
}

func (m *model) replacePerson(old, now *mPerson) {
	for _, k := range m.memories {
		if k.person == old {
			k.person = now
		}
	}
	for _, c := range m.convs {
		if c.person == old {
			c.person = now
		}
		for _, l := range []*mLane{&c.turns, &c.posts} {
			for _, i := range append(slices.Clone(l.waits), l.claimed) {
				if i != nil && i.person == old {
					i.person = now
				}
				if i != nil && i.asked != nil && i.asked.person == old {
					i.asked.person = now
				}
			}
		}
	}
	for _, l := range m.dead {
		if l.item.person == old {
			l.item.person = now
		}
	}
	for _, i := range append(slices.Collect(maps.Values(m.answered)), m.sent...) {
		if i.person == old {
			i.person = now
		}
	}
	for _, c := range m.convs {
		for _, i := range c.feed {
			if i.person == old {
				i.person = now
			}
		}
	}
	m.retire()
	m.mergeMemories()
}

// forget deletes a person and returns how many conversations went.
func (m *model) forget(p *mPerson) []*mConv {
	var gone []*mConv
	m.convs = slices.DeleteFunc(m.convs, func(c *mConv) bool {
		if c.person == p {
			gone = append(gone, c)
		}
		return c.person == p
	})
	theirs := func(i *mItem) bool {
		return i.person == p || i.asked != nil && i.asked.person == p || i.turnID != "" && m.answered[i.turnID] != nil && m.answered[i.turnID].person == p
	}
	for _, t := range m.turnsOf(p) {
		t.conv.forgotten = append(t.conv.forgotten, t.id)
	}
	m.forgetSent(func(i *mItem) bool { return theirs(i) || slices.Contains(gone, i.conv) })
	for _, c := range m.convs {
		c.feed = slices.DeleteFunc(c.feed, func(i *mFeed) bool { return theirs(&mItem{person: i.person, turnID: i.turnID}) })
		for _, l := range []*mLane{&c.turns, &c.posts} {
			n := len(l.waits)
			l.waits = slices.DeleteFunc(l.waits, theirs)
			if l.claimed != nil && theirs(l.claimed) {
				l.claimed.gone = true
			}
			if n != len(l.waits) {
				l.offer(time.UnixMicro(0), false)
			}
		}
	}
	m.dead = slices.DeleteFunc(m.dead, func(l *mLetter) bool { return theirs(l.item) || slices.Contains(gone, l.item.conv) })
	maps.DeleteFunc(m.answered, func(_ string, t *mItem) bool { return t.person == p || slices.Contains(gone, t.conv) })
	for k := range m.counters {
		if mentions(k, p) {
			delete(m.counters, k)
		}
	}
	for k := range m.notices {
		if mentions(k, p) {
			delete(m.notices, k)
		}
	}
	m.memories = slices.DeleteFunc(m.memories, func(k *mMemory) bool { return k.person == p })
	for id, who := range m.people {
		if who == p {
			delete(m.people, id)
		}
	}
	m.forgetHolds(gone)
	return gone
}

// turnsOf returns all turns of a person that are not purged, in whatever state.
func (m *model) turnsOf(p *mPerson) (all []*mItem) {
	for _, c := range m.convs {
		all = append(all, c.turns.waits...)
	}
	for _, l := range m.dead {
		if !l.post {
			all = append(all, l.item)
		}
	}
	for _, t := range m.answered {
		all = append(all, t)
	}
	return slices.DeleteFunc(all, func(t *mItem) bool { return t.person != p })
}

// forgetHolds ends the holds of deleted conversations, and of direct channels that have none any more.
func (m *model) forgetHolds(gone []*mConv) {
	for _, c := range gone {
		left := slices.ContainsFunc(m.convs, func(o *mConv) bool { return o.in.Channel == c.in.Channel })
		for s := range m.holds {
			if s.Conversation == c.id && c.id != 0 || c.in.Direct && s.Channel == c.in.Channel && !left {
				delete(m.holds, s)
			}
		}
	}
}
