package sqlite

import (
	"context"
	"errors"
	"slices"

	"avatarbridge/store"
)

// An item is what is to be kept in a conversation's feed.
type item struct {
	person int64
	turnID any // of a post
	at     int64
	body   []byte
	keep   int
}

// feed keeps i and deletes what is too much then.
func (c *core) feed(v *conversation, i *item) error {
	if i.body == nil || i.keep < 1 {
		return nil
	}
	id := v.ID
	if !v.live {
		r, err := c.one(`SELECT l.id FROM conversation c JOIN conversation l ON l.live = 1 AND l.account = c.account AND l.channel = c.channel
			AND l.thread = c.thread AND l.avatar = c.avatar AND l.memory = c.memory AND l.person = c.person WHERE c.id = ?`, v.ID)
		if err != nil {
			return err
		}
		if r != nil {
			id = r.int(0)
		}
	}
	if err := c.run("INSERT INTO feed (conversation, person, turn_id, at, body) VALUES (?, ?, ?, ?, ?)", id, i.person, i.turnID, i.at, i.body); err != nil {
		return err
	}
	return c.run("DELETE FROM feed WHERE conversation = ?1 AND id <= (SELECT id FROM feed WHERE conversation = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
		id, int64(i.keep))
}

// feedPost keeps what a page shows of a post that was sent.
func (c *core) feedPost(v *conversation, s *store.Settled, now int64) error {
	if s.Feed == nil || s.As != store.Sent {
		return nil
	}
	r, err := c.one("SELECT person, turn_id FROM post WHERE id = ?", s.Post)
	if r == nil || err != nil {
		return err
	}
	return c.feed(v, &item{person: r.int(0), turnID: r[1], at: now, body: s.Feed, keep: s.Feeds})
}

// Feed is described in the contract.
func (s *Store) Feed(ctx context.Context, in store.Address, from store.Identity, after int64, n int) ([]store.Item, error) {
	var items []store.Item
	err := s.read(ctx, func(c *conn) error {
		var person any = int64(0)
		if !shared(in.Memory) {
			r, err := c.one("SELECT person FROM identity WHERE platform = ? AND tenant = ? AND user = ?", from.Platform, from.Tenant, from.User)
			if r == nil || err != nil {
				return err
			}
			person = r[0]
		}
		v, err := c.one(`SELECT id FROM conversation WHERE live = 1 AND account = (SELECT id FROM name WHERE text = ?) AND channel = ? AND thread = ?
			AND avatar = (SELECT id FROM name WHERE text = ?) AND memory = ? AND person = ?`,
			in.Account, in.Channel, in.Thread, in.Avatar, string(in.Memory), person)
		if v == nil || err != nil {
			return err
		}
		items = []store.Item{}
		return c.each(func(r row) error {
			items = append(items, store.Item{ID: r.int(0), At: moment(r.int(1)), Body: r.bytes(2)})
			return nil
		}, "SELECT id, at, body FROM feed WHERE conversation = ? AND id > ? ORDER BY id DESC LIMIT ?", v[0], after, int64(max(n, 0)))
	})
	slices.Reverse(items)
	return items, err
}

// errEnough ends a query whose other rows are not wanted.
var errEnough = errors.New("enough rows")

// Places is described in the contract. It reads conversations from the newest on until it has seen n places.
func (s *Store) Places(ctx context.Context, account string, n int) ([]store.Address, error) {
	var places []store.Address
	err := s.read(ctx, func(c *conn) error {
		if n < 1 {
			return nil
		}
		seen := map[store.Address]bool{}
		err := c.each(func(r row) error {
			a := store.Address{Account: account, Channel: r.text(0), Thread: r.text(1), Direct: r.bool(2)}
			if !seen[a] {
				seen[a] = true
				places = append(places, a)
			}
			if len(places) == n {
				return errEnough
			}
			return ctx.Err()
		}, `SELECT channel, thread, direct FROM conversation NOT INDEXED
			WHERE live = 1 AND account = (SELECT id FROM name WHERE text = ?) ORDER BY id DESC`, account)
		if errors.Is(err, errEnough) {
			return nil
		}
		return err
	})
	return places, err
}
