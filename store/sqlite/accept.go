package sqlite

import (
	"errors"
	"fmt"

	"avatarbridge/store"
)

// errEntry is what a batch gets that the caller has made wrongly.
var errEntry = errors.New("an entry must have exactly one of Turn, Post, Edit, Reset and Move")

// An intake is a batch being accepted.
type intake struct {
	*store.Batch
	account int64
	now     int64
	turns   int // room left
	posts   int

	familiar bool // the key of the entry under way was not looked for yet
}

// accept takes a batch. Validation comes before the first write.
func (c *core) accept(b *store.Batch) ([]store.Result, error) {
	for i := range b.Entries {
		if !valid(&b.Entries[i]) {
			return nil, errEntry
		}
	}
	if n := size(b.Entries); n > 0 {
		if err := c.room(n); err != nil {
			return nil, err
		}
	}
	account, err := c.number(b.Account)
	if err != nil {
		return nil, err
	}
	in := &intake{Batch: b, account: account, now: micros(b.Now), turns: b.Turns, posts: b.Posts}
	results := make([]store.Result, len(b.Entries))
	for i := range b.Entries {
		out := &results[i]
		if err := c.entry(in, &b.Entries[i], out); err != nil {
			return nil, err
		}
		if out.Turn != nil {
			in.turns--
		}
		if out.Post != nil {
			in.posts--
		}
	}
	if b.Cursor != "" {
		old, had := c.cursors[account]
		c.cursors[account] = position{b.Cursor, in.now}
		c.later(func() {
			delete(c.cursors, account)
			if had {
				c.cursors[account] = old
			}
		})
	}
	return results, nil
}

// size is how many bytes of bodies the entries bring.
func size(entries []store.Entry) (n int) {
	for i := range entries {
		if t := entries[i].Turn; t != nil {
			n += len(t.Body) + len(t.Feed)
		}
	}
	return n
}

// room returns an error when only the reserve would be left after so many more bytes. Rows leave up to half of a page unused.
func (c *core) room(bytes int) error {
	if c.maxPages == 0 || c.reserve == 0 {
		return nil
	}
	pages, err := c.one("PRAGMA page_count")
	if err != nil {
		return err
	}
	free, err := c.one("PRAGMA freelist_count")
	if err != nil {
		return err
	}
	if left := c.maxPages - pages.int(0) + free.int(0); left-int64(bytes/2048) < c.reserve {
		return fmt.Errorf("the database is full: %d of its %d pages are left, which are kept for what was accepted before", left, c.maxPages)
	}
	return nil
}

func valid(e *store.Entry) bool {
	n := 0
	for _, set := range []bool{e.Turn != nil, e.Post != nil, e.Edit != nil, e.Reset != nil, e.Move != nil} {
		if set {
			n++
		}
	}
	return n == 1
}

func (c *core) entry(in *intake, e *store.Entry, out *store.Result) error {
	in.familiar = false
	switch {
	case e.Turn != nil:
		return c.takeTurn(in, e, out)
	case e.Reset != nil:
		return c.takeReset(in, e, out)
	}
	known, err := c.note(in, e.Key)
	if err != nil {
		return err
	}
	if known {
		out.Verdict = store.Known
		return nil
	}
	switch {
	case e.Post != nil:
		return c.takePost(in, e.Post, out)
	case e.Edit != nil:
		return c.edit(in, e.Edit, out)
	}
	return c.move(in.account, in.Account, e.Move.From, e.Move.To)
}

func (c *core) known(in *intake, key string) (bool, error) {
	if key == "" {
		return false, nil
	}
	r, err := c.one("SELECT 1 FROM turn WHERE account = ? AND key = ?", in.account, key)
	if r == nil && err == nil && c.blind != nil {
		r, err = c.one("SELECT 1 FROM turn WHERE account = ? AND key = ?", in.account, c.blinded(key))
	}
	return r != nil, err
}

// note keeps the key of an event that becomes no turn; true means that it was known.
func (c *core) note(in *intake, key string) (bool, error) {
	if key == "" {
		return false, nil
	}
	if c.blind != nil {
		if known, err := c.known(in, key); known || err != nil {
			return known, err
		}
	}
	n, err := c.exec("INSERT INTO turn (row, account, key, state, accepted) VALUES (?, ?, ?, 1, ?) ON CONFLICT DO NOTHING",
		c.nextTurn, in.account, key, in.now)
	c.nextTurn++
	return n == 0, err
}

