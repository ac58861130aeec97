package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"

	"avatarbridge/store"
	"avatarbridge/store/sqlite"
)

// TestTheLogStaysSmallWhileTheStoreIsNeverIdle writes without a pause: the log may begin anew only when all of it is in the database, and nobody but the
// writer can see to that.
func TestTheLogStaysSmallWhileTheStoreIsNeverIdle(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	const workers, each = 8, 250
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := range each {
				if err := bloat(t.Context(), s, w*each+i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	info, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	// 2,000 messages of 20 KB are 40 MB of log, and more.
	if mb := info.Size() >> 20; mb < 1 || mb > 40 {
		t.Errorf("the log has grown to %d MB", mb)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var n int
	var verdict string
	if err := db.QueryRow("SELECT count(*), (SELECT integrity_check FROM pragma_integrity_check) FROM turn").Scan(&n, &verdict); err != nil {
		t.Fatal(err)
	}
	if n != workers*each || verdict != "ok" {
		t.Errorf("%d messages are in the database: %s", n, verdict)
	}
}

// bloat stores a message with a large body.
func bloat(ctx context.Context, s *sqlite.Store, i int) error {
	now := time.Now()
	e := message(i, i, now)
	e.Turn.Body = make([]byte, 20_000)
	_, err := s.Accept(ctx, store.Batch{Account: account, Cursor: fmt.Sprint(i), Now: now, Entries: []store.Entry{e}})
	return err
}
