package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"avatarbridge/store"
)

// backedUp makes a backup in which two turns wait, one of them claimed, and two posts, one of them being sent.
func backedUp(t *testing.T) (file string) {
	t.Helper()
	s := openAt(t, filepath.Join(t.TempDir(), "store.db"))
	first := accept(t, s, newTurn("u1", "one", "one"))[0].Turn
	accept(t, s, newTurn("u1", "two", "two"), newTurn("u1", "three", "three"))
	if _, err := s.Finish(t.Context(), store.Finished{Turn: first.Row, Now: now, Next: true, Send: true, Replies: []store.Reply{{Pieces: [][]byte{[]byte("a"), []byte("b")}}}}); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "backup")
	if err := s.Backup(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	accept(t, s, newTurn("u1", "later", "later"))
	return file
}

func TestNothingOfARestoredCopyIsRepeatedBlindly(t *testing.T) {
	backup, path := backedUp(t), filepath.Join(t.TempDir(), "store.db")
	done, err := Restore(t.Context(), backup, path)
	if err != nil || done != (Restored{Pending: 4}) {
		t.Fatalf("%+v, %v", done, err)
	}
	s := openAt(t, path)
	turns, _, err := s.ClaimTurns(t.Context(), account, "luna", now, 9)
	if err != nil || len(turns) > 0 {
		t.Errorf("turns to ask: %v, %v", turns, err)
	}
	posts, _, err := s.ClaimPosts(t.Context(), account, now, 9)
	if err != nil || len(posts) > 0 {
		t.Errorf("posts to send: %v, %v", posts, err)
	}
	letters, err := s.Dead(t.Context(), 0, 9)
	if err != nil || len(letters) != 4 {
		t.Fatalf("%d dead letters, %v", len(letters), err)
	}
	for _, l := range letters {
		if !l.Unclear || !strings.HasPrefix(l.Reason, "restored from a backup: ") || len(l.Body) == 0 {
			t.Errorf("dead letter %+v", l)
		}
	}
	if n, err := s.Retry(t.Context(), now); err != nil || n != 4 {
		t.Fatalf("%d put back, %v", n, err)
	}
	if posts, _, err = s.ClaimPosts(t.Context(), account, now, 9); err != nil || len(posts) != 1 || string(posts[0].Body) != "a" {
		t.Errorf("posts after a retry: %v, %v", posts, err)
	}
}

