package sqlite

import (
	"database/sql/driver"
	"strings"

	"avatarbridge/store"
)

// move gives a channel another id. What exists at the new id already is merged with it; of two that cannot both be found there the
// older one (the lower id) stays.
func (c *core) move(account int64, name, from, to string) error {
	if from == to {
		return nil
	}
	c.dropCaches()
	for _, f := range []func() error{
		func() error { return c.moveIdentities(name, from, to) },
		func() error { return c.moveConversations(account, from, to) },
		func() error { return c.moveMemories(account, from, to) },
		func() error { return c.moveHolds(name, from, to) },
		func() error { return c.recordMove(account, from, to) },
	} {
		if err := f(); err != nil {
			return err
		}
	}
	// What the steps above have read back is not what stands there now.
	c.dropCaches()
	before := c.moved
	c.later(func() { c.moved = before })
	return c.loadMoves()
}

// loadMoves reads which channels have another id now.
func (c *core) loadMoves() error {
	moved := map[oldChannel]string{}
	err := c.each(func(r row) error {
		moved[oldChannel{r.text(0), r.text(1)}] = r.text(2)
		return nil
	}, "SELECT n.text, m.old, m.new FROM moved m JOIN name n ON n.id = m.account")
	if err == nil {
		c.moved = moved
	}
	return err
}

// newest is the address with the id that its channel has now: a platform may go on to deliver from the old one.
func (c *core) newest(in store.Address) store.Address {
	if to, moved := c.moved[oldChannel{in.Account, in.Channel}]; moved {
		in.Channel = to
	}
	return in
}

func (c *core) run(query string, args ...driver.Value) error {
	_, err := c.exec(query, args...)
	return err
}

// recordMove keeps the table of moves flat: each old id leads to the newest one.
func (c *core) recordMove(account int64, from, to string) error {
	if err := c.run("UPDATE moved SET new = ? WHERE account = ? AND new = ?", to, account, from); err != nil {
		return err
	}
	if err := c.run("INSERT INTO moved (account, old, new) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET new = excluded.new", account, from, to); err != nil {
		return err
	}
	return c.run("DELETE FROM moved WHERE account = ? AND old = ?", account, to)
}

// retire retires the younger of two conversations that have come to one address: nothing finds it any more, but both lanes are worked on. The
// other one has their feed.
func (c *core) retire(a, b int64) error {
	if err := c.run("UPDATE conversation SET live = 0 WHERE id = ?", max(a, b)); err != nil {
		return err
	}
	return c.run("UPDATE feed SET conversation = ? WHERE conversation = ?", min(a, b), max(a, b))
}

// moveConversations gives conversations the new channel.
func (c *core) moveConversations(account int64, from, to string) error {
	if err := c.run("UPDATE conversation SET channel = ? WHERE live = 0 AND account = ? AND channel = ?", to, account, from); err != nil {
		return err
	}
	rows, err := c.all(`SELECT a.id, b.id FROM conversation a LEFT JOIN conversation b ON b.live = 1 AND b.account = a.account AND b.channel = ?
		AND b.thread = a.thread AND b.avatar = a.avatar AND b.memory = a.memory AND b.person = a.person
		WHERE a.live = 1 AND a.account = ? AND a.channel = ?`, to, account, from)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if !r.null(1) {
			if err := c.retire(r.int(0), r.int(1)); err != nil {
				return err
			}
		}
		if err := c.run("UPDATE conversation SET channel = ? WHERE id = ?", to, r.int(0)); err != nil {
			return err
		}
	}
	return nil
}

func (c *core) moveMemories(account int64, from, to string) error {
	rows, err := c.all(`SELECT a.id, a.uid, b.id, b.uid FROM memory a LEFT JOIN memory b ON b.account = a.account AND b.channel = ?
		AND b.kind = a.kind AND b.thread = a.thread AND b.person = a.person WHERE a.account = ? AND a.channel = ?`, to, account, from)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if !r.null(2) {
			if err := c.mergeMemories(account, to, r); err != nil {
				return err
			}
		}
		// The row may be the one that was merged into the other.
		if err := c.run("UPDATE memory SET channel = ? WHERE id = ?", to, r.int(0)); err != nil {
			return err
		}
	}
	return nil
}

