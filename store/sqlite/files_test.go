package sqlite

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"avatarbridge/store"
)

const account = "telegram:1"

var now = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

func openAt(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func newTurn(user, key, body string) store.Entry {
	return store.Entry{Key: key, Turn: &store.NewTurn{
		ID: "id of " + key, From: store.Identity{Platform: "telegram", User: user}, Name: "Name of " + user, Body: []byte(body),
		In: store.Address{Account: account, Avatar: "luna", Channel: user, Direct: true, Memory: store.MemoryPerson},
	}}
}

func accept(t *testing.T, s *Store, entries ...store.Entry) []store.Result {
	t.Helper()
	got, err := s.Accept(t.Context(), store.Batch{Account: account, Now: now, Entries: entries, Turns: len(entries), Posts: len(entries)})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestSettingsThatDurabilityAndPrivacyRestOn(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "store.db"))
	for pragma, want := range map[string]any{"journal_mode": "wal", "synchronous": int64(2), "secure_delete": int64(1)} {
		if err := s.writer.run(t.Context(), true, func(c *core) error {
			r, err := c.one("PRAGMA " + pragma)
			if err == nil && r[0] != want {
				t.Errorf("%s is %v, want %v", pragma, r[0], want)
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	}
}

func TestFilesAreReadableByTheirOwnerAlone(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, filepath.Join(dir, "store.db"))
	accept(t, s, newTurn("u1", "one", "hello"))
	if err := s.Backup(t.Context(), filepath.Join(dir, "backup")); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 5 { // the database, -wal, -shm, .lock, the backup
		t.Errorf("%d files: %v", len(files), files)
	}
	for _, f := range files {
		if i, err := f.Info(); err != nil || i.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f.Name(), i.Mode(), err)
		}
	}
}

func TestPathsWithOddCharactersWork(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?c#d%41&mode=ro*[x].db")
	accept(t, openAt(t, path), newTurn("u1", "one", "hello"))
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestNetworkFileSystemsAreKnown(t *testing.T) {
	for magic, want := range map[int64]string{0x6969: "NFS", 0xFF534D42: "SMB", 0xFE534D42: "SMB", 0x517B: "SMB", 0x01021997: "9p", 0xEF53: "", 0x9123683E: "", 0x01021994: ""} {
		if got := networkKind(magic); got != want {
			t.Errorf("%#x is %q, want %q", magic, got, want)
		}
	}
	if err := local(filepath.Join(t.TempDir(), "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing folder: %v", err)
	}
}

func TestASecondStoreIsLockedOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := openAt(t, path)
	_, err := Open(t.Context(), Config{Path: path})
	if !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), path+".lock") {
		t.Errorf("second open: %v", err)
	}
	if _, err := Restore(t.Context(), path, path); !errors.Is(err, store.ErrLocked) {
		t.Errorf("restore: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	openAt(t, path)
}

func TestADatabaseIsCopiedBeforeItsMigration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	first := openAt(t, path)
	accept(t, first, newTurn("u1", "one", "hello"))
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second one finds the copy of the first
		if _, err := open(t.Context(), Config{Path: path}, schema(t, current, "CREATE TABLE oops (;")); err == nil {
			t.Fatal("a migration that cannot work has worked")
		}
	}
	s, err := open(t.Context(), Config{Path: path}, schema(t, current, "CREATE TABLE second (x INTEGER) STRICT;"))
	if err != nil {
		t.Fatal(err)
	}
	if got := accept(t, s, newTurn("u1", "one", "hello")); got[0].Verdict != store.Known {
		t.Errorf("what was there is gone: %+v", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Config{Path: path}); !errors.Is(err, store.ErrNewer) {
		t.Errorf("a newer schema: %v", err)
	}
	old := openAt(t, fmt.Sprintf("%s.%d.bak", path, current))
	if got := accept(t, old, newTurn("u1", "one", "hello")); got[0].Verdict != store.Known {
		t.Errorf("the copy is not what was there: %+v", got)
	}
	if _, err := Restore(t.Context(), path, filepath.Join(t.TempDir(), "new.db")); !errors.Is(err, store.ErrNewer) {
		t.Errorf("restore of a newer schema: %v", err)
	}
}

func TestAFreshDatabaseLeavesNoCopy(t *testing.T) {
	dir := t.TempDir()
	openAt(t, filepath.Join(dir, "store.db"))
	if found, err := filepath.Glob(filepath.Join(dir, "*.bak")); err != nil || len(found) > 0 {
		t.Errorf("%v, %v", found, err)
	}
}

// canary is in every text of the person who is to be forgotten, and nowhere else.
const canary = "CaNaRy"

