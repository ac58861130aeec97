package sqlite

import (
	"time"

	"avatarbridge/store"
)

func (c *core) claimTurns(account, avatar string, now int64, n int) ([]store.Turn, time.Time, error) {
	rows, err := c.all("SELECT "+turnColumns+`, conversation FROM turn
		WHERE account = ? AND avatar = ? AND due IS NOT NULL ORDER BY due, pos LIMIT ?`, c.names[account], c.names[avatar], int64(max(n, 0)+1))
	if err != nil {
		return nil, time.Time{}, err
	}
	var turns []store.Turn
	for _, r := range rows {
		if len(turns) >= n || r.int(1) > now {
			return turns, moment(r.int(1)), nil
		}
		v, err := c.conversationOf(r.int(len(r) - 1))
		if err != nil {
			return nil, time.Time{}, err
		}
		t, err := c.handTurn(v, r)
		if err != nil {
			return nil, time.Time{}, err
		}
		turns = append(turns, *t)
	}
	return turns, time.Time{}, nil
}

func (c *core) deferTurn(d *store.Deferred) (out store.Claims, err error) {
	cl := c.turns.row[d.Turn]
	if cl == nil {
		return out, nil
	}
	c.giveBack(&c.turns, cl)
	if d.Hold != nil {
		if err = c.hold(d.Hold); err != nil {
			return out, err
		}
	}
	now := micros(d.Now)
	if d.Awaits {
		if out.TurnWaits, err = c.askAnew(cl, now); out.TurnWaits || err != nil {
			return out, err
		}
	}
	n, err := c.exec(`UPDATE turn SET due = ?1, handed = iif(?2 AND attempts >= ?3, 0, handed),
		tried = iif(?7, 0, iif(tried = 0 AND (?4 OR attempts < ?3), ?5, tried)), attempts = ?3, awaits = awaits OR ?8 WHERE row = ?6 AND state = 0`,
		micros(d.Due), d.Unasked && cl.fresh, int64(d.Attempts), d.Tried, now, d.Turn, d.Anew, d.Awaits)
	if n > 0 || err != nil {
		return out, err
	}
	// Settled by Say, unsaid or forgotten meanwhile: the next one is the head, due at once.
	if err = c.sayOver(cl, d.Over, now, &out); err != nil {
		return out, err
	}
	err = c.offerNext(cl.conversation, now, &out)
	return out, err
}

// sayOver appends what stands apart to the posts of a turn that is over and was not forgotten.
func (c *core) sayOver(cl *claim, bodies [][]byte, now int64, out *store.Claims) error {
	if cl.gone || len(bodies) == 0 {
		return nil
	}
	v, err := c.conversationOf(cl.conversation)
	if v == nil || err != nil {
		return err
	}
	s := &speech{turn: cl.row, person: cl.person, now: now}
	for _, body := range bodies {
		s.take(body)
	}
	return c.say(v, s, out)
}

// askAnew makes the turn due at now, unless it was before, if the generation in which it was asked is over.
func (c *core) askAnew(cl *claim, now int64) (bool, error) {
	v, err := c.conversationOf(cl.conversation)
	if v == nil || err != nil || v.Generation == cl.generation {
		return false, err
	}
	n, err := c.exec("UPDATE turn SET due = ?, awaits = 0, renewed = 1 WHERE row = ? AND state = 0 AND renewed = 0", now, cl.row)
	return n > 0, err
}

// endWait has the turn asked anew that waited for a reply in the generation which Say has just ended.
func (c *core) endWait(conversation, now int64, out *store.Claims) error {
	n, err := c.exec("UPDATE turn SET due = ?, awaits = 0, renewed = 1 WHERE conversation = ? AND state = 0 AND awaits = 1 AND renewed = 0 AND due IS NOT NULL",
		now, conversation)
	out.TurnWaits = out.TurnWaits || n > 0
	return err
}

func (c *core) finish(f *store.Finished) (out store.Claims, err error) {
	cl := c.turns.row[f.Turn]
	if cl == nil {
		return out, nil
	}
	c.giveBack(&c.turns, cl)
	now := micros(f.Now)
	if cl.gone {
		err = c.offerNext(cl.conversation, now, &out)
		return out, err
	}
	v, err := c.conversationOf(cl.conversation)
	if v == nil || err != nil {
		return out, err
	}
	answered, err := c.settleTurn(cl, f.Dead, f.Tries, now)
	if err != nil {
		return out, err
	}
	if cl.unsay != nil {
		f = &store.Finished{Replies: silent(f.Replies), Next: f.Next, Send: f.Send}
	}
	s := &speech{turn: cl.row, person: cl.person, now: now, room: f.Send}
	if answered || cl.revived {
		s.turnID = cl.id // others were posted before: the turn's row does not lead to these
	}
	if v, err = c.replies(v, s, f.Replies, f.Preface, cl.generation); err != nil {
		return out, err
	}
	if err = c.remember(v, cl, f, now); err != nil {
		return out, err
	}
	// Somebody who has got a late answer is not told that there is none.
	if f.Notice != nil && !(answered && f.Dead != "") {
		say, err := c.notice(f.Notice, now)
		if err != nil {
			return out, err
		}
		if say {
			s.add(f.Notice.Pieces)
		}
	}
	if err = c.say(v, s, &out); err != nil {
		return out, err
	}
	err = c.offerTurn(v, now, f.Next, &out)
	return out, err
}

