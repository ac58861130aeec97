package sqlite

import (
	"avatarbridge/store"
)

func (c *core) hold(h *store.Hold) error {
	s := h.Scope
	_, err := c.exec(`INSERT INTO hold (account, channel, conversation, avatar, pause, until, reason) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (account, channel, conversation, avatar, pause) DO UPDATE SET until = excluded.until, reason = excluded.reason`,
		s.Account, s.Channel, s.Conversation, s.Avatar, s.Pause, micros(h.Until), h.Reason)
	return err
}

func (c *core) release(s store.Scope, now int64) error {
	if _, err := c.exec("DELETE FROM hold WHERE account = ? AND channel = ? AND conversation = ? AND avatar = ? AND pause = ?",
		s.Account, s.Channel, s.Conversation, s.Avatar, s.Pause); err != nil {
		return err
	}
	// An account that the store has never met is another name (a pause names the bridge), so that any may be meant.
	var account, avatar any
	if n, ok := c.names[s.Account]; ok && s.Account != "" {
		account = n
	}
	if s.Avatar != "" {
		avatar = c.names[s.Avatar]
	}
	for table, where := range map[string]string{"turn": "due > ?1 AND awaits = 0", "post": "due > ?1"} {
		if _, err := c.exec("UPDATE "+table+" SET due = ?1 WHERE "+where+` AND (?2 IS NULL OR account = ?2) AND (?3 = 0 OR conversation = ?3)
			AND ((?4 IS NULL AND ?5 = '') OR conversation IN (SELECT id FROM conversation WHERE (?4 IS NULL OR avatar = ?4) AND (?5 = '' OR channel = ?5)))`,
			now, account, s.Conversation, avatar, s.Channel); err != nil {
			return err
		}
	}
	return nil
}

const holdColumns = "account, channel, conversation, avatar, pause, until, reason"

func scanHold(r row) store.Hold {
	return store.Hold{
		Scope: store.Scope{Account: r.text(0), Channel: r.text(1), Conversation: r.int(2), Avatar: r.text(3), Pause: r.bool(4)},
		Until: orZero(r.int(5)), Reason: r.text(6),
	}
}
