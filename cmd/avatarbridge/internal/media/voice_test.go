package media

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

// recordings are the beginnings of what browsers and people's files are.
var recordings = map[string]string{
	"webm of Chrome":  "\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm",
	"mp4 of Safari":   "\x00\x00\x00\x1cftypiso5\x00\x00\x00\x01isom",
	"mp4 of Chrome":   "\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isom",
	"ogg of Firefox":  oggOpus,
	"m4a":             "\x00\x00\x00\x20ftypM4A \x00",
	"mp3":             "ID3\x04\x00",
	"wav":             "RIFF....WAVEfmt ",
	"flac":            "fLaC\x00",
	"aac":             "\xff\xf1\x50\x80",
	"mp3 without tag": "\xff\xfb\x90\x64",
}

// ann is who speaks in these tests.
var ann = bridges.Person{Platform: "web", Tenant: "site", User: "ann"}

// record keeps what ann said, which was not there before.
func record(t *testing.T, s *Store, id string, data []byte) (string, error) {
	t.Helper()
	ref, fresh, err := s.Bridges().Keep(t.Context(), bridges.Recording{From: ann, ID: id, Data: data})
	if err == nil && !fresh {
		t.Errorf("the message %s was there before", id)
	}
	return ref, err
}

// fileOf is the file that a ref means.
func fileOf(s *Store, ref string) string { return s.voices.path(strings.TrimPrefix(ref, voiceScheme)) }

func TestWhatPeopleSaidIsKeptAndLoaded(t *testing.T) {
	want := map[string]string{"webm of Chrome": "audio/webm", "mp4 of Safari": "audio/mp4", "mp4 of Chrome": "audio/mp4", "ogg of Firefox": "audio/ogg", "wav": "audio/wav"}
	dir := t.TempDir()
	for name, data := range recordings {
		ref, err := record(t, newStore(t, Config{Dir: dir}), name, []byte(data))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		f, err := newStore(t, Config{Dir: dir}).Bridges().Load(t.Context(), ref)
		if err != nil || string(f.Data) != data || want[name] != "" && f.Type != want[name] {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
}

func TestTheNameOfAVoiceFitsItsType(t *testing.T) {
	s := newStore(t, Config{})
	m := s.Bridges()
	for name, want := range map[string]string{"webm of Chrome": "voice.webm", "mp4 of Safari": "voice.m4a", "ogg of Firefox": "voice.ogg"} {
		ref, err := record(t, s, name, []byte(recordings[name]))
		if err != nil {
			t.Fatal(err)
		}
		if f, err := m.Load(t.Context(), ref); err != nil || f.Name != want {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
}

func TestWhatPeopleSaidIsServedToNobody(t *testing.T) {
	s := newStore(t, Config{})
	ref, err := record(t, s, "1", tone(10))
	if err != nil {
		t.Fatal(err)
	}
	files, err := s.voices.list()
	if err != nil || len(files) != 1 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, token := range []string{ref, "voices", filepath.Base(files[0].path), "voices%2f" + filepath.Base(files[0].path)} {
		if r := get(t, s, http.MethodGet, "/media/"+token); r.StatusCode != http.StatusNotFound {
			t.Errorf("status %d", r.StatusCode)
		}
	}
	if info, err := os.Stat(files[0].path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestWhatIsNoVoiceOrTooLargeIsRejected(t *testing.T) {
	s := newStore(t, Config{MaxBytes: 1000})
	for _, data := range []string{"", "<html>", "#!AMR\n", "FORM\x00\x00\x00\x00AIFF", "%PDF-1.7", string(tone(1000))} {
		_, err := record(t, s, "1", []byte(data))
		wantKind(t, err, fault.Rejected)
	}
	for _, ref := range []string{"", "unknown", "../addresses.key", "voice:../addresses.key", "voice:" + strings.Repeat("0", 64)} {
		_, err := s.Bridges().Load(t.Context(), ref)
		wantKind(t, err, fault.Rejected)
	}
}

func TestAVoiceGoesWhenItsTimeIsOver(t *testing.T) {
	s := newStore(t, Config{Keep: time.Hour})
	ref, err := record(t, s, "1", tone(10))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-time.Hour)
	if err := os.Chtimes(fileOf(s, ref), at, at); err != nil {
		t.Fatal(err)
	}
	_, err = s.Bridges().Load(t.Context(), ref)
	wantKind(t, err, fault.Rejected)
	if err := s.voices.sweep(); err != nil {
		t.Fatal(err)
	}
	if files, err := s.voices.list(); err != nil || len(files) != 0 {
		t.Errorf("%d files are left, %v", len(files), err)
	}
}

func TestFloodOfVoicesTakesNoneThatMayStillBeHeard(t *testing.T) {
	size := int64(len(tone(100)))
	s := newStore(t, Config{Total: 10 * size})
	m := s.Bridges()
	var first string
	for i := range 10 {
		ref, err := record(t, s, fmt.Sprint(i), tone(100))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = ref
		}
	}
	_, err := record(t, s, "more", tone(100))
	wantKind(t, err, fault.Retry)
	if _, err := m.Load(t.Context(), first); err != nil {
		t.Errorf("the first: %v", err)
	}
	keep(t, s, tone(100)) // avatars have room of their own
	at := time.Now().Add(-2 * unheard)
	if err := os.Chtimes(fileOf(s, first), at, at); err != nil {
		t.Fatal(err)
	}
	if _, err := record(t, s, "more", tone(100)); err != nil {
		t.Errorf("with an old one to delete: %v", err)
	}
}

func TestAVoiceThatADiskDoesNotTakeIsOfferedAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := record(t, newStore(t, Config{Dir: dir}), "1", tone(1))
	wantKind(t, err, fault.Retry)
}
