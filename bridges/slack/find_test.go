package slack

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
	"avatarbridge/bridges/fault"
)

func TestAPostIsFoundByItsIDInItsPlace(t *testing.T) {
	w := newWorld(t)
	b := w.bridge(nil)
	root := w.writes(bridgetest.SlackLine{Channel: w.room, Text: "a thread"})
	began := time.Now()
	for _, p := range []bridges.Place{w.direct(), {Channel: w.room.ID, Thread: root}, {Channel: w.room.ID}} {
		var ids []string
		for i := range 3 {
			m := w.message(fmt.Sprint("p", i), "x")
			m.Place = p
			id, err := b.Send(w.ctx, m)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		for i, want := range append(ids, "") {
			got, err := b.Find(w.ctx, bridges.Message{ID: fmt.Sprint("p", i), Place: p}, began)
			if err != nil || got != want {
				t.Errorf("%+v: found %q, %v, want %q", p, got, err, want)
			}
		}
		if got, err := b.Find(w.ctx, bridges.Message{ID: "p0", Place: p}, began.Add(time.Hour)); got != "" || err != nil {
			t.Errorf("found what was posted before: %q, %v", got, err)
		}
	}
}

func TestPostsAreFoundManyAtATime(t *testing.T) {
	w := newWorld(t)
	b := w.bridge(nil)
	began := time.Now()
	want := map[string]string{}
	for i := range 30 {
		m := w.message(fmt.Sprint("p", i), "x")
		id, err := b.Send(w.ctx, m)
		if err != nil {
			t.Fatal(err)
		}
		want[m.ID] = id
	}
	// The first is held up, so that the others have to wait, and share the next look.
	w.slack.Break(bridgetest.SlackFault{Method: "conversations.history", Effect: bridgetest.Slow, Delay: 200 * time.Millisecond, Times: 1})
	var wait sync.WaitGroup
	find := func(id string) {
		wait.Go(func() {
			got, err := b.Find(w.ctx, bridges.Message{ID: id, Place: w.direct()}, began)
			if err != nil || got != want[id] {
				t.Errorf("%s: found %q, %v", id, got, err)
			}
		})
	}
	find("p0")
	w.until("the first look", func() bool { return w.slack.Calls("conversations.history") == 1 })
	for i := range 30 {
		find(fmt.Sprint("p", i))
	}
	wait.Wait()
	if n := w.slack.Calls("conversations.history"); n > 3 {
		t.Errorf("%d calls for 31 posts", n)
	}
}

func TestALongHistoryIsLookedThroughPageByPageAndNotForEver(t *testing.T) {
	w := newWorld(t)
	b := w.bridge(nil)
	began := time.Now()
	id, err := b.Send(w.ctx, w.message("first", "x"))
	if err != nil {
		t.Fatal(err)
	}
	for range pageSize + 1 {
		w.writes(bridgetest.SlackLine{Text: "x"})
	}
	if got, err := b.Find(w.ctx, bridges.Message{ID: "first", Place: w.direct()}, began); got != id || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for range pageSize * findPages {
		w.writes(bridgetest.SlackLine{Text: "x"})
	}
	_, err = b.Find(w.ctx, bridges.Message{ID: "first", Place: w.direct()}, began)
	w.outcome(err, fault.Dead, "more was written")
}

func TestWhenNobodyCanTellIsAnError(t *testing.T) {
	m := bridges.Message{ID: "p1", Forms: []bridges.Form{{Kind: formAnswer}}}
	w := newWorld(t)
	_, err := w.bridge(nil).Find(w.ctx, m, time.Now())
	w.outcome(err, fault.Dead, "command")

	w = newWorld(t, scoped("chat:write"))
	_, err = w.bridge(nil).Find(w.ctx, bridges.Message{ID: "p1", Place: w.direct()}, time.Now())
	w.outcome(err, fault.Dead, "history")

	w = newWorld(t, func(_ *bridgetest.SlackOptions, a *bridgetest.SlackAppOptions) { a.External = true })
	b := w.bridge(nil)
	for _, want := range []fault.Kind{fault.Retry, fault.Throttled} {
		_, err = b.Find(w.ctx, bridges.Message{ID: "p1", Place: w.direct()}, time.Now())
		if want == fault.Throttled {
			w.outcome(err, want, "")
		} else if err != nil {
			t.Errorf("an app from outside may look once a minute: %v", err)
		}
	}

	for _, f := range []bridgetest.SlackFault{{Effect: bridgetest.HTML}, {Effect: bridgetest.Cut}, {Effect: bridgetest.Garbage}, {Effect: bridgetest.Refuse, Body: "fatal_error"}} {
		w = newWorld(t)
		w.slack.Break(f)
		_, err = w.bridge(nil).Find(w.ctx, bridges.Message{ID: "p1", Place: w.direct()}, time.Now())
		w.outcome(err, fault.Retry, "") // to look again does no harm, and to post again might
	}

	w = newWorld(t)
	b = w.bridge(nil)
	w.slack.Offline()
	_, err = b.Find(w.ctx, bridges.Message{ID: "p1", Place: w.direct()}, time.Now())
	w.outcome(err, fault.Retry, "not sent")
}

func TestADraftIsChangedInPlaceAndFoundAfterACrash(t *testing.T) {
	w := newWorld(t)
	b := w.bridge(nil)
	if s := b.Drafts(bridges.Place{Channel: w.room.ID}); s.Every != 0 {
		t.Errorf("rooms show drafts: %+v", s)
	}
	if s := b.Drafts(w.direct()); s.Every < time.Second || !s.Stays {
		t.Errorf("%+v", s)
	}
	d := bridges.Draft{ID: "d1", Place: w.direct(), Text: "I **thi"}
	id, err := b.Draft(w.ctx, d)
	if err != nil || id == "" {
		t.Fatalf("%q, %v", id, err)
	}
	d.Shown, d.Text = id, "I **think** so"
	if again, err := b.Draft(w.ctx, d); err != nil || again != id {
		t.Errorf("%q, %v", again, err)
	}
	d.Shown, d.Lost, d.Text = "", true, "I think anew"
	if again, err := b.Draft(w.ctx, d); err != nil || again != id {
		t.Errorf("after a crash: %q, %v", again, err)
	}
	d.ID = "d2"
	if other, err := b.Draft(w.ctx, d); err != nil || other == id {
		t.Errorf("one that was never shown: %q, %v", other, err)
	}
	posts := w.slack.Posts()
	if len(posts) != 2 || posts[0].Edits != 2 || posts[0].Text != "I think anew" || string(posts[0].Metadata.Payload) != `{"id":"d1"}` {
		t.Errorf("%+v", posts)
	}
	d.Shown, d.Lost = id, false
	w.slack.Break(bridgetest.SlackFault{Method: "chat.update", Effect: bridgetest.Throttle, RetryAfter: 9})
	_, err = b.Draft(w.ctx, d)
	w.outcome(err, fault.Throttled, "")
}
