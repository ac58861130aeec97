package sqlite

import (
	"context"
	"math"
	"time"
)

// A sweep deletes what is over from one table, a window of rows at a time.
type sweep struct {
	// window returns the last row above ?1 of the next ?2 rows, and the oldest time in them.
	window string
	// what deletes the rows above ?1 and up to ?2 that are over and older than ?3.
	what []string
	// ordered tables have the oldest rows first: a window without an old row is the end of the work. What Retry has put back has a newer
	// time than its row, and counts as old here.
	ordered bool
}

var sweeps = []sweep{
	{
		window: "SELECT max(id), min(at) FROM (SELECT id, at FROM dead WHERE id > ? ORDER BY id LIMIT ?)",
		what: []string{
			"UPDATE turn SET state = 1, body = NULL, draft = NULL WHERE state = 2 AND row IN (SELECT row FROM dead WHERE post = 0 AND id > ? AND id <= ? AND at < ?)",
			"UPDATE post SET state = 1, body = NULL WHERE state = 2 AND id IN (SELECT row FROM dead WHERE post = 1 AND id > ? AND id <= ? AND at < ?)",
			"DELETE FROM dead WHERE id > ? AND id <= ? AND at < ?",
		}, ordered: true,
	},
	{
		window: "SELECT max(row), min(at) FROM (SELECT row, iif(revived, 0, accepted) at FROM turn WHERE row > ? ORDER BY row LIMIT ?)",
		what:   []string{"DELETE FROM turn WHERE row > ? AND row <= ? AND accepted < ? AND state = 1"}, ordered: true,
	},
	{
		window: "SELECT max(id), min(at) FROM (SELECT id, iif(pos = id, created, 0) at FROM post WHERE id > ? ORDER BY id LIMIT ?)",
		what:   []string{"DELETE FROM post WHERE id > ? AND id <= ? AND created < ? AND state = 1"}, ordered: true,
	},
	{
		window: "SELECT max(id), min(at) FROM (SELECT id, at FROM reply WHERE id > ? ORDER BY id LIMIT ?)",
		what:   []string{"DELETE FROM reply WHERE id > ? AND id <= ? AND at < ?"}, ordered: true,
	},
	{
		window: "SELECT max(id), min(at) FROM (SELECT id, at FROM memo WHERE id > ? ORDER BY id LIMIT ?)",
		what:   []string{"DELETE FROM memo WHERE id > ? AND id <= ? AND at < ?"}, ordered: true,
	},
	{
		window: "SELECT max(id), min(at) FROM (SELECT id, at FROM feed WHERE id > ? ORDER BY id LIMIT ?)",
		what:   []string{"DELETE FROM feed WHERE id > ? AND id <= ? AND at < ?"}, ordered: true,
	},
	{
		window: "SELECT max(id), 0 FROM (SELECT id FROM counter WHERE id > ? ORDER BY id LIMIT ?)",
		what:   []string{"DELETE FROM counter WHERE id > ? AND id <= ? AND opened + every < ?"},
	},
	{
		window: "SELECT max(id), 0 FROM (SELECT id FROM notice WHERE id > ? ORDER BY id LIMIT ?)",
		what:   []string{"DELETE FROM notice WHERE id > ? AND id <= ? AND said + every < ?"},
	},
	{
		window: "SELECT max(id), 0 FROM (SELECT id FROM person WHERE id > ? ORDER BY id LIMIT ?)",
		what: []string{
			`DELETE FROM identity WHERE person IN (SELECT id FROM person p WHERE id > ? AND id <= ? AND last_seen < ?
				AND NOT EXISTS (SELECT 1 FROM conversation c WHERE c.person = p.id AND c.person > 0)
				AND id NOT IN (SELECT t.person FROM turn t WHERE t.state = 0) AND id NOT IN (SELECT t.person FROM dead d JOIN turn t ON d.post = 0 AND t.row = d.row))`,
			"DELETE FROM person WHERE id > ? AND id <= ? AND last_seen < ? AND NOT EXISTS (SELECT 1 FROM identity i WHERE i.person = person.id)",
		},
	},
	{
		window: "SELECT 1, 0 WHERE ? < 1 AND ? > 0",
		what:   []string{"DELETE FROM hold WHERE ?1 = 0 AND ?2 = 1 AND until > 0 AND until < ?3"},
	},
}

// sweepsOfPeople is how many of the last sweeps may find people who have no conversation any more: those of people, and of holds.
const sweepsOfPeople = 2

// Purge is described in the contract. It also forgets the keys of replies, expired holds, and notices. It ends with the rewriting that a
// Forget has failed to do.
func (s *Store) Purge(ctx context.Context, before time.Time, visitors ...string) (int, error) {
	total := 0
	for i := range sweeps {
		if i == len(sweeps)-sweepsOfPeople { // whoever has no conversation left then goes, too
			n, err := s.purgeVisitors(ctx, before, visitors)
			if total += n; err != nil {
				return total, err
			}
		}
		for after, more := int64(0), true; more; {
			var n int
			err := s.gently(ctx, func(c *core) (err error) {
				n, after, more, err = c.sweep(&sweeps[i], after, micros(before))
				return err
			})
			if err != nil {
				return total, err
			}
			total += n
		}
	}
	return total, s.finishForget(ctx)
}

// longestRest bounds how long gently leaves the writer alone, so that a purge comes to its end also where the store is never idle.
const longestRest = 10 * time.Millisecond

// gently runs a verb that nobody waits for, and then leaves the writer and the disk to others for as long as that took.
func (s *Store) gently(ctx context.Context, do func(*core) error) error {
	began := time.Now()
	if err := s.writer.run(ctx, false, do); err != nil {
		return err
	}
	rest := time.NewTimer(min(time.Since(began), longestRest))
	defer rest.Stop()
	select {
	case <-ctx.Done(): // the next verb says so
	case <-rest.C:
	}
	return nil
}

// sweep does one window and returns where the next one begins.
func (c *core) sweep(s *sweep, after, before int64) (deleted int, end int64, more bool, err error) {
	r, err := c.one(s.window, after, int64(step))
	if err != nil || r == nil || r.null(0) {
		return 0, after, false, err
	}
	end = r.int(0)
	if s.ordered && r.int(1) >= before {
		return 0, end, false, nil
	}
	for i, q := range s.what {
		n, err := c.exec(q, after, end, before)
		if err != nil {
			return 0, after, false, err
		}
		if i == len(s.what)-1 {
			deleted += int(n)
		}
	}
	if deleted > 0 {
		c.people.clear()
		c.counters.clear()
	}
	return deleted, end, end < math.MaxInt64, nil
}
