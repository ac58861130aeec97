package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/pressly/goose/v3"

	"avatarbridge/store"
)

//go:embed migrations/*.sql
var embedded embed.FS

// migrations is the schema's history.
func migrations() fs.FS {
	sub, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return embedded // not a valid folder name: goose reports that nothing is there
	}
	return sub
}

// isMigrationCopy says whether file is the name of a copy that migrate makes of the database at path. An operator's own backup with another
// word in this place is none.
func isMigrationCopy(path, file string) bool {
	version, ours := strings.CutPrefix(file, path+".")
	version, bak := strings.CutSuffix(version, ".bak")
	return ours && bak && version != "" && strings.Trim(version, "0123456789") == ""
}

// migrationCopies returns the copies that migrate has made of the database at path.
func migrationCopies(path string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	var copies []string
	for _, e := range entries {
		if file := filepath.Join(filepath.Dir(path), e.Name()); isMigrationCopy(path, file) {
			copies = append(copies, file)
		}
	}
	return copies, err
}

// migrate brings the database to the program's schema. One with content is copied to path.VERSION.bak before.
func migrate(ctx context.Context, path string, schema fs.FS, log *slog.Logger) (err error) {
	db, err := sql.Open("sqlite3", dsn(path, pragmas))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, db.Close()) }()
	p, err := goose.NewProvider(goose.DialectSQLite3, db, schema)
	if err != nil {
		return err
	}
	has, wants, err := p.GetVersions(ctx)
	if err != nil {
		return err
	}
	switch {
	case has > wants:
		return fmt.Errorf("its schema has version %d, this program knows %d: install the newer program again: %w", has, wants, store.ErrNewer)
	case has == wants:
		return nil
	case has > 0:
		bak := fmt.Sprintf("%s.%d.bak", path, has) // see isMigrationCopy
		// One that is there is from an earlier attempt at this very migration.
		if err := os.Remove(bak); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := copyTo(bak, func(file string) error { _, err := db.ExecContext(ctx, "VACUUM INTO ?", file); return err }); err != nil {
			return fmt.Errorf("copy to %s before the migration: %w", bak, err)
		}
		log.Info("the database is being migrated", "from", has, "to", wants, "copy", bak)
	}
	_, err = p.Up(ctx)
	return err
}
