// Package media keeps audio for a while: what avatars gave as bytes, copies of what they gave as URLs, and what people said. The first two are
// served under unguessable addresses and given to bridges that upload them; the third is given to bridges alone.
//
// Audio is one file each, named by the hash of its token, so that a listing of the directory gives nobody an address. What people said is named by
// keyed hashes of who said it and of their message's id: a repeat finds it, and all of one person is found, by nobody who has not the key. What a file
// is is told by its first bytes, which also keeps anything but audio from being served. What avatars gave as bytes is not synced to disk
// one by one: after a power cut the last seconds' audio may be missing, and its message goes out without it. What people said is.
package media

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
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
	DefaultOf       = 50 << 20 // ten recordings of the page's usual size
)

// scheme opens the Source of kept audio.
const scheme = "media:"

// Config is what a Store works with. Dir must be set; zero values of the rest mean what stands beside them.
type Config struct {
	Dir      string        // made with the first file; only this program may write in it
	Keep     time.Duration // how long audio is kept: DefaultKeep
	MaxBytes int64         // of one audio, kept or fetched: DefaultMaxBytes
	Total    int64         // of all that avatars gave, the oldest go first; and again of all that people said: DefaultTotal
	Of       int64         // of all that one person said, and has not been answered: DefaultOf, or MaxBytes if that is more
	BaseURL  string        // the public URL without a slash at its end; "" gives audio no Link

	// Client returns the client for URLs that an avatar named; nil: clients of guard.
	Client func(allowPrivate bool) *http.Client
	Log    *slog.Logger // nil: silence
}

// Store is relay.Media and the http.Handler of /media/{token}; Bridges is its side for bridges. Its methods may be called by several
// goroutines.
type Store struct {
	cfg     Config
	now     func() time.Time
	ffmpeg  func() (string, error) // where the converter is
	convert chan struct{}          // a place for each conversion that may run at once
	memory  uint64                 // bytes of address space of a converter

	sounds *folder    // what avatars gave
	voices *folder    // what people said; no token of it leads to anything in sounds
	said   sync.Mutex // held while it is found out what of a person is in voices, and changed

	patience patience
	key      key
	flights  flights
}

var (
	_ relay.Media  = (*Store)(nil)
	_ http.Handler = (*Store)(nil)
)

// New returns a Store. It does no I/O.
func New(cfg Config) *Store {
	cfg.Keep = orDefault(cfg.Keep, DefaultKeep)
	cfg.MaxBytes = orDefault(cfg.MaxBytes, DefaultMaxBytes)
	cfg.Total = orDefault(cfg.Total, DefaultTotal)
	cfg.MaxBytes = min(cfg.MaxBytes, cfg.Total)
	cfg.Of = max(orDefault(cfg.Of, DefaultOf), cfg.MaxBytes)
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
	s := &Store{cfg: cfg, now: time.Now, ffmpeg: findFFmpeg, convert: make(chan struct{}, converters), memory: convertMemory}
	now := func() time.Time { return s.now() }
	s.sounds = &folder{dir: cfg.Dir, keep: cfg.Keep, total: cfg.Total, now: now}
	s.voices = &folder{dir: filepath.Join(cfg.Dir, "voices"), keep: cfg.Keep, total: cfg.Total, spared: unheard, now: now, plain: true}
	s.key.file = filepath.Join(cfg.Dir, "addresses.key")
	return s
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
	token, err := s.sounds.add(a.Data, false)
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
