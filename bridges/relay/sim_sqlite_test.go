package relay_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"

	_ "github.com/mattn/go-sqlite3"

	"avatarbridge/store"
	"avatarbridge/store/sqlite"
)

// sqliteDisk keeps a store in files.
type sqliteDisk struct {
	dir  string // of the files that are in use
	base string // of all
	now  *sqlite.Store
}

// onFiles makes a disk in memory where the system has one: what is simulated is not the disk's pace.
func onFiles(t *testing.T) *sqliteDisk {
	t.Helper()
	base, err := os.MkdirTemp("/dev/shm", "schedule")
	if err != nil {
		base = t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(base); err != nil {
			t.Error(err)
		}
	})
	return &sqliteDisk{dir: base, base: base}
}

func (d *sqliteDisk) open() (store.Store, error) {
	if d.now != nil {
		return d.now, nil
	}
	s, err := sqlite.Open(context.Background(), sqlite.Config{Path: filepath.Join(d.dir, "a.db")})
	if err != nil {
		return nil, err
	}
	d.now = s
	return s, nil
}

// crash goes on with a copy of the files as they are now.
func (d *sqliteDisk) crash() error {
	to, err := os.MkdirTemp(d.base, "crash")
	if err != nil {
		return err
	}
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(filepath.Join(d.dir, "a.db"+suffix))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(to, "a.db"+suffix), data, 0o600)
		}
		if err != nil {
			return err
		}
	}
	d.dir = to
	return d.close()
}

func (d *sqliteDisk) close() error {
	s := d.now
	d.now = nil
	return s.Close()
}

// has searches the files of the closed store for words.
func (d *sqliteDisk) has(words string) (bool, error) {
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(filepath.Join(d.dir, "a.db"+suffix))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return false, err
		}
		if bytes.Contains(data, []byte(words)) {
			return true, nil
		}
	}
	return false, nil
}

var _ searcher = (*sqliteDisk)(nil)

// leftQuery knows the store's schema: it counts bodies of what is over.
const leftQuery = `SELECT (SELECT count(*) FROM turn WHERE state = 1 AND body IS NOT NULL) + (SELECT count(*) FROM post WHERE state = 1 AND body IS NOT NULL)`

func TestSchedulesKeepTheInvariantsOnFiles(t *testing.T) {
	for seed := *firstSeed; seed < *firstSeed+uint64(max(20, howMany(t)/100)); seed++ {
		d := onFiles(t)
		wrong, sum := simulate(t, seed, func(*testing.T) disk { return d }, nil)
		for _, what := range wrong {
			t.Errorf("seed %d: %s (%s)", seed, what, sum)
		}
		db, err := sql.Open("sqlite3", filepath.Join(d.dir, "a.db"))
		if err != nil {
			t.Fatal(err)
		}
		var left int
		if err := db.QueryRow(leftQuery).Scan(&left); err != nil || left > 0 {
			t.Errorf("seed %d: %d bodies are left of what is over: %v", seed, left, err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}
