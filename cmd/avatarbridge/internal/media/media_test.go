package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges/fault"
)

// tone is a real WAV of a short tone, as an avatar would send it.
func tone(samples int) []byte {
	b := []byte("RIFF....WAVEfmt ")
	b = binary.LittleEndian.AppendUint32(b, 16)
	for _, v := range []uint16{1, 1} { // PCM, mono
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	b = binary.LittleEndian.AppendUint32(b, 8000)
	b = binary.LittleEndian.AppendUint32(b, 16000)
	b = binary.LittleEndian.AppendUint16(b, 2)
	b = binary.LittleEndian.AppendUint16(b, 16)
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(2*samples))
	for i := range samples {
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(8000*math.Sin(float64(i)/3))))
	}
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-8))
	return b
}

func newStore(t *testing.T, cfg Config) *Store {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = filepath.Join(t.TempDir(), "media")
	}
	return New(cfg)
}

// wantKind fails the test unless err is an outcome of this kind.
func wantKind(t *testing.T, err error, kind fault.Kind) {
	t.Helper()
	o, ok := errors.AsType[*fault.Outcome](err)
	if !ok || o.Kind != kind {
		t.Fatalf("error %v, want %v", err, kind)
	}
}

// get asks the store for a path as the public server does.
func get(t *testing.T, s *Store, method, path string, header ...string) *http.Response {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/media/{token}", s)
	srv := httptest.NewServer(mux)
	defer srv.Close()
	req, err := http.NewRequest(method, srv.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func keep(t *testing.T, s *Store, data []byte) (path string) {
	t.Helper()
	a, err := s.Keep(context.Background(), avatar.Audio{Data: data})
	if err != nil {
		t.Fatal(err)
	}
	return "/media/" + strings.TrimPrefix(a.Source, "media:")
}

func TestKeptAudioCanBeHeardAtItsLinkAndFetched(t *testing.T) {
	s := newStore(t, Config{BaseURL: "https://bot.example.com/"})
	wave := tone(100)
	a, err := s.Keep(context.Background(), avatar.Audio{Data: wave, Type: "application/octet-stream"})
	if err != nil {
		t.Fatal(err)
	}
	path, ok := strings.CutPrefix(a.Link, "https://bot.example.com")
	if !ok || a.Type != "audio/wav" || a.Mode != "" {
		t.Fatalf("kept as %+v", a)
	}
	r := get(t, s, http.MethodGet, path)
	if r.StatusCode != http.StatusOK || body(t, r) != string(wave) {
		t.Errorf("served with status %d", r.StatusCode)
	}
	for k, want := range map[string]string{
		"Content-Type": "audio/wav", "X-Content-Type-Options": "nosniff", "Content-Disposition": `inline; filename="audio.wav"`,
		"Accept-Ranges": "bytes", "Referrer-Policy": "no-referrer",
	} {
		if got := r.Header.Get(k); got != want {
			t.Errorf("%s: %q, want %q", k, got, want)
		}
	}
	if c := r.Header.Get("Cache-Control"); !strings.HasPrefix(c, "private, max-age=86") {
		t.Errorf("Cache-Control: %q", c)
	}
	f, err := s.Fetch(context.Background(), a, "")
	if err != nil || !bytes.Equal(f.Data, wave) || f.Type != "audio/wav" || f.Name != "audio.wav" {
		t.Errorf("fetched %+v, %v", f, err)
	}
}

func TestKeptAudioHasNoLinkWithoutAPublicURL(t *testing.T) {
	a, err := newStore(t, Config{}).Keep(context.Background(), avatar.Audio{Data: tone(1)})
	if err != nil || a.Link != "" || !strings.HasPrefix(a.Source, "media:") {
		t.Errorf("kept as %+v, %v", a, err)
	}
}

func TestAudioWithAURLIsLeftWhereItIs(t *testing.T) {
	s := newStore(t, Config{})
	a, err := s.Keep(context.Background(), avatar.Audio{URL: "https://example.com/a.mp3"})
	if err != nil || a.Source != "https://example.com/a.mp3" || a.Link != a.Source {
		t.Errorf("kept as %+v, %v", a, err)
	}
	if _, err := os.Stat(s.cfg.Dir); !os.IsNotExist(err) {
		t.Errorf("the directory was made for nothing: %v", err)
	}
}

func TestRangesAndHeadAreServedAndNothingIsTaken(t *testing.T) {
	s := newStore(t, Config{})
	path := keep(t, s, tone(100))
	if r := get(t, s, http.MethodGet, path, "Range", "bytes=0-3"); r.StatusCode != http.StatusPartialContent || body(t, r) != "RIFF" {
		t.Errorf("range: status %d", r.StatusCode)
	}
	if r := get(t, s, http.MethodHead, path); r.StatusCode != http.StatusOK || r.ContentLength != 244 || body(t, r) != "" {
		t.Errorf("HEAD: status %d, length %d", r.StatusCode, r.ContentLength)
	}
	if r := get(t, s, http.MethodPost, path); r.StatusCode != http.StatusMethodNotAllowed || r.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: status %d", r.StatusCode)
	}
}

func TestFilesTellNobodyTheirAddress(t *testing.T) {
	s := newStore(t, Config{})
	token := strings.TrimPrefix(keep(t, s, tone(10)), "/media/")
	if len(token) != 43 {
		t.Errorf("token %q has not 32 bytes", token)
	}
	dir, err := os.Stat(s.cfg.Dir)
	if err != nil || dir.Mode().Perm() != 0o700 {
		t.Errorf("directory: %v, %v", dir.Mode(), err)
	}
	files, _ := os.ReadDir(s.cfg.Dir)
	if len(files) != 1 {
		t.Fatalf("%d files", len(files))
	}
	info, _ := files[0].Info()
	if info.Mode().Perm() != 0o600 {
		t.Errorf("file mode %v", info.Mode())
	}
	if r := get(t, s, http.MethodGet, "/media/"+files[0].Name()); r.StatusCode != http.StatusNotFound {
		t.Errorf("the name of the file is an address: status %d", r.StatusCode)
	}
	if strings.Contains(files[0].Name(), token) {
		t.Error("the name of the file holds the token")
	}
}

func TestUnknownAndForeignNamesAreNotFound(t *testing.T) {
	s := newStore(t, Config{})
	keep(t, s, tone(10))
	if err := os.WriteFile(filepath.Join(filepath.Dir(s.cfg.Dir), "config.toml"), tone(1), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/media/x", "/media/..%2fconfig.toml", "/media/%00", "/media/" + strings.Repeat("A", 43)} {
		if r := get(t, s, http.MethodGet, path); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d", path, r.StatusCode)
		}
	}
}

