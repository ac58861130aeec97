package main

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"avatarbridge/bridges/bridgetest"
)

// keysQuery knows the store's schema, as sendingQuery does.
const keysQuery = "SELECT key FROM turn WHERE key IS NOT NULL"

// TestACopyOfTheFilesAtAnyMomentHoldsAllThatWasAcknowledged is the machine that loses its power while everything it wrote has reached the
// disk in the order of writing: the files are copied while the program stands still, wherever it is.
func TestACopyOfTheFilesAtAnyMomentHoldsAllThatWasAcknowledged(t *testing.T) {
	r := newRig(t, setup{})
	l := newLoad(r)
	r.virtuals.SetDelay(2 * time.Millisecond)
	var mu sync.Mutex
	keys, acknowledged := map[int64]string{}, []int64{} // of updates
	r.telegram.OnStep(func(s bridgetest.Step) {
		if s.Name == bridgetest.OffsetConfirmed {
			mu.Lock()
			defer mu.Unlock()
			acknowledged = append(acknowledged, s.Updates...)
		}
	})
	r.start()
	r.ready()
	held, last := 0, 0
	for n := range l.messages {
		for i, c := range l.chats {
			w := r.telegram.Write(bridgetest.Line{Chat: c, From: l.users[i], Text: text(i, n)})
			mu.Lock()
			keys[w.Update(r.bot)] = fmt.Sprintf("%d/%d", c.ID, w.Message)
			mu.Unlock()
			if i%4 != 3 {
				continue
			}
			thaw := r.freeze()
			mu.Lock()
			promised := slices.Clone(acknowledged)
			mu.Unlock()
			copied := r.copyFiles(filepath.Join(r.dir, fmt.Sprintf("copy-%d-%d", n, i)), (n+i)%8 < 4)
			thaw()
			stored := storedKeys(t, copied)
			mu.Lock()
			for _, u := range promised {
				if !stored[keys[u]] {
					t.Errorf("copy %d of round %d: update %d was acknowledged and is not in it", i, n, u)
				}
			}
			mu.Unlock()
			if len(promised) > last {
				held++
			}
			last = len(promised)
			if err := os.RemoveAll(filepath.Dir(copied)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if held < 5 {
		t.Errorf("only %d copies held more than the one before: nothing was tested", held)
	}
	if err := r.telegram.WaitFor(deadline(t), l.answered(r)); err != nil {
		t.Errorf("%v after the copies; log:\n%s", err, r.logged())
	}
}

// freeze stops every thread of the program, wherever it is, and returns what lets it go on.
func (r *rig) freeze() (thaw func()) {
	r.t.Helper()
	r.mu.Lock()
	child := r.child.Process
	r.mu.Unlock()
	if err := child.Signal(syscall.SIGSTOP); err != nil {
		r.t.Fatal(err)
	}
	r.await("all threads to stand still", func() bool {
		stats, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", child.Pid))
		return err == nil && len(stats) > 0 && !slices.ContainsFunc(stats, func(file string) bool {
			stat, err := os.ReadFile(file)
			_, state, _ := strings.Cut(string(stat), ") ")
			return err == nil && !strings.HasPrefix(state, "T")
		})
	})
	return func() {
		if err := child.Signal(syscall.SIGCONT); err != nil {
			r.t.Error(err)
		}
	}
}

// copyFiles copies the database and its log, with the shared memory file or without.
func (r *rig) copyFiles(dir string, all bool) string {
	r.t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		r.t.Fatal(err)
	}
	suffixes := []string{"", "-wal"}
	if all {
		suffixes = append(suffixes, "-shm")
	}
	for _, suffix := range suffixes {
		data, err := os.ReadFile(filepath.Join(r.dir, "a.db"+suffix))
		if os.IsNotExist(err) {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "a.db"+suffix), data, 0o600)
		}
		if err != nil {
			r.t.Fatal(err)
		}
	}
	return filepath.Join(dir, "a.db")
}

// storedKeys checks a copied database and returns the event keys in it.
func storedKeys(t *testing.T, file string) map[string]bool {
	t.Helper()
	db, err := sql.Open("sqlite3", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var integrity string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&integrity); err != nil || integrity != "ok" {
		t.Errorf("integrity: %q %v", integrity, err)
	}
	rows, err := db.Query(keysQuery)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	keys := map[string]bool{}
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			t.Fatal(err)
		}
		keys[key] = true
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return keys
}
