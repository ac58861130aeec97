// Package sqlite keeps a store in one SQLite file.
//
// One goroutine writes. Verbs that wait while it commits share the next commit, so that a sync of the disk is paid once for many of
// them. Claims are in memory and change only with a commit; what waits is on disk alone. Long reads have connections of their own and
// hold up nobody.
//
// Beside the database at PATH there are PATH-wal and PATH-shm (SQLite's), PATH.lock (keeps a second process out) and, after an upgrade,
// PATH.OLDVERSION.bak, the database as it was before its migration.
package sqlite

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/google/uuid"

	"avatarbridge/store"
)

// Config says where the database is.
type Config struct {
	Path     string        // the file; it is made, readable by its owner alone, when it does not exist
	Log      *slog.Logger  // nil: nothing is logged
	NewID    func() string // makes uids; nil: random UUIDs. It is called by one goroutine at a time
	MaxPages int           // how many pages of 4 KiB the database may have, for small disks and tests; 0: no limit
	// Reserve is how many of MaxPages are kept for what was accepted before: with fewer left, Accept takes no more turns, so that those
	// that wait can still be answered.
	Reserve int
}

// A Store is a store.Store in an SQLite database.
type Store struct {
	path    string
	file    *os.File // the lock
	writer  *writer
	readers chan *conn
	reading sync.RWMutex // held by readers; Forget takes it alone
	close   sync.Once
	failed  error // of Close
}

var _ store.Store = (*Store)(nil)

// errBusy cannot come but from another process that ignores the lock, such as the sqlite3 shell.
var errBusy = errors.New("another connection reads the database: close it and try again")

// readConns is how many long reads run at once; more wait.
const readConns = 2

// Open opens the database, creates or migrates it if need be, and makes every head due. The error is store.ErrLocked when another process
// has it open, store.ErrNewer when a newer program wrote it. Databases on network file systems are refused.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	return open(ctx, cfg, migrations())
}

func open(ctx context.Context, cfg Config, schema fs.FS) (*Store, error) {
	path, err := filepath.Abs(cfg.Path)
	if err != nil {
		return nil, err
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.NewID == nil {
		cfg.NewID = uuid.NewString
	}
	if err := local(filepath.Dir(path)); err != nil {
		return nil, err
	}
	file, err := lock(path)
	if err != nil {
		return nil, err
	}
	s := &Store{path: path, file: file, readers: make(chan *conn, readConns)}
	if err := s.start(ctx, cfg, schema); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), s.closeFiles(), file.Close())
	}
	return s, nil
}

// local refuses network file systems: SQLite's locks and shared memory are not to be trusted there.
func local(dir string) error {
	kind, err := network(dir)
	if err != nil {
		return err
	}
	if kind != "" {
		return fmt.Errorf("%s is on a network file system (%s), where a power cut or a second machine can destroy the database: use a local disk", dir, kind)
	}
	return nil
}

func (s *Store) start(ctx context.Context, cfg Config, schema fs.FS) error {
	if err := create(s.path); err != nil {
		return err
	}
	if err := migrate(ctx, s.path, schema, cfg.Log); err != nil {
		return err
	}
	w, err := connect(dsn(s.path, pragmas))
	if err != nil {
		return err
	}
	c := newCore(w, cfg.NewID)
	if err := s.prepare(ctx, c, cfg); err != nil {
		return errors.Join(err, w.close())
	}
	for range readConns {
		r, err := connect(dsn(s.path, pragmas))
		if err != nil {
			return errors.Join(err, w.close())
		}
		s.readers <- r
	}
	k, err := connect(dsn(s.path, pragmas))
	if err != nil {
		return errors.Join(err, w.close())
	}
	s.writer = newWriter(c, newCheckpointer(k, s.path))
	return nil
}

// prepare sets what holds for the writer's connection and loads what lives in memory.
func (s *Store) prepare(ctx context.Context, c *core, cfg Config) error {
	// The cache holds the hot pages.
	settings := fmt.Sprintf("PRAGMA cache_size = -4096; PRAGMA wal_autocheckpoint = %d; PRAGMA journal_size_limit = 67108864;", walLimit)
	if cfg.MaxPages > 0 {
		settings += fmt.Sprintf("PRAGMA max_page_count = %d;", cfg.MaxPages)
	}
	if err := c.once(ctx, settings); err != nil {
		return err
	}
	c.maxPages, c.reserve = int64(cfg.MaxPages), int64(cfg.Reserve)
	if err := c.scrub(s.path); err != nil {
		// No reason not to start: a full disk would keep the program down for ever.
		cfg.Log.Warn("the files still hold bytes of somebody who was forgotten: the next purge tries again to rewrite them", "error", err)
	}
	if err := c.run("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err := c.load(); err != nil {
		return c.rollback(err)
	}
	c.undo = c.undo[:0]
	return c.run("COMMIT")
}

// create makes the file, so that SQLite gives its own files the same mode.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// Close waits for the verbs under way and closes the store; later verbs get an error. Only the first call does something.
func (s *Store) Close() error {
	s.close.Do(func() {
		s.writer.stop()
		s.reading.Lock()
		defer s.reading.Unlock()
		// The last connection that is closed folds the WAL into the database.
		s.failed = errors.Join(s.closeFiles(), s.writer.log.stop(), s.writer.core.conn.close(), s.file.Close())
	})
	return s.failed
}

func (s *Store) closeFiles() error {
	close(s.readers)
	var errs []error
	for r := range s.readers {
		errs = append(errs, r.close())
	}
	return errors.Join(errs...)
}

// read runs f on a connection that sees one state of the database all the time.
func (s *Store) read(ctx context.Context, f func(*conn) error) error {
	s.reading.RLock()
	defer s.reading.RUnlock()
	var c *conn
	select {
	case <-ctx.Done():
		return ctx.Err()
	case r, ok := <-s.readers:
		if !ok {
			return errClosed
		}
		c = r
	}
	defer func() { s.readers <- c }()
	if _, err := c.exec("BEGIN"); err != nil {
		return err
	}
	err := f(c)
	if _, end := c.exec("ROLLBACK"); end != nil {
		return errors.Join(err, end)
	}
	return err
}

// Secret is described in the contract.
func (s *Store) Secret(ctx context.Context, name string) ([]byte, error) {
	var secret []byte
	err := s.writer.run(ctx, false, func(c *core) error {
		fresh := make([]byte, 32)
		if _, err := rand.Read(fresh); err != nil {
			return err
		}
		if _, err := c.exec("INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING", secretName(name), fresh); err != nil {
			return err
		}
		r, err := c.one("SELECT value FROM setting WHERE name = ?", secretName(name))
		if err == nil {
			secret = r.bytes(0)
		}
		return err
	})
	return secret, err
}

// secretName is the name of a secret among the settings.
func secretName(name string) string { return "secret/" + name }

// Writable is described in the contract.
func (s *Store) Writable(ctx context.Context) error {
	return s.writer.run(ctx, false, func(c *core) error {
		if err := c.room(4096); err != nil {
			return err
		}
		// 64 KiB more than there are, so that it fails where a message would; then they are given back.
		for _, q := range []string{
			"INSERT INTO setting (name, value) VALUES ('writable', zeroblob(65536))",
			"DELETE FROM setting WHERE name = 'writable'",
		} {
			if err := c.run(q); err != nil {
				return err
			}
		}
		return nil
	})
}
