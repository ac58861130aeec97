package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"

	"github.com/mattn/go-sqlite3"
)

// A conn is one connection with its prepared statements, for one goroutine at a time. The driver is used without database/sql: the
// writer needs no pool, and a statement neither its locks nor its conversions.
type conn struct {
	db     *sqlite3.SQLiteConn
	stmts  map[string]*sqlite3.SQLiteStmt
	writes int64 // statements that changed something
	args   []driver.NamedValue
}

// dsn makes the driver's address of a database file, whatever characters the path has.
func dsn(path, params string) string {
	u := url.URL{Path: filepath.ToSlash(path)}
	return "file:" + u.EscapedPath() + "?" + params
}

// A connection is used by one goroutine at a time, so it needs no mutex of its own.
const pragmas = "_mutex=no&_journal_mode=WAL&_synchronous=FULL&_secure_delete=on&_txlock=immediate&_busy_timeout=5000"

func connect(dsn string) (*conn, error) {
	c, err := (&sqlite3.SQLiteDriver{}).Open(dsn)
	if err != nil {
		return nil, err
	}
	return &conn{db: c.(*sqlite3.SQLiteConn), stmts: map[string]*sqlite3.SQLiteStmt{}}, nil
}

func (c *conn) close() error {
	var errs []error
	for _, s := range c.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.db.Close())...)
}

// stmt returns the prepared statement of a constant query.
func (c *conn) stmt(query string) (*sqlite3.SQLiteStmt, error) {
	if s := c.stmts[query]; s != nil {
		return s, nil
	}
	p, err := c.db.Prepare(query)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", query, err)
	}
	s := p.(*sqlite3.SQLiteStmt)
	c.stmts[query] = s
	return s, nil
}

// exec runs a statement that returns no rows and returns how many rows it changed.
func (c *conn) exec(query string, args ...driver.Value) (int64, error) {
	s, err := c.stmt(query)
	if err != nil {
		return 0, err
	}
	r, err := s.ExecContext(context.Background(), c.numbered(args))
	if err != nil {
		return 0, err
	}
	n, err := r.RowsAffected()
	if n > 0 {
		c.writes++
	}
	return n, err
}

// numbered is args as the driver binds them. They are bound before the next statement's are made in the same place.
func (c *conn) numbered(args []driver.Value) []driver.NamedValue {
	c.args = c.args[:0]
	for i, v := range args {
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	return c.args
}

// once runs statements that are not worth keeping; ctx interrupts them.
func (c *conn) once(ctx context.Context, query string, args ...driver.Value) error {
	named := make([]driver.NamedValue, len(args))
	for i, a := range args {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	_, err := c.db.ExecContext(ctx, query, named)
	return err
}

// A row is one result row.
type row []driver.Value

func (r row) null(i int) bool    { return r[i] == nil }
func (r row) int(i int) int64    { n, _ := r[i].(int64); return n }
func (r row) bool(i int) bool    { return r.int(i) != 0 }
func (r row) text(i int) string  { s, _ := r[i].(string); return s }
func (r row) bytes(i int) []byte { b, _ := r[i].([]byte); return b }

// each calls f for each row, which it may keep. f must not run the same query.
func (c *conn) each(f func(row) error, query string, args ...driver.Value) error {
	s, err := c.stmt(query)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(context.Background(), c.numbered(args))
	if err != nil {
		return err
	}
	n := len(rows.Columns())
	for {
		r := make(row, n)
		if err = rows.Next(r); err != nil {
			break
		}
		if err = f(r); err != nil {
			break
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, rows.Close())
}

// all returns all rows; the query bounds them.
func (c *conn) all(query string, args ...driver.Value) ([]row, error) {
	var rows []row
	err := c.each(func(r row) error { rows = append(rows, r); return nil }, query, args...)
	return rows, err
}

// one returns the first row, nil when there is none.
func (c *conn) one(query string, args ...driver.Value) (row, error) {
	s, err := c.stmt(query)
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(context.Background(), c.numbered(args))
	if err != nil {
		return nil, err
	}
	r := make(row, len(rows.Columns()))
	err = rows.Next(r)
	closed := rows.Close()
	if errors.Is(err, io.EOF) {
		return nil, closed
	}
	return r, errors.Join(err, closed)
}

// fatal says whether an error is the database's and not that of the one verb that met it: then the whole group has failed.
func fatal(err error) bool {
	e, ok := errors.AsType[sqlite3.Error](err)
	if !ok {
		return false
	}
	switch e.Code {
	case sqlite3.ErrConstraint, sqlite3.ErrMismatch, sqlite3.ErrRange, sqlite3.ErrTooBig:
		return false
	}
	return true
}
