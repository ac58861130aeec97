package slack

import (
	"context"
	"testing"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
)

// thread is a new thread of the room.
func (w *world) thread() bridges.Place {
	return bridges.Place{Channel: w.room.ID, Thread: w.writes(bridgetest.SlackLine{Channel: w.room, Text: w.app.User.Mention() + " hello"})}
}

// thinks shows in a place that the avatar is thinking, until the returned function is called.
func (w *world) thinks(b *Bridge, p bridges.Place) (stop func()) {
	w.Helper()
	ctx, stop := context.WithCancel(w.ctx)
	if _, err := b.Typing(ctx, p); err != nil {
		w.Fatal(err)
	}
	if got := w.slack.StatusIn(w.room, p.Thread); got != thinking {
		w.Fatalf("the status is %q", got)
	}
	return stop
}

func TestAStatusGoesWhenNothingIsAnswered(t *testing.T) {
	w := newWorld(t)
	b := w.bridge(nil)
	b.linger = 10 * time.Millisecond
	w.connected(b)
	p := w.thread()
	ctx, stop := context.WithCancel(w.ctx)
	for range 2 { // a long turn
		if _, err := b.Typing(ctx, p); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.slack.StatusIn(w.room, p.Thread); got != thinking {
		t.Errorf("the status is %q", got)
	}
	stop()
	w.until("the status to go", func() bool { return w.slack.StatusIn(w.room, p.Thread) == "" })
	if n := w.slack.Calls("assistant.threads.setStatus"); n != 3 {
		t.Errorf("%d calls", n)
	}
}

func TestAnAnswerTakesTheStatusAwayWithoutACallOfItsOwn(t *testing.T) {
	w := newWorld(t)
	b := w.bridge(nil)
	b.linger = 10 * time.Millisecond
	stopped := w.connected(b)
	p := w.thread()
	stop := w.thinks(b, p)
	m := w.message("p1", "hello")
	m.Place = p
	if _, err := b.Send(w.ctx, m); err != nil {
		t.Fatal(err)
	}
	stop()
	_ = stopped() // it waits for what goes on
	if n := w.slack.Calls("assistant.threads.setStatus"); n != 1 {
		t.Errorf("%d calls", n)
	}
}

func TestAPlaceWithoutStatusIsAskedForOneAgainAfterAWhileAndNotWithEachMessage(t *testing.T) {
	w := newWorld(t)
	b := w.bridge(nil)
	now := time.Now()
	b.mute.now = func() time.Time { return now }
	gone := bridges.Place{Channel: w.room.ID, Thread: "1600000000.000001"}
	for range 3 {
		if _, err := b.Typing(w.ctx, gone); err != nil {
			t.Error(err)
		}
		if _, err := b.Typing(w.ctx, w.thread()); err != nil {
			t.Error(err)
		}
	}
	if n := w.slack.Calls("assistant.threads.setStatus"); n != 1 {
		t.Errorf("%d calls", n)
	}
	now = now.Add(quietFor + time.Second)
	w.thinks(b, w.thread())()
}

func TestAThrottledStatusIsNotAskedForAgainBeforeSlackAllowsIt(t *testing.T) {
	w := newWorld(t)
	b := w.bridge(nil)
	now := time.Now()
	b.mute.now = func() time.Time { return now }
	w.slack.Break(bridgetest.SlackFault{Method: "assistant.threads.setStatus", Effect: bridgetest.Throttle, RetryAfter: 30, Times: 1})
	for range 3 {
		if lasts, err := b.Typing(w.ctx, w.thread()); err != nil || lasts <= 0 {
			t.Errorf("%v, %v", lasts, err)
		}
	}
	if n := w.slack.Calls("assistant.threads.setStatus"); n != 1 {
		t.Errorf("%d calls", n)
	}
	now = now.Add(31 * time.Second)
	w.thinks(b, w.thread())()
}
