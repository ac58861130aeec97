package media

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

// counted serves a sound and counts how often.
func counted(t *testing.T) (url string, asked *atomic.Int32) {
	asked = new(atomic.Int32)
	return serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Write(tone(50))
	}), asked
}

func serveAt(t *testing.T, s *Store, url string) (path, mime string) {
	t.Helper()
	path, mime, err := s.Bridges().Serve(t.Context(), bridges.Audio{Source: url, AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	return path, mime
}

func TestAudioOfAnAddressIsFetchedOnceAndHeardHere(t *testing.T) {
	url, asked := counted(t)
	s := newStore(t, Config{})
	path, mime := serveAt(t, s, url)
	if !strings.HasPrefix(path, "/media/") || mime != "audio/wav" {
		t.Errorf("served at %s as %s", path, mime)
	}
	for range 2 {
		if f, err := fetch(t, s, url, ""); err != nil || string(f.Data) != string(tone(50)) {
			t.Errorf("%+v, %v", f, err)
		}
	}
	if again, _ := serveAt(t, s, url); again != path {
		t.Errorf("another address for the same audio: %s and %s", path, again)
	}
	if r := get(t, s, http.MethodGet, path); r.StatusCode != http.StatusOK || body(t, r) != string(tone(50)) || r.Header.Get("Content-Type") != "audio/wav" {
		t.Errorf("status %d", r.StatusCode)
	}
	if r := get(t, s, http.MethodGet, path, "Range", "bytes=0-3"); r.StatusCode != http.StatusPartialContent || body(t, r) != "RIFF" {
		t.Errorf("range: status %d", r.StatusCode)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("fetched %d times", n)
	}
}

func TestCopiesAreKnownAfterARestart(t *testing.T) {
	url, asked := counted(t)
	dir := t.TempDir()
	before, _ := serveAt(t, newStore(t, Config{Dir: dir}), url)
	after, _ := serveAt(t, newStore(t, Config{Dir: dir}), url)
	if before != after || asked.Load() != 1 {
		t.Errorf("%s, then %s, fetched %d times", before, after, asked.Load())
	}
}

func TestAddressesOfCopiesCannotBeReckonedElsewhere(t *testing.T) {
	url, _ := counted(t)
	s := newStore(t, Config{})
	here, _ := serveAt(t, s, url)
	elsewhere, _ := serveAt(t, newStore(t, Config{}), url)
	if here == elsewhere {
		t.Error("the address follows from that of the audio alone")
	}
	info, err := os.Stat(filepath.Join(s.cfg.Dir, "addresses.key"))
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() != keySize {
		t.Errorf("key: %+v, %v", info, err)
	}
}

func TestAKeyThatWasCutShortIsReplaced(t *testing.T) {
	url, _ := counted(t)
	s := newStore(t, Config{Dir: t.TempDir()})
	if err := os.WriteFile(s.key.file, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	path, _ := serveAt(t, s, url)
	if again, _ := serveAt(t, newStore(t, Config{Dir: s.cfg.Dir}), url); again != path {
		t.Errorf("%s, then %s", path, again)
	}
}

func TestACopyFromAPrivateAddressIsNothingForAnAvatarThatMayNotNameIt(t *testing.T) {
	url, _ := counted(t)
	s := newStore(t, Config{})
	serveAt(t, s, url)
	_, _, err := s.Bridges().Serve(t.Context(), bridges.Audio{Source: url})
	wantKind(t, err, fault.Rejected)
	_, err = s.Fetch(t.Context(), bridges.Audio{Source: url}, "")
	wantKind(t, err, fault.Rejected)
}

func TestACopyGoesWhenItsTimeIsOverAndIsFetchedAnew(t *testing.T) {
	url, asked := counted(t)
	s := newStore(t, Config{Keep: time.Hour})
	path, _ := serveAt(t, s, url)
	age(t, s, path, time.Hour)
	if r := get(t, s, http.MethodGet, path); r.StatusCode != http.StatusNotFound {
		t.Errorf("status %d", r.StatusCode)
	}
	path, _ = serveAt(t, s, url)
	if r := get(t, s, http.MethodGet, path); r.StatusCode != http.StatusOK || asked.Load() != 2 {
		t.Errorf("status %d, fetched %d times", r.StatusCode, asked.Load())
	}
}

func TestACopyThatIsPostedAgainIsKeptFromThenOn(t *testing.T) {
	url, asked := counted(t)
	s := newStore(t, Config{Keep: time.Hour})
	path, _ := serveAt(t, s, url)
	age(t, s, path, 59*time.Minute)
	serveAt(t, s, url)
	s.now = func() time.Time { return time.Now().Add(58 * time.Minute) }
	if r := get(t, s, http.MethodGet, path); r.StatusCode != http.StatusOK || asked.Load() != 1 {
		t.Errorf("status %d, fetched %d times", r.StatusCode, asked.Load())
	}
}

func TestABrokenCopyIsFetchedAnew(t *testing.T) {
	url, asked := counted(t)
	s := newStore(t, Config{})
	path, _ := serveAt(t, s, url)
	if err := os.WriteFile(s.sounds.path(strings.TrimPrefix(path, "/media/")), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if f, err := fetch(t, s, url, ""); err != nil || len(f.Data) == 0 || asked.Load() != 2 {
		t.Errorf("%v, fetched %d times", err, asked.Load())
	}
}

func TestCopiesLeaveNothingButThemselves(t *testing.T) {
	url, _ := counted(t)
	s := newStore(t, Config{})
	serveAt(t, s, url)
	files, err := s.sounds.list()
	if err != nil || len(files) != 1 {
		t.Errorf("%d files, %v", len(files), err)
	}
}

func TestKeptAudioIsServedWhereItIs(t *testing.T) {
	s := newStore(t, Config{})
	path := keep(t, s, tone(10))
	got, mime, err := s.Bridges().Serve(t.Context(), bridges.Audio{Source: "media:" + strings.TrimPrefix(path, "/media/")})
	if err != nil || got != path || mime != "audio/wav" {
		t.Errorf("%s, %s, %v", got, mime, err)
	}
	_, _, err = s.Bridges().Serve(t.Context(), bridges.Audio{Source: "media:../../etc/passwd"})
	wantKind(t, err, fault.Rejected)
}

func TestWhatIsNoAudioOrTooLargeIsNeitherCopiedNorServed(t *testing.T) {
	s := newStore(t, Config{MaxBytes: 1000})
	for _, data := range []string{"<html><script>", string(tone(1000))} {
		_, _, err := s.Bridges().Serve(t.Context(), bridges.Audio{Source: give(t, data), AllowPrivate: true})
		wantKind(t, err, fault.Rejected)
	}
	if n := onDisk(t, s); n != 0 {
		t.Errorf("%d bytes are kept", n)
	}
}

func TestADiskThatFailsCostsTheCopyAndNotTheSound(t *testing.T) {
	url, _ := counted(t)
	dir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := newStore(t, Config{Dir: dir})
	if f, err := fetch(t, s, url, ""); err != nil || len(f.Data) == 0 {
		t.Errorf("fetch: %v", err)
	}
	_, _, err := s.Bridges().Serve(t.Context(), bridges.Audio{Source: url, AllowPrivate: true})
	wantKind(t, err, fault.Retry)
}

// gate is a client's transport that counts, and lets requests through when open is closed.
type gate struct {
	asked atomic.Int32
	open  chan struct{}
}

func (g *gate) RoundTrip(r *http.Request) (*http.Response, error) {
	g.asked.Add(1)
	select {
	case <-g.open:
		return nil, &fault.Outcome{Reason: "no luck"}
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

func TestManyWhoWantTheSameAreOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		s := newStore(t, Config{Client: func(bool) *http.Client { return &http.Client{Transport: g} }})
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				var err error
				if i%2 == 0 {
					_, err = s.Fetch(t.Context(), bridges.Audio{Source: "https://example.com/a"}, "")
				} else {
					_, _, err = s.Bridges().Serve(t.Context(), bridges.Audio{Source: "https://example.com/a"})
				}
				if err == nil || fault.Of(err).Kind != fault.Retry {
					t.Errorf("%v", err)
				}
			})
		}
		synctest.Wait()
		close(g.open)
		all.Wait()
		if n := g.asked.Load(); n != 1 {
			t.Errorf("%d requests", n)
		}
	})
}

