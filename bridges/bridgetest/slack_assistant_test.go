package bridgetest_test

import (
	"testing"
	"time"

	"avatarbridge/bridges/bridgetest"
)

func TestSlackAssistantThreads(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	c := w.connect()
	ch, thread := w.s.OpenAssistant(w.app, w.anna, w.room)
	e := c.next().Payload.Event
	if e.Type != "assistant_thread_started" || e.Assistant == nil || e.Assistant.User != w.anna.ID || e.Assistant.Thread != thread ||
		e.Assistant.Channel != ch.ID || e.Assistant.Context.Channel != w.room.ID || ch != w.direct {
		t.Fatalf("the start is %+v", e)
	}
	w.s.ChangeContext(w.app, ch, thread, nil)
	if e := c.next().Payload.Event; e.Type != "assistant_thread_context_changed" || e.Assistant.Context.Channel != "" {
		t.Errorf("the change is %+v", e)
	}
	args := []any{"channel_id", ch.ID, "thread_ts", thread}
	w.call("assistant.threads.setSuggestedPrompts", append(args, "title", "Try", "prompts", `[{"title":"A","message":"Ask A"}]`)...).good(t)
	if p := w.s.Prompts(ch); len(p) != 1 || p[0].Title != "Try" || p[0].Prompts[0].Message != "Ask A" || p[0].Thread != thread {
		t.Errorf("prompts %+v", p)
	}
	w.call("assistant.threads.setSuggestedPrompts", append(args, "prompts", `[{"title":"A"}]`)...).fails(t, "invalid_arguments")
	w.call("assistant.threads.setTitle", append(args, "title", "Cats")...).good(t)
	if e := c.next().Payload.Event; e.Subtype != "message_changed" || e.Message.Subtype != "assistant_app_thread" || e.Message.Text != "Cats" {
		t.Errorf("the title came as %+v", e)
	}
	w.s.Write(bridgetest.SlackLine{Channel: ch, From: w.anna, Text: "hi", Thread: thread})
	if e := c.next().Payload.Event; e.ThreadTS != thread || e.ChannelType != "im" {
		t.Errorf("what is written in the thread is %+v", e)
	}
	w.call("assistant.threads.setTitle", "channel_id", w.room.ID, "thread_ts", w.write(w.room, "x").TS, "title", "x").fails(t, "invalid_thread_ts")
}

func TestSlackStatusGoesWithAMessageOrAfterTwoMinutes(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	thread := w.write(w.direct, "question").TS
	set := func(status string) {
		t.Helper()
		w.call("assistant.threads.setStatus", "channel_id", w.direct.ID, "thread_ts", thread, "status", status).good(t)
		if got := w.s.StatusIn(w.direct, thread); got != status {
			t.Errorf("the status is %q, want %q", got, status)
		}
	}
	set("is thinking…")
	w.post(w.direct, "elsewhere")
	if w.s.StatusIn(w.direct, thread) == "" {
		t.Error("a message outside of the thread took the status away")
	}
	w.post(w.direct, "answer", "thread_ts", thread)
	if got := w.s.StatusIn(w.direct, thread); got != "" {
		t.Errorf("after the answer the status is %q", got)
	}
	set("is thinking…")
	set("")
	set("is thinking…")
	w.s.Advance(2*time.Minute - time.Second)
	if w.s.StatusIn(w.direct, thread) == "" {
		t.Error("the status went too early")
	}
	w.s.Advance(time.Second)
	if got := w.s.StatusIn(w.direct, thread); got != "" {
		t.Errorf("after two minutes the status is %q", got)
	}
	if n := len(w.s.Statuses(w.direct)); n != 4 {
		t.Errorf("%d statuses were set, want 4", n)
	}
	w.call("assistant.threads.setStatus", "channel_id", w.direct.ID, "thread_ts", "1.2", "status", "x").fails(t, "invalid_thread_ts")
	w.call("assistant.threads.setStatus", "channel_id", w.direct.ID, "thread_ts", thread).fails(t, "invalid_arguments")
}