func (c *core) takeTurn(in *intake, e *store.Entry, out *store.Result) error {
	t := e.Turn
	if in.familiar = c.familiar(t, in.now); !in.familiar {
		if known, err := c.already(in, e, out); known || err != nil {
			return err
		}
	}
	if over, err := c.over(in, e, t.Limits, out); over || err != nil {
		return err
	}
	if e.Refusable {
		if full, err := c.full(t); full || err != nil {
			if known, err := c.already(in, e, out); known || err != nil {
				return err
			}
			out.Verdict = store.Full
			return err
		}
	}
	p, err := c.person(t.From, t.Name, in.now)
	if err != nil {
		return err
	}
	v, err := c.conversation(t.In, p)
	if err != nil {
		return err
	}
	waiting, err := c.waiting(v, t.MaxWaiting)
	if err != nil {
		return err
	}
	if t.MaxWaiting > 0 && waiting >= t.MaxWaiting {
		if known, err := c.already(in, e, out); known || err != nil {
			return err
		}
		out.Verdict = store.Full
		return c.refuse(in, e, t.Full, out)
	}
	return c.insertTurn(in, e, v, p, waiting == 0, out)
}

// familiar says whether nothing is written for the turn before its row: then the row itself finds out whether its key is known, which saves a
// look into the largest index.
func (c *core) familiar(t *store.NewTurn, now int64) bool {
	if c.blind != nil {
		return false
	}
	p, ok := c.people.get(t.From)
	if !ok || !p.fresh(t.Name, now) {
		return false
	}
	_, ok = c.conversations.get(addressOf(t.In, p))
	return ok
}

// already looks for the key of an entry that is about to be refused or to write something.
func (c *core) already(in *intake, e *store.Entry, out *store.Result) (bool, error) {
	known, err := c.known(in, e.Key)
	if known {
		*out = store.Result{Verdict: store.Known}
	}
	return known, err
}

// waiting counts the lane's turns up to limit, up to 1 when limit is 0.
func (c *core) waiting(v *conversation, limit int) (int, error) {
	if c.turns.empty(v.ID) && c.turns.lane[v.ID] == nil {
		return 0, nil
	}
	r, err := c.one("SELECT count(*) FROM (SELECT 1 FROM turn WHERE conversation = ? AND state = 0 LIMIT ?)", v.ID, int64(max(limit, 1)))
	if err != nil {
		return 0, err
	}
	n := int(r.int(0))
	if n == 0 {
		c.turns.behind.put(v.ID, 0)
	}
	if n == 0 && c.turns.lane[v.ID] != nil {
		n = 1 // settled by Say, but still being asked
	}
	return n, nil
}

// full says whether the turn's lane takes no more, without making anybody known.
func (c *core) full(t *store.NewTurn) (bool, error) {
	v, err := c.addressed(t.In, t.From)
	if v == nil || err != nil {
		return false, err
	}
	waiting, err := c.waiting(v, t.MaxWaiting)
	return t.MaxWaiting > 0 && waiting >= t.MaxWaiting, err
}

// over says whether a limit has no room, and refuses the entry then.
func (c *core) over(in *intake, e *store.Entry, limits []store.Limit, out *store.Result) (bool, error) {
	l, until, err := c.limit(limits, in.now)
	if l == nil || err != nil {
		return false, err
	}
	if in.familiar {
		if known, err := c.already(in, e, out); known || err != nil {
			return true, err
		}
	}
	out.Verdict, out.Limit, out.Until = store.Over, l.Key, moment(until)
	if e.Refusable {
		return true, nil
	}
	return true, c.refuse(in, e, l.Over, out)
}

// refuse keeps the key of what is not taken and says why, once.
func (c *core) refuse(in *intake, e *store.Entry, n *store.Notice, out *store.Result) error {
	if _, err := c.note(in, e.Key); err != nil {
		return err
	}
	say, err := c.notice(n, in.now)
	if !say || err != nil {
		return err
	}
	from, name, at := who(e)
	p, err := c.person(from, name, in.now)
	if err != nil {
		return err
	}
	v, err := c.conversation(at, p)
	if err != nil {
		return err
	}
	s := &speech{person: p.id, now: in.now, room: in.posts > 0}
	s.add(n.Pieces)
	return c.say(v, s, &out.Claims)
}

// who says whose a turn or a reset is, and where.
func who(e *store.Entry) (store.Identity, string, store.Address) {
	if e.Reset != nil {
		p := &e.Reset.Post
		return p.From, p.Name, p.In
	}
	return e.Turn.From, e.Turn.Name, e.Turn.In
}