func TestOneWhoIsCalledBackDoesNotSpoilItForTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		s := newStore(t, Config{Client: func(bool) *http.Client { return &http.Client{Transport: g} }})
		audio := bridges.Audio{Source: "https://example.com/a"}
		impatient, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := s.Fetch(impatient, audio, ""); err == nil {
				t.Error("no error")
			}
		})
		synctest.Wait()
		waits, give := context.WithTimeout(t.Context(), time.Second)
		defer give()
		all.Go(func() { // gives up while the first one waits
			if _, err := s.Fetch(waits, audio, ""); err == nil {
				t.Error("no error")
			}
		})
		all.Go(func() {
			if _, err := s.Fetch(t.Context(), audio, ""); err == nil || !strings.Contains(err.Error(), "no luck") {
				t.Errorf("the patient one: %v", err)
			}
		})
		time.Sleep(2 * time.Second) // of the bubble's clock
		if n := g.asked.Load(); n != 1 {
			t.Errorf("%d requests before anybody left", n)
		}
		leave()
		synctest.Wait()
		close(g.open)
		all.Wait()
		if n := g.asked.Load(); n != 2 {
			t.Errorf("%d requests", n)
		}
		if len(s.flights.now) != 0 {
			t.Errorf("%d fetches are left", len(s.flights.now))
		}
	})
}
