package voximplant

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/avatar/avatartest"
)

// shelf is a Speaker that keeps each key once, as a store does.
type shelf struct {
	kept  map[string]bool
	texts []string
	fail  error
	ended bool
	lasts time.Duration
}

func (s *shelf) Say(_ context.Context, r avatar.Reply) error {
	if s.fail != nil {
		return s.fail
	}
	if s.kept[r.Key] {
		return nil
	}
	if s.ended {
		return avatar.ErrGone
	}
	if s.kept == nil {
		s.kept = map[string]bool{}
	}
	s.kept[r.Key], s.ended, s.lasts = true, r.Ends, r.KeyFor
	if r.Text != "" {
		s.texts = append(s.texts, r.Text)
	}
	return nil
}

func (s *shelf) Draft(string) {}

// hears is a backend at a time of its own; nothing of it lives on in the next one.
func hears(t *testing.T, now time.Time, s *shelf, path, body string) int {
	t.Helper()
	cfg := Default()
	cfg.AccountID, cfg.APIKey, cfg.AvatarID = "1", "k", "9b0f0d0c-1111-4222-8333-444455556666"
	b, err := build(cfg, http.DefaultClient, http.DefaultClient, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	b.(avatar.Listener).Handler(s).ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)))
	return w.Code
}

func TestARepeatIsOneForTheTimeOfTheWindow(t *testing.T) {
	s := &shelf{}
	for range 3 {
		if code := hears(t, time.Now(), s, "/callback/a", `{"response":"Yes."}`); code != http.StatusNoContent {
			t.Fatalf("status %d", code)
		}
	}
	if len(s.texts) != 1 || s.lasts != window {
		t.Errorf("said %q, known for %v", s.texts, s.lasts)
	}
}

func TestTheSameWordsToAnotherMessageAreAnotherReply(t *testing.T) {
	s, now := &shelf{}, time.Now()
	hears(t, now, s, "/callback/a", `{"response":"Yes."}`)
	hears(t, now, s, "/callback/b", `{"response":"Yes."}`)
	hears(t, now, s, "/callback/b", `{"response":"No."}`)
	if got := strings.Join(s.texts, " "); got != "Yes. Yes. No." {
		t.Errorf("said %q", got)
	}
}

func TestAFinalCallbackEndsAndItsRepeatIsNoFailure(t *testing.T) {
	s, now := &shelf{}, time.Now()
	for range 2 {
		if code := hears(t, now, s, "/callback/a", `{"isFinal":true,"response":"Bye"}`); code != http.StatusNoContent {
			t.Errorf("status %d", code)
		}
	}
	if code := hears(t, now, s, "/callback/a", `{"response":"one more"}`); code != http.StatusNotFound {
		t.Errorf("after the end: status %d", code)
	}
	if len(s.texts) != 1 {
		t.Errorf("said %q", s.texts)
	}
}

func TestASilentCallbackIsSaidSoThatItSettlesItsTurn(t *testing.T) {
	s := &shelf{}
	if code := hears(t, time.Now(), s, "/callback/a", `{"isFinal":false,"response":""}`); code != http.StatusNoContent || len(s.kept) != 1 || len(s.texts) != 0 {
		t.Errorf("status %d, kept %v, said %q", code, s.kept, s.texts)
	}
}

func TestACallbackThatIsNotStoredIsAskedForAgain(t *testing.T) {
	s := &failing{}
	cfg := Default()
	cfg.AccountID, cfg.APIKey, cfg.AvatarID = "1", "k", "9b0f0d0c-1111-4222-8333-444455556666"
	b, err := New(cfg, http.DefaultClient, http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/callback/a", strings.NewReader(`{"response":"Hi"}`))
	b.(avatar.Listener).Handler(s).ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("status %d, headers %v", w.Code, w.Header())
	}
}

// failing stores nothing.
type failing struct{}

func (f *failing) Say(context.Context, avatar.Reply) error { return errors.New("the disk is full") }

func (f *failing) Draft(string) {}

func TestCallbacksInAnyOrderLateAndDoubledOverRealConnections(t *testing.T) {
	r := newRig(t, avatartest.VoximplantConfig{}, nil)
	ear := &avatartest.Ear{}
	srv := httptest.NewServer(r.b.(avatar.Listener).Handler(ear))
	t.Cleanup(srv.Close)
	r.sim.Answer(func(u avatartest.VoximplantUtterance) avatartest.VoximplantAnswer {
		return avatartest.VoximplantAnswer{
			Before: []avatartest.VoximplantCallback{{Response: "at once"}},
			After: []avatartest.VoximplantCallback{
				{Response: "in the other spelling", Snake: true, CustomData: `{"emotion":"joy"}`},
				{Response: "late", After: 50 * time.Millisecond, Times: 2},
				{Response: "the end", Final: true},
			},
		}
	})
	turn := avatar.Turn{ID: "t", Conversation: "c", UserUID: "u", Text: "hello", Callback: srv.URL + "/avatars/concierge/callback/x"}
	if err := r.b.Ask(t.Context(), turn, ear); err != nil {
		t.Fatal(err)
	}
	if n := len(ear.Replies()); n < 1 {
		t.Error("what was posted before the answer is not there when Ask returns")
	}
	replies, err := ear.Await(t.Context(), 5)
	if err != nil {
		t.Fatal(err)
	}
	if replies[1].Emotion != "joy" || replies[2].Key != replies[3].Key || !replies[4].Ends || replies[4].Text != "the end" {
		t.Errorf("%+v", replies)
	}
}
