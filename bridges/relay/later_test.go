package relay_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
	"avatarbridge/bridges/relay"
	"avatarbridge/store"
)

// patient is an avatar whose replies come later.
type patient struct {
	listening
	mu     sync.Mutex
	ended  []string
	fails  int // how many calls of End do
	closed int
}

func (a *patient) Patience() time.Duration { return 30 * time.Second }

func (a *patient) End(_ context.Context, conversation string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fails > 0 {
		a.fails--
		return &fault.Outcome{Kind: fault.Retry, Reason: "down"}
	}
	a.ended = append(a.ended, conversation)
	return nil
}

func (a *patient) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed++
	return nil
}

// wasEnded returns the conversations of which the service was told that they are over.
func (a *patient) wasEnded() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.ended)
}

// inPatientWorld is inWorld with a patient avatar, which takes turns without a word.
func inPatientWorld(t *testing.T, test func(t *testing.T, w *world, a *patient)) {
	a := &patient{}
	change := func(c *relay.Config) {
		c.Avatars[0].Backend = a
		c.CallbackURL = func(_, token string) string { return token }
		c.Messages.NoReply = "NO REPLY"
	}
	inWorld(t, change, func(t *testing.T, w *world) {
		a.onAsk(func(context.Context, avatar.Turn, avatar.Speaker) error { return nil })
		test(t, w, a)
	})
}

// calls makes the callback of a turn.
func (w *world) calls(turn avatar.Turn, form string) int {
	req := httptest.NewRequest("POST", "/?"+form, nil)
	req.SetPathValue("name", "luna")
	req.SetPathValue("token", turn.Callback)
	rec := httptest.NewRecorder()
	w.relay.Callback().ServeHTTP(rec, req)
	settle()
	return rec.Code
}

// texts returns what was asked, in order.
func (a *patient) texts() []string {
	var all []string
	for _, turn := range a.turns() {
		all = append(all, turn.Text)
	}
	return all
}

// turn returns how the text was asked first.
func (a *patient) turn(text string) avatar.Turn {
	i := slices.Index(a.texts(), text)
	if i < 0 {
		return avatar.Turn{}
	}
	return a.turns()[i]
}

func wantAsked(t *testing.T, a *patient, want ...string) {
	t.Helper()
	settle()
	// Conversations run beside one another: only their own order is certain.
	if got := slices.Sorted(slices.Values(a.texts())); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("asked %q, want %q", got, want)
	}
}

func TestTheNextUtteranceWaitsForTheReplyToTheOneBefore(t *testing.T) {
	inPatientWorld(t, func(t *testing.T, w *world, a *patient) {
		w.bridge.receive(t, w.bridge.said("ann", "1"), w.bridge.said("ann", "2"), w.bridge.said("bob", "x"))
		wantAsked(t, a, "1", "x")
		w.restart()
		wantAsked(t, a, "1", "x")
		if code := w.calls(a.turn("1"), "text=one"); code != 200 {
			t.Fatalf("callback: %d", code)
		}
		wantAsked(t, a, "1", "x", "2")
		w.calls(a.turn("1"), "text=more")
		w.wantPosted("ann", "one", "more")
	})
}

func TestAReplyThatNeverComesHoldsUpNothingForLong(t *testing.T) {
	inPatientWorld(t, func(t *testing.T, w *world, a *patient) {
		w.bridge.receive(t, w.bridge.said("ann", "1"), w.bridge.said("ann", "2"))
		time.Sleep(29 * time.Second)
		wantAsked(t, a, "1")
		w.wantPosted("ann")
		time.Sleep(2 * time.Second)
		wantAsked(t, a, "1", "2")
		w.wantPosted("ann", "NO REPLY")
		if n := w.bridge.shown(); n != 0 {
			t.Errorf("typing was shown %d times for what is not being thought about", n)
		}
		if code := w.calls(a.turns()[0], "text=late"); code != 200 {
			t.Errorf("a late callback: %d", code)
		}
		w.wantPosted("ann", "NO REPLY", "late")
		if n := len(w.dead()); n != 0 {
			t.Errorf("%d dead letters", n)
		}
	})
}

func TestACallbackBeforeAskReturnsSettlesTheTurn(t *testing.T) {
	inPatientWorld(t, func(t *testing.T, w *world, a *patient) {
		a.onAsk(func(_ context.Context, turn avatar.Turn, _ avatar.Speaker) error {
			req := httptest.NewRequest("POST", "/?text=early", nil)
			req.SetPathValue("name", "luna")
			req.SetPathValue("token", turn.Callback)
			rec := httptest.NewRecorder()
			w.relay.Callback().ServeHTTP(rec, req)
			if rec.Code != 200 {
				t.Errorf("callback: %d", rec.Code)
			}
			return errors.New("and then the connection broke")
		})
		w.bridge.receive(t, w.bridge.said("ann", "1"))
		w.wantPosted("ann", "early")
		w.restart()
		time.Sleep(time.Hour)
		wantAsked(t, a, "1")
	})
}

