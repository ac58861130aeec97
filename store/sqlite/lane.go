package sqlite

import (
	"avatarbridge/store"
)

// offerTurn hands out the head of the conversation's lane of turns if nobody has it, it is due and there is room. A head without a due
// has just lost its predecessor: it is due at now.
func (c *core) offerTurn(v *conversation, now int64, room bool, out *store.Claims) error {
	if c.turns.lane[v.ID] != nil || c.turns.empty(v.ID) {
		return nil
	}
	r, err := c.one("SELECT "+turnColumns+" FROM turn WHERE conversation = ? AND state = 0 ORDER BY pos LIMIT 1", v.ID)
	if r == nil && err == nil {
		c.turns.behind.put(v.ID, 0)
	}
	if r == nil || err != nil || r.int(1) > now {
		return err
	}
	if room {
		out.Turn, err = c.handTurn(v, r)
		return err
	}
	out.TurnWaits = true
	if !r.null(1) {
		return nil
	}
	_, err = c.exec("UPDATE turn SET due = ? WHERE row = ?", now, r.int(0))
	return err
}

// turnColumns are what handTurn wants.
const turnColumns = "row, due, id, attempts, accepted, body, person, handed, tried, revived, draft, awaits"

// handTurn claims a turn of which r has turnColumns.
func (c *core) handTurn(v *conversation, r row) (*store.Turn, error) {
	if _, err := c.exec("UPDATE turn SET due = NULL, handed = 1 WHERE row = ?", r.int(0)); err != nil {
		return nil, err
	}
	c.claim(&c.turns, &claim{row: r.int(0), conversation: v.ID, id: r.text(2), generation: v.Generation, person: r.int(6), fresh: !r.bool(7), revived: r.bool(9)})
	return &store.Turn{
		Row: r.int(0), ID: r.text(2), Conversation: v.Conversation, Attempts: int(r.int(3)), Accepted: moment(r.int(4)), Body: r.bytes(5),
		Tried: orZero(r.int(8)), Revived: r.bool(9), Draft: r.text(10), Awaited: r.bool(11),
	}, nil
}

// offerPost is offerTurn for the lane of posts.
func (c *core) offerPost(v *conversation, now int64, room bool, out *store.Claims) error {
	if c.posts.lane[v.ID] != nil || c.posts.empty(v.ID) {
		return nil
	}
	r, err := c.one("SELECT "+postColumns+" FROM post WHERE conversation = ? AND state = 0 ORDER BY pos LIMIT 1", v.ID)
	if r == nil && err == nil {
		c.posts.behind.put(v.ID, 0)
	}
	if r == nil || err != nil || r.int(1) > now {
		return err
	}
	if room {
		out.Post, err = c.handPost(v, r)
		return err
	}
	out.PostWaits = true
	if !r.null(1) {
		return nil
	}
	_, err = c.exec("UPDATE post SET due = ? WHERE id = ?", now, r.int(0))
	return err
}

// postColumns are what handPost wants.
const postColumns = "id, due, unclear, attempts, created, body, tried"

// handPost claims a post of which r has postColumns, and marks it.
func (c *core) handPost(v *conversation, r row) (*store.Post, error) {
	if _, err := c.exec("UPDATE post SET due = NULL, sending = 1 WHERE id = ?", r.int(0)); err != nil {
		return nil, err
	}
	c.claim(&c.posts, &claim{row: r.int(0), conversation: v.ID})
	return &store.Post{
		ID: r.int(0), Conversation: v.Conversation, Unclear: r.bool(2), Attempts: int(r.int(3)), Created: moment(r.int(4)), Body: r.bytes(5),
		Tried: orZero(r.int(6)),
	}, nil
}

// offerNext makes the next head of a lane due after a claim whose row is gone was given back.
func (c *core) offerNext(conversation, now int64, out *store.Claims) error {
	v, err := c.conversationOf(conversation)
	if v == nil || err != nil {
		return err
	}
	if err := c.offerTurn(v, now, false, out); err != nil {
		return err
	}
	return c.offerPost(v, now, false, out)
}

// A speech is what is to be appended to a lane of posts: replies of pieces, and what they answer.
type speech struct {
	replies []utterance
	turn    int64
	turnID  string // where the turn's row is not known
	person  int64
	now     int64
	room    bool
}

// An utterance is one reply. One that stands apart is posted with the others, but does not count as said to their turn.
type utterance struct {
	pieces [][]byte
	apart  bool
}

// add appends a reply unless it has no pieces.
func (s *speech) add(pieces [][]byte) {
	if len(pieces) > 0 {
		s.replies = append(s.replies, utterance{pieces: pieces})
	}
}

// apart is add for what stands apart.
func (s *speech) apart(pieces [][]byte) {
	if len(pieces) > 0 {
		s.replies = append(s.replies, utterance{pieces, true})
	}
}

// take appends a reply that takes something back, unless it is nil.
func (s *speech) take(body []byte) {
	if body != nil {
		s.apart([][]byte{body})
	}
}

// say appends s to the conversation's posts and hands out or makes due what becomes the head.
func (c *core) say(v *conversation, s *speech, out *store.Claims) error {
	if len(s.replies) == 0 {
		return nil
	}
	empty := c.posts.lane[v.ID] == nil
	if empty && !c.posts.empty(v.ID) {
		r, err := c.one("SELECT 1 FROM post WHERE conversation = ? AND state = 0 LIMIT 1", v.ID)
		if err != nil {
			return err
		}
		if empty = r == nil; empty {
			c.posts.behind.put(v.ID, 0)
		}
	}
	first := empty
	for _, u := range s.replies {
		reply := c.nextPost
		for _, body := range u.pieces {
			if err := c.insertPost(v, s, reply, first, u.apart, body, out); err != nil {
				return err
			}
			first = false
		}
	}
	if empty {
		return nil
	}
	return c.offerPost(v, s.now, s.room, out)
}

// insertPost appends one post. The first one of an empty lane is claimed at once if there is room.
func (c *core) insertPost(v *conversation, s *speech, reply int64, head, apart bool, body []byte, out *store.Claims) error {
	id := c.nextPost
	c.nextPost++
	turn := s.turn
	var due, turnID any
	if head && !s.room {
		due = s.now
		out.PostWaits = true
	}
	if s.turnID != "" {
		turnID = s.turnID
	}
	if apart {
		turn, turnID = -turn, nil
	}
	if _, err := c.exec(`INSERT INTO post (id, account, conversation, person, turn, turn_id, reply, pos, sending, due, created, body)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, id, v.account, v.ID, s.person, turn, turnID, reply, id, head && s.room, due, s.now, body); err != nil {
		return err
	}
	c.posts.change(v.ID, 1)
	if head && s.room {
		c.claim(&c.posts, &claim{row: id, conversation: v.ID})
		out.Post = &store.Post{ID: id, Conversation: v.Conversation, Body: body, Created: moment(s.now)}
	}
	return nil
}
