package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// Backup is described in the contract. The copy has everything: people, secrets, what waits. Forget does not reach it.
func (s *Store) Backup(ctx context.Context, file string) error {
	s.reading.RLock()
	defer s.reading.RUnlock()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case c, ok := <-s.readers:
		if !ok {
			return errClosed
		}
		defer func() { s.readers <- c }()
		return copyTo(file, func(file string) error { return c.once(ctx, "VACUUM INTO ?", file) })
	}
}

// copyTo has write fill a new file that its owner alone can read, and syncs it. It leaves no half of one.
func copyTo(file string, write func(file string) error) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err = write(file); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(file))
	}
	return syncDir(filepath.Dir(file))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// beforeRestore is added to the name of a database that Restore moves aside.
const beforeRestore = ".before-restore"

// Restore puts a backup in the place of the database at path, which no process may have open (else the error is store.ErrLocked). A
// database that is there is moved to path.before-restore; if there is one of that name already, Restore refuses.
//
// Whether what waits in the backup was sent after it was made nobody knows: pending counts the turns and posts that have become dead letters
// that say so. Retry brings back those that the operator wants.
func Restore(ctx context.Context, backup, path string) (pending int, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return 0, err
	}
	if err := local(filepath.Dir(path)); err != nil {
		return 0, err
	}
	file, err := lock(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	aside := path + beforeRestore
	if exists(path) && exists(aside) {
		return 0, fmt.Errorf("%s is there from an earlier restore: move or delete it first", aside)
	}
	fresh := path + ".restoring"
	if err := remove(fresh); err != nil {
		return 0, err
	}
	if pending, err = thaw(ctx, backup, fresh); err != nil {
		return 0, errors.Join(fmt.Errorf("restore %s: %w", backup, err), remove(fresh))
	}
	for _, suffix := range []string{"-wal", "-shm", ""} {
		if exists(path + suffix) {
			if err := os.Rename(path+suffix, aside+suffix); err != nil {
				return 0, err
			}
		}
	}
	if err := os.Rename(fresh, path); err != nil {
		return 0, err
	}
	return pending, syncDir(filepath.Dir(path))
}

func exists(file string) bool {
	_, err := os.Lstat(file)
	return err == nil
}

// remove deletes a database and what SQLite keeps beside it.
func remove(file string) error {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(file + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// thaw makes a database of a backup and buries what waits in it.
func thaw(ctx context.Context, backup, fresh string) (pending int, err error) {
	if _, err := os.Stat(backup); err != nil {
		return 0, err
	}
	from, err := connect(dsn(backup, "mode=ro&_busy_timeout=5000"))
	if err != nil {
		return 0, err
	}
	err = copyTo(fresh, func(file string) error {
		r, err := from.one("PRAGMA quick_check(1)")
		if err != nil {
			return err
		}
		if r.text(0) != "ok" {
			return fmt.Errorf("it is damaged: %s", r.text(0))
		}
		if r, err = from.one("SELECT count(*) FROM sqlite_schema WHERE name IN ('turn', 'post', 'goose_db_version')"); err != nil {
			return err
		}
		if r.int(0) != 3 {
			return errors.New("it is no backup of this program")
		}
		return from.once(ctx, "VACUUM INTO ?", file)
	})
	if err = errors.Join(err, from.close()); err != nil {
		return 0, err
	}
	if err := migrateCopy(ctx, fresh); err != nil {
		return 0, err
	}
	c, err := connect(dsn(fresh, pragmas))
	if err != nil {
		return 0, err
	}
	pending, err = c.buryAll("restored from a backup: it may have been answered or sent after the backup was made", micros(time.Now()))
	return pending, errors.Join(err, c.close())
}

// buryAll makes dead letters, flagged unclear, of all that waits.
func (c *conn) buryAll(reason string, now int64) (pending int, err error) {
	if _, err := c.exec("BEGIN IMMEDIATE"); err != nil {
		return 0, err
	}
	for _, q := range []string{
		`INSERT INTO dead (post, row, conversation, unclear, reason, at) SELECT 0, row, conversation, 1, ?, ? FROM turn WHERE state = 0 ORDER BY conversation, pos`,
		`INSERT INTO dead (post, row, conversation, unclear, reason, at) SELECT 1, id, conversation, 1, ?, ? FROM post WHERE state = 0 ORDER BY conversation, pos`,
	} {
		n, err := c.exec(q, reason, now)
		if err != nil {
			return 0, err
		}
		pending += int(n)
	}
	for _, q := range []string{
		"UPDATE turn SET state = 2, due = NULL WHERE state = 0",
		"UPDATE post SET state = 2, due = NULL, sending = 0, unclear = 1 WHERE state = 0",
		"COMMIT",
	} {
		if _, err := c.exec(q); err != nil {
			return 0, err
		}
	}
	return pending, nil
}

// migrateCopy brings a restored copy to the program's schema; the backup itself stays, so that no second copy is needed.
func migrateCopy(ctx context.Context, fresh string) (err error) {
	err = migrate(ctx, fresh, migrations(), slog.New(slog.DiscardHandler))
	if baks, e := filepath.Glob(escapeGlob(fresh) + ".*.bak"); e == nil {
		for _, f := range baks {
			err = errors.Join(err, os.Remove(f))
		}
	}
	return err
}
