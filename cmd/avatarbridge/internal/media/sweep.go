package media

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// sweepEvery is how often Run looks for expired files; what has expired is not served, deleted or not.
const sweepEvery = 10 * time.Minute

// Run deletes expired files until ctx ends. A sweep that fails is logged and made again at its next time.
func (s *Store) Run(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		for _, f := range []*folder{s.sounds, s.voices} {
			if err := f.sweep(); err != nil {
				s.cfg.Log.Warn("expired audio could not be deleted", "dir", f.dir, "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// kept is one file of a folder.
type kept struct {
	path string
	size int64
	at   time.Time
}

func (f *folder) sweep() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.shrink(f.total)
}

// reserve makes room for n more bytes.
func (f *folder) reserve(n int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.counted {
		if err := f.shrink(f.total); err != nil {
			return err
		}
	}
	if f.used+f.pending+n > f.total {
		// A tenth more than needed, so that a full store does not read its directory for each file.
		if err := f.shrink(f.total - f.total/10 - f.pending - n); err != nil {
			return err
		}
	}
	if f.spared > 0 && f.used+f.pending+n > f.total {
		return errNoRoom
	}
	f.pending += n
	return nil
}

// written ends a reservation.
func (f *folder) written(n int64, done bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending -= n
	if done {
		f.used += n
	}
	if f.used > f.total { // more were written at once than there is room for
		_ = f.shrink(f.total) // what fails here is found again by the next reserve or sweep
	}
}

// shrink deletes what has expired, then the oldest files until at most limit bytes are left, but none that is spared, and counts anew. The
// caller holds mu.
func (f *folder) shrink(limit int64) error {
	files, err := f.list()
	if err != nil {
		return err
	}
	slices.SortFunc(files, func(a, b kept) int { return a.at.Compare(b.at) })
	var total int64
	for _, file := range files {
		total += file.size
	}
	now := f.now()
	for _, file := range files {
		age := now.Sub(file.at)
		if age < f.keep && (total <= limit || age < f.spared) {
			break
		}
		if err := os.Remove(file.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		total -= file.size
	}
	f.used, f.counted = total, true
	return nil
}

// list returns the folder's files; none when there is no directory yet. Files with other names are not the store's.
func (f *folder) list() ([]kept, error) {
	entries, err := os.ReadDir(f.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var files []kept
	for _, e := range entries {
		if !fileName(e.Name()) || !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		files = append(files, kept{filepath.Join(f.dir, e.Name()), info.Size(), info.ModTime()})
	}
	return files, nil
}

// fileName reports whether s is a name as path makes it: 64 hexadecimal digits in small letters.
func fileName(s string) bool { return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == "" }
