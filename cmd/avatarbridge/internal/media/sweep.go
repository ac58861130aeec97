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
		if err := s.sweep(); err != nil {
			s.cfg.Log.Warn("expired audio could not be deleted", "dir", s.cfg.Dir, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// kept is one file of the store.
type kept struct {
	path string
	size int64
	at   time.Time
}

func (s *Store) sweep() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shrink(s.cfg.Total)
}

// reserve makes room for n more bytes.
func (s *Store) reserve(n int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.counted {
		if err := s.shrink(s.cfg.Total); err != nil {
			return err
		}
	}
	if s.used+s.pending+n > s.cfg.Total {
		// A tenth more than needed, so that a full store does not read its directory for each file.
		if err := s.shrink(s.cfg.Total - s.cfg.Total/10 - s.pending - n); err != nil {
			return err
		}
	}
	s.pending += n
	return nil
}

// written ends a reservation.
func (s *Store) written(n int64, done bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending -= n
	if done {
		s.used += n
	}
}

// shrink deletes what has expired, then the oldest files until at most limit bytes are left, and counts anew. The caller holds mu.
func (s *Store) shrink(limit int64) error {
	files, err := s.list()
	if err != nil {
		return err
	}
	slices.SortFunc(files, func(a, b kept) int { return a.at.Compare(b.at) })
	var total int64
	for _, f := range files {
		total += f.size
	}
	for _, f := range files {
		if total <= limit && s.now().Before(f.at.Add(s.cfg.Keep)) {
			break
		}
		if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		total -= f.size
	}
	s.used, s.counted = total, true
	return nil
}

// list returns the store's files; none when there is no directory yet. Files with other names are not the store's.
func (s *Store) list() ([]kept, error) {
	entries, err := os.ReadDir(s.cfg.Dir)
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
		files = append(files, kept{filepath.Join(s.cfg.Dir, e.Name()), info.Size(), info.ModTime()})
	}
	return files, nil
}

// fileName reports whether s is a name as path makes it: 64 hexadecimal digits in small letters.
func fileName(s string) bool { return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == "" }
