package web

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges"
)

func TestDotsAndDraftsReachOpenPages(t *testing.T) {
	w := newWorld(t)
	anna := w.visitor()
	first, second := anna.listen("/chat/site/events"), anna.listen("/chat/site/events")
	first.want("ready")
	second.want("ready")
	place := w.b.place(anna.id())
	lasts, err := w.b.Typing(w.waiting(), place)
	if err != nil || lasts <= 0 {
		t.Fatalf("Typing returned %v, %v", lasts, err)
	}
	for _, tap := range []*tap{first, second} {
		if got := tap.want("typing"); got.data != fmt.Sprintf(`{"for":%d}`, lasts.Milliseconds()) || got.id != "" {
			t.Errorf("got %+v", got)
		}
	}
	for text, html := range map[string]string{"**bo": `{"html":"<p>**bo</p>"}`, "": `{"html":""}`} {
		if id, err := w.b.Draft(w.waiting(), bridges.Draft{Place: place, Text: text}); id != "" || err != nil {
			t.Fatalf("Draft returned %q, %v", id, err)
		}
		for _, tap := range []*tap{first, second} {
			if got := tap.want("draft"); got.data != html || got.id != "" {
				t.Errorf("%q: got %+v, want %s", text, got, html)
			}
		}
	}
	if got := w.b.Drafts(place); got.Every <= 0 || got.Every > 200*time.Millisecond || got.Stays {
		t.Errorf("the style of drafts is %+v", got)
	}
	if got := w.b.Drafts(bridges.Place{Channel: "x"}); got.Every != 0 {
		t.Errorf("a place that is no visitor's has drafts: %+v", got)
	}
}

// Whenever a reply is in the feed, its drafts have been made: none may be written after it.
func TestNoDraftComesAfterItsReply(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.History = 1000 })
	anna := w.visitor()
	v := anna.id()
	tap := anna.listen("/chat/site/events")
	tap.want("ready")
	const replies = 200
	for n := 1; n <= replies; n++ {
		for k := range rand.IntN(4) {
			_, _ = w.b.Draft(w.waiting(), bridges.Draft{Place: w.b.place(v), Text: fmt.Sprintf("%d %d", n, k)})
		}
		_, _ = w.b.Typing(w.waiting(), w.b.place(v))
		w.rx.Put(string(v), w.reply(int64(n), "x"))
		if n%3 != 0 {
			w.b.News(w.b.place(v))
		}
	}
	w.b.News(w.b.place(v))
	for last := int64(0); last < replies; {
		switch e, ok := tap.next(); {
		case !ok:
			t.Fatal("the stream has ended")
		case e.name == "item":
			id, err := strconv.ParseInt(e.id, 10, 64)
			if err != nil || id != last+1 {
				t.Fatalf("item %q after %d", e.id, last)
			}
			last = id
		case e.name == "draft":
			var n, k int64
			if _, err := fmt.Sscanf(e.data, `{"html":"<p>%d %d</p>"}`, &n, &k); err != nil || n <= last {
				t.Fatalf("the draft %s comes after reply %d", e.data, last)
			}
		}
	}
}

func TestADraftThatGrowsLongIsShownLessOften(t *testing.T) {
	w := newWorld(t)
	anna := w.visitor()
	tap := anna.listen("/chat/site/events")
	tap.want("ready")
	place := w.b.place(anna.id())
	long := strings.Repeat("word ", 4000)
	begun := time.Now()
	for _, text := range []string{long, "skipped", "shown"} {
		_, _ = w.b.Draft(w.waiting(), bridges.Draft{Place: place, Text: text})
		if text == long {
			tap.want("draft")
		}
	}
	if got := tap.want("draft"); got.data != `{"html":"<p>shown</p>"}` {
		t.Errorf("got %s", got.data)
	}
	if took := time.Since(begun); took < 150*time.Millisecond {
		t.Errorf("two versions of 20 kB took %v", took)
	}
}
