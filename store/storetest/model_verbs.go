package storetest

import (
	"slices"
	"strings"
	"time"

	"avatarbridge/store"
)

// mentions says whether a counter's key, as the property makes them, is one of the person.
func mentions(key string, p *mPerson) bool {
	for _, i := range p.identities {
		if strings.HasPrefix(key, "person/"+i.User+"/") {
			return true
		}
	}
	return false
}

func (m *model) claim(lane func(*mConv) *mLane, avatar string, now time.Time, n int) (got []*mItem, next time.Time) {
	var convs []*mConv
	for _, c := range m.convs {
		if avatar == "" || c.in.Avatar == avatar {
			convs = append(convs, c)
		}
	}
	for _, head := range dueHeads(convs, lane) {
		if len(got) >= n || head.due.After(now) {
			return got, *head.due
		}
		lane(head.conv).hand(head)
		got = append(got, head)
	}
	return got, time.Time{}
}

// tries takes note of attempts; begun says that there was one in any case.
func (i *mItem) tries(n int, begun bool, now time.Time) {
	if (begun || n > i.attempts) && i.tried.IsZero() {
		i.tried = now
	}
	i.attempts = n
}

func (m *model) deferTurn(t *mItem, d store.Deferred) (r mResult) {
	l := &t.conv.turns
	l.claimed = nil
	if d.Hold != nil {
		m.holds[d.Hold.Scope] = *d.Hold
	}
	if len(l.waits) > 0 && l.waits[0] == t {
		if d.Unasked && t.fresh && d.Attempts <= t.attempts {
			t.handed = false
		}
		if d.Awaits && t.conv.generation != t.then.generation && !t.renewed {
			t.due, t.awaits, t.renewed, r.turnWaits = &d.Now, false, true, true
			return r
		}
		t.due, t.awaits = &d.Due, t.awaits || d.Awaits
		t.tries(d.Attempts, d.Tried, d.Now)
		return r
	}
	if !t.gone {
		var over []mReply
		for _, body := range d.Over {
			over = append(over, mReply{[][]byte{body}, true})
		}
		m.append(t.conv, over, &mItem{person: t.person, turn: t, at: d.Now})
	}
	r.turns(l.offer(d.Now, false))
	r.posts(t.conv.posts.offer(d.Now, false))
	return r
}

func (m *model) finish(t *mItem, f store.Finished) (r mResult) {
	c := t.conv
	c.turns.claimed = nil
	if t.gone {
		r.turns(c.turns.offer(f.Now, false))
		r.posts(c.posts.offer(f.Now, false))
		return r
	}
	if t.unsaid {
		f.Replies, f.Preface, f.Notice = quiet(f.Replies), nil, nil
	}
	open := c.turns.leave(t)
	t.draft = ""
	if f.Dead != "" && open {
		t.attempts = max(t.attempts, f.Tries)
		m.bury(t, false, false, f.Now)
	} else if open {
		m.answered[t.id] = t
	}
	replies := m.replies(c, f.Replies, f.Preface, t.then.generation, f.Now)
	if (open || f.Dead == "") && m.mayNotice(f.Notice, f.Now) {
		replies = append(replies, mReply{f.Notice.Pieces, false})
	}
	m.append(c, replies, &mItem{person: t.person, turn: t, at: f.Now})
	if len(replies) > 0 {
		r.posts(c.posts.offer(f.Now, f.Send))
	}
	r.turns(c.turns.offer(f.Now, f.Next))
	return r
}

func (m *model) replies(c *mConv, replies []store.Reply, preface [][]byte, generation int, now time.Time) (all []mReply) {
	for _, r := range replies {
		if r.Key != "" {
			if c.knows(&r, now) {
				continue
			}
			c.replies[r.Key] = now
		}
		if len(r.Pieces) > 0 {
			if !r.Apart {
				all = append(all, m.preface(c, preface)...)
			}
			all = append(all, mReply{r.Pieces, r.Apart})
		}
		if r.Ends && c.generation == generation {
			m.renew(c)
		}
	}
	return all
}

