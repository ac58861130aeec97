package media

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/store"
)

// voiceScheme opens the ref of a recording, so that the refs of platforms are never taken for one.
const voiceScheme = "voice:"

// tooMuchFor is how long somebody is asked to wait who has as much here as may be: for an answer to what they said.
const tooMuchFor = 10 * time.Second

// errTooMuch means that there is as much of one person as may be.
var errTooMuch = errors.New("what the person said before is not answered yet")

// halfName is the length of each half of a recording's name: of whom it is, and which.
const halfName = 32

// recordingName returns the name of the file that a ref means.
func recordingName(ref string) (string, bool) {
	name, ok := strings.CutPrefix(ref, voiceScheme)
	return name, ok && fileName(name)
}

// owner is how the names of a person's recordings begin.
func (s *Store) owner(i store.Identity) (string, error) {
	return s.half("voices of ", i.Platform, i.Tenant, i.User)
}

// half is a keyed hash of texts, none of which can be taken for a part of another.
func (s *Store) half(what string, texts ...string) (string, error) {
	sum, err := s.key.sum(what + fmt.Sprintf("%q", texts))
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(sum)[:halfName], nil
}

// record writes what a person said, unless the message's file is there.
func (s *Store) record(r bridges.Recording) (name string, fresh bool, err error) {
	of, err := s.owner(store.Identity{Platform: r.From.Platform, Tenant: r.From.Tenant, User: r.From.User})
	if err != nil {
		return "", false, err
	}
	which, err := s.half("voice of "+of, r.ID)
	if err != nil {
		return "", false, err
	}
	name = of + which
	s.said.Lock()
	defer s.said.Unlock()
	switch file, _, _, err := s.voices.open(name); {
	case err == nil:
		return name, false, file.Close()
	case !errors.Is(err, fs.ErrNotExist):
		return "", false, err
	}
	if used, err := s.voices.usedBy(of); err != nil {
		return "", false, err
	} else if used+int64(len(r.Data)) > s.cfg.Of {
		return "", false, errTooMuch
	}
	return name, true, s.voices.putAs(of, name, r.Data)
}

// Drop empties the file of a recording. The empty one tells a late repeat of the upload that there is nothing to be kept any more, and goes when its
// time is over. Other refs are left alone.
func (s *Store) Drop(_ context.Context, ref string) error {
	name, ok := recordingName(ref)
	if !ok {
		return nil
	}
	s.said.Lock()
	defer s.said.Unlock()
	return s.voices.empty(name)
}

// Forget deletes all that is kept of what somebody said.
func (s *Store) Forget(_ context.Context, i store.Identity) error {
	of, err := s.owner(i)
	if err != nil {
		return fmt.Errorf("find what somebody said in %s: %w", s.voices.dir, err)
	}
	s.said.Lock()
	defer s.said.Unlock()
	names, err := s.voices.of(of)
	for _, name := range names {
		_, gone := s.voices.remove(name)
		err = errors.Join(err, gone)
	}
	if len(names) > 0 && err == nil {
		err = syncDir(s.voices.dir)
	}
	if err != nil {
		return fmt.Errorf("delete what somebody said from %s: %w", s.voices.dir, err)
	}
	return nil
}

// of returns the names of files that begin with owner.
func (f *folder) of(owner string) ([]string, error) {
	entries, err := os.ReadDir(f.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if fileName(e.Name()) && strings.HasPrefix(e.Name(), owner) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// usedBy counts the bytes of an owner's files.
func (f *folder) usedBy(owner string) (int64, error) {
	names, err := f.of(owner)
	if err != nil {
		return 0, err
	}
	var all int64
	for _, name := range names {
		info, err := os.Stat(filepath.Join(f.dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, err
		}
		if err == nil {
			all += info.Size()
		}
	}
	return all, nil
}

// putAs stores data under a token that is a name, in place of a file that has expired. Either all of it is there afterwards or nothing, also after a
// power cut. What a process leaves that dies in the middle is the owner's too.
func (f *folder) putAs(owner, token string, data []byte) error {
	b := make([]byte, halfName/2)
	rand.Read(b) // never fails
	temporary := owner + hex.EncodeToString(b)
	err := f.addAs(temporary, data, true)
	if err != nil {
		return err
	}
	if err = os.Rename(f.path(temporary), f.path(token)); err == nil {
		err = syncDir(f.dir)
	}
	if err != nil {
		_, gone := f.remove(temporary)
		return errors.Join(err, gone)
	}
	return nil
}

// remove deletes a file, if it is there, and returns its size.
func (f *folder) remove(token string) (size int64, err error) {
	info, err := os.Stat(f.path(token))
	if err == nil {
		size, err = info.Size(), os.Remove(f.path(token))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.counted {
		f.used = max(0, f.used-size)
	}
	return size, nil
}

// empty takes the bytes of a file, if it is there, and leaves its name.
func (f *folder) empty(token string) error {
	info, err := os.Stat(f.path(token))
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return nil
	}
	if err == nil {
		_, err = f.remove(token)
	}
	if err != nil {
		return err
	}
	return writeFile(f.path(token), nil, false)
}