// remember appends a memo to the transcript, unless the generation in which the turn was asked is over.
func (c *core) remember(v *conversation, cl *claim, f *store.Finished, now int64) error {
	if len(f.Memo) == 0 || f.Memos < 1 || v.Generation != cl.generation {
		return nil
	}
	if _, err := c.exec("INSERT INTO memo (conversation, person, turn, at, body) VALUES (?, ?, ?, ?, ?)", v.ID, cl.person, cl.row, now, f.Memo); err != nil {
		return err
	}
	_, err := c.exec("DELETE FROM memo WHERE conversation = ?1 AND id <= (SELECT id FROM memo WHERE conversation = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
		v.ID, int64(f.Memos))
	return err
}

// settleTurn ends a claimed turn, before its posts are appended; true means that Say had settled it before.
func (c *core) settleTurn(cl *claim, dead string, tries int, now int64) (answered bool, err error) {
	if dead == "" {
		n, err := c.exec("UPDATE turn SET state = 1, body = NULL, draft = NULL, said = ifnull(said, ?) WHERE row = ? AND state = 0", c.nextPost, cl.row)
		c.turns.change(cl.conversation, -int(n))
		return n == 0, err
	}
	n, err := c.exec(`UPDATE turn SET state = 2, draft = NULL, said = ifnull(said, ?), attempts = max(attempts, ?)
		WHERE row = ? AND state = 0`, c.nextPost, int64(tries), cl.row)
	if n == 0 || err != nil {
		return n == 0, err
	}
	return false, c.bury(false, cl.row, cl.conversation, false, dead, now)
}

// replies puts into s what is new of the replies, with the preface before it. generation is that in which they were asked for: a reply
// ends no newer one.
func (c *core) replies(v *conversation, s *speech, replies []store.Reply, preface [][]byte, generation int) (*conversation, error) {
	for _, r := range replies {
		known, err := c.noteReply(v, &r, s.now)
		if err != nil {
			return nil, err
		}
		if known {
			continue
		}
		switch {
		case r.Apart:
			s.apart(r.Pieces)
		case len(r.Pieces) > 0:
			if v, err = c.open(v, s, preface); err != nil {
				return nil, err
			}
			s.add(r.Pieces)
		}
		if r.Ends && v.Generation == generation {
			if v, err = c.renew(v); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

func (c *core) knownReply(v int64, reply *store.Reply, now int64) (bool, error) {
	if reply.Key == "" {
		return false, nil
	}
	r, err := c.one("SELECT 1 FROM reply WHERE conversation = ? AND key = ? AND at > ?", v, reply.Key, knownSince(reply, now))
	return r != nil, err
}

// knownSince is the time before which a reply's key does not count any more.
func knownSince(r *store.Reply, now int64) int64 {
	if r.KeyFor <= 0 {
		return -1
	}
	return now - r.KeyFor.Microseconds()
}

// noteReply keeps a reply's key; true means that it was known.
func (c *core) noteReply(v *conversation, r *store.Reply, now int64) (bool, error) {
	if r.Key == "" {
		return false, nil
	}
	n, err := c.exec("INSERT INTO reply (conversation, key, at) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at WHERE at <= ?",
		v.ID, r.Key, now, knownSince(r, now))
	return n == 0, err
}

func (c *core) sayLater(s *store.Said) (out store.Claims, err error) {
	known, err := c.knownReply(s.Conversation, &s.Reply, micros(s.Now))
	if known || err != nil {
		return out, err
	}
	v, err := c.conversationOf(s.Conversation)
	if err != nil {
		return out, err
	}
	if v == nil || v.Generation != s.Generation || s.UID != "" && v.UID != s.UID {
		return out, store.ErrStale
	}
	gone, err := c.forgottenTurn(v, s.Turn)
	if err != nil {
		return out, err
	}
	if gone {
		return out, store.ErrStale
	}
	now := micros(s.Now)
	sp := &speech{turnID: s.Turn, now: now, room: s.Send}
	if s.Turn != "" {
		if sp.person, err = c.answer(v, s.Turn, now, &out); err != nil {
			return out, err
		}
	}
	replies := []store.Reply{s.Reply}
	unsaid, err := c.unsaidTurn(v, s.Turn)
	if err != nil {
		return out, err
	}
	if unsaid {
		replies = silent(replies)
	}
	if v, err = c.replies(v, sp, replies, s.Preface, s.Generation); err != nil {
		return out, err
	}
	if v.Generation != s.Generation {
		if err = c.endWait(v.ID, now, &out); err != nil {
			return out, err
		}
	}
	err = c.say(v, sp, &out)
	return out, err
}

// answer settles the turn with the id if it waits, is being asked or is a dead letter, and returns whose it was.
func (c *core) answer(v *conversation, id string, now int64, out *store.Claims) (int64, error) {
	r, err := c.one(`SELECT row, person, 0 FROM turn WHERE conversation = ? AND state = 0 AND id = ?`, v.ID, id)
	if err == nil && r == nil {
		r, err = c.one(`SELECT t.row, t.person, d.id FROM dead d JOIN turn t ON t.row = d.row WHERE d.conversation = ? AND d.post = 0 AND t.id = ?`, v.ID, id)
	}
	if r == nil || err != nil {
		return 0, err
	}
	if _, err = c.exec("UPDATE turn SET state = 1, body = NULL, draft = NULL, due = NULL WHERE row = ?", r.int(0)); err != nil {
		return 0, err
	}
	if r.int(2) != 0 {
		_, err = c.exec("DELETE FROM dead WHERE id = ?", r.int(2))
		return r.int(1), err
	}
	return r.int(1), c.offerTurn(v, now, false, out)
}
