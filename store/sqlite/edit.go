package sqlite

import (
	"cmp"
	"errors"
	"slices"

	"avatarbridge/store"
)

// The columns of target.
const (
	targetRow = iota
	targetConversation
	targetBody
	targetState
	targetHanded
	targetUnsaid
	targetID
	targetPerson
	targetDraft
	targetSaid
)

// target returns the turn with an event key, nil when there is none.
func (c *core) target(in *intake, key string) (row, error) {
	const query = `SELECT row, conversation, body, state, handed, unsaid, id, person, draft, said FROM turn
		WHERE account = ? AND key = ? AND conversation > 0`
	r, err := c.one(query, in.account, key)
	if r == nil && err == nil && c.blind != nil {
		r, err = c.one(query, in.account, c.blinded(key))
	}
	return r, err
}

// edit changes or cancels a turn that cannot have been asked, and unsays one that was.
func (c *core) edit(in *intake, e *store.Edit, out *store.Result) error {
	t, err := c.target(in, e.Target)
	switch {
	case err != nil:
		return err
	case t != nil && t.int(targetState) == 0 && !t.bool(targetHanded):
		return c.change(in, e, t, out)
	case t != nil && e.Body == nil && e.Unsay != nil:
		return c.unsay(in, e, t, out)
	}
	out.Verdict = store.NotFound
	return nil
}

// change gives a waiting turn another body, or cancels it.
func (c *core) change(in *intake, e *store.Edit, t row, out *store.Result) error {
	if e.Body != nil {
		if body := e.Body(t.bytes(targetBody)); body != nil {
			return c.run("UPDATE turn SET body = ? WHERE row = ?", body, t.int(targetRow))
		}
	}
	if err := c.run("UPDATE turn SET state = 1, body = NULL, due = NULL WHERE row = ?", t.int(targetRow)); err != nil {
		return err
	}
	v, err := c.conversationOf(t.int(targetConversation))
	if v == nil || err != nil {
		return err
	}
	return c.offerTurn(v, in.now, in.turns > 0, &out.Claims)
}

// unsay ends a turn that may have been asked, and takes back what was posted in answer to it.
func (c *core) unsay(in *intake, e *store.Edit, t row, out *store.Result) error {
	v, err := c.conversationOf(t.int(targetConversation))
	if v == nil || err != nil || t.bool(targetUnsaid) {
		return err
	}
	turn := t.int(targetRow)
	if err := c.run("UPDATE turn SET state = 1, unsaid = 1, body = NULL, draft = NULL, due = NULL WHERE row = ?", turn); err != nil {
		return err
	}
	if err := c.run("DELETE FROM dead WHERE conversation = ? AND post = 0 AND row = ?", v.ID, turn); err != nil {
		return err
	}
	if err := c.run("DELETE FROM memo WHERE conversation = ? AND turn = ?", v.ID, turn); err != nil {
		return err
	}
	c.unsayClaim(c.turns.row[turn], e.Unsay, t)
	s := &speech{person: t.int(targetPerson), now: in.now, room: in.posts > 0}
	if draft := t.text(targetDraft); draft != "" && e.Erase != nil {
		s.take(e.Erase(t.text(targetID), draft))
	}
	if err := c.unsayPosts(e, t, s); err != nil {
		return err
	}
	if err := c.say(v, s, &out.Claims); err != nil {
		return err
	}
	if err := c.offerPost(v, in.now, s.room, &out.Claims); err != nil {
		return err
	}
	return c.offerTurn(v, in.now, in.turns > 0, &out.Claims)
}

// unsayClaim has the end of what is being asked or sent know that it was unsaid. A claim that is nil is none.
func (c *core) unsayClaim(cl *claim, unsay func(string) []byte, t row) {
	if cl == nil {
		return
	}
	before := cl.person
	cl.unsay, cl.person = unsay, t.int(targetPerson)
	c.later(func() { cl.unsay, cl.person = nil, before })
}

// unsayPosts ends the posts that answer the turn and puts into s what takes back those that were sent.
func (c *core) unsayPosts(e *store.Edit, t row, s *speech) error {
	posts, err := c.answers(t)
	if err != nil {
		return err
	}
	for _, p := range posts {
		id, state := p.int(0), p.int(1)
		if state == 1 {
			if sent := p.text(2); sent != "" {
				s.take(e.Unsay(sent))
			}
			continue
		}
		// One that is being sent is over, too: only if it turns out to be sent there is something left to do, see settleUnsaid.
		c.unsayClaim(c.posts.row[id], e.Unsay, t)
		if err := c.run("UPDATE post SET state = 1, sending = 0, due = NULL, body = NULL WHERE id = ?", id); err != nil {
			return err
		}
		if state == 0 {
			continue
		}
		if err := c.run("DELETE FROM dead WHERE conversation = ? AND post = 1 AND row = ?", t.int(targetConversation), id); err != nil {
			return err
		}
	}
	return nil
}

// answers returns id, state and sent_id of the posts that answer the turn, oldest first.
func (c *core) answers(t row) ([]row, error) {
	var posts []row
	if !t.null(targetSaid) {
		err := c.each(func(p row) error {
			switch p.int(3) {
			case t.int(targetRow):
				posts = append(posts, p)
			case -t.int(targetRow):
			default:
				return errEnough
			}
			return nil
		}, "SELECT id, state, sent_id, turn FROM post WHERE id >= ? ORDER BY id", t[targetSaid])
		if err != nil && !errors.Is(err, errEnough) {
			return nil, err
		}
	}
	late, err := c.all("SELECT id, state, sent_id FROM post WHERE turn_id = ? AND conversation = ? ORDER BY id", t.text(targetID), t.int(targetConversation))
	posts = append(posts, late...)
	slices.SortFunc(posts, func(a, b row) int { return cmp.Compare(a.int(0), b.int(0)) })
	return slices.CompactFunc(posts, func(a, b row) bool { return a.int(0) == b.int(0) }), err
}

// settleUnsaid ends a post whose turn was unsaid while it was being sent.
func (c *core) settleUnsaid(s *store.Settled, cl *claim, now int64) (out store.Claims, err error) {
	v, err := c.conversationOf(cl.conversation)
	if v == nil || err != nil {
		return out, err
	}
	if s.As == store.Sent && s.SentID != "" {
		back := &speech{person: cl.person, now: now, room: s.Send}
		back.take(cl.unsay(s.SentID))
		if err := c.say(v, back, &out); err != nil {
			return out, err
		}
	}
	err = c.offerPost(v, now, s.Send, &out)
	return out, err
}

// unsaidTurn says whether the turn with the id was unsaid.
func (c *core) unsaidTurn(v *conversation, id string) (bool, error) {
	if id == "" {
		return false, nil
	}
	r, err := c.one("SELECT 1 FROM turn WHERE unsaid = 1 AND conversation = ? AND id = ?", v.ID, id)
	return r != nil, err
}

// silent returns what is left of replies to a turn that was unsaid: their keys, ends, and what stands apart.
func silent(replies []store.Reply) []store.Reply {
	left := make([]store.Reply, len(replies))
	for i, r := range replies {
		if left[i] = r; !r.Apart {
			left[i].Pieces = nil
		}
	}
	return left
}
