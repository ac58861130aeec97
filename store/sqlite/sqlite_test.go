package sqlite_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"avatarbridge/store"
	"avatarbridge/store/sqlite"
	"avatarbridge/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, storetest.Kind{
		Open: func(dir string) (store.Store, error) {
			return sqlite.Open(context.Background(), sqlite.Config{Path: filepath.Join(dir, "store.db")})
		},
		Crash: func(s store.Store, dir string) (string, error) {
			to, err := os.MkdirTemp(dir, "crash")
			if err != nil {
				return "", err
			}
			if err := copyDatabase(filepath.Join(dir, "store.db"), filepath.Join(to, "store.db")); err != nil {
				return "", err
			}
			return to, s.Close()
		},
	})
}

// copyDatabase copies what a power cut would leave: the file and the WAL, not the shared memory. Nothing may be committed meanwhile.
func copyDatabase(from, to string) error {
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(from + suffix)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(to+suffix, b, 0o600); err != nil {
			return err
		}
	}
	return nil
}
