package main

import (
	"context"
	"syscall"
	"testing"
	"time"

	"avatarbridge/avatar/avatartest"
	"avatarbridge/bridges/bridgetest"
)

func TestStopOnSIGTERMIsQuickAndClean(t *testing.T) {
	r := newRig(t, setup{})
	r.virtuals.SetDelay(time.Hour)
	ann, chat := r.person("Ann")
	r.start()
	r.say(ann, chat, "slow")
	if err := r.virtuals.Await(deadline(t), avatartest.PromptReceived, 1); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	r.signal(syscall.SIGTERM)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("stopping took %v", took)
	}
	if code := r.child.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit status %d; log:\n%s", code, r.logged())
	}
	r.virtuals.SetDelay(0)
	r.start()
	r.awaitPost(chat, "slow")
}

func TestPauseStopsQueuedPostsWithinTwoSecondsAndOutlivesARestart(t *testing.T) {
	r := newRig(t, setup{bridge: "max_in_flight = 1"})
	l := newLoad(r)
	r.telegram.Break(bridgetest.Fault{Method: "sendMessage", Effect: bridgetest.Slow, Delay: 20 * time.Millisecond}) // so that posts queue
	r.start()
	l.write(r, 0, l.messages)
	if err := r.virtuals.Await(deadline(t), avatartest.PromptAnswered, len(l.chats)); err != nil {
		t.Fatal(err)
	}
	if out, err := r.command("pause").CombinedOutput(); err != nil {
		t.Fatalf("pause: %v\n%s", err, out)
	}
	moves := func(after time.Duration) bool {
		n := r.telegram.PostCount()
		ctx, cancel := context.WithTimeout(t.Context(), after)
		defer cancel()
		return r.telegram.WaitFor(ctx, func() bool { return r.telegram.PostCount() > n }) == nil
	}
	began := time.Now()
	for time.Since(began) < 2*time.Second && moves(200*time.Millisecond) {
	}
	if moves(time.Second) {
		t.Error("something was posted more than two seconds after the pause")
	}
	if n := r.telegram.PostCount(); n == 0 || n >= len(l.chats)*l.messages {
		t.Fatalf("%d posts before the pause: there was no queue to stop", n)
	}
	r.kill()
	r.start()
	r.ready()
	if moves(500 * time.Millisecond) {
		t.Error("a restart ended the pause")
	}
	r.kill()
	if out, err := r.command("resume").CombinedOutput(); err != nil { // without a running process
		t.Fatalf("resume: %v\n%s", err, out)
	}
	r.telegram.ClearFaults()
	r.start()
	if err := r.telegram.WaitFor(deadline(t), l.answered(r)); err != nil {
		_, missing := l.check(r)
		t.Fatalf("%v; missing %v; log:\n%s", err, missing, r.logged())
	}
	if repeats, _ := l.check(r); repeats > 1 {
		t.Errorf("%d repeats with one post in flight", repeats)
	}
}