func TestRestoreMovesADatabaseAsideAndNeverOverOne(t *testing.T) {
	backup, path := backedUp(t), filepath.Join(t.TempDir(), "store.db")
	s := openAt(t, path)
	accept(t, s, newTurn("u9", "only here", "x"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	first, err := Restore(t.Context(), backup, path)
	if err != nil || !strings.HasPrefix(first.Aside, path+beforeRestore) {
		t.Fatalf("%+v, %v", first, err)
	}
	second, err := Restore(t.Context(), backup, path)
	if err != nil || second.Aside == first.Aside || !exists(second.Aside) {
		t.Errorf("second restore: %+v, %v", second, err)
	}
	old := openAt(t, first.Aside)
	if got := accept(t, old, newTurn("u9", "only here", "x")); got[0].Verdict != store.Known {
		t.Errorf("what was moved aside is not what was there: %+v", got)
	}
}

func TestForgettingReachesEveryDatabaseThatARestoreMovedAside(t *testing.T) {
	dir := t.TempDir()
	backup, path := backedUp(t), filepath.Join(dir, "store.db")
	openAt(t, path).Close()
	for range 2 {
		if _, err := Restore(t.Context(), backup, path); err != nil {
			t.Fatal(err)
		}
	}
	s := openAt(t, path)
	p, err := s.Person(t.Context(), "telegram:u1")
	if err != nil {
		t.Fatal(err)
	}
	if aside, err := movedAside(path); err != nil || len(aside) < 2 {
		t.Fatalf("moved aside: %v, %v", aside, err)
	}
	mine := path + beforeRestore + "-by-me"
	if err := s.Backup(t.Context(), mine); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Forget(t.Context(), p.UID); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(path + beforeRestore + "*"); err != nil || len(left) != 1 || left[0] != mine {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestUselessBackupIsToldBeforeTheProgramHasToBeStopped(t *testing.T) {
	dir := t.TempDir()
	path, noise := filepath.Join(dir, "store.db"), filepath.Join(dir, "noise")
	if err := os.WriteFile(noise, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	openAt(t, path)
	if _, err := Restore(t.Context(), noise, path); err == nil || errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), "no backup of this program") {
		t.Errorf("while the database is open: %v", err)
	}
}

func TestAFailedRestoreTouchesNothing(t *testing.T) {
	dir := t.TempDir()
	path, noise := filepath.Join(dir, "store.db"), filepath.Join(dir, "noise")
	if err := os.WriteFile(noise, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	openAt(t, path).Close()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{noise, empty, filepath.Join(dir, "missing")} {
		if _, err := Restore(t.Context(), bad, path); err == nil {
			t.Errorf("%s was restored", bad)
		}
	}
	if _, err := Restore(t.Context(), filepath.Join(dir, "missing"), path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing backup: %v", err)
	}
	after, err := os.ReadFile(path)
	if err != nil || string(before) != string(after) {
		t.Errorf("the database has changed: %v", err)
	}
	if found, err := filepath.Glob(path + ".restoring*"); err != nil || len(found) > 0 {
		t.Errorf("left over: %v, %v", found, err)
	}
}

func TestRestoreThatIsCutShortLeavesTheOldDatabaseWholeAndInItsPlace(t *testing.T) {
	running := filepath.Join(t.TempDir(), "store.db")
	accept(t, openAt(t, running), newTurn("u1", "one", "one"))
	path := filepath.Join(t.TempDir(), "store.db")
	for _, suffix := range []string{"", "-wal"} { // what a kill leaves
		data, err := os.ReadFile(running + suffix)
		if err == nil {
			err = os.WriteFile(path+suffix, data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	aside, err := moveAside(path, now)
	if err != nil {
		t.Fatal(err)
	}
	// Here the power goes.
	for _, file := range []string{path, aside} {
		if exists(file + "-wal") {
			t.Errorf("%s has a WAL, which the restored database would take for its own", file)
		}
		s, err := Open(t.Context(), Config{Path: file})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Person(t.Context(), "telegram:u1"); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if err := s.Close(); err != nil { // they are one file: the other is opened after
			t.Error(err)
		}
	}
}

func TestBackupUnderTheNameOfARestoreIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := openAt(t, path)
	for _, suffix := range []string{".restoring", ".restoring-wal", ".7.bak", ".before-restore-20261121T090000Z"} {
		if err := s.Backup(t.Context(), path+suffix); err == nil {
			t.Errorf("%s was taken: the program would delete it", suffix)
		}
	}
}

func TestARestoreBeginsANewEpoch(t *testing.T) {
	dir := t.TempDir()
	backup, path := filepath.Join(dir, "backup"), filepath.Join(dir, "store.db")
	s := openAt(t, path)
	secrets := func(s *Store) (all [2]string) {
		for i, name := range []string{store.EpochSecret, "callback"} {
			secret, err := s.Secret(t.Context(), name)
			if err != nil || len(secret) != 32 {
				t.Fatalf("%x, %v", secret, err)
			}
			all[i] = string(secret)
		}
		return all
	}
	before := secrets(s)
	if err := s.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if again := openAt(t, path); secrets(again) != before {
		t.Error("a restart changes secrets")
	} else if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(t.Context(), backup, path); err != nil {
		t.Fatal(err)
	}
	after := secrets(openAt(t, path))
	if after[0] == before[0] || after[1] != before[1] {
		t.Errorf("the epoch is the same: %v; another secret is the same: %v", after[0] == before[0], after[1] == before[1])
	}
}
