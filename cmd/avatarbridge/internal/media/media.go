// Package media keeps the audio that avatars gave as bytes, serves it under unguessable addresses for a while, and fetches audio for
// bridges that upload it.
//
// Kept audio is one file each, named by the hash of its token, so that a listing of the directory gives nobody an address. What a file
// is is told by its first bytes, which also keeps anything but audio from being served. Files are not synced to disk one by one: after a
// power cut the last seconds' audio may be missing, and its message goes out without it.
package media

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
	"avatarbridge/bridges/relay"
	"avatarbridge/cmd/avatarbridge/internal/guard"
)

// The defaults of Config.
const (
	DefaultKeep     = 24 * time.Hour
	DefaultMaxBytes = 20 << 20 // what Telegram lets a bot download, and more than minutes of speech
	DefaultTotal    = 1 << 30
)

// scheme opens the Source of kept audio.
const scheme = "media:"

// Config is what a Store works with. Dir must be set; zero values of the rest mean what stands beside them.
type Config struct {
	Dir      string        // made with the first file; only this program may write in it
	Keep     time.Duration // how long audio is served: DefaultKeep
	MaxBytes int64         // of one audio, kept or fetched: DefaultMaxBytes
	Total    int64         // of all files, the oldest go first: DefaultTotal
	BaseURL  string        // the public URL without a slash at its end; "" gives audio no Link

	// Client returns the client for URLs that an avatar named; nil: clients of guard.
	Client func(allowPrivate bool) *http.Client
	Log    *slog.Logger // nil: silence
}

// Store is relay.Media, bridges.Media, and the http.Handler of /media/{token}. Its methods may be called by several goroutines.
type Store struct {
	cfg     Config
	now     func() time.Time
	ffmpeg  func() (string, error) // where the converter is
	convert chan struct{}          // a place for each conversion that may run at once
	memory  uint64                 // bytes of address space of a converter

	patience patience

	mu      sync.Mutex // guards what follows, and keeps two sweeps from running at once
	counted bool       // used is right
	used    int64      // bytes in Dir, or more: what is written during a count may be counted twice until the next
	pending int64      // bytes being written
}

var (
	_ relay.Media   = (*Store)(nil)
	_ bridges.Media = (*Store)(nil)
	_ http.Handler  = (*Store)(nil)
)

// New returns a Store. It does no I/O.
func New(cfg Config) *Store {
	cfg.Keep = orDefault(cfg.Keep, DefaultKeep)
	cfg.MaxBytes = orDefault(cfg.MaxBytes, DefaultMaxBytes)
	cfg.Total = orDefault(cfg.Total, DefaultTotal)
	cfg.MaxBytes = min(cfg.MaxBytes, cfg.Total)
	cfg.BaseURL = strings.TrimRight(cfg.BaseURL, "/")
	if cfg.Client == nil {
		public, private := guard.Client(false), guard.Client(true)
		cfg.Client = func(allowPrivate bool) *http.Client {
			if allowPrivate {
				return private
			}
			return public
		}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Store{cfg: cfg, now: time.Now, ffmpeg: findFFmpeg, convert: make(chan struct{}, converters), memory: convertMemory}
}

func orDefault[N time.Duration | int64](n, or N) N {
	if n <= 0 {
		return or
	}
	return n
}

// Vet is guard.Vet.
func (s *Store) Vet(url string, allowPrivate bool) error { return guard.Vet(url, allowPrivate) }

// Keep writes the audio's bytes to a new file. Audio without bytes is returned as the URL it is. Bytes that are no audio, or too many, are
// fault.Rejected; a failing disk is fault.Retry.
func (s *Store) Keep(_ context.Context, a avatar.Audio) (bridges.Audio, error) {
	if len(a.Data) == 0 {
		if a.URL == "" {
			return bridges.Audio{}, fault.Reject("the audio is empty", nil)
		}
		return bridges.Audio{Source: a.URL, Link: a.URL, Type: a.Type}, nil
	}
	if err := s.checkSize(int64(len(a.Data))); err != nil {
		return bridges.Audio{}, err
	}
	f := sniff(a.Data)
	if f == nil {
		return bridges.Audio{}, fault.Reject("the avatar's bytes are no audio that is known here", nil)
	}
	token, err := s.write(a.Data)
	if err != nil {
		return bridges.Audio{}, &fault.Outcome{Reason: "audio cannot be kept in " + s.cfg.Dir, Err: err}
	}
	kept := bridges.Audio{Source: scheme + token, Type: f.mime}
	if s.cfg.BaseURL != "" {
		kept.Link = s.cfg.BaseURL + "/media/" + token
	}
	return kept, nil
}

func (s *Store) checkSize(n int64) error {
	if n > s.cfg.MaxBytes {
		return fault.Reject(fmt.Sprintf("the audio has more than %d bytes", s.cfg.MaxBytes), nil)
	}
	return nil
}

// write stores data under a new token. A process that dies in the middle leaves a file that no token leads to, for Run to delete.
func (s *Store) write(data []byte) (token string, err error) {
	if err := s.reserve(int64(len(data))); err != nil {
		return "", err
	}
	b := make([]byte, 32)
	rand.Read(b) // never fails
	token = base64.RawURLEncoding.EncodeToString(b)
	if err = os.MkdirAll(s.cfg.Dir, 0o700); err == nil {
		err = writeFile(s.path(token), data)
	}
	s.written(int64(len(data)), err == nil)
	return token, err
}

func writeFile(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// path returns the file of a token.
func (s *Store) path(token string) string {
	sum := sha256.Sum256([]byte(token))
	return filepath.Join(s.cfg.Dir, hex.EncodeToString(sum[:]))
}

// open returns the file of a token with its time of expiry; fs.ErrNotExist when it is unknown or expired.
func (s *Store) open(token string) (f *os.File, size int64, expires time.Time, err error) {
	if f, err = os.Open(s.path(token)); err != nil {
		return nil, 0, time.Time{}, err
	}
	info, err := f.Stat()
	if err == nil {
		expires = info.ModTime().Add(s.cfg.Keep)
		if !s.now().Before(expires) {
			err = fs.ErrNotExist
		}
	}
	if err != nil {
		return nil, 0, time.Time{}, errors.Join(err, f.Close())
	}
	return f, info.Size(), expires, nil
}

// read returns the bytes that a token leads to.
func (s *Store) read(token string) ([]byte, error) {
	f, size, _, err := s.open(token)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Reject("the kept audio has expired", nil)
	}
	if err != nil {
		return nil, &fault.Outcome{Reason: "kept audio cannot be read from " + s.cfg.Dir, Err: err}
	}
	defer f.Close() // was only read
	if err := s.checkSize(size); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.Grow(int(size) + bytes.MinRead)
	if _, err := b.ReadFrom(f); err != nil {
		return nil, &fault.Outcome{Reason: "kept audio cannot be read from " + s.cfg.Dir, Err: err}
	}
	return b.Bytes(), nil
}
