package media

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// errNoRoom means that a folder is full of files that are spared.
var errNoRoom = errors.New("there is no room for more")

// A folder keeps files for a while. A token leads to one of them.
type folder struct {
	dir    string
	keep   time.Duration
	total  int64         // bytes of all files
	spared time.Duration // no file that is younger is deleted to make room
	now    func() time.Time
	plain  bool // a token is the name of its file: for tokens that nobody but the program sees

	mu      sync.Mutex // guards what follows, and keeps two sweeps from running at once
	counted bool       // used is right
	used    int64      // bytes in dir, or more: what is written during a count may be counted twice until the next
	pending int64      // bytes being written
}

// add stores data under a new token. Durable: nil means that it survives a power cut. A process that dies in the middle leaves a file
// that no token leads to, for Run to delete.
func (f *folder) add(data []byte, durable bool) (token string, err error) {
	b := make([]byte, 32)
	rand.Read(b) // never fails
	token = base64.RawURLEncoding.EncodeToString(b)
	return token, f.addAs(token, data, durable)
}

// addAs stores data under a token that is new.
func (f *folder) addAs(token string, data []byte, durable bool) error {
	if err := f.reserve(int64(len(data))); err != nil {
		return err
	}
	err := f.make()
	if err == nil {
		err = writeFile(f.path(token), data, durable)
	}
	if err == nil && durable {
		err = syncDir(f.dir)
	}
	f.written(int64(len(data)), err == nil)
	return err
}

// put stores data under a token of the caller's. Either all of it is there afterwards or nothing, also after a power cut: a token that is
// used again must not lead to a part.
func (f *folder) put(token string, data []byte) error {
	temporary, err := f.add(data, true)
	if err != nil {
		return err
	}
	return os.Rename(f.path(temporary), f.path(token))
}

// make makes the directory, so that it survives a power cut.
func (f *folder) make() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return makeDir(f.dir)
}

func makeDir(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrNotExist) && filepath.Dir(dir) != dir {
		if err = makeDir(filepath.Dir(dir)); err == nil {
			err = os.Mkdir(dir, 0o700)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

// syncDir makes what was named in a directory survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func writeFile(path string, data []byte, durable bool) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil && durable {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// path returns the file of a token.
func (f *folder) path(token string) string {
	if f.plain && fileName(token) {
		return filepath.Join(f.dir, token)
	}
	sum := sha256.Sum256([]byte(token))
	return filepath.Join(f.dir, hex.EncodeToString(sum[:]))
}

// open returns the file of a token with its time of expiry; fs.ErrNotExist when it is unknown or expired.
func (f *folder) open(token string) (file *os.File, size int64, expires time.Time, err error) {
	if file, err = os.Open(f.path(token)); err != nil {
		return nil, 0, time.Time{}, err
	}
	info, err := file.Stat()
	if err == nil {
		expires = info.ModTime().Add(f.keep)
		if !f.now().Before(expires) {
			err = fs.ErrNotExist
		}
	}
	if err != nil {
		return nil, 0, time.Time{}, errors.Join(err, file.Close())
	}
	return file, info.Size(), expires, nil
}

// read returns the bytes that a token leads to, with fs.ErrNotExist as open, and errTooLarge over max bytes.
func (f *folder) read(token string, max int64) ([]byte, error) {
	file, size, _, err := f.open(token)
	if err != nil {
		return nil, err
	}
	defer file.Close() // was only read
	if size > max {
		return nil, errTooLarge
	}
	var b bytes.Buffer
	b.Grow(int(size) + bytes.MinRead)
	_, err = b.ReadFrom(file)
	return b.Bytes(), err
}

// renew lets the time of a file begin anew, so that what is posted now can be heard for as long as what was posted first.
func (f *folder) renew(token string) error { return os.Chtimes(f.path(token), time.Time{}, f.now()) }

// errTooLarge means that a file was kept when more was allowed.
var errTooLarge = errors.New("the file is larger than allowed")

// kind tells what the file of a token is; nil when there is none that can be read, or it is no audio.
func (f *folder) kind(token string) *format {
	file, _, _, err := f.open(token)
	if err != nil {
		return nil
	}
	defer file.Close() // was only read
	return sniffFile(file)
}

// sniffFile tells the format of a file from its beginning.
func sniffFile(file io.Reader) *format {
	head := make([]byte, 512)
	n, _ := io.ReadFull(file, head) // shorter files are fine
	return sniff(head[:n])
}
