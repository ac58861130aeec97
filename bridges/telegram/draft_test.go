package telegram

import (
	"context"
	"slices"
	"strings"
	"testing"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
	"avatarbridge/bridges/fault"
)

func direct(c *bridgetest.Chat) bridges.Place {
	return bridges.Place{Channel: c.Channel(), Direct: true}
}

func TestADraftGrowsInAPrivateChatAsItWillBePosted(t *testing.T) {
	w := newWorld(t)
	b := w.bridge(nil)
	d := bridges.Draft{ID: "d1", Place: direct(w.chat)}
	for _, text := range []string{"**Hel", "**Hello**", "**Hello** you < me"} {
		d.Text = text
		if id, err := b.Draft(w.ctx, d); err != nil || id != "" {
			t.Fatalf("draft %q: %q, %v", text, id, err)
		}
	}
	shown := w.tg.Drafts(w.chat)
	var texts []string
	for _, s := range shown {
		texts = append(texts, s.Text)
	}
	if !slices.Equal(texts, []string{"**Hel", "Hello", "Hello you < me"}) {
		t.Errorf("people saw %q", texts)
	}
	if shown[0].ID == 0 || shown[0].ID != shown[2].ID {
		t.Errorf("ids %d, %d: it should be one draft", shown[0].ID, shown[2].ID)
	}
	if n := w.tg.PostCount(); n != 0 {
		t.Errorf("%d messages were posted", n)
	}
}

func TestTheEndOfALongDraftIsShown(t *testing.T) {
	w := newWorld(t)
	text := strings.Repeat("word ", 2000) + "the end"
	if _, err := w.bridge(nil).Draft(w.ctx, bridges.Draft{ID: "d1", Place: direct(w.chat), Text: text}); err != nil {
		t.Fatal(err)
	}
	if shown := w.tg.Drafts(w.chat); len(shown) != 1 || !strings.HasSuffix(shown[0].Text, "the end") {
		t.Errorf("shown: %d drafts", len(shown))
	}
}

func TestGroupsShowNoDrafts(t *testing.T) {
	w := newWorld(t)
	b := w.bridge(nil)
	if s := b.Drafts(bridges.Place{Channel: "-100"}); s.Every != 0 {
		t.Errorf("a group shows drafts: %+v", s)
	}
	if s := b.Drafts(direct(w.chat)); s.Every <= 0 || s.Stays {
		t.Errorf("a private chat: %+v", s)
	}
}

func TestAServerThatKnowsNoDraftsIsAskedOnce(t *testing.T) {
	w := newWorld(t)
	w.tg.ForgetDrafts()
	b := w.bridge(nil)
	if _, err := b.Draft(w.ctx, bridges.Draft{ID: "d1", Place: direct(w.chat), Text: "a"}); err == nil {
		t.Fatal("no error")
	}
	if s := b.Drafts(direct(w.chat)); s.Every != 0 {
		t.Errorf("drafts go on: %+v", s)
	}
	if !strings.Contains(w.logs.String(), "shows no drafts") {
		t.Errorf("the log does not say why: %s", w.logs)
	}
}

func TestAThrottledDraftSaysForHowLong(t *testing.T) {
	w := newWorld(t)
	clear := w.tg.Break(bridgetest.Fault{Method: "sendMessageDraft", Effect: bridgetest.Throttle, RetryAfter: 7})
	defer clear()
	_, err := w.bridge(nil).Draft(context.Background(), bridges.Draft{ID: "d1", Place: direct(w.chat), Text: "a"})
	if o := w.outcome(err, fault.Throttled, ""); o.After.Seconds() != 7 {
		t.Errorf("pause %v", o.After)
	}
}
