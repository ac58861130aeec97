package sqlite

import (
	"context"
	"time"
)

// purgeVisitors deletes the conversations of people without an account in which nothing happened since before. It comes after the sweeps
// that delete what is over: a conversation that still has anything is left alone.
func (s *Store) purgeVisitors(ctx context.Context, before time.Time, platforms []string) (int, error) {
	total := 0
	for _, platform := range platforms {
		for after, more := int64(0), true; more; {
			var n int
			err := s.gently(ctx, func(c *core) (err error) {
				n, after, more, err = c.sweepVisitors(platform, after, micros(before))
				return err
			})
			if err != nil {
				return total, err
			}
			total += n
		}
	}
	return total, nil
}

// quiet finds, among the conversations above ?1 and up to ?2, those of people who are on the platform ?3 alone and were not seen since ?4,
// where nothing waits, is kept, or was posted since. The conditions use indexes only.
const quiet = "SELECT " + conversationColumns + ` FROM conversation c WHERE id > ?1 AND id <= ?2 AND person > 0
	AND EXISTS (SELECT 1 FROM identity i WHERE i.person = c.person AND i.platform = ?3)
	AND NOT EXISTS (SELECT 1 FROM identity i WHERE i.person = c.person AND i.platform <> ?3)
	AND EXISTS (SELECT 1 FROM person p WHERE p.id = c.person AND p.last_seen < ?4)
	AND NOT EXISTS (SELECT 1 FROM turn t WHERE t.conversation = c.id AND t.state = 0)
	AND NOT EXISTS (SELECT 1 FROM post o WHERE o.conversation = c.id AND o.state = 0)
	AND NOT EXISTS (SELECT 1 FROM dead d WHERE d.conversation = c.id)
	AND NOT EXISTS (SELECT 1 FROM feed f WHERE f.conversation = c.id AND f.at >= ?4)
	AND NOT EXISTS (SELECT 1 FROM memo m WHERE m.conversation = c.id AND m.at >= ?4)`

// sweepVisitors does one window.
func (c *core) sweepVisitors(platform string, after, before int64) (deleted int, end int64, more bool, err error) {
	r, err := c.one("SELECT max(id) FROM (SELECT id FROM conversation WHERE id > ? ORDER BY id LIMIT ?)", after, int64(step))
	if err != nil || r == nil || r.null(0) {
		return 0, after, false, err
	}
	end = r.int(0)
	rows, err := c.all(quiet, after, end, platform, before)
	if err != nil {
		return 0, after, false, err
	}
	for _, r := range rows {
		v := c.scanConversation(r)
		if c.turns.lane[v.ID] != nil || c.posts.lane[v.ID] != nil {
			continue // its end is still to come
		}
		if err := c.dropVisitor(v); err != nil {
			return 0, after, false, err
		}
		deleted++
	}
	return deleted, end, true, nil
}

// dropVisitor deletes a quiet conversation. What is left of its turns and posts, if anything, is over, has no body, and goes with its time.
func (c *core) dropVisitor(v *conversation) error {
	c.dropConversation(v)
	for _, q := range []string{
		"DELETE FROM reply WHERE conversation = ?",
		"DELETE FROM memo WHERE conversation = ?",
		"DELETE FROM feed WHERE conversation = ?",
		"DELETE FROM forgotten WHERE conversation = ?",
		"DELETE FROM hold WHERE conversation = ?",
		"DELETE FROM conversation WHERE id = ?",
	} {
		if err := c.run(q, v.ID); err != nil {
			return err
		}
	}
	if !v.Direct {
		return nil
	}
	return c.run("DELETE FROM hold WHERE account = ? AND channel = ? AND NOT EXISTS (SELECT 1 FROM conversation WHERE account = ? AND channel = ? AND live = 1)",
		v.Account, v.Channel, v.account, v.Channel)
}
