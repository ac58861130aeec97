package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"avatarbridge/store"
)

// scrubbing is the setting that says that deleted bytes may still be in the files.
const scrubbing = "scrub"

// Forget is described in the contract. Deleted rows leave copies in the free space of pages and in old frames of the WAL, which
// secure_delete does not reach: so the file is rewritten (VACUUM) and the WAL cut to nothing. Other verbs wait meanwhile, about a second
// for each 100 MB. Copies beside the database that hold the person too are deleted: those made before a migration, and the database that a restore
// has moved aside. Backups elsewhere are the operator's.
//
// If only the rewriting fails, the error says so; then it is outstanding, and made up for by the next Forget of whomever, known or not (the
// same call again will do), by Purge and by Open.
func (s *Store) Forget(ctx context.Context, uid string) ([]store.Conversation, error) {
	// Long reads keep the WAL from being cut.
	s.reading.Lock()
	defer s.reading.Unlock()
	var gone []store.Conversation
	if err := s.writer.run(ctx, false, func(c *core) (err error) {
		gone, err = c.forget(uid)
		return err
	}); err != nil {
		return nil, err
	}
	if err := s.writer.run(context.WithoutCancel(ctx), true, func(c *core) error { return c.scrub(s.path) }); err != nil {
		return gone, fmt.Errorf("the person is gone from the database, but its files are not rewritten yet and may hold deleted bytes: the same command finishes it: %w", err)
	}
	return gone, nil
}

// finishForget rewrites the files if a Forget has failed to do so.
func (s *Store) finishForget(ctx context.Context) error {
	outstanding := false
	err := s.read(ctx, func(c *conn) error {
		r, err := c.one("SELECT 1 FROM setting WHERE name = ?", scrubbing)
		outstanding = r != nil
		return err
	})
	if !outstanding || err != nil {
		return err
	}
	s.reading.Lock()
	defer s.reading.Unlock()
	if err := s.writer.run(ctx, true, func(c *core) error { return c.scrub(s.path) }); err != nil {
		return fmt.Errorf("finish an interrupted forget: %w", err)
	}
	return nil
}

// scrub rewrites the files if something was forgotten since the last time. Whatever fails, the rest is done.
func (c *core) scrub(path string) error {
	r, err := c.one("SELECT 1 FROM setting WHERE name = ?", scrubbing)
	if r == nil || err != nil {
		return err
	}
	copies, err := migrationCopies(path)
	aside, e := movedAside(path)
	err = errors.Join(err, e)
	for _, f := range append(copies, aside...) {
		if e := os.Remove(f); e != nil && !os.IsNotExist(e) {
			err = errors.Join(err, e)
		}
	}
	if err = errors.Join(err, c.once(context.Background(), "VACUUM"), c.truncate()); err != nil {
		return err
	}
	return c.run("DELETE FROM setting WHERE name = ?", scrubbing)
}

// truncate empties the WAL.
func (c *core) truncate() error {
	r, err := c.one("PRAGMA wal_checkpoint(TRUNCATE)")
	if err != nil {
		return err
	}
	if r.bool(0) {
		return errBusy
	}
	return nil
}

func (c *core) forget(uid string) ([]store.Conversation, error) {
	r, err := c.one("SELECT id FROM person WHERE uid = ?", uid)
	if r == nil || err != nil {
		return nil, err
	}
	id := r.int(0)
	own, err := c.all("SELECT "+conversationColumns+" FROM conversation WHERE person = ? AND person > 0 ORDER BY id", id)
	if err != nil {
		return nil, err
	}
	c.dropCaches()
	users, err := c.users(id)
	if err != nil {
		return nil, err
	}
	gone := make([]store.Conversation, len(own))
	for i, r := range own {
		v := c.scanConversation(r)
		gone[i] = v.Conversation
		if err := c.forgetConversation(v); err != nil {
			return nil, err
		}
	}
	if err := c.makeBlinding(); err != nil {
		return nil, err
	}
	if err := c.blindTurns(id); err != nil {
		return nil, err
	}
	if err := c.forgetShared(id); err != nil {
		return nil, err
	}
	if err := c.forgetCounters(users); err != nil {
		return nil, err
	}
	if err := c.blindKeys(users); err != nil {
		return nil, err
	}
	for _, q := range []string{"DELETE FROM memory WHERE person = ?", "DELETE FROM identity WHERE person = ?", "DELETE FROM person WHERE id = ?"} {
		if err := c.run(q, id); err != nil {
			return nil, err
		}
	}
	return gone, c.run("INSERT INTO setting (name, value) VALUES (?, x'01') ON CONFLICT DO NOTHING", scrubbing)
}

func (c *core) users(person int64) ([]string, error) {
	rows, err := c.all("SELECT user FROM identity WHERE person = ?", person)
	if err != nil {
		return nil, err
	}
	users := make([]string, len(rows))
	for i, r := range rows {
		users[i] = r.text(0)
	}
	return users, nil
}

