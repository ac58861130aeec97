package sqlite

import (
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"path/filepath"
	"testing"
	"testing/fstest"

	"avatarbridge/store"
)

// schema is the program's schema up to a version, and with one more migration when up is not "".
func schema(t *testing.T, version int, up string) fstest.MapFS {
	t.Helper()
	files, err := fs.Glob(embedded, "migrations/*.sql")
	if err != nil || len(files) < version {
		t.Fatalf("%v, %v", files, err)
	}
	all := fstest.MapFS{}
	for _, f := range files[:version] {
		b, err := embedded.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all[path.Base(f)] = &fstest.MapFile{Data: b}
	}
	if up != "" {
		all[fmt.Sprintf("%05d_next.sql", version+1)] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + up)}
	}
	return all
}

// current is the version of the schema that the program knows.
const current = 3

// released are rows as the first version of the program has left them: two messages of one person, one answered and one that waits behind an
// attempt, a post that waits, and a memo.
const released = `
INSERT INTO name (id, text) VALUES (1, 'telegram:1'), (2, 'luna');
INSERT INTO cursor VALUES (1, '77', 1700000000000000);
INSERT INTO person VALUES (1, 'uid of u1', 'Name of u1', 1700000000000000, 1700000000000000);
INSERT INTO identity VALUES ('telegram', '', 'u1', 1);
INSERT INTO conversation VALUES (1, 'uid of conversation', 1, 1, 2, 'u1', '', 'person', 1, 1, 'uid of u1', 1, 1);
INSERT INTO turn (row, account, key, id, avatar, conversation, person, state, pos, handed, due, attempts, accepted, body) VALUES
	(1, 1, 'one', 'id of one', 2, 1, 1, 1, 1, 1, NULL, 0, 1700000000000000, NULL),
	(2, 1, 'two', 'id of two', 2, 1, 1, 0, 2, 1, 1700000000000000, 1, 1700000000000000, x'74776f');
INSERT INTO post (id, account, conversation, person, turn, reply, state, pos, sending, due, created, sent_id, body) VALUES
	(1, 1, 1, 1, 1, 1, 1, 1, 0, NULL, 1700000000000000, '7', NULL),
	(2, 1, 1, 1, 1, 1, 0, 2, 1, NULL, 1700000000000000, NULL, x'62');
INSERT INTO memo (conversation, person, at, body) VALUES (1, 1, 1700000000000000, x'6d');
`

// firstVersion makes a database as the first version of the program has left it.
func firstVersion(t *testing.T, file string) {
	t.Helper()
	s, err := migrated(t, file, schema(t, 1, ""))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.once(t.Context(), released); err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
}

// migrated makes a database with a schema.
func migrated(t *testing.T, file string, schema fs.FS) (*conn, error) {
	t.Helper()
	if err := create(file); err != nil {
		return nil, err
	}
	if err := migrate(t.Context(), file, schema, slog.New(slog.DiscardHandler)); err != nil {
		return nil, err
	}
	return connect(dsn(file, pragmas))
}

func TestADatabaseOfTheFirstVersionGoesOn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "store.db")
	firstVersion(t, file)
	s := openAt(t, file)
	goesOn(t, s)
	backup, err := connect(dsn(file+".1.bak", readBackup))
	if err != nil {
		t.Fatal(err)
	}
	defer backup.close()
	for _, q := range []string{"SELECT 1 FROM turn WHERE state = 0", "SELECT 1 FROM goose_db_version GROUP BY 1 HAVING max(version_id) = 1"} {
		if r, err := backup.one(q); r == nil || err != nil {
			t.Errorf("%s in the copy: %v, %v", q, r, err)
		}
	}
}

func TestABackupOfTheFirstVersionIsRestored(t *testing.T) {
	backup, file := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "store.db")
	firstVersion(t, backup)
	done, err := Restore(t.Context(), backup, file)
	if err != nil || done.Pending != 2 {
		t.Fatalf("%+v, %v", done, err)
	}
	s := openAt(t, file)
	if n, err := s.Retry(t.Context(), now); n != 2 || err != nil {
		t.Fatalf("retried %d, %v", n, err)
	}
	goesOn(t, s)
}

