package control

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// minToken is the least number of characters that a token in a file must have.
const minToken = 32

// Token returns the admin token in the file at path, and makes a file with a random one, readable by this user only, when there is none.
// Two processes that make it at the same time get the same token. A file that others may read is refused, for its token may be known.
func Token(path string) (string, error) {
	token, err := readToken(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return token, err
	}
	if err := makeToken(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("make the admin token: %w", err)
	}
	return readToken(path)
}

func readToken(path string) (token string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read the admin token: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("read the admin token: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		return "", fmt.Errorf("the admin token in %s can be read by other users: delete the file, a new one is made", path)
	}
	b, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return "", fmt.Errorf("read the admin token: %w", err)
	}
	token = strings.TrimSpace(string(b))
	if len(token) < minToken {
		return "", fmt.Errorf("the admin token in %s is too short: delete the file, a new one is made", path)
	}
	return token, nil
}

// makeToken writes the whole file before it gets its name, so that nobody reads half a token.
func makeToken(path string) error {
	b := make([]byte, 32)
	rand.Read(b)                                                // never fails
	f, err := os.CreateTemp(filepath.Dir(path), ".admin-token") // with mode 0600
	if err != nil {
		return err
	}
	_, err = f.WriteString(hex.EncodeToString(b) + "\n")
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Link(f.Name(), path) // unlike a rename it leaves another process's file alone
	}
	return errors.Join(err, os.Remove(f.Name()))
}
