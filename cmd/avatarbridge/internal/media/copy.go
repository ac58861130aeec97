package media

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

// An origin is where audio is fetched. What an avatar may fetch from private addresses is nothing for one that may not.
type origin struct {
	source       string
	allowPrivate bool
}

// A sound is audio that is here now.
type sound struct {
	token  string // under which it is served; "" when it could not be kept, because of unkept
	unkept error
	data   []byte
	format *format
}

// A flight is one fetch, which all wait for that want the same.
type flight struct {
	done  chan struct{}
	sound *sound
	err   error
	left  bool // whoever fetched was called back: it says nothing about the origin
}

// flights are the fetches under way.
type flights struct {
	mu  sync.Mutex
	now map[origin]*flight
}

// join returns the flight to an origin; first means that the caller has to make it, and then to call land.
func (f *flights) join(o origin) (fl *flight, first bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl := f.now[o]; fl != nil {
		return fl, false
	}
	if f.now == nil {
		f.now = map[origin]*flight{}
	}
	fl = &flight{done: make(chan struct{})}
	f.now[o] = fl
	return fl, true
}

func (f *flights) land(o origin, fl *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.now, o)
	close(fl.done)
}

// copied returns the audio of an address: the copy that is kept, or a new one. Whoever comes while it is fetched waits for that.
func (s *Store) copied(ctx context.Context, a bridges.Audio) (*sound, error) {
	o := origin{a.Source, a.AllowPrivate}
	for {
		fl, first := s.flights.join(o)
		if first {
			defer s.flights.land(o, fl)
			fl.sound, fl.err = s.fetchCopy(ctx, o)
			fl.left = ctx.Err() != nil
			return fl.sound, fl.err
		}
		select {
		case <-fl.done:
		case <-ctx.Done():
			return nil, &fault.Outcome{Reason: "the avatar's audio cannot be fetched now", Err: ctx.Err()}
		}
		if fl.err == nil || !fl.left {
			return fl.sound, fl.err
		}
	}
}

// fetchCopy reads the copy, or downloads the audio and keeps it. That it cannot be kept is no error: the audio is here.
func (s *Store) fetchCopy(ctx context.Context, o origin) (*sound, error) {
	token, unkept := s.key.token(o)
	if unkept == nil {
		data, err := s.sounds.read(token, s.cfg.MaxBytes)
		if f := sniff(data); err == nil && f != nil {
			return &sound{token: token, data: data, format: f}, nil
		}
	}
	data, err := s.download(ctx, o.source, o.allowPrivate)
	if err != nil {
		return nil, err
	}
	f := sniff(data)
	if f == nil {
		return nil, fault.Reject("what the avatar's audio address gave is no audio that is known here", nil)
	}
	if unkept == nil {
		unkept = s.sounds.put(token, data)
	}
	if unkept != nil {
		s.cfg.Log.Warn("the copy of an avatar's audio cannot be kept", "dir", s.cfg.Dir, "error", unkept)
		token = ""
	}
	return &sound{token: token, unkept: unkept, data: data, format: f}, nil
}

// Serve gets the audio as Fetch does, unless it is here, and says where it is heard.
func (s *Store) Serve(ctx context.Context, a bridges.Audio) (path, mediaType string, err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	token, f, err := s.serve(ctx, a)
	if err = s.patience.judge(a.Source, err, s.now()); err != nil {
		return "", "", err
	}
	return "/media/" + token, f.mime, nil
}

func (s *Store) serve(ctx context.Context, a bridges.Audio) (token string, f *format, err error) {
	token, own := ownToken(a.Source)
	if !own {
		token, err = s.key.token(origin{a.Source, a.AllowPrivate})
	}
	if err == nil {
		if f = s.sounds.kind(token); f != nil && (own || s.sounds.renew(token) == nil) {
			return token, f, nil
		}
	}
	if own {
		return "", nil, fault.Reject("the kept audio has expired", nil)
	}
	got, err := s.copied(ctx, a)
	if err != nil {
		return "", nil, err
	}
	if got.unkept != nil {
		return "", nil, &fault.Outcome{Reason: "audio cannot be kept in " + s.cfg.Dir, Err: got.unkept}
	}
	return got.token, got.format, nil
}

// A key makes the names of copies and recordings, so that they are known again after a restart, and by nobody else.
type key struct {
	file string
	mu   sync.Mutex
	held []byte
}

// token returns the token of an origin's copy.
func (k *key) token(o origin) (string, error) {
	opening := ""
	if o.allowPrivate {
		opening = "private "
	}
	sum, err := k.sum(opening + o.source)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}

// sum is the keyed hash of a text.
func (k *key) sum(of string) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.held == nil {
		held, err := readKey(k.file)
		if err != nil {
			return nil, err
		}
		k.held = held
	}
	mac := hmac.New(sha256.New, k.held)
	mac.Write([]byte(of))
	return mac.Sum(nil), nil
}

// keySize is in bytes.
const keySize = 32

// readKey reads the key, or makes one. With a new key the copies of the old one are fetched again, and what people said under the old one is found
// by its ref alone: it goes when its time is over.
func readKey(file string) ([]byte, error) {
	held, err := os.ReadFile(file)
	if err == nil && len(held) == keySize {
		return held, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	held = make([]byte, keySize)
	rand.Read(held) // never fails
	if err := makeDir(filepath.Dir(file)); err != nil {
		return nil, err
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return held, writeFile(file, held, true)
}
