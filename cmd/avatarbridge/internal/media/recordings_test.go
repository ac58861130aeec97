package media

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
	"avatarbridge/store"
)

// keepOf keeps what somebody said.
func keepOf(t *testing.T, s *Store, who, id string, data []byte) (ref string, fresh bool) {
	t.Helper()
	ref, fresh, err := s.Bridges().Keep(t.Context(), bridges.Recording{From: bridges.Person{Platform: "web", Tenant: "site", User: who}, ID: id, Data: data})
	if err != nil {
		t.Fatal(err)
	}
	return ref, fresh
}

// held is the names and bytes of all recordings.
func held(t *testing.T, s *Store) (names []string, data []byte) {
	t.Helper()
	entries, err := os.ReadDir(s.voices.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(s.voices.dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		names, data = append(names, e.Name()), append(data, b...)
	}
	return names, data
}

func TestARepeatedUploadIsOneFileAlsoAfterARestart(t *testing.T) {
	dir := t.TempDir()
	ref, fresh := keepOf(t, newStore(t, Config{Dir: dir}), "ann", "m1", tone(10))
	s := newStore(t, Config{Dir: dir})
	again, anew := keepOf(t, s, "ann", "m1", tone(20))
	if names, _ := held(t, s); again != ref || !fresh || anew || len(names) != 1 {
		t.Errorf("%q and %q, fresh %v and %v, in %q", ref, again, fresh, anew, names)
	}
	if f, err := s.Bridges().Load(t.Context(), ref); err != nil || !bytes.Equal(f.Data, tone(10)) {
		t.Errorf("%v", err)
	}
}

func TestMessagesOfTwoPeopleWithOneIDAreTwoRecordings(t *testing.T) {
	s := newStore(t, Config{})
	seen := map[string]bool{}
	for _, p := range []bridges.Person{{Platform: "web", Tenant: "a", User: "bc"}, {Platform: "web", Tenant: "ab", User: "c"}, {Platform: "we", Tenant: "ba", User: "bc"}} {
		ref, fresh, err := s.Bridges().Keep(t.Context(), bridges.Recording{From: p, ID: "m1", Data: tone(1)})
		if err != nil || !fresh || seen[ref] {
			t.Errorf("%+v: %q, fresh %v, %v", p, ref, fresh, err)
		}
		seen[ref] = true
	}
}

func TestTheNameOfARecordingCannotBeMadeWithoutTheKey(t *testing.T) {
	one, _ := keepOf(t, newStore(t, Config{}), "ann", "m1", tone(1))
	two, _ := keepOf(t, newStore(t, Config{}), "ann", "m1", tone(1))
	if one == two || strings.Contains(one, "ann") || strings.Contains(one, "m1") {
		t.Errorf("%q and %q of two keys", one, two)
	}
}

func TestADroppedRecordingIsGoneAndALateRepeatIsNotKept(t *testing.T) {
	s := newStore(t, Config{})
	ref, _ := keepOf(t, s, "ann", "m1", tone(10))
	for range 2 {
		if err := s.Drop(t.Context(), ref); err != nil {
			t.Fatal(err)
		}
	}
	again, fresh := keepOf(t, s, "ann", "m1", tone(10))
	if _, data := held(t, s); again != ref || fresh || len(data) != 0 || s.voices.used != 0 {
		t.Errorf("fresh %v, %d bytes are left, %d counted", fresh, len(data), s.voices.used)
	}
	_, err := s.Bridges().Load(t.Context(), ref)
	wantKind(t, err, fault.Rejected)
	at := time.Now().Add(-DefaultKeep)
	if err := os.Chtimes(fileOf(s, ref), at, at); err != nil {
		t.Fatal(err)
	}
	if err := s.voices.sweep(); err != nil {
		t.Fatal(err)
	}
	if names, _ := held(t, s); len(names) != 0 {
		t.Errorf("%q is left for good", names)
	}
}

func TestADiscardedRecordingCanBeKeptAgain(t *testing.T) {
	s := newStore(t, Config{})
	ref, _ := keepOf(t, s, "ann", "m1", tone(10))
	if err := s.Bridges().Discard(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	if names, _ := held(t, s); len(names) != 0 {
		t.Errorf("%q is left", names)
	}
	if _, fresh := keepOf(t, s, "ann", "m1", tone(10)); !fresh {
		t.Error("the repeat is not fresh")
	}
}

func TestOnlyRefsOfRecordingsAreDropped(t *testing.T) {
	s := newStore(t, Config{})
	keepOf(t, s, "ann", "m1", tone(10))
	sound := keep(t, s, tone(5))
	for _, ref := range []string{"", "AgADBAADr6cxG", "voice:", "voice:../addresses.key", "voice:" + strings.Repeat("0", 64), "media:" + strings.TrimPrefix(sound, "/media/")} {
		if err := s.Drop(t.Context(), ref); err != nil {
			t.Errorf("%q: %v", ref, err)
		}
		if err := s.Bridges().Discard(t.Context(), ref); err != nil {
			t.Errorf("%q: %v", ref, err)
		}
	}
	if names, data := held(t, s); len(names) != 1 || len(data) != len(tone(10)) {
		t.Errorf("%q, %d bytes", names, len(data))
	}
	if _, err := s.Bridges().Fetch(t.Context(), bridges.Audio{Source: "media:" + strings.TrimPrefix(sound, "/media/")}, ""); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(s.key.file); err != nil {
		t.Error(err)
	}
}

func TestForgettingSomebodyLeavesNoByteOfTheirRecordings(t *testing.T) {
	dir := t.TempDir()
	s := newStore(t, Config{Dir: dir})
	keepOf(t, s, "ann", "m1", tone(10))
	dropped, _ := keepOf(t, s, "ann", "m2", tone(20))
	if err := s.Drop(t.Context(), dropped); err != nil {
		t.Fatal(err)
	}
	of, err := s.owner(store.Identity{Platform: "web", Tenant: "site", User: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	// What a process that was killed in the middle of an upload has left.
	if err := os.WriteFile(filepath.Join(s.voices.dir, of+strings.Repeat("0", halfName)), tone(30), 0o600); err != nil {
		t.Fatal(err)
	}
	bens, _ := keepOf(t, s, "ben", "m1", tone(40))
	// The offline command has a store of its own.
	if err := newStore(t, Config{Dir: dir}).Forget(t.Context(), store.Identity{Platform: "web", Tenant: "site", User: "ann"}); err != nil {
		t.Fatal(err)
	}
	if names, data := held(t, s); len(names) != 1 || !bytes.Equal(data, tone(40)) {
		t.Errorf("%q with %d bytes are left", names, len(data))
	}
	if _, err := s.Bridges().Load(t.Context(), bens); err != nil {
		t.Error(err)
	}
}

func TestForgettingSomebodyWhoNeverSpoke(t *testing.T) {
	s := newStore(t, Config{})
	if err := s.Forget(t.Context(), store.Identity{Platform: "telegram", User: "1"}); err != nil {
		t.Error(err)
	}
}

func TestOnePersonHasABudgetForWhatIsKept(t *testing.T) {
	size := int64(len(tone(100)))
	s := newStore(t, Config{MaxBytes: size, Of: 3 * size})
	var refs []string
	for _, id := range []string{"m1", "m2", "m3"} {
		ref, _ := keepOf(t, s, "ann", id, tone(100))
		refs = append(refs, ref)
	}
	_, _, err := s.Bridges().Keep(t.Context(), bridges.Recording{From: ann, ID: "m4", Data: tone(100)})
	wantKind(t, err, fault.Throttled)
	if _, fresh := keepOf(t, s, "ann", "m1", tone(100)); fresh {
		t.Error("a repeat of the first is fresh")
	}
	keepOf(t, s, "ben", "m1", tone(100)) // has a budget of his own
	if err := s.Drop(t.Context(), refs[0]); err != nil {
		t.Fatal(err)
	}
	if _, fresh := keepOf(t, s, "ann", "m4", tone(100)); !fresh {
		t.Error("an answered message still counts")
	}
}
