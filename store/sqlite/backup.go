package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"avatarbridge/store"
)

// Backup is described in the contract. The copy has everything: people, secrets, what waits. Forget does not reach it, so that it may not
// have the name of a copy that Forget deletes.
func (s *Store) Backup(ctx context.Context, file string) error {
	if s.reserved(file) {
		return fmt.Errorf("%s is the name of a copy that the program itself makes and deletes: choose another", file)
	}
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

// reserved says whether file names a copy of the database that Forget deletes, by whatever path.
func (s *Store) reserved(file string) bool {
	dir, err := os.Stat(filepath.Dir(file))
	if err != nil {
		return false // nothing can be made there
	}
	own, err := os.Stat(filepath.Dir(s.path))
	if err != nil || !os.SameFile(dir, own) {
		return false
	}
	name := filepath.Base(file)
	after, aside := strings.CutPrefix(name, filepath.Base(s.path)+beforeRestore)
	return isMigrationCopy(filepath.Base(s.path), name) || aside && asideName.MatchString(after) ||
		strings.HasPrefix(name, filepath.Base(s.path)+restoring)
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

// restoring is added to the name of the database that Restore is making.
const restoring = ".restoring"

// beforeRestore, and a time, is added to the name of a database that Restore moves aside.
const beforeRestore = ".before-restore"

var asideName = regexp.MustCompile(`^(-\d{8}T\d{6}Z(-\d+)?)?(-wal|-shm)?$`)

// movedAside returns the databases that Restore has moved aside from path, with what SQLite keeps beside them.
func movedAside(path string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	var files []string
	for _, e := range entries {
		if name, ours := strings.CutPrefix(e.Name(), filepath.Base(path)+beforeRestore); ours && asideName.MatchString(name) {
			files = append(files, filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
	return files, err
}

// Restored says what Restore did.
type Restored struct {
	// Pending counts the turns and posts that waited in the backup. Whether they were settled after it was made nobody knows: they have
	// become dead letters that say so, and Retry brings back those that the operator wants.
	Pending int
	Aside   string // where the database is that was there before; "" when there was none
}

// Restore puts a backup in the place of the database at path, which no process may have open (else the error is store.ErrLocked). The
// backup is examined before anything else, so that nobody stops a program for a file that is of no use. A database that is there is
// kept beside path, under a name with the time at its end; Forget deletes such copies.
func Restore(ctx context.Context, backup, path string) (done Restored, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return Restored{}, err
	}
	if err := local(filepath.Dir(path)); err != nil {
		return Restored{}, err
	}
	if err := examine(backup); err != nil {
		return Restored{}, fmt.Errorf("%s: %w", backup, err)
	}
	file, err := lock(path)
	if err != nil {
		return Restored{}, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	fresh := path + restoring
	if err := remove(fresh); err != nil {
		return Restored{}, err
	}
	if done.Pending, err = thaw(ctx, backup, fresh); err != nil {
		return Restored{}, errors.Join(fmt.Errorf("%s: %w", backup, err), remove(fresh))
	}
	if done.Aside, err = moveAside(path, time.Now()); err != nil {
		return Restored{}, err
	}
	if err := os.Rename(fresh, path); err != nil {
		return Restored{}, err
	}
	return done, syncDir(filepath.Dir(path))
}

// moveAside keeps a database, if there is one, under a name that no other has, and returns it. What its WAL holds is folded into it first,
// and path goes on naming it: a crash before the caller's rename leaves the old database, whole and in its place.
func moveAside(path string, now time.Time) (aside string, err error) {
	if !exists(path) {
		return "", nil
	}
	stamp := path + beforeRestore + now.UTC().Format("-20060102T150405Z")
	aside = stamp
	for n := 2; exists(aside); n++ {
		aside = fmt.Sprintf("%s-%d", stamp, n)
	}
	fold(path)
	// What is still there belongs to a database that cannot be read, and must not be taken for the new one's.
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Rename(path+suffix, aside+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	if os.Link(path, aside) == nil {
		return aside, nil
	}
	return aside, os.Rename(path, aside) // a file system without hard links
}

// fold brings what the WAL of a program that was killed holds into the database, and deletes the WAL. A database for which this does not
// work is being replaced for a reason: it is kept as it is.
func fold(path string) {
	c, err := connect(dsn(path, pragmas))
	if err != nil {
		return
	}
	_, _ = c.one("PRAGMA wal_checkpoint(TRUNCATE)")
	_ = c.close()
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

// examine says what keeps a file from being restored. It changes nothing.
func examine(backup string) error {
	if _, err := os.Stat(backup); err != nil {
		return err
	}
	c, err := connect(dsn(backup, readBackup))
	if err != nil {
		return fmt.Errorf("it is no backup of this program: %w", err)
	}
	return errors.Join(c.whole(), c.close())
}

const readBackup = "mode=ro&_busy_timeout=5000"

func (c *conn) whole() error {
	r, err := c.one("PRAGMA quick_check(1)")
	if err != nil {
		return fmt.Errorf("it is no backup of this program: %w", err)
	}
	if r.text(0) != "ok" {
		return fmt.Errorf("it is damaged: %s", r.text(0))
	}
	if r, err = c.one("SELECT count(*) FROM sqlite_schema WHERE name IN ('turn', 'post', 'goose_db_version')"); err != nil {
		return err
	}
	if r.int(0) != 3 {
		return errors.New("it is no backup of this program")
	}
	return nil
}

// thaw makes a database of a backup and buries what waits in it.
func thaw(ctx context.Context, backup, fresh string) (pending int, err error) {
	from, err := connect(dsn(backup, readBackup))
	if err != nil {
		return 0, err
	}
	err = copyTo(fresh, func(file string) error { return from.once(ctx, "VACUUM INTO ?", file) })
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
	// The ids that were given since the backup are given again: who has seen them must learn that they mean something else now.
	if _, err := c.exec("DELETE FROM setting WHERE name = ?", secretName(store.EpochSecret)); err != nil {
		return 0, errors.Join(err, c.close())
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
	copies, e := migrationCopies(fresh)
	err = errors.Join(err, e)
	for _, f := range copies {
		err = errors.Join(err, os.Remove(f))
	}
	return err
}
