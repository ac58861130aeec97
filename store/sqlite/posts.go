package sqlite

import (
	"time"

	"avatarbridge/store"
)

func (c *core) claimPosts(account string, now int64, n int) ([]store.Post, time.Time, error) {
	rows, err := c.all("SELECT "+postColumns+`, conversation FROM post
		WHERE account = ? AND due IS NOT NULL ORDER BY due, pos LIMIT ?`, c.names[account], int64(max(n, 0)+1))
	if err != nil {
		return nil, time.Time{}, err
	}
	var posts []store.Post
	for _, r := range rows {
		if len(posts) >= n || r.int(1) > now {
			return posts, moment(r.int(1)), nil
		}
		v, err := c.conversationOf(r.int(len(r) - 1))
		if err != nil {
			return nil, time.Time{}, err
		}
		p, err := c.handPost(v, r)
		if err != nil {
			return nil, time.Time{}, err
		}
		posts = append(posts, *p)
	}
	return posts, time.Time{}, nil
}

func (c *core) park(post int64, due int64) (out store.Claims, err error) {
	cl := c.posts.row[post]
	if cl == nil {
		return out, nil
	}
	c.giveBack(&c.posts, cl)
	if cl.gone || cl.unsay != nil {
		err = c.offerNext(cl.conversation, 0, &out)
		return out, err
	}
	_, err = c.exec("UPDATE post SET sending = 0, due = ? WHERE id = ?", due, post)
	return out, err
}

func (c *core) settle(s *store.Settled) (out store.Claims, err error) {
	cl := c.posts.row[s.Post]
	if cl == nil {
		return out, nil
	}
	c.giveBack(&c.posts, cl)
	v, err := c.conversationOf(cl.conversation) // before it may be gone from the caches
	if err != nil {
		return out, err
	}
	if out, err = c.settleClaim(s, cl); err != nil || !s.Send || !s.Any || cl.gone || v == nil || out.Post != nil {
		return out, err
	}
	out.Post, err = c.longestDue(v.account, micros(s.Now))
	return out, err
}

// longestDue hands out the account's post that has been due longest, nil when none is.
func (c *core) longestDue(account, now int64) (*store.Post, error) {
	r, err := c.one("SELECT "+postColumns+`, conversation FROM post
		WHERE account = ? AND due IS NOT NULL AND due <= ? ORDER BY due, pos LIMIT 1`, account, now)
	if r == nil || err != nil {
		return nil, err
	}
	v, err := c.conversationOf(r.int(len(r) - 1))
	if v == nil || err != nil {
		return nil, err
	}
	return c.handPost(v, r)
}

// settleClaim settles a post whose claim was given back.
func (c *core) settleClaim(s *store.Settled, cl *claim) (out store.Claims, err error) {
	if s.Hold != nil {
		if err = c.hold(s.Hold); err != nil {
			return out, err
		}
	}
	now := micros(s.Now)
	if cl.gone {
		err = c.offerNext(cl.conversation, now, &out)
		return out, err
	}
	if cl.unsay != nil {
		return c.settleUnsaid(s, cl, now)
	}
	if err = c.end(s, cl, now); err != nil {
		return out, err
	}
	v, err := c.conversationOf(cl.conversation)
	if v == nil || err != nil {
		return out, err
	}
	if err = c.feedPost(v, s, now); err != nil {
		return out, err
	}
	err = c.offerPost(v, now, s.Send, &out)
	return out, err
}

// end writes how a post ended, for it and for the rest of its reply.
func (c *core) end(s *store.Settled, cl *claim, now int64) error {
	switch s.As {
	case store.Sent:
		_, err := c.exec("UPDATE post SET state = 1, sending = 0, sent_id = ?, body = NULL WHERE id = ?", s.SentID, s.Post)
		c.posts.change(cl.conversation, -1)
		return err
	case store.Again:
		if s.Body != nil {
			if _, err := c.exec("UPDATE post SET body = ? WHERE id = ?", s.Body, s.Post); err != nil {
				return err
			}
		}
		_, err := c.exec(`UPDATE post SET sending = 0, due = ?1, tried = iif(tried = 0 AND attempts < ?2, ?3, tried), attempts = ?2, unclear = ?4
			WHERE id = ?5`, micros(s.Due), int64(s.Attempts), now, s.Unclear, s.Post)
		return err
	case store.Withheld:
		_, err := c.exec(`UPDATE post SET state = 1, sending = 0, due = NULL, body = NULL
			WHERE conversation = ? AND state = 0 AND reply = (SELECT reply FROM post WHERE id = ?)`, cl.conversation, s.Post)
		return err
	}
	rows, err := c.all(`SELECT id, unclear FROM post WHERE conversation = ? AND state = 0
		AND reply = (SELECT reply FROM post WHERE id = ?) ORDER BY pos`, cl.conversation, s.Post)
	if err != nil {
		return err
	}
	for _, r := range rows {
		id, unclear, reason := r.int(0), r.bool(1), "an earlier piece of the same reply died: "+s.Reason
		tries := 0
		if id == s.Post {
			unclear, reason, tries = unclear || s.As == store.Unsure, s.Reason, s.Attempts
		}
		if _, err := c.exec("UPDATE post SET state = 2, sending = 0, due = NULL, attempts = max(attempts, ?) WHERE id = ?", int64(tries), id); err != nil {
			return err
		}
		if err := c.bury(true, id, cl.conversation, unclear, reason, now); err != nil {
			return err
		}
	}
	return nil
}

// bury makes a dead letter of a turn or a post.
func (c *core) bury(post bool, row, conversation int64, unclear bool, reason string, now int64) error {
	_, err := c.exec("INSERT INTO dead (post, row, conversation, unclear, reason, at) VALUES (?, ?, ?, ?, ?, ?)",
		post, row, conversation, unclear, reason, now)
	return err
}
