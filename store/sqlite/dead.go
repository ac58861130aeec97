package sqlite

import (
	"avatarbridge/store"
)

// step is how many rows a long verb changes before it lets others in.
const step = 500

// A letter is a dead letter as Retry and Drop need it.
type letter struct {
	id, row, conversation int64
	post                  bool
}

// letters returns up to step dead letters with an id above after, oldest first: those with the ids, or all.
func (c *core) letters(ids []int64, after int64) ([]letter, error) {
	var rows []row
	if len(ids) == 0 {
		var err error
		if rows, err = c.all("SELECT id, row, conversation, post FROM dead WHERE id > ? ORDER BY id LIMIT ?", after, int64(step)); err != nil {
			return nil, err
		}
	}
	for _, id := range ids {
		r, err := c.one("SELECT id, row, conversation, post FROM dead WHERE id = ?", id)
		if err != nil {
			return nil, err
		}
		if r != nil {
			rows = append(rows, r)
		}
	}
	letters := make([]letter, len(rows))
	for i, r := range rows {
		letters[i] = letter{id: r.int(0), row: r.int(1), conversation: r.int(2), post: r.bool(3)}
	}
	return letters, nil
}

// revive puts a dead letter at the end of its lane. An unclear post is no longer so: the operator has decided that it is to be sent.
func (c *core) revive(l letter, now int64) error {
	if err := c.run("DELETE FROM dead WHERE id = ?", l.id); err != nil {
		return err
	}
	var out store.Claims
	v, err := c.conversationOf(l.conversation)
	if v == nil || err != nil {
		return err
	}
	c.posts.behind.remove(l.conversation)
	c.turns.behind.remove(l.conversation)
	if l.post {
		if err := c.run(`UPDATE post SET state = 0, pos = ?, attempts = 0, tried = 0, unclear = 0, due = NULL, created = ?
			WHERE id = ? AND state = 2`, c.nextPost, now, l.row); err != nil {
			return err
		}
		c.nextPost++
		return c.offerPost(v, now, false, &out)
	}
	if err := c.run(`UPDATE turn SET state = 0, pos = ?, attempts = 0, tried = 0, revived = 1, awaits = 0, renewed = 0, due = NULL, draft = NULL, accepted = ?
		WHERE row = ? AND state = 2`, c.nextTurn, now, l.row); err != nil {
		return err
	}
	c.nextTurn++
	return c.offerTurn(v, now, false, &out)
}

// drop deletes a dead letter; what stays of it is what deduplication needs.
func (c *core) drop(l letter) error {
	if err := c.run("DELETE FROM dead WHERE id = ?", l.id); err != nil {
		return err
	}
	if l.post {
		return c.run("UPDATE post SET state = 1, body = NULL WHERE id = ? AND state = 2", l.row)
	}
	return c.run("UPDATE turn SET state = 1, body = NULL, draft = NULL WHERE row = ? AND state = 2", l.row)
}

const deadQuery = `SELECT d.id, d.post, d.unclear, d.reason, d.at, coalesce(p.attempts, t.attempts, 0), coalesce(p.body, t.body), c.id, c.uid,
	c.generation, c.memory_uid, a.text, v.text, c.channel, c.thread, c.direct, c.memory
	FROM dead d JOIN conversation c ON c.id = d.conversation JOIN name a ON a.id = c.account JOIN name v ON v.id = c.avatar
	LEFT JOIN post p ON d.post = 1 AND p.id = d.row LEFT JOIN turn t ON d.post = 0 AND t.row = d.row`

// scanLetter reads the columns of deadQuery.
func scanLetter(r row) store.Letter {
	return store.Letter{
		ID: r.int(0), Post: r.bool(1), Unclear: r.bool(2), Reason: r.text(3), At: moment(r.int(4)), Attempts: int(r.int(5)), Body: r.bytes(6),
		Conversation: store.Conversation{
			ID: r.int(7), UID: r.text(8), Generation: int(r.int(9)), MemoryUID: r.text(10),
			Address: store.Address{Account: r.text(11), Avatar: r.text(12), Channel: r.text(13), Thread: r.text(14), Direct: r.bool(15), Memory: store.Memory(r.text(16))},
		},
	}
}
