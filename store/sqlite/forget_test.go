package sqlite

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"avatarbridge/store"
)

// besides makes copies of the store with these names.
func besides(t *testing.T, s *Store, files ...string) {
	t.Helper()
	elsewhere := filepath.Join(t.TempDir(), "copy")
	if err := s.Backup(t.Context(), elsewhere); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := os.WriteFile(f, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestForgettingDeletesMigrationCopiesAndNoBackupOfTheOperator(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := openAt(t, path)
	accept(t, s, newTurn("u1", "one", "one"), newTurn("u2", "two", "two"))
	ours := []string{path + ".1.bak", path + ".12.bak"}
	theirs := []string{path + ".before-christmas.bak", path + ".1a.bak", path + "..bak", path + ".bak", path + ".1.bak.old", path + ".1"}
	besides(t, s, append(ours, theirs...)...)
	forgetUser(t, s, "u1", "")
	for _, f := range ours {
		if exists(f) {
			t.Errorf("%s is there", f)
		}
	}
	for _, f := range theirs {
		if !exists(f) {
			t.Errorf("%s is gone", f)
		}
	}
}

func TestABackupIsNotGivenTheNameOfACopyThatForgettingDeletes(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, filepath.Join(dir, "store.db"))
	other := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, other); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{filepath.Join(dir, "store.db.7.bak"), filepath.Join(other, "store.db.7.bak"), filepath.Join(dir, "store.db"+beforeRestore)} {
		if err := s.Backup(t.Context(), file); err == nil || !strings.Contains(err.Error(), "choose another") {
			t.Errorf("%s: %v", file, err)
		}
	}
	if exists(filepath.Join(dir, "store.db.7.bak")) {
		t.Error("it was made")
	}
	for _, file := range []string{filepath.Join(dir, "store.db.monday.bak"), filepath.Join(t.TempDir(), "store.db.7.bak")} {
		if err := s.Backup(t.Context(), file); err != nil {
			t.Error(err)
		}
	}
}

// forgetUser forgets a user; the error must say what wrong says, or be nil when that is "". It returns the uid.
func forgetUser(t *testing.T, s *Store, user, wrong string) (uid string) {
	t.Helper()
	p, err := s.Person(t.Context(), "telegram:"+user)
	if err != nil {
		t.Fatal(err)
	}
	gone, err := s.Forget(t.Context(), p.UID)
	if len(gone) != 1 || wrong == "" && err != nil || wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong)) {
		t.Fatalf("%d conversations, %v", len(gone), err)
	}
	return p.UID
}

// halfForgotten opens a store in which somebody was forgotten while another connection was reading, so that the WAL could not be cut.
func halfForgotten(t *testing.T, path string) (s *Store, uid string, stopReading func()) {
	t.Helper()
	s = openAt(t, path)
	accept(t, s, newTurn("u1", "one", canary), newTurn("u2", "two", "two"))
	if err := s.writer.run(t.Context(), true, func(c *core) error { return c.once(t.Context(), "PRAGMA busy_timeout = 0") }); err != nil {
		t.Fatal(err)
	}
	reader, err := connect(dsn(path, pragmas))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader.exec("BEGIN"); err != nil {
		t.Fatal(err)
	}
	if _, err := reader.one("SELECT count(*) FROM turn"); err != nil {
		t.Fatal(err)
	}
	uid = forgetUser(t, s, "u1", "gone from the database, but its files are not rewritten yet")
	if _, err := s.Person(t.Context(), "telegram:u1"); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("person: %v", err)
	}
	return s, uid, func() {
		if err := reader.close(); err != nil {
			t.Error(err)
		}
		if found := holding(t, filepath.Dir(path), canary); len(found) == 0 {
			t.Error("nothing was outstanding")
		}
	}
}

func TestAForgettingThatCouldNotRewriteTheFilesIsFinishedLater(t *testing.T) {
	for name, finish := range map[string]func(s *Store, uid string) error{
		"BySameCommand":          func(s *Store, uid string) error { _, err := s.Forget(t.Context(), uid); return err },
		"ByForgettingNobody":     func(s *Store, _ string) error { _, err := s.Forget(t.Context(), "nobody"); return err },
		"ByForgettingAnother":    func(s *Store, _ string) error { forgetUser(t, s, "u2", ""); return nil },
		"ByAPurge":               func(s *Store, _ string) error { _, err := s.Purge(t.Context(), now); return err },
		"ByANewStart":            func(s *Store, _ string) error { return errors.Join(s.Close(), reopened(t, s.path)) },
		"ByASecondPurge":         func(s *Store, _ string) error { _, err := s.Purge(t.Context(), now); return err },
		"ByTheSameCommandThrice": func(s *Store, uid string) error { _, err := s.Forget(t.Context(), uid); return err },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store.db")
			s, uid, stopReading := halfForgotten(t, path)
			switch name {
			case "ByASecondPurge":
				if _, err := s.Purge(t.Context(), now); !errors.Is(err, errBusy) {
					t.Errorf("first purge: %v", err)
				}
			case "ByTheSameCommandThrice":
				if _, err := s.Forget(t.Context(), uid); !errors.Is(err, errBusy) {
					t.Errorf("second time: %v", err)
				}
			}
			stopReading()
			if err := finish(s, uid); err != nil {
				t.Fatal(err)
			}
			if found := holding(t, filepath.Dir(path), canary); len(found) > 0 {
				t.Errorf("it is left in %v", found)
			}
		})
	}
}

func reopened(t *testing.T, path string) error {
	s, err := Open(t.Context(), Config{Path: path})
	if err == nil {
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return err
}

func TestAForgettingThatCannotBeFinishedKeepsNobodyFromStarting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := openAt(t, path)
	accept(t, s, newTurn("u1", "one", canary))
	// A folder with something in it cannot be removed as a file is.
	obstacle := path + ".1.bak"
	if err := os.MkdirAll(filepath.Join(obstacle, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	forgetUser(t, s, "u1", obstacle)
	for _, f := range []string{path, path + "-wal"} {
		if b, err := os.ReadFile(f); err != nil || bytes.Contains(b, []byte(canary)) {
			t.Errorf("%s was not rewritten: %v", f, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	s, err := Open(t.Context(), Config{Path: path, Log: slog.New(slog.NewTextHandler(&logged, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if !strings.Contains(logged.String(), "level=WARN") || !strings.Contains(logged.String(), obstacle) {
		t.Errorf("logged: %s", logged.String())
	}
	if err := os.RemoveAll(obstacle); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Purge(t.Context(), now); err != nil {
		t.Error(err)
	}
	if err := s.read(t.Context(), func(c *conn) error {
		r, err := c.one("SELECT 1 FROM setting WHERE name = ?", scrubbing)
		if r != nil {
			t.Error("it is outstanding after the purge")
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}
