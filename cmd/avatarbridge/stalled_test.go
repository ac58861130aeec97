package main

import (
	"testing"
	"time"

	"avatarbridge/avatar/avatartest"
)

// TestAStalledAvatarDoesNotConcernTheOthers lets a language model hold back all of its answers while people talk with the avatars of the
// other two pages and, on Telegram, with one of these.
func TestAStalledAvatarDoesNotConcernTheOthers(t *testing.T) {
	const each, messages = 24, 3 // visitors of a page, messages of a visitor
	r := newPageRig(t)
	r.amend("messages", "ai_notice = \"\"\n")
	r.amend("avatars.model", "stream_timeout = \"2m\"\n") // longer than the test, so that it is never asked again
	ctx := deadline(t)
	gate := make(chan struct{})
	r.model.Answer(func(c avatartest.ChatRequest) avatartest.ChatAnswer {
		a := avatartest.EchoChat(c)
		a.Gate = gate
		return a
	})
	r.start()
	r.ready()
	chat := "http://" + r.public + "/chat/"
	patient, others := newCrowd(t, each*messages, 20*time.Millisecond), newCrowd(t, 2*each*messages, 20*time.Millisecond)
	waiting, leave := patient.gather(ctx, t, each, 0, chat+"model")
	served, leaveOthers := others.gather(ctx, t, 2*each, each, chat+"virtual", chat+"mine")
	telegram := newLoad(r.rig)

	talk(ctx, waiting, messages, 0)
	if err := r.model.Await(ctx, avatartest.ChatReceived, each); err != nil {
		t.Fatal(err)
	}
	telegram.write(r.rig, 0, telegram.messages)
	talk(ctx, served, messages, 0)
	if err := others.answered(ctx, 2*each*messages); err != nil {
		t.Fatalf("while one avatar is stalled, those of the others: %v; the log ends with\n%s", err, tail(r.logged()))
	}
	if err := r.telegram.WaitFor(ctx, telegram.answered(r.rig)); err != nil {
		t.Fatalf("while one avatar is stalled, Telegram: %v; the log ends with\n%s", err, tail(r.logged()))
	}
	if repeats, _ := telegram.check(r.rig); repeats > 0 {
		t.Errorf("%d replies were repeated on Telegram", repeats)
	}
	if n := len(patient.replies); n > 0 {
		t.Fatalf("the stalled avatar has answered %d messages: nothing was tested", n)
	}

	close(gate)
	if err := patient.answered(ctx, each*messages); err != nil {
		t.Fatalf("the avatar that was stalled: %v; the log ends with\n%s", err, tail(r.logged()))
	}
	r.await("nothing to wait", r.quiet)
	leave()
	leaveOthers()
	checkAll(ctx, t, append(waiting, served...), messages)
	asked := map[string]int{}
	for _, c := range r.model.Chats() {
		asked[string(c.Messages[len(c.Messages)-1].Content)]++
	}
	for text, n := range asked {
		if n != 1 {
			t.Errorf("the avatar that was stalled was asked %q %d times", text, n)
		}
	}
	t.Logf("%d messages to the avatar that was stalled, %d to others on pages, %d on Telegram", len(asked), 2*each*messages, len(telegram.chats)*telegram.messages)
}