// mergeMemories deletes the younger of two memories of which r has id, uid, id, uid.
func (c *core) mergeMemories(account int64, channel string, r row) error {
	keep, drop := 0, 2
	if r.int(2) < r.int(0) {
		keep, drop = 2, 0
	}
	if err := c.run("DELETE FROM memory WHERE id = ?", r.int(drop)); err != nil {
		return err
	}
	for _, live := range []string{"live = 1", "live = 0"} {
		if err := c.run("UPDATE conversation SET memory_uid = ? WHERE "+live+" AND account = ? AND channel = ? AND memory_uid = ?",
			r.text(keep+1), account, channel, r.text(drop+1)); err != nil {
			return err
		}
	}
	return nil
}

// moveIdentities follows a channel that is somebody on the platform: an anonymous admin of a group has the group's id.
func (c *core) moveIdentities(account, from, to string) error {
	platform, _, _ := strings.Cut(account, ":")
	rows, err := c.all(`SELECT a.tenant, a.person, b.person FROM identity a LEFT JOIN identity b ON b.platform = a.platform
		AND b.tenant = a.tenant AND b.user = ? WHERE a.platform = ? AND a.user = ?`, to, platform, from)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if !r.null(2) && r.int(1) != r.int(2) {
			if err := c.mergePeople(min(r.int(1), r.int(2)), max(r.int(1), r.int(2))); err != nil {
				return err
			}
		}
		if err := c.run("DELETE FROM identity WHERE platform = ? AND tenant = ? AND user = ? AND ?", platform, r.text(0), from, !r.null(2)); err != nil {
			return err
		}
		if err := c.run("UPDATE identity SET user = ? WHERE platform = ? AND tenant = ? AND user = ?", to, platform, r.text(0), from); err != nil {
			return err
		}
	}
	return nil
}

// mergePeople makes one person of two that are the same: all of drop's becomes keep's, and the older uids stay.
func (c *core) mergePeople(keep, drop int64) error {
	rows, err := c.all(`SELECT a.id, b.id FROM conversation a JOIN conversation b ON b.live = 1 AND b.account = a.account AND b.channel = a.channel
		AND b.thread = a.thread AND b.avatar = a.avatar AND b.memory = a.memory AND b.person = ? WHERE a.live = 1 AND a.person = ?`, keep, drop)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if err := c.retire(r.int(0), r.int(1)); err != nil {
			return err
		}
	}
	rows, err = c.all(`SELECT a.id, a.uid, b.id, b.uid, a.account, a.channel FROM memory a JOIN memory b ON b.account = a.account
		AND b.channel = a.channel AND b.kind = a.kind AND b.thread = a.thread AND b.person = ? WHERE a.person = ?`, keep, drop)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if err := c.mergeMemories(r.int(4), r.text(5), r); err != nil {
			return err
		}
	}
	if err := c.run(`UPDATE conversation SET memory_uid = (SELECT uid FROM person WHERE id = ?1)
		WHERE person = ?2 AND person > 0 AND memory_uid = (SELECT uid FROM person WHERE id = ?2)`, keep, drop); err != nil {
		return err
	}
	for _, q := range []string{
		"UPDATE conversation SET person = ? WHERE person = ? AND person > 0",
		"UPDATE memory SET person = ? WHERE person = ?",
		"UPDATE identity SET person = ? WHERE person = ?",
		"UPDATE turn SET person = ? WHERE person = ?",
		"UPDATE post SET person = ? WHERE person = ?",
		"UPDATE memo SET person = ? WHERE person = ?",
		"UPDATE feed SET person = ? WHERE person = ?",
	} {
		if err := c.run(q, keep, drop); err != nil {
			return err
		}
	}
	for _, in := range []*claims{&c.turns, &c.posts} {
		for _, cl := range in.row {
			if old := *cl; old.person == drop {
				cl.person = keep
				c.later(func() { cl.person = old.person })
			}
		}
	}
	return c.run("DELETE FROM person WHERE id = ?", drop)
}

func (c *core) moveHolds(account, from, to string) error {
	// Of two holds of one scope the longer one stays; 0 is for ever.
	if err := c.run(`INSERT INTO hold (account, channel, conversation, avatar, pause, until, reason)
		SELECT account, ?, conversation, avatar, pause, until, reason FROM hold WHERE account = ? AND channel = ?
		ON CONFLICT (account, channel, conversation, avatar, pause) DO UPDATE SET reason = CASE WHEN until <> 0 AND (excluded.until = 0 OR excluded.until > until)
		THEN excluded.reason ELSE reason END, until = CASE WHEN until = 0 OR excluded.until = 0 THEN 0 ELSE max(until, excluded.until) END`,
		to, account, from); err != nil {
		return err
	}
	return c.run("DELETE FROM hold WHERE account = ? AND channel = ?", account, from)
}