func TestAnUtteranceThatWasTakenWhileTheConversationEndedIsAskedOnceAgain(t *testing.T) {
	inPatientWorld(t, func(t *testing.T, w *world, a *patient) {
		w.bridge.receive(t, w.bridge.said("ann", "1"))
		settle()
		first := a.turns()[0]
		w.calls(first, "text=one")
		w.bridge.receive(t, w.bridge.said("ann", "2"))
		settle()
		w.calls(first, "text=bye&end=1")
		wantAsked(t, a, "1", "2", "2")
		turns := a.turns()
		if turns[1].ID != turns[2].ID || turns[1].Conversation == turns[2].Conversation {
			t.Errorf("asked again as %+v after %+v", turns[2], turns[1])
		}
		if code := w.calls(turns[1], "text=old"); code != http.StatusNotFound {
			t.Errorf("the old conversation's callback: %d", code)
		}
		w.calls(turns[2], "text=two")
		w.wantPosted("ann", "one", "bye", "two")
	})
}

func TestAResetTellsTheServiceAndEndsTheWait(t *testing.T) {
	inPatientWorld(t, func(t *testing.T, w *world, a *patient) {
		a.fails = 1
		w.bridge.receive(t, w.bridge.said("ann", "1"), w.bridge.said("ann", "2"))
		settle()
		reset := w.bridge.said("ann", "")
		reset.Kind, reset.Command = bridges.Command, "reset"
		w.bridge.receive(t, reset)
		wantAsked(t, a, "1", "2")
		time.Sleep(10 * time.Second)
		if got := a.wasEnded(); !slices.Equal(got, []string{a.turns()[0].Conversation}) {
			t.Errorf("ended %q, want %q", got, a.turns()[0].Conversation)
		}
		w.wantPosted("ann", "RESET")
	})
}

func TestForgettingSomebodyTellsTheService(t *testing.T) {
	inPatientWorld(t, func(t *testing.T, w *world, a *patient) {
		w.bridge.receive(t, w.bridge.said("ann", "1"))
		settle()
		people, err := w.store.People(t.Context(), 0, 9)
		if err != nil || len(people) != 1 {
			t.Fatal(people, err)
		}
		gone, err := w.store.Forget(t.Context(), people[0].UID)
		if err != nil {
			t.Fatal(err)
		}
		w.relay.Forgotten(append(gone, store.Conversation{UID: "of an avatar that is gone"}))
		settle()
		if got := a.wasEnded(); !slices.Equal(got, []string{a.turns()[0].Conversation}) {
			t.Errorf("ended %q", got)
		}
	})
}

func TestALateReplySaysWhomItAnswers(t *testing.T) {
	inPatientWorld(t, func(t *testing.T, w *world, a *patient) {
		ev := w.bridge.said("ann", "1")
		ev.Answer = "interaction"
		w.bridge.receive(t, ev)
		settle()
		w.calls(a.turns()[0], "text=one")
		settle()
		m := w.bridge.sent[0]
		if m.Forms[0].Text != "one" || m.Mention != "ann" {
			t.Errorf("posted %+v", m)
		}
	})
}

func TestRepliesOverAConnectionAreStoredAfterAskHasReturned(t *testing.T) {
	inPatientWorld(t, func(t *testing.T, w *world, a *patient) {
		w.bridge.receive(t, w.bridge.said("ann", "1"), w.bridge.said("ann", "2"))
		settle()
		later := a.turns()[0].Later
		if err := later.Say(t.Context(), avatar.Reply{Text: "one"}); err != nil {
			t.Fatal(err)
		}
		wantAsked(t, a, "1", "2")
		if err := later.Say(t.Context(), avatar.Reply{Text: "bye", Ends: true}); err != nil {
			t.Fatal(err)
		}
		settle()
		if err := later.Say(t.Context(), avatar.Reply{Text: "gone"}); !errors.Is(err, avatar.ErrGone) {
			t.Errorf("said after the end: %v", err)
		}
		w.wantPosted("ann", "one", "bye")
	})
}

func TestConnectionsOfAvatarsAreClosedWhenTheRelayStops(t *testing.T) {
	inPatientWorld(t, func(t *testing.T, w *world, a *patient) {
		w.restart()
		if a.closed != 1 {
			t.Errorf("closed %d times", a.closed)
		}
	})
}