// sing fills the store with much of many, the person's things among it.
func sing(t *testing.T, s *Store, seed uint64) (uid string) {
	t.Helper()
	ctx := t.Context()
	for round := range 40 {
		var entries []store.Entry
		for i := range 25 {
			e := newTurn(fmt.Sprint("u", i), fmt.Sprint("key", round, "/", i), strings.Repeat(fmt.Sprint("text ", i), 1+i*20))
			if i == 7 {
				e = newTurn(canary+"user", canary+"user/"+e.Key, strings.Repeat(canary+" body ", 1+round*30))
				e.Turn.ID, e.Turn.Name = canary+e.Turn.ID, canary+fmt.Sprint(round)
				e.Turn.Limits = []store.Limit{{Key: "person/telegram//" + canary + "user", Max: 1000, Every: time.Hour}}
			}
			entries = append(entries, e)
		}
		for i, r := range accept(t, s, entries...) {
			text := "reply"
			if i == 7 {
				text = canary + " reply"
			}
			if r.Turn == nil {
				continue
			}
			f := store.Finished{Turn: r.Turn.Row, Now: now, Next: i != 7, Send: true, Replies: []store.Reply{{Key: text + fmt.Sprint(round), Pieces: [][]byte{[]byte(text), []byte(text + " 2")}}}}
			if round%5 == 0 {
				f.Dead = "reason " + text
			}
			out, err := s.Finish(ctx, f)
			if err != nil {
				t.Fatal(err)
			}
			if out.Post != nil {
				if _, err := s.Settle(ctx, store.Settled{Post: out.Post.ID, Now: now, As: store.Ending(round % 4), Due: now, SentID: text, Reason: text}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	p, err := s.Person(ctx, "telegram:"+canary+"user")
	if err != nil {
		t.Fatal(err)
	}
	surround(t, s, seed)
	return p.UID
}

// surround mixes the person's turns and counters with others' of all sizes, and settles some: pages are split and refilled under them,
// and copies are left behind that no secure_delete finds.
func surround(t *testing.T, s *Store, seed uint64) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 2))
	for round := range 60 {
		var entries []store.Entry
		for i := range 50 {
			user := fmt.Sprint("n", round*50+i)
			if random.IntN(10) == 0 {
				user = canary + "user"
			}
			e := newTurn(user, fmt.Sprint(random.IntN(1e6), "/", round, "/", i), strings.Repeat(user, random.IntN(200)))
			e.Turn.Limits = []store.Limit{{Key: fmt.Sprint("person/", random.IntN(1e6), "/", user, "/", strings.Repeat("l", random.IntN(60))), Max: 9, Every: time.Hour}}
			entries = append(entries, e)
		}
		for _, r := range accept(t, s, entries...) {
			if r.Turn == nil || random.IntN(3) > 0 {
				continue
			}
			reply := strings.Repeat(r.Turn.Conversation.Channel, random.IntN(100))
			if _, err := s.Finish(t.Context(), store.Finished{Turn: r.Turn.Row, Now: now, Replies: []store.Reply{{Key: reply, Pieces: [][]byte{[]byte(reply)}}}}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// holding returns the files of the folder that have the text in them.
func holding(t *testing.T, dir, text string) (files []string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(text)) {
			files = append(files, f.Name())
		}
	}
	return files
}

// residue writes the text into the space that no row has on the pages of a closed database, as splits of pages leave it there, where no
// secure_delete finds it. It returns on how many pages.
func residue(t *testing.T, path, text string) (pages int) {
	t.Helper()
	const size, tableLeaf, indexLeaf = 4096, 13, 10
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := size; at+size <= len(b); at += size { // the first page has another header
		page := b[at : at+size]
		from := 8 + 2*int(binary.BigEndian.Uint16(page[3:]))
		to := int(binary.BigEndian.Uint16(page[5:]))
		if (page[0] == tableLeaf || page[0] == indexLeaf) && to <= size && to-from >= len(text) {
			copy(page[from:], text)
			pages++
		}
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return pages
}

func TestForgettingLeavesNoByteInAnyFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "store.db")
	first := openAt(t, path)
	uid := sing(t, first, 1)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if n := residue(t, path, canary); n < 10 {
		t.Fatalf("only %d pages had space", n)
	}
	s := openAt(t, path)
	sound(t, s)
	besides(t, s, path+".1.bak", path+beforeRestore)
	if found := holding(t, dir, canary); len(found) < 3 {
		t.Fatalf("only %v have it before", found)
	}
	if _, err := s.Forget(t.Context(), uid); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{canary, uid} {
		if found := holding(t, dir, text); len(found) > 0 {
			t.Errorf("%q is left in %v", text, found)
		}
	}
	if _, err := s.Person(t.Context(), "telegram:u3"); err != nil {
		t.Errorf("somebody else: %v", err)
	}
}

func TestAForgettingThatWasCutShortIsMadeUpForAtTheNextStart(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, filepath.Join(dir, "store.db"))
	uid := sing(t, s, 8)
	if err := s.writer.run(t.Context(), false, func(c *core) error { _, err := c.forget(uid); return err }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	openAt(t, filepath.Join(dir, "store.db"))
	if found := holding(t, dir, canary); len(found) > 0 {
		t.Errorf("it is left in %v", found)
	}
}

func TestReadsDoNotKeepForgettingFromCuttingTheWAL(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, filepath.Join(dir, "store.db"))
	uid := sing(t, s, 8)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		var err error
		for ctx.Err() == nil && err == nil {
			_, err = s.Depth(context.Background())
		}
		done <- err
	}()
	if _, err := s.Forget(t.Context(), uid); err != nil {
		t.Error(err)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if found := holding(t, dir, canary); len(found) > 0 {
		t.Errorf("it is left in %v", found)
	}
}