func TestWhatIsNoAudioIsNeitherKeptNorServed(t *testing.T) {
	s := newStore(t, Config{})
	for _, data := range []string{"<html><script>alert(1)</script>", "%PDF-1.7", "\x89PNG\r\n\x1a\n", "#EXTM3U\nfile:///etc/passwd"} {
		_, err := s.Keep(context.Background(), avatar.Audio{Data: []byte(data), Type: "audio/mpeg"})
		wantKind(t, err, fault.Rejected)
	}
	_, err := s.Keep(context.Background(), avatar.Audio{})
	wantKind(t, err, fault.Rejected)
	path := keep(t, s, tone(10))
	if err := os.WriteFile(s.sounds.path(strings.TrimPrefix(path, "/media/")), []byte("<html>"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := get(t, s, http.MethodGet, path); r.StatusCode != http.StatusNotFound {
		t.Errorf("status %d", r.StatusCode)
	}
}

func TestAudioOverTheSizeIsRejected(t *testing.T) {
	s := newStore(t, Config{MaxBytes: 100})
	_, err := s.Keep(context.Background(), avatar.Audio{Data: tone(100)})
	wantKind(t, err, fault.Rejected)
}

func TestAFailingDiskIsRetried(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := newStore(t, Config{Dir: dir}).Keep(context.Background(), avatar.Audio{Data: tone(1)})
	wantKind(t, err, fault.Retry)
}

func TestADirectoryThatWasDeletedIsMadeAgain(t *testing.T) {
	s := newStore(t, Config{})
	keep(t, s, tone(10))
	if err := os.RemoveAll(s.cfg.Dir); err != nil {
		t.Fatal(err)
	}
	if r := get(t, s, http.MethodGet, keep(t, s, tone(10))); r.StatusCode != http.StatusOK {
		t.Errorf("status %d", r.StatusCode)
	}
}

func TestKeptAudioSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	path := keep(t, newStore(t, Config{Dir: dir}), tone(10))
	if r := get(t, newStore(t, Config{Dir: dir}), http.MethodGet, path); r.StatusCode != http.StatusOK {
		t.Errorf("status %d", r.StatusCode)
	}
}

func TestManyAreKeptAtOnce(t *testing.T) {
	s := newStore(t, Config{Total: 20 * int64(len(tone(100)))})
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := s.Keep(context.Background(), avatar.Audio{Data: tone(100)}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if total := onDisk(t, s); total > s.cfg.Total || total == 0 {
		t.Errorf("%d bytes, allowed are %d", total, s.cfg.Total)
	}
}

func onDisk(t *testing.T, s *Store) (total int64) {
	t.Helper()
	files, err := s.sounds.list()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		total += f.size
	}
	return total
}

func TestExpiredAudioIsGoneAtOnceAndDeletedByRun(t *testing.T) {
	s := newStore(t, Config{Keep: time.Hour})
	old, young := keep(t, s, tone(10)), keep(t, s, tone(20))
	age(t, s, old, time.Hour)
	age(t, s, young, 59*time.Minute)
	if r := get(t, s, http.MethodGet, old); r.StatusCode != http.StatusNotFound {
		t.Errorf("expired: status %d", r.StatusCode)
	}
	if r := get(t, s, http.MethodGet, young); r.StatusCode != http.StatusOK {
		t.Errorf("not expired: status %d", r.StatusCode)
	}
	foreign := filepath.Join(s.cfg.Dir, "README")
	if err := os.WriteFile(foreign, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // one sweep
	s.Run(ctx)
	if n := onDisk(t, s); n != int64(len(tone(20))) {
		t.Errorf("%d bytes are left", n)
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Errorf("a foreign file was touched: %v", err)
	}
}

func TestForeignFileWithANameOf64CharactersIsLeftAlone(t *testing.T) {
	s := newStore(t, Config{Keep: time.Hour})
	old := keep(t, s, tone(10))
	age(t, s, old, time.Hour)
	name := filepath.Base(s.sounds.path(strings.TrimPrefix(old, "/media/")))
	foreign := []string{"family-photo-" + name[:51], strings.Repeat("A", 64), name[:63] + "g", name[:60] + ".ogg", name + "0"}
	for i, f := range foreign {
		foreign[i] = filepath.Join(s.cfg.Dir, f)
		if err := os.WriteFile(foreign[i], []byte("foreign"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(foreign[i], time.Time{}, time.Now().Add(-48*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.sounds.sweep(); err != nil {
		t.Fatal(err)
	}
	for _, f := range foreign {
		if _, err := os.Stat(f); err != nil {
			t.Errorf("a foreign file was deleted: %v", err)
		}
	}
	if _, err := os.Stat(filepath.Join(s.cfg.Dir, name)); !os.IsNotExist(err) {
		t.Errorf("the store's own expired file is still there: %v", err)
	}
}

// age makes the file of a path this old.
func age(t *testing.T, s *Store, path string, by time.Duration) {
	t.Helper()
	at := time.Now().Add(-by)
	if err := os.Chtimes(s.sounds.path(strings.TrimPrefix(path, "/media/")), at, at); err != nil {
		t.Fatal(err)
	}
}

func TestTheOldestGoWhenThereIsNoMoreRoom(t *testing.T) {
	size := int64(len(tone(100)))
	s := newStore(t, Config{Total: 10 * size})
	var paths []string
	for i := range 10 {
		paths = append(paths, keep(t, s, tone(100)))
		age(t, s, paths[i], time.Duration(100-i)*time.Minute)
	}
	newest := keep(t, s, tone(100))
	if r := get(t, s, http.MethodGet, newest); r.StatusCode != http.StatusOK {
		t.Errorf("the newest: status %d", r.StatusCode)
	}
	for i, want := range map[int]int{0: http.StatusNotFound, 1: http.StatusNotFound, 2: http.StatusOK, 9: http.StatusOK} {
		if r := get(t, s, http.MethodGet, paths[i]); r.StatusCode != want {
			t.Errorf("file %d: status %d, want %d", i, r.StatusCode, want)
		}
	}
}
