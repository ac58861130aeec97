package storetest

import (
	"time"

	"avatarbridge/store"
)

// An mResult is what the model expects of one entry, or of another verb that hands something out.
type mResult struct {
	verdict              store.Verdict
	limit                string
	ended                *string   // the uid of the generation that a reset ended
	until                time.Time // when what is over will have room
	turn, post           *mItem
	turnWaits, postWaits bool
}

func (r *mResult) turns(i *mItem, waits bool) { r.turn, r.turnWaits = i, waits }
func (r *mResult) posts(i *mItem, waits bool) { r.post, r.postWaits = i, waits }

func (m *model) accept(b store.Batch) []mResult {
	results := make([]mResult, len(b.Entries))
	turns, posts := b.Turns, b.Posts
	for i, e := range b.Entries {
		r := &results[i]
		m.entry(&b, e, r, turns > 0, posts > 0)
		if r.turn != nil {
			turns--
		}
		if r.post != nil {
			posts--
		}
	}
	if b.Cursor != "" {
		m.cursor = b.Cursor
	}
	return results
}

func (m *model) entry(b *store.Batch, e store.Entry, r *mResult, turns, posts bool) {
	if e.Key != "" {
		if _, known := m.keys[e.Key]; known {
			r.verdict = store.Known
			return
		}
		m.keys[e.Key] = b.Now
		defer func() {
			if e.Refusable && (r.verdict == store.Over || r.verdict == store.Full) {
				delete(m.keys, e.Key)
			}
		}()
	}
	switch {
	case e.Turn != nil:
		m.takeTurn(b, e, r, turns, posts)
	case e.Post != nil:
		m.takePost(b, e.Post, r, posts)
	case e.Edit != nil:
		m.edit(b, e.Edit, r, turns, posts)
	case e.Reset != nil:
		m.reset(b, e, r, turns, posts)
	case e.Move != nil:
		m.move(e.Move.From, e.Move.To)
	}
}

func (m *model) takeTurn(b *store.Batch, e store.Entry, r *mResult, turns, posts bool) {
	t := e.Turn
	if l := m.over(t.Limits, b.Now, r); l != nil {
		if !e.Refusable {
			m.refuse(b, t.From, t.Name, t.In, l.Over, r, posts)
		}
		return
	}
	if e.Refusable {
		c := m.find(m.newest(t.In), m.people[t.From])
		if c != nil && t.MaxWaiting > 0 && m.waiting(c) >= t.MaxWaiting {
			r.verdict = store.Full
			return
		}
	}
	p := m.person(t.From, t.Name, b.Now)
	c := m.conv(t.In, p)
	if t.MaxWaiting > 0 && m.waiting(c) >= t.MaxWaiting {
		r.verdict = store.Full
		m.refuse(b, t.From, t.Name, t.In, t.Full, r, posts)
		return
	}
	m.count(t.Limits, b.Now)
	m.feed(c, t.Feed, t.Feeds, mFeed{at: b.Now, person: p})
	c.turns.add(&mItem{conv: c, person: p, pos: m.next(), body: string(t.Body), at: b.Now, key: e.Key, id: t.ID})
	r.turns(c.turns.offer(b.Now, turns))
}

// waiting counts the lane's turns with the one that is asked.
func (m *model) waiting(c *mConv) int {
	if len(c.turns.waits) == 0 && c.turns.claimed != nil {
		return 1
	}
	return len(c.turns.waits)
}

// over returns the first limit without room, and notes it in r.
func (m *model) over(limits []store.Limit, now time.Time, r *mResult) (first *store.Limit) {
	for i, l := range limits {
		c := m.counter(l, now)
		if c.n < l.Max {
			continue
		}
		if first == nil {
			first = &limits[i]
			r.verdict, r.limit = store.Over, l.Key
		}
		if opens := c.opened.Add(l.Every); opens.After(r.until) {
			r.until = opens
		}
	}
	return first
}

func (m *model) count(limits []store.Limit, now time.Time) {
	for _, l := range limits {
		k := m.counter(l, now)
		if k.n++; k.n == 1 {
			k.opened = now
		}
	}
}

// counter returns the window that is open at now.
func (m *model) counter(l store.Limit, now time.Time) *mCounter {
	k := l.Key + l.Every.String()
	c := m.counters[k]
	if c == nil || !now.Before(c.opened.Add(c.every)) {
		c = &mCounter{every: l.Every}
		m.counters[k] = c
	}
	return c
}

func (m *model) refuse(b *store.Batch, from store.Identity, name string, in store.Address, n *store.Notice, r *mResult, room bool) {
	if m.mayNotice(n, b.Now) {
		p := m.person(from, name, b.Now)
		c := m.conv(in, p)
		m.append(c, []mReply{{n.Pieces, false}}, &mItem{person: p, at: b.Now})
		r.posts(c.posts.offer(b.Now, room))
	}
}

func (m *model) mayNotice(n *store.Notice, now time.Time) bool {
	if n == nil || len(n.Pieces) == 0 {
		return false
	}
	if n.Key == "" {
		return true
	}
	if old := m.notices[n.Key]; old != nil && now.Before(old.said.Add(n.Every)) {
		return false
	}
	m.notices[n.Key] = &mNotice{now, n.Every}
	return true
}

func (m *model) takePost(b *store.Batch, n *store.NewPost, r *mResult, room bool) {
	if !m.mayNotice(&n.Notice, b.Now) {
		return
	}
	p := m.person(n.From, n.Name, b.Now)
	c := m.conv(n.In, p)
	m.append(c, append(m.preface(c, n.Preface), mReply{n.Notice.Pieces, false}), &mItem{person: p, at: b.Now})
	r.posts(c.posts.offer(b.Now, room))
}

func (m *model) preface(c *mConv, pieces [][]byte) []mReply {
	if c.prefaced || len(pieces) == 0 {
		return nil
	}
	c.prefaced = true
	return []mReply{{pieces, true}}
}

// An mReply is one reply. One that stands apart answers no turn.
type mReply struct {
	pieces [][]byte
	apart  bool
}

// append puts replies at the end of the lane; like says what all the posts have in common.
func (m *model) append(c *mConv, replies []mReply, like *mItem) {
	for _, r := range replies {
		reply := m.next()
		for _, body := range r.pieces {
			p := *like
			if r.apart {
				p.turn, p.turnID = nil, ""
			}
			p.conv, p.pos, p.body, p.reply = c, m.next(), string(body), reply
			c.posts.add(&p)
		}
	}
}

func (m *model) reset(b *store.Batch, e store.Entry, r *mResult, turns, room bool) {
	s := e.Reset
	if l := m.over(s.Limits, b.Now, r); l != nil {
		if !e.Refusable {
			m.refuse(b, s.Post.From, s.Post.Name, s.Post.In, l.Over, r, room)
		}
		return
	}
	m.count(s.Limits, b.Now)
	p := m.people[s.Post.From]
	c := m.find(m.newest(s.Post.In), p)
	if c != nil && (p != nil || c.person == nil) {
		r.ended = c.uid
		m.renew(c)
		if l := &c.turns; len(l.waits) > 0 && l.waits[0].awaits && l.claimed == nil {
			m.answered[l.waits[0].id] = l.waits[0]
			l.waits[0].draft = ""
			l.leave(l.waits[0])
			r.turns(l.offer(b.Now, turns))
		}
	} else {
		r.verdict = store.NotFound
		if s.Quiet {
			return
		}
	}
	m.takePost(b, &s.Post, r, room)
}

func (m *model) renew(c *mConv) {
	c.generation++
	c.uid = new(string)
	c.forgotten = nil
}