// goesOn takes what waits in s to its end, and uses what the first version has not known.
func goesOn(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	posts, _, err := s.ClaimPosts(ctx, account, now, 9)
	if err != nil || len(posts) != 1 || string(posts[0].Body) != "b" {
		t.Fatalf("posts %+v, %v", posts, err)
	}
	if _, err := s.Settle(ctx, store.Settled{Post: posts[0].ID, Now: now, As: store.Sent, SentID: "8", Feed: []byte("b"), Feeds: 9}); err != nil {
		t.Fatal(err)
	}
	turns, _, err := s.ClaimTurns(ctx, account, "luna", now, 9)
	if err != nil || len(turns) != 1 || string(turns[0].Body) != "two" || turns[0].Draft != "" {
		t.Fatalf("turns %+v, %v", turns, err)
	}
	if err := s.Draft(ctx, turns[0].Row, "draft"); err != nil {
		t.Fatal(err)
	}
	f := store.Finished{Turn: turns[0].Row, Now: now, Send: true, Replies: []store.Reply{{Pieces: [][]byte{[]byte("c")}}}, Memo: []byte("n"), Memos: 9}
	out, err := s.Finish(ctx, f)
	if err != nil || out.Post == nil {
		t.Fatalf("finish: %+v, %v", out, err)
	}
	if _, err := s.Settle(ctx, store.Settled{Post: out.Post.ID, Now: now, As: store.Sent, SentID: "9"}); err != nil {
		t.Fatal(err)
	}
	deleted := store.Entry{Edit: &store.Edit{Target: "two", Unsay: func(sent string) []byte { return []byte("take back " + sent) }}}
	if r := accept(t, s, deleted)[0]; r.Post == nil || string(r.Post.Body) != "take back 9" {
		t.Errorf("taking back: %+v", r)
	}
	memos, err := s.Transcript(ctx, 1, 9)
	if err != nil || len(memos) != 1 || string(memos[0]) != "m" {
		t.Errorf("memos %q, %v", memos, err)
	}
	in := store.Address{Account: account, Avatar: "luna", Channel: "u1", Direct: true, Memory: store.MemoryPerson}
	items, err := s.Feed(ctx, in, store.Identity{Platform: "telegram", User: "u1"}, 0, 9)
	if err != nil || len(items) != 1 || string(items[0].Body) != "b" {
		t.Errorf("feed %+v, %v", items, err)
	}
}

func TestAVerbThatFailsUnsaysNothing(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "store.db"))
	p := replied(t, s, "u1", "one")
	deleted := store.Entry{Edit: &store.Edit{Target: "one", Unsay: func(sent string) []byte { return []byte("take back " + sent) }}}
	errs := group(t, s, func(c *core) error {
		if _, err := c.accept(&store.Batch{Account: account, Now: now, Entries: []store.Entry{deleted}}); err != nil {
			return err
		}
		return errOwn
	})
	if errs[0] != errOwn {
		t.Fatal(errs)
	}
	out, err := s.Settle(t.Context(), store.Settled{Post: p.ID, Now: now, As: store.Again, Due: now, Body: []byte("again"), Send: true})
	if err != nil || out.Post == nil || string(out.Post.Body) != "again" {
		t.Errorf("%+v, %v", out, err)
	}
}

// replied takes a message and its reply, and returns the post, claimed.
func replied(t *testing.T, s *Store, user, key string) *store.Post {
	t.Helper()
	turn := accept(t, s, newTurn(user, key, key))[0].Turn
	out, err := s.Finish(t.Context(), store.Finished{Turn: turn.Row, Now: now, Send: true, Replies: []store.Reply{{Pieces: [][]byte{[]byte("to " + key)}}}})
	if err != nil || out.Post == nil {
		t.Fatalf("%+v, %v", out, err)
	}
	return out.Post
}
