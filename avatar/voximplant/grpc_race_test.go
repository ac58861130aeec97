package voximplant

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	"avatarbridge/avatar"
	"avatarbridge/avatar/avatartest"
	"avatarbridge/avatar/voximplant/wire"
	"avatarbridge/bridges/fault"
)

// fakeStream is a stream that hears what is in it and then ends.
type fakeStream struct {
	grpc.ClientStream
	heard chan *wire.AvatarResponse
	sent  func(string) error
}

func (f *fakeStream) Send(m *wire.UserUtterance) error { return f.sent(m.GetText()) }

func (f *fakeStream) Recv() (*wire.AvatarResponse, error) {
	if m, ok := <-f.heard; ok {
		return m, nil
	}
	return nil, io.EOF
}

// fakeTalk is a transport with one open stream, in the conversation "c". It must run in a bubble.
func fakeTalk(t *testing.T, f *fakeStream) *grpcTransport {
	t.Helper()
	g := &grpcTransport{cfg: Config{ReplyTimeout: time.Minute}, talks: newTalks(slog.New(slog.DiscardHandler)), door: &door{now: time.Now}}
	k, _, err := g.talks.get("c")
	if err != nil {
		t.Fatal(err)
	}
	k.stream, k.entry = f, &entry{link: &link{address: "nlu.example.com:443"}}
	g.talks.hear(k, func() {})
	g.talks.release(k)
	return g
}

// open reports whether the conversation has a stream.
func (t *talks) open(conversation string) bool {
	synctest.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byID[conversation] != nil
}

func say(text string) *wire.AvatarResponse { return &wire.AvatarResponse{Utterance: text} }

func TestWhatWasHeardBeforeAnUtteranceThatDidNotGoOutIsSaidLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStream{heard: make(chan *wire.AvatarResponse)}
		f.sent = func(string) error {
			f.heard <- &wire.AvatarResponse{Utterance: "Bye", IsFinal: true}
			synctest.Wait() // it is heard and waits for what becomes of the utterance
			close(f.heard)
			return io.EOF
		}
		g := fakeTalk(t, f)
		defer g.talks.closeAll()
		var now, later avatartest.Ear
		err := g.ask(t.Context(), grpcTurn("c", "Wait", &later), &now)
		if o := fault.Of(err); o == nil || o.Kind != fault.Retry || now.Tried() > 0 {
			t.Errorf("%v, said %v", err, now.Replies())
		}
		synctest.Wait()
		if got := later.Replies(); len(got) != 1 || got[0].Text != "Bye" || !got[0].Ends {
			t.Errorf("said later %v", got)
		}
	})
}

func TestNothingIsSaidLaterBeforeAskHasReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStream{heard: make(chan *wire.AvatarResponse, 3)}
		f.sent = func(string) error { f.heard <- say("one"); f.heard <- say("two"); return nil }
		g := fakeTalk(t, f)
		defer g.talks.closeAll()
		defer close(f.heard)
		now := &held{begun: make(chan struct{}), gate: make(chan struct{})}
		var later avatartest.Ear
		done := make(chan error, 1)
		go func() { done <- g.ask(t.Context(), grpcTurn("c", "Hi", &later), now) }()
		<-now.begun
		synctest.Wait()
		if later.Tried() > 0 {
			t.Error("said later while the first reply is being said")
		}
		close(now.gate)
		if err := <-done; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if got := later.Replies(); len(got) != 1 || got[0].Text != "two" {
			t.Errorf("said later %v", got)
		}
	})
}

func TestRepliesToATurnThatWillBeAskedAgainAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStream{heard: make(chan *wire.AvatarResponse, 3)}
		f.sent = func(string) error { f.heard <- say("one"); f.heard <- say("two"); return nil }
		g := fakeTalk(t, f)
		defer g.talks.closeAll()
		defer close(f.heard)
		var now, later avatartest.Ear
		now.Fail(errors.New("the disk is full"))
		if err := g.ask(t.Context(), grpcTurn("c", "Hi", &later), &now); err == nil {
			t.Error("a reply that was not stored counts as said")
		}
		synctest.Wait()
		if later.Tried() > 0 {
			t.Errorf("said later %v: it will be said again", later.Replies())
		}
	})
}

func TestReplyTimeoutLeavesTheStreamOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStream{heard: make(chan *wire.AvatarResponse, 1), sent: func(string) error { return nil }}
		g := fakeTalk(t, f)
		defer g.talks.closeAll()
		defer close(f.heard)
		var now, later avatartest.Ear
		begun := time.Now()
		if err := g.ask(t.Context(), grpcTurn("c", "Hi", &later), &now); err != nil || time.Since(begun) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		time.Sleep(idleStream - time.Second) // of the bubble's time
		f.heard <- say("at last")
		time.Sleep(idleStream - time.Second) // a reply shows that it is alive
		if !g.talks.open("c") || len(later.Replies()) != 1 || now.Tried() > 0 {
			t.Errorf("open: %v, said later %v", g.talks.open("c"), later.Replies())
		}
		time.Sleep(2 * time.Second)
		if g.talks.open("c") {
			t.Error("open after its time")
		}
	})
}

func TestLaterReplyThatNeverCanBeStoredIsGivenUpAndLoggedWithoutItsWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		f := &fakeStream{heard: make(chan *wire.AvatarResponse, 1), sent: func(string) error { return nil }}
		g := fakeTalk(t, f)
		defer g.talks.closeAll()
		defer close(f.heard)
		g.talks.byID["c"].log = slog.New(slog.NewTextHandler(&log, nil))
		var now, later avatartest.Ear
		later.Fail(errors.New("the disk is full"))
		if err := g.ask(t.Context(), grpcTurn("c", "Hi", &later), &now); err != nil {
			t.Error(err)
		}
		f.heard <- say("canary")
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if later.Tried() != sayTries || !strings.Contains(log.String(), "the disk is full") || strings.Contains(log.String(), "canary") {
			t.Errorf("tried %d times, logged %s", later.Tried(), log.String())
		}
	})
}

func TestDeadlineThatEndsWhileTheReplyComesSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		f := &fakeStream{heard: make(chan *wire.AvatarResponse, 1)}
		f.sent = func(string) error { cancel(); f.heard <- say("one"); return nil }
		g := fakeTalk(t, f)
		defer g.talks.closeAll()
		defer close(f.heard)
		var now avatartest.Ear
		if err := g.ask(ctx, grpcTurn("c", "Hi", avatar.Speaker(&now)), &now); !errors.Is(err, context.Canceled) || now.Tried() > 0 {
			t.Errorf("%v, said %v", err, now.Replies())
		}
	})
}

func TestTurnWithLessTimeThanTheReplyTimeoutIsNotAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStream{heard: make(chan *wire.AvatarResponse), sent: func(string) error { return nil }}
		g := fakeTalk(t, f)
		defer g.talks.closeAll()
		defer close(f.heard)
		ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
		defer cancel()
		var now, later avatartest.Ear
		if err := g.ask(ctx, grpcTurn("c", "Hi", &later), &now); err != nil || ctx.Err() != nil {
			t.Errorf("%v, %v", err, ctx.Err())
		}
		f.heard <- say("at last")
		synctest.Wait()
		if got := later.Replies(); len(got) != 1 {
			t.Errorf("said later %v", got)
		}
	})
}

func TestRepliesToAnUtteranceWhoseTurnHasNoMoreTimeAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		f := &fakeStream{heard: make(chan *wire.AvatarResponse, 3)}
		f.sent = func(string) error { cancel(); f.heard <- say("one"); f.heard <- say("two"); return nil }
		g := fakeTalk(t, f)
		defer g.talks.closeAll()
		defer close(f.heard)
		var now, later avatartest.Ear
		if err := g.ask(ctx, grpcTurn("c", "Hi", &later), &now); err == nil {
			t.Error("no error")
		}
		synctest.Wait()
		if now.Tried()+later.Tried() > 0 {
			t.Errorf("said %v, later %v", now.Replies(), later.Replies())
		}
	})
}