// bare is what stays of a turn whose person is forgotten: the key of its event, and when that may go.
const bare = "id = '', avatar = 0, conversation = 0, person = 0, state = 1, pos = 0, handed = 0, due = NULL, attempts = 0, tried = 0, revived = 0, unsaid = 0, said = NULL, draft = NULL, body = NULL"

func (c *core) forgetConversation(v *conversation) error {
	for _, q := range []string{
		"DELETE FROM turn WHERE conversation = ? AND key IS NULL",
		"UPDATE turn SET " + bare + " WHERE conversation = ?",
		"DELETE FROM post WHERE conversation = ?",
		"DELETE FROM dead WHERE conversation = ?",
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
	for _, in := range []*claims{&c.turns, &c.posts} {
		if cl := in.lane[v.ID]; cl != nil {
			c.giveBack(in, cl)
		}
	}
	if !v.Direct {
		return nil
	}
	return c.run(`DELETE FROM hold WHERE channel = ? AND NOT EXISTS (SELECT 1 FROM conversation WHERE channel = hold.channel)`, v.Channel)
}

// forgetShared deletes the person's turns in conversations with others, and the replies to those. What is being asked or sent keeps its
// claim, so that its lane is not worked on twice; its end changes nothing more.
func (c *core) forgetShared(person int64) error {
	posts := "(person = ?1 OR turn_id IN (SELECT id FROM turn WHERE person = ?1))"
	touched := map[int64]bool{}
	for _, q := range []string{
		"SELECT conversation FROM turn WHERE person = ?1 AND state = 0",
		"SELECT conversation FROM post WHERE state = 0 AND " + posts,
	} {
		if err := c.each(func(r row) error { touched[r.int(0)] = true; return nil }, q, person); err != nil {
			return err
		}
	}
	for _, in := range []*claims{&c.turns, &c.posts} {
		for _, cl := range in.lane {
			if err := c.orphan(in, cl, person); err != nil {
				return err
			}
		}
	}
	for _, q := range []string{
		"DELETE FROM dead WHERE post = 1 AND row IN (SELECT id FROM post WHERE " + posts + ")",
		"DELETE FROM dead WHERE post = 0 AND row IN (SELECT row FROM turn WHERE person = ?1)",
		"DELETE FROM post WHERE " + posts,
		"DELETE FROM memo WHERE person = ?1",
		"DELETE FROM feed WHERE " + posts,
		"DELETE FROM turn WHERE person = ?1 AND key IS NULL",
		"UPDATE turn SET " + bare + " WHERE person = ?1",
	} {
		if err := c.run(q, person); err != nil {
			return err
		}
	}
	for id := range touched {
		if err := c.offerNext(id, 0, &store.Claims{}); err != nil {
			return err
		}
	}
	return nil
}

// orphan marks a claim of something of the person that is about to be deleted.
func (c *core) orphan(in *claims, cl *claim, person int64) error {
	his := cl.person == person
	if in == &c.posts {
		r, err := c.one("SELECT 1 FROM post WHERE id = ?2 AND (person = ?1 OR turn_id IN (SELECT id FROM turn WHERE person = ?1))", person, cl.row)
		if err != nil {
			return err
		}
		his = r != nil || cl.unsay != nil && his // the row of one that was unsaid may be purged
	}
	if his && !cl.gone {
		cl.gone = true
		c.later(func() { cl.gone = false })
	}
	return nil
}

// forgetCounters deletes the counters and notices that have one of the ids in their key, as a word of its own.
func (c *core) forgetCounters(users []string) error {
	for _, table := range []string{"counter", "notice"} {
		var ids []int64
		if err := c.each(func(r row) error {
			for _, u := range users {
				if names(r.text(1), u) {
					ids = append(ids, r.int(0))
					break
				}
			}
			return nil
		}, "SELECT id, key FROM "+table); err != nil {
			return err
		}
		for _, id := range ids {
			if err := c.run("DELETE FROM "+table+" WHERE id = ?", id); err != nil {
				return err
			}
		}
	}
	c.counters.clear()
	for k, v := range c.changed {
		for _, u := range users {
			if names(k.key, u) {
				delete(c.changed, k)
				c.later(func() { c.changed[k] = v })
				break
			}
		}
	}
	return nil
}

// names says whether key has id in it, not as part of a longer word.
func names(key, id string) bool {
	for from := 0; id != ""; {
		i := strings.Index(key[from:], id)
		if i < 0 {
			return false
		}
		i += from
		before, _ := utf8.DecodeLastRuneInString(key[:i])
		after, _ := utf8.DecodeRuneInString(key[i+len(id):])
		if !word(before) && !word(after) {
			return true
		}
		from = i + 1
	}
	return false
}

func word(r rune) bool { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)) }
