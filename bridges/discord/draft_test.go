package discord

import (
	"slices"
	"strings"
	"testing"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
	"avatarbridge/bridges/fault"
)

func TestADraftIsOneMessageThatChanges(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	b := w.bridge(nil)
	if s := b.Drafts(w.place(w.dm)); !s.Stays || s.Every < draftEvery || b.Drafts(w.place(w.room)).Every != 0 {
		t.Errorf("%+v", s)
	}
	d := bridges.Draft{ID: "d1", Place: w.place(w.dm)}
	for _, text := range []string{"**One", "**One** two", strings.Repeat("long ", 900) + "end"} {
		d.Text = text
		id, err := b.Draft(w.ctx, d)
		if err != nil || d.Shown != "" && id != d.Shown {
			t.Fatalf("%q, %v", id, err)
		}
		d.Shown = id
	}
	got := w.d.PostsIn(w.dm)
	if len(got) != 1 || got[0].Edits != 2 || !strings.HasSuffix(got[0].Text, "end") || got[0].Flags&flagSilent == 0 || !got[0].Pings.None() {
		t.Errorf("posted %+v", got)
	}
	if err := b.Remove(w.ctx, d.Place, d.Shown); err != nil || len(w.d.Texts(w.dm)) != 0 {
		t.Errorf("%v", err)
	}
}

func TestADraftWhoseIDWasLostIsGoneOnWith(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	if _, err := w.bridge(nil).Draft(w.ctx, bridges.Draft{ID: "d1", Place: w.place(w.dm), Text: "One"}); err != nil {
		t.Fatal(err)
	}
	b := w.bridge(nil)
	id, err := b.Draft(w.ctx, bridges.Draft{ID: "d1", Place: w.place(w.dm), Text: "One two", Lost: true})
	if err != nil || id == "" {
		t.Fatal(err)
	}
	if got := w.d.Texts(w.dm); !slices.Equal(got, []string{"One two"}) {
		t.Errorf("shown %q", got)
	}
}

func TestACommandHasNoDraft(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	_, err := w.bridge(nil).Draft(w.ctx, bridges.Draft{ID: "d1", Place: w.place(w.dm), Text: "One", Answer: "x"})
	w.outcome(err, fault.Rejected, "")
	if w.d.PostCount() != 0 {
		t.Error("something was posted")
	}
}
