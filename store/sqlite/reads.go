package sqlite

import (
	"context"
	"slices"
	"time"

	"avatarbridge/store"
)

// Cursor is described in the contract.
func (s *Store) Cursor(ctx context.Context, account string) (cursor string, moved time.Time, err error) {
	err = s.read(ctx, func(c *conn) error {
		r, err := c.one("SELECT position, moved FROM cursor WHERE account = (SELECT id FROM name WHERE text = ?)", account)
		if r != nil {
			cursor, moved = r.text(0), moment(r.int(1))
		}
		return err
	})
	return cursor, moved, err
}

// Holds is described in the contract.
func (s *Store) Holds(ctx context.Context, now time.Time) ([]store.Hold, error) {
	var holds []store.Hold
	err := s.read(ctx, func(c *conn) error {
		return c.each(func(r row) error { holds = append(holds, scanHold(r)); return nil },
			"SELECT "+holdColumns+" FROM hold WHERE until = 0 OR until > ?", micros(now))
	})
	return holds, err
}

// Moves is described in the contract.
func (s *Store) Moves(ctx context.Context, account string) (map[string]string, error) {
	moves := map[string]string{}
	err := s.read(ctx, func(c *conn) error {
		return c.each(func(r row) error { moves[r.text(0)] = r.text(1); return nil },
			"SELECT old, new FROM moved WHERE account = (SELECT id FROM name WHERE text = ?)", account)
	})
	return moves, err
}

// Dead is described in the contract.
func (s *Store) Dead(ctx context.Context, before int64, n int) ([]store.Letter, error) {
	var letters []store.Letter
	err := s.read(ctx, func(c *conn) error {
		return c.each(func(r row) error { letters = append(letters, scanLetter(r)); return nil },
			deadQuery+" WHERE ?1 = 0 OR d.id < ?1 ORDER BY d.id DESC LIMIT ?2", before, int64(max(n, 0)))
	})
	return letters, err
}

// Transcript is described in the contract.
func (s *Store) Transcript(ctx context.Context, conversation int64, n int) ([][]byte, error) {
	var memos [][]byte
	// Beside the verbs and not among the long reads: a turn waits for it.
	err := s.writer.run(ctx, false, func(c *core) error {
		memos = memos[:0]
		return c.each(func(r row) error { memos = append(memos, r.bytes(0)); return nil },
			"SELECT body FROM memo WHERE conversation = ? ORDER BY id DESC LIMIT ?", conversation, int64(max(n, 0)))
	})
	slices.Reverse(memos)
	return memos, err
}

// Current is described in the contract.
func (s *Store) Current(ctx context.Context, turn int64) (now store.Conversation, err error) {
	// Beside the verbs, as in Transcript, and as they see it.
	err = s.writer.run(ctx, false, func(c *core) error {
		cl := c.turns.row[turn]
		if cl == nil {
			return store.ErrStale
		}
		r, err := c.one("SELECT 1 FROM turn WHERE row = ? AND state = 0", turn)
		if err != nil {
			return err
		}
		v, err := c.conversationOf(cl.conversation)
		if err != nil {
			return err
		}
		if r == nil || v == nil {
			return store.ErrStale
		}
		now = v.Conversation
		return nil
	})
	return now, err
}

// Depth is described in the contract. It reads an index that has nothing but what waits.
func (s *Store) Depth(ctx context.Context) (store.Depth, error) {
	d := store.Depth{Turns: map[string]int{}, Posts: map[string]int{}}
	err := s.read(ctx, func(c *conn) error {
		names := map[int64]string{}
		if err := c.each(func(r row) error { names[r.int(0)] = r.text(1); return nil }, "SELECT id, text FROM name"); err != nil {
			return err
		}
		for _, q := range []struct {
			in  map[string]int
			sql string
		}{
			{d.Turns, "SELECT account, count(*), min(accepted) FROM turn INDEXED BY turn_lane WHERE state = 0 GROUP BY account"},
			{d.Posts, "SELECT account, count(*), min(created) FROM post INDEXED BY post_lane WHERE state = 0 GROUP BY account"},
		} {
			if err := c.each(func(r row) error {
				q.in[names[r.int(0)]] = int(r.int(1))
				if at := moment(r.int(2)); d.Oldest.IsZero() || at.Before(d.Oldest) {
					d.Oldest = at
				}
				return nil
			}, q.sql); err != nil {
				return err
			}
		}
		r, err := c.one("SELECT count(*) FROM dead")
		if err == nil {
			d.Dead = int(r.int(0))
		}
		return err
	})
	return d, err
}