// insertTurn appends the turn. The first one of an empty lane is claimed at once if there is room.
func (c *core) insertTurn(in *intake, e *store.Entry, v *conversation, p *person, empty bool, out *store.Result) error {
	row := c.nextTurn
	c.nextTurn++
	hand := empty && in.turns > 0
	var due, key any
	if empty && !hand {
		due = in.now
		out.TurnWaits = true
	}
	if e.Key != "" {
		key = e.Key
	}
	n, err := c.exec(`INSERT INTO turn (row, account, key, id, avatar, conversation, person, state, pos, handed, due, accepted, body)
		VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?) ON CONFLICT (account, key) WHERE key IS NOT NULL DO NOTHING`,
		row, in.account, key, e.Turn.ID, v.avatar, v.ID, p.id, row, hand, due, in.now, e.Turn.Body)
	if err != nil {
		return err
	}
	if n == 0 {
		*out = store.Result{Verdict: store.Known}
		return nil
	}
	c.turns.change(v.ID, 1)
	if err := c.count(e.Turn.Limits, in.now); err != nil {
		return err
	}
	if t := e.Turn; t.Feed != nil {
		if err := c.feed(v, &item{person: p.id, at: in.now, body: t.Feed, keep: t.Feeds}); err != nil {
			return err
		}
	}
	if hand {
		c.claim(&c.turns, &claim{row: row, conversation: v.ID, id: e.Turn.ID, generation: v.Generation, person: p.id, fresh: true})
		out.Turn = &store.Turn{Row: row, ID: e.Turn.ID, Conversation: v.Conversation, Body: e.Turn.Body, Accepted: moment(in.now)}
	}
	if empty {
		return nil
	}
	return c.offerTurn(v, in.now, in.turns > 0, &out.Claims)
}

func (c *core) takePost(in *intake, n *store.NewPost, out *store.Result) error {
	say, err := c.notice(&n.Notice, in.now)
	if !say || err != nil {
		return err
	}
	p, err := c.person(n.From, n.Name, in.now)
	if err != nil {
		return err
	}
	v, err := c.conversation(n.In, p)
	if err != nil {
		return err
	}
	s := &speech{person: p.id, now: in.now, room: in.posts > 0}
	if v, err = c.open(v, s, n.Preface); err != nil {
		return err
	}
	s.add(n.Notice.Pieces)
	return c.say(v, s, &out.Claims)
}

// open puts the preface into s if the conversation has had none.
func (c *core) open(v *conversation, s *speech, preface [][]byte) (*conversation, error) {
	if len(preface) == 0 {
		return v, nil
	}
	v, first, err := c.preface(v)
	if first && err == nil {
		s.apart(preface)
	}
	return v, err
}

// takeReset opens a new generation of the conversation, if there is one; the post is said in any case, so that nobody is left without a word,
// unless the reset is quiet.
func (c *core) takeReset(in *intake, e *store.Entry, out *store.Result) error {
	r := e.Reset
	known, err := c.known(in, e.Key)
	if known {
		out.Verdict = store.Known
	}
	if known || err != nil {
		return err
	}
	if over, err := c.over(in, e, r.Limits, out); over || err != nil {
		return err
	}
	if _, err := c.note(in, e.Key); err != nil {
		return err
	}
	if err := c.count(r.Limits, in.now); err != nil {
		return err
	}
	v, err := c.addressed(r.Post.In, r.Post.From)
	if err != nil {
		return err
	}
	if v == nil {
		out.Verdict = store.NotFound
		if r.Quiet {
			return nil
		}
	} else if err := c.startOver(in, v, out); err != nil {
		return err
	}
	return c.takePost(in, &r.Post, out)
}

// startOver opens a new generation. Nobody waits any more for a reply in the old one.
func (c *core) startOver(in *intake, v *conversation, out *store.Result) error {
	out.Ended = v.UID
	v, err := c.renew(v)
	if err != nil {
		return err
	}
	n, err := c.exec(`UPDATE turn SET state = 1, body = NULL, draft = NULL, due = NULL
		WHERE conversation = ? AND state = 0 AND awaits = 1 AND due IS NOT NULL`, v.ID)
	if n == 0 || err != nil {
		return err
	}
	return c.offerTurn(v, in.now, in.turns > 0, &out.Claims)
}

// addressed returns the conversation of somebody at an address without making anybody known; nil when there is none.
func (c *core) addressed(in store.Address, from store.Identity) (*conversation, error) {
	row, err := c.one("SELECT person FROM identity WHERE platform = ? AND tenant = ? AND user = ?", from.Platform, from.Tenant, from.User)
	if err != nil {
		return nil, err
	}
	p := &person{}
	if row != nil {
		p.id = row.int(0)
	} else if !shared(in.Memory) {
		return nil, nil
	}
	return c.find(c.newest(in), p)
}