// knows says whether a reply is left out.
func (c *mConv) knows(r *store.Reply, now time.Time) bool {
	at, known := c.replies[r.Key]
	return known && r.Key != "" && (r.KeyFor <= 0 || at.After(now.Add(-r.KeyFor)))
}

func (m *model) say(c *mConv, s store.Said) (r mResult, err error) {
	if c == nil {
		return r, store.ErrStale
	}
	if c.knows(&s.Reply, s.Now) {
		return r, nil
	}
	if c.generation != s.Generation || s.UID != "" && c.uid != nil && *c.uid != s.UID {
		return r, store.ErrStale
	}
	if slices.Contains(c.forgotten, s.Turn) {
		return r, store.ErrStale
	}
	like := &mItem{turnID: s.Turn, at: s.Now}
	if s.Turn != "" {
		like.person = m.answer(c, s, &r)
	}
	said := []store.Reply{s.Reply}
	if t := m.answered[s.Turn]; t != nil && t.unsaid && t.conv == c {
		said = quiet(said)
	}
	replies := m.replies(c, said, s.Preface, s.Generation, s.Now)
	for _, t := range c.turns.waits {
		if t.awaits && !t.renewed && t != c.turns.claimed && c.generation != s.Generation {
			t.due, t.awaits, t.renewed, r.turnWaits = &s.Now, false, true, true
		}
	}
	m.append(c, replies, like)
	if len(replies) > 0 {
		r.posts(c.posts.offer(s.Now, s.Send))
	}
	return r, nil
}

// answer settles the turn that a late reply is for.
func (m *model) answer(c *mConv, s store.Said, r *mResult) *mPerson {
	for _, t := range c.turns.waits {
		if t.id == s.Turn {
			c.turns.leave(t)
			m.answered[t.id] = t
			t.draft = ""
			r.turns(c.turns.offer(s.Now, false))
			return t.person
		}
	}
	for i, l := range m.dead {
		if !l.post && l.item.conv == c && l.item.id == s.Turn {
			m.dead = slices.Delete(m.dead, i, i+1)
			m.answered[l.item.id] = l.item
			return l.item.person
		}
	}
	return nil
}

func (m *model) bury(i *mItem, post, unclear bool, now time.Time) {
	m.dead = append(m.dead, &mLetter{item: i, post: post, unclear: unclear, at: now})
}

func (m *model) park(p *mItem, due time.Time) (r mResult) {
	p.conv.posts.claimed = nil
	if p.gone || p.unsay != nil {
		r.turns(p.conv.turns.offer(time.UnixMicro(0), false))
		r.posts(p.conv.posts.offer(time.UnixMicro(0), false))
		return r
	}
	p.due = &due
	return r
}

func (m *model) settle(p *mItem, s store.Settled) (r mResult) {
	r = m.settleClaim(p, s)
	if s.Send && s.Any && r.post == nil && !p.gone {
		r.post = m.longestDue(p.conv.in.Account, s.Now)
	}
	return r
}

// longestDue hands out the account's post that has been due longest, nil when none is.
func (m *model) longestDue(account string, now time.Time) *mItem {
	for _, head := range dueHeads(m.convs, postsOf) {
		if head.conv.in.Account == account && !head.due.After(now) {
			head.conv.posts.hand(head)
			return head
		}
	}
	return nil
}

