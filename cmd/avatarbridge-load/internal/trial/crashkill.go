package trial

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/mattn/go-sqlite3"

	"avatarbridge/cmd/avatarbridge-load/internal/figure"
)

// A witness is a platform that tells nobody whether a post is there, so that what was in flight when the program died may come twice.
type witness interface {
	// Quiet returns when all is noted that a program sent which is dead by now.
	Quiet(ctx context.Context) error
	// Unsure tells the ledger which replies were in flight, and returns how many.
	Unsure(noted map[string]bool) int
}

// quietWithin is how long it may take to read what a dead program has sent.
const quietWithin = 20 * time.Second

// kill ends the program, and tells the ledger what a kill in this moment lets come again.
func (t *trial) kill(ctx context.Context) error {
	t.process().Kill()
	return t.takeStock(ctx)
}

// takeStock tells the ledger what the death of the program lets come again, message by message: posts that a simulator has taken, of whose ids
// the program's database, as it was left, has none; and questions that an avatar has heard and to which nothing is posted. It is called before
// the program starts again.
func (t *trial) takeStock(ctx context.Context) error {
	if t.who == Baseline { // which has nothing to take stock of, and has promised nothing
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, quietWithin)
	defer cancel()
	err := t.troupe.Quiet(ctx)
	for _, b := range t.bots {
		if w, ok := b.platform.(witness); ok {
			err = errors.Join(err, w.Quiet(ctx))
		}
	}
	if err != nil {
		return fmt.Errorf("read what the dead program has sent: %w", err)
	}
	t.ledger.Cut()
	noted, err := t.noted()
	if err != nil {
		return fmt.Errorf("read what the dead program has noted: %w", err)
	}
	for _, b := range t.bots {
		if w, ok := b.platform.(witness); ok {
			t.inFlight = max(t.inFlight, w.Unsure(noted))
		}
	}
	return nil
}

// flights adds how many posts were in flight when the program was killed, all kills together. What is doubled is held against it message by message.
func (t *trial) flights(r *figure.Result) {
	if t.count(Telegram) == 0 || t.who == Baseline {
		return
	}
	prefix := ""
	if len(t.kinds()) > 1 {
		prefix = Telegram + ": "
	}
	r.Add(prefix+"in flight at the kills", "", float64(t.ledger.Sum().Unsure))
	if t.inFlight > maxInFlight {
		t.broken(r, fmt.Sprintf("%d posts of one bridge were in flight at a kill, where max_in_flight is %d", t.inFlight, maxInFlight))
	}
}

// noted are the ids of posts that the dead program's database has. It reads a copy, so that the program finds everything as it was left.
func (t *trial) noted() (map[string]bool, error) {
	dir, err := os.MkdirTemp(t.dir, "left-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	for _, file := range []string{databaseFile, databaseFile + "-wal"} {
		b, err := os.ReadFile(filepath.Join(t.dir, file))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, file), b, 0o600)
		}
		if err != nil {
			return nil, err
		}
	}
	return sentIDs(filepath.Join(dir, databaseFile))
}

// sentIDs reads the ids that platforms gave to the posts that a database knows as sent: none when it was not yet made.
func sentIDs(file string) (ids map[string]bool, err error) {
	db, err := (&sqlite3.SQLiteDriver{}).Open("file:" + file)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	one := make([]driver.Value, 1)
	rows, err := query(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'post'")
	if err != nil {
		return nil, err
	}
	err = errors.Join(rows.Next(one), rows.Close())
	if err != nil || one[0] == int64(0) {
		return nil, err
	}
	if rows, err = query(db, "SELECT sent_id FROM post WHERE sent_id IS NOT NULL"); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	ids = map[string]bool{}
	for {
		switch err := rows.Next(one); {
		case errors.Is(err, io.EOF):
			return ids, nil
		case err != nil:
			return nil, err
		}
		id, ok := one[0].(string)
		if !ok {
			return nil, fmt.Errorf("an id is %T", one[0])
		}
		ids[id] = true
	}
}

func query(db driver.Conn, q string) (driver.Rows, error) {
	q2, ok := db.(driver.QueryerContext)
	if !ok {
		return nil, errors.New("the driver runs no queries")
	}
	return q2.QueryContext(context.Background(), q, nil)
}
