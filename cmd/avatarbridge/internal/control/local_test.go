package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges"
	"avatarbridge/bridges/relay"
	"avatarbridge/store"
	"avatarbridge/store/sqlite"
)

// quiet is a bridge on which nobody writes.
type quiet struct{ bridges.Bridge }

func (quiet) Fit(bridges.Message) []bridges.Message { return nil }
func (quiet) Run(ctx context.Context, rx bridges.Receiver) error {
	if _, err := rx.Open(ctx, "quiet:1"); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// mute is an avatar that is never asked.
type mute struct{ avatar.Backend }

// stored is a Local on a database in which Ann has had one turn, which is dead.
func stored(t *testing.T) (Local, store.Person) {
	t.Helper()
	st, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "test.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	now := time.Now()
	results, err := st.Accept(t.Context(), store.Batch{Account: "telegram:1", Now: now, Turns: 1, Entries: []store.Entry{{Key: "k", Turn: &store.NewTurn{
		ID: "t-1", From: store.Identity{Platform: "telegram", User: "42"}, Name: "Ann", Body: []byte(`{"v":1,"text":"S3CRET","voice":{"kind":"voice","ref":"voice:1"}}`), MaxWaiting: 20,
		In: store.Address{Account: "telegram:1", Avatar: "luna", Channel: "42", Direct: true, Memory: store.MemoryPerson},
	}}}})
	if err != nil || results[0].Turn == nil {
		t.Fatalf("accept: %+v, %v", results, err)
	}
	if _, err := st.Finish(t.Context(), store.Finished{Turn: results[0].Turn.Row, Now: now, Dead: "no answer"}); err != nil {
		t.Fatal(err)
	}
	ann, err := st.Person(t.Context(), "telegram:42")
	if err != nil {
		t.Fatal(err)
	}
	return Local{Store: st, Bridges: []string{"tg"}}, ann
}

func TestPausesOfAStoppedProgramHoldWhenItStarts(t *testing.T) {
	l, _ := stored(t)
	ctx := t.Context()
	for _, target := range []string{"", "tg", "tg/-100:7"} {
		if err := l.Pause(ctx, target); err != nil {
			t.Fatal(err)
		}
	}
	// A platform's throttle is no pause.
	if err := l.Store.Hold(ctx, store.Hold{Scope: store.Scope{Account: "telegram:1"}, Until: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	want := []string{"", "tg", "tg/-100:7"}
	if got, err := l.Paused(ctx); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("paused %q, %v", got, err)
	}
	r, stop := startedRelay(t, l.Store)
	running := Local{Store: l.Store, Relay: r, Bridges: l.Bridges}
	if got, err := running.Paused(ctx); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("the running program has paused %q, %v", got, err)
	}
	if err := running.Resume(ctx, ""); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := l.Resume(ctx, "tg"); err != nil {
		t.Fatal(err)
	}
	if got, err := l.Paused(ctx); err != nil || !reflect.DeepEqual(got, want[2:]) {
		t.Errorf("paused %q, %v", got, err)
	}
	if s, err := l.Status(ctx); err != nil || s.Relay.Running || !reflect.DeepEqual(s.Relay.Paused, want[2:]) || s.Depth.Dead != 1 {
		t.Errorf("status %+v, %v", s, err)
	}
}

// startedRelay is a relay that runs until stop.
func startedRelay(t *testing.T, st store.Store) (r *relay.Relay, stop func()) {
	t.Helper()
	r, err := relay.New(relay.Config{Store: st, Log: slog.New(slog.DiscardHandler),
		Avatars: []relay.Avatar{{Name: "luna", Backend: mute{}}},
		Bridges: []relay.Bridge{{Name: "tg", Platform: "quiet", Bridge: quiet{}, Default: relay.Settings{Avatar: "luna"}}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	for deadline := time.Now().Add(5 * time.Second); !r.Status().Running || len(r.Status().Bridges) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the relay does not run")
		}
	}
	return r, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func TestWhatCannotBePausedIsAnError(t *testing.T) {
	l, _ := stored(t)
	for _, target := range []string{"other", "other/1", "/", "/1", "tg/", " tg"} {
		if err := l.Pause(t.Context(), target); err == nil {
			t.Errorf("%q was paused", target)
		}
	}
	if got, err := l.Paused(t.Context()); err != nil || len(got) > 0 {
		t.Errorf("paused %q, %v", got, err)
	}
}

func TestDeadLettersAreListedWithoutTheirContent(t *testing.T) {
	l, _ := stored(t)
	letters, err := l.DeadList(t.Context(), 0, 10)
	if err != nil || len(letters) != 1 {
		t.Fatalf("%+v, %v", letters, err)
	}
	d := letters[0]
	if d.Post || d.Account != "telegram:1" || d.Channel != "42" || d.Avatar != "luna" || d.Reason != "no answer" || d.At.IsZero() {
		t.Errorf("letter %+v", d)
	}
	if b, err := json.Marshal(letters); err != nil || bytes.Contains(b, []byte("S3CRET")) {
		t.Errorf("letters %s, %v", b, err)
	}
	if n, err := l.DeadRetry(t.Context(), d.ID); n != 1 || err != nil {
		t.Errorf("retried %d, %v", n, err)
	}
	if depth, err := l.Store.Depth(t.Context()); err != nil || depth.Dead != 0 || depth.Turns["telegram:1"] != 1 {
		t.Errorf("depth %+v, %v", depth, err)
	}
}

func TestDroppedLettersAreGone(t *testing.T) {
	l, _ := stored(t)
	if n, err := l.DeadDrop(t.Context()); n != 1 || err != nil {
		t.Errorf("dropped %d, %v", n, err)
	}
	if letters, err := l.DeadList(t.Context(), 0, 10); err != nil || len(letters) != 0 || letters == nil {
		t.Errorf("%+v, %v", letters, err)
	}
}

func TestAPersonIsFoundExportedAndForgottenByAnyName(t *testing.T) {
	l, ann := stored(t)
	ctx := t.Context()
	if people, err := l.People(ctx, 0, 10); err != nil || len(people) != 1 || people[0].Name != "Ann" {
		t.Errorf("people %+v, %v", people, err)
	}
	for _, ref := range []string{ann.UID, "telegram:42"} {
		var out bytes.Buffer
		if err := l.Export(ctx, ref, &out); err != nil || !json.Valid(out.Bytes()) || !strings.Contains(out.String(), ann.UID) {
			t.Errorf("export of %s: %v\n%s", ref, err, &out)
		}
	}
	if n, err := l.Forget(ctx, "telegram:42"); n != 1 || err != nil {
		t.Errorf("forgot %d conversations, %v", n, err)
	}
	for name, err := range map[string]error{
		"person": second(l.Person(ctx, ann.UID)), "export": l.Export(ctx, ann.UID, &bytes.Buffer{}), "forget": second(l.Forget(ctx, ann.UID)),
	} {
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// said notes what is deleted of recordings.
type said struct {
	dropped   []string
	forgotten []store.Identity
	err       error
}

func (s *said) Drop(_ context.Context, ref string) error {
	s.dropped = append(s.dropped, ref)
	return s.err
}

func (s *said) Forget(_ context.Context, i store.Identity) error {
	s.forgotten = append(s.forgotten, i)
	return s.err
}

func TestForgettingSomebodyForgetsWhatTheySaid(t *testing.T) {
	l, ann := stored(t)
	s := &said{err: errors.New("the disk is broken")}
	l.Recordings = s
	if _, err := l.Forget(t.Context(), ann.UID); !errors.Is(err, s.err) {
		t.Errorf("a broken disk: %v", err)
	}
	if _, err := l.Person(t.Context(), ann.UID); err != nil {
		t.Fatalf("after a broken disk nobody knows whose recordings to delete: %v", err)
	}
	s.err, s.forgotten = nil, nil
	if _, err := l.Forget(t.Context(), ann.UID); err != nil {
		t.Fatal(err)
	}
	want := store.Identity{Platform: "telegram", User: "42"}
	if len(s.forgotten) != 2 || s.forgotten[0] != want || s.forgotten[1] != want { // before, and what came meanwhile
		t.Errorf("forgot %+v", s.forgotten)
	}
}

func TestDroppingADeadLetterDropsWhatWasSaidInIt(t *testing.T) {
	for name, ids := range map[string]func(store.Letter) []int64{
		"one": func(d store.Letter) []int64 { return []int64{d.ID} }, "all": func(store.Letter) []int64 { return nil }, "another": func(d store.Letter) []int64 { return []int64{d.ID + 1} },
	} {
		l, _ := stored(t)
		s := &said{}
		l.Recordings = s
		letters, err := l.Store.Dead(t.Context(), 0, 10)
		if err != nil || len(letters) != 1 {
			t.Fatalf("%v, %v", letters, err)
		}
		if n, err := l.DeadDrop(t.Context(), ids(letters[0])...); err != nil || (n == 0) != (name == "another") {
			t.Errorf("%s: dropped %d, %v", name, n, err)
		}
		if got := strings.Join(s.dropped, " "); got != map[string]string{"one": "voice:1", "all": "voice:1"}[name] {
			t.Errorf("%s: the recordings %q are dropped", name, got)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestABackupNeedsAnAbsolutePathAndANewFile(t *testing.T) {
	l, _ := stored(t)
	if err := l.Backup(t.Context(), "copy.db"); err == nil || !strings.Contains(err.Error(), "absolute") {
		t.Errorf("relative: %v", err)
	}
	file := filepath.Join(t.TempDir(), "copy.db")
	if err := l.Backup(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Size() == 0 {
		t.Errorf("copy: %v", err)
	}
	if err := l.Backup(t.Context(), file); err == nil {
		t.Error("a backup was overwritten")
	}
}