func (m *model) settleClaim(p *mItem, s store.Settled) (r mResult) {
	l := &p.conv.posts
	l.claimed = nil
	if s.Hold != nil {
		m.holds[s.Hold.Scope] = *s.Hold
	}
	if p.gone {
		r.turns(p.conv.turns.offer(s.Now, false))
		r.posts(l.offer(s.Now, false))
		return r
	}
	if p.unsay != nil {
		return m.settleUnsaid(p, s)
	}
	switch s.As {
	case store.Again:
		p.due, p.unclear = &s.Due, s.Unclear
		p.tries(s.Attempts, false, s.Now)
		if s.Body != nil {
			p.body = string(s.Body)
		}
	case store.Sent:
		l.leave(p)
		if p.sentID = s.SentID; p.sentID != "" {
			m.sent = append(m.sent, p)
		}
		m.feed(p.conv, s.Feed, s.Feeds, mFeed{at: s.Now, person: p.person, turnID: p.turnID})
	default:
		for _, piece := range slices.Clone(l.waits) {
			if piece.reply != p.reply {
				continue
			}
			l.leave(piece)
			if s.As != store.Withheld {
				if piece == p {
					p.attempts = max(p.attempts, s.Attempts)
				}
				m.bury(piece, true, piece.unclear || piece == p && s.As == store.Unsure, s.Now)
			}
		}
	}
	r.posts(l.offer(s.Now, s.Send))
	return r
}

func (m *model) release(s store.Scope, now time.Time) {
	delete(m.holds, s)
	for _, c := range m.convs {
		if s.Conversation != 0 && s.Conversation != c.id || s.Avatar != "" && s.Avatar != c.in.Avatar || s.Channel != "" && s.Channel != c.in.Channel {
			continue
		}
		for _, l := range []*mLane{&c.turns, &c.posts} {
			if l.claimed == nil && len(l.waits) > 0 && !l.waits[0].awaits && l.waits[0].due.After(now) {
				l.waits[0].due = &now
			}
		}
	}
}

// letters takes out those with the ids, or all.
func (m *model) letters(ids []int64) []*mLetter {
	var out []*mLetter
	m.dead = slices.DeleteFunc(m.dead, func(l *mLetter) bool {
		if len(ids) == 0 || slices.Contains(ids, l.id) {
			out = append(out, l)
			return true
		}
		return false
	})
	return out
}

func (m *model) retry(ids []int64, now time.Time) int {
	letters := m.letters(ids)
	for _, l := range letters {
		i := l.item
		i.pos, i.attempts, i.tried, i.due, i.unclear, i.at, i.revived = m.next(), 0, time.Time{}, nil, false, now, !l.post
		i.awaits, i.renewed = false, false
		if _, known := m.keys[i.key]; known && !l.post {
			m.keys[i.key] = now
		}
		lane := &i.conv.turns
		if l.post {
			lane = &i.conv.posts
		}
		lane.add(i)
		lane.offer(now, false)
	}
	return len(letters)
}

// purge deletes what is over and was there before.
func (m *model) purge(before time.Time) {
	m.dead = slices.DeleteFunc(m.dead, func(l *mLetter) bool {
		old := l.at.Before(before)
		if old && !l.post {
			m.answered[l.item.id] = l.item
		}
		return old
	})
	for k, at := range m.keys {
		if at.Before(before) && !m.open(func(t *mItem) bool { return t.key == k }) {
			delete(m.keys, k)
		}
	}
	for id, t := range m.answered {
		if t.at.Before(before) {
			delete(m.answered, id)
		}
	}
	m.forgetSent(sentLongAgo(before))
	for _, c := range m.convs {
		c.feed = slices.DeleteFunc(c.feed, func(i *mFeed) bool { return i.at.Before(before) })
		for k, at := range c.replies {
			if at.Before(before) {
				delete(c.replies, k)
			}
		}
	}
}

// open says whether a turn that is asked about waits or is a dead letter.
func (m *model) open(is func(*mItem) bool) bool {
	return slices.ContainsFunc(m.dead, func(l *mLetter) bool { return !l.post && is(l.item) }) ||
		slices.ContainsFunc(m.convs, func(c *mConv) bool { return slices.ContainsFunc(c.turns.waits, is) })
}

// lonely says whether a person has nothing left, so that a purge deletes those not seen for long.
func (m *model) lonely(p *mPerson) bool {
	return !slices.ContainsFunc(m.convs, func(c *mConv) bool { return c.person == p }) && !m.open(func(t *mItem) bool { return t.person == p })
}
