package web

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
)

// put puts items into a visitor's feed and tells of it.
func (w *world) put(v visitor, items ...bridges.Item) {
	w.rx.Put(string(v), items...)
	w.b.News(w.b.place(v))
}

func mine(v visitor, id int64, client, text string) bridges.Item {
	return bridges.Item{ID: id, At: time.UnixMilli(1000 + id), Key: string(v) + "/" + client, Text: text}
}

func TestAStreamBringsTheBacklogAndThenWhatIsNew(t *testing.T) {
	w := newWorld(t)
	anna := w.visitor()
	v := anna.id()
	w.rx.Put(string(v), mine(v, 4, "m1", "hello <b>"), w.reply(5, "**Hi** there"))
	tap := anna.listen("/chat/site/events")
	if got := tap.item(); got.ID != 4 || got.Kind != "mine" || got.Key != "m1" || got.Text != "hello <b>" || got.At != 1004 || got.HTML != nil {
		t.Errorf("the first item is %+v", got)
	}
	if got := tap.item(); got.ID != 5 || got.Kind != "reply" || *got.HTML != "<p><strong>Hi</strong> there</p>" || got.Key != "" {
		t.Errorf("the second item is %+v", got)
	}
	tap.want("ready")
	notice := w.reply(7, "One moment")
	notice.Notice = true
	voice := mine(v, 8, "v1", "")
	voice.Voice = true
	w.put(v, notice)
	w.put(v, voice)
	if got := tap.item(); got.ID != 7 || got.Kind != "notice" {
		t.Errorf("the third item is %+v", got)
	}
	if got := tap.item(); got.ID != 8 || got.Kind != "mine" || !got.Voice {
		t.Errorf("the fourth item is %+v", got)
	}
}

func TestAStreamOpensWithItsVersionAndHeaders(t *testing.T) {
	w := newWorld(t)
	anna := w.visitor()
	resp := anna.do(http.MethodGet, "/chat/site/events", nil)
	if c := resp.Header.Get("Cache-Control"); c != "no-store" || resp.Header.Get("X-Accel-Buffering") != "no" || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("the headers are %v", resp.Header)
	}
	lines := bufio.NewScanner(resp.Body)
	var got []string
	for len(got) < 4 && lines.Scan() {
		got = append(got, lines.Text())
	}
	want := []string{"retry: 1000", "", "event: hello", `data: {"assets":"` + w.b.files.hash + `","now":`}
	if len(got) != 4 || got[0] != want[0] || got[2] != want[2] || !strings.HasPrefix(got[3], want[3]) {
		t.Errorf("the stream opens with %q", got)
	}
}

func TestAPageThatComesBackGetsWhatItMissed(t *testing.T) {
	w := newWorld(t)
	anna := w.visitor()
	v := anna.id()
	for id := range int64(6) {
		w.rx.Put(string(v), mine(v, id+1, fmt.Sprint("m", id+1), "x"))
	}
	for name, c := range map[string]struct {
		query, header string
		want          []int64
	}{
		"by the header":            {"", "4", []int64{5, 6}},
		"by the address":           {"?after=5", "", []int64{6}},
		"the larger one holds":     {"?after=2", "5", []int64{6}},
		"what is no number is 0":   {"?after=x", "-3", []int64{1, 2, 3, 4, 5, 6}},
		"a number above all":       {"?after=7", "", []int64{1, 2, 3, 4, 5, 6}},
		"a number beyond all ints": {"?after=99999999999999999999999", "", []int64{1, 2, 3, 4, 5, 6}},
		"the last one":             {"?after=6", "", nil},
		"of this epoch":            {"?after=4&epoch=first", "", []int64{5, 6}},
		"of another epoch":         {"?after=4&epoch=other", "", []int64{1, 2, 3, 4, 5, 6}},
	} {
		tap := anna.listen("/chat/site/events"+c.query, "Last-Event-ID", c.header)
		for _, id := range c.want {
			if got := tap.item(); got.ID != id {
				t.Errorf("%s: got %d, want %d", name, got.ID, id)
			}
		}
		tap.want("ready")
		tap.close()
		tap.ended()
	}
}

func TestAVisitorSeesNothingOfAnother(t *testing.T) {
	w := newWorld(t)
	anna, ben := w.visitor(), w.visitor()
	tapA, tapB := anna.listen("/chat/site/events"), ben.listen("/chat/site/events")
	tapA.want("ready")
	tapB.want("ready")
	w.put(anna.id(), w.reply(1, "for Anna"))
	tapA.item()
	if _, err := w.b.Draft(w.waiting(), bridges.Draft{Place: w.b.place(anna.id()), Text: "for Anna"}); err != nil {
		t.Fatal(err)
	}
	tapA.want("draft")
	w.put(ben.id(), w.reply(2, "for Ben"))
	if got := tapB.item(); got.ID != 2 {
		t.Errorf("Ben's first item is %+v", got)
	}
}

func TestASoundFollowsItsReply(t *testing.T) {
	w := newWorld(t)
	anna := w.visitor()
	tap := anna.listen("/chat/site/events")
	tap.want("ready")
	pieces := w.b.Fit(bridges.Message{Text: "listen", Audio: &bridges.Audio{Source: "s1", Mode: bridges.AudioNative}})
	for i, p := range pieces {
		id, err := w.b.Send(w.waiting(), p)
		if err != nil {
			t.Fatal(err)
		}
		w.put(anna.id(), bridges.Item{ID: int64(i + 1), Post: id, Form: p.Forms[0]})
	}
	if got := tap.item(); got.Audio != nil || got.HTML == nil {
		t.Errorf("the text is %+v", got)
	}
	if got := tap.item(); got.Audio == nil || got.Audio.Src != "/media/s1" || got.Audio.Type != "audio/mpeg" || got.HTML != nil || got.Kind != "reply" {
		t.Errorf("the sound is %+v", got)
	}
}

// An item that an older or newer version stored, or that somebody changed, must not end the stream, nor lead the page elsewhere.
func TestAnItemThatCannotBeShownIsPassedOver(t *testing.T) {
	w := newWorld(t)
	anna := w.visitor()
	tap := anna.listen("/chat/site/events")
	tap.want("ready")
	w.put(anna.id(),
		bridges.Item{ID: 1, Post: "p", Form: bridges.Form{Kind: "hologram", Text: "x"}},
		bridges.Item{ID: 2, Post: "p", Form: bridges.Form{Kind: formSay, Text: "{"}},
		bridges.Item{ID: 3, Post: "https://evil.example.com/x audio/mpeg", Form: bridges.Form{Kind: formSound}},
		bridges.Item{ID: 4, Post: "//evil.example.com/x audio/mpeg", Form: bridges.Form{Kind: formSound}},
		bridges.Item{ID: 5, Post: "", Form: bridges.Form{Kind: formSound}},
		w.reply(6, "fine"))
	if got := tap.item(); got.ID != 6 {
		t.Errorf("got %+v", got)
	}
}

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

func TestAQuietStreamShowsSignsOfLife(t *testing.T) {
	w := stillWorld(t)
	w.b.heartbeat = 20 * time.Millisecond
	w.run()
	anna := w.visitor()
	tap := anna.listen("/chat/site/events")
	for beats := 0; beats < 3; {
		select {
		case e, ok := <-tap.events:
			if !ok {
				t.Fatal("the stream has ended")
			}
			if e.name == "beat" {
				beats++
			}
		case <-time.After(patience):
			t.Fatal("no sign of life comes")
		}
	}
}

// failing is a receiver whose feed cannot be read.
type failing struct {
	*bridgetest.Receiver
	mu  sync.Mutex
	err error
}

func (f *failing) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *failing) Feed(ctx context.Context, p bridges.Place, from bridges.Person, after int64, n int) ([]bridges.Item, error) {
	f.mu.Lock()
	err := f.err
	f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return f.Receiver.Feed(ctx, p, from, after, n)
}

func TestAFeedThatCannotBeReadEndsTheStream(t *testing.T) {
	w := stillWorld(t)
	rx := &failing{Receiver: w.rx}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = w.b.Run(ctx, rx) })
	defer running.Wait()
	defer cancel()
	if err := w.rx.WaitFor(w.waiting(), func() bool { return len(w.rx.Healths()) > 0 }); err != nil {
		t.Fatal(err)
	}
	anna := w.visitor()
	tap := anna.listen("/chat/site/events")
	tap.want("ready")
	rx.fail(errors.New("the disk is gone"))
	w.put(anna.id(), w.reply(1, "x"))
	tap.ended()
	if got := read(w, anna.do(http.MethodGet, "/chat/site/events", nil)); got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
		t.Errorf("answered with %+v", got)
	}
	rx.fail(nil)
	if got := anna.listen("/chat/site/events").item(); got.ID != 1 {
		t.Errorf("got %+v", got)
	}
	if !strings.Contains(w.logs.String(), "the disk is gone") {
		t.Error("the log does not say why")
	}
}

func TestStreamsEndAtOnceWhenRunEnds(t *testing.T) {
	w := newWorld(t)
	var taps []*tap
	for range 20 {
		tap := w.visitor().listen("/chat/site/events")
		tap.want("ready")
		taps = append(taps, tap)
	}
	begun := time.Now()
	if err := w.stop(); err != nil {
		t.Errorf("Run returned %v", err)
	}
	for _, tap := range taps {
		tap.ended()
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("the end took %v", took)
	}
	if w.b.hub.open != 0 || len(w.b.hub.visitors) != 0 || len(w.b.hub.addresses) != 0 {
		t.Errorf("the bridge still knows of %d pages", w.b.hub.open)
	}
}

// The test of tests: pages that come and go while much is written, whose items must be complete and in order over all their connections.
func TestNothingIsLostOrDoubledOverReconnects(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.History = 1000 })
	const visitors, items = 6, 150
	var wait sync.WaitGroup
	for range visitors {
		br := w.visitor()
		v := br.id()
		wait.Go(func() {
			for id := range int64(items) {
				w.put(v, w.reply(id+1, fmt.Sprint(id+1)))
				_, _ = w.b.Draft(context.Background(), bridges.Draft{Place: w.b.place(v), Text: "x"})
				if rand.IntN(3) == 0 {
					<-time.After(time.Duration(rand.IntN(3)) * time.Millisecond)
				}
			}
		})
		for range 2 {
			wait.Go(func() { br.follow(t, items) })
		}
	}
	wait.Wait()
}

// follow reads items 1 to n, over a new connection again and again.
func (br *browser) follow(t *testing.T, n int64) {
	for last := int64(0); last < n; {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/chat/site/events?after=%d", br.w.srv.URL, last), nil)
		if err != nil {
			t.Error(err)
		}
		resp, err := br.client.Do(req)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%v, %v", resp, err)
			cancel()
			return
		}
		lines := bufio.NewScanner(resp.Body)
		for hold := rand.IntN(40) + 1; hold > 0 && last < n && lines.Scan(); {
			text, isID := strings.CutPrefix(lines.Text(), "id: ")
			if !isID {
				continue
			}
			hold--
			if id, err := strconv.ParseInt(text, 10, 64); err != nil || id != last+1 {
				t.Errorf("item %s after %d", text, last)
				last = n
			} else {
				last = id
			}
		}
		if lines.Err() != nil {
			t.Error(lines.Err())
		}
		_ = resp.Body.Close()
		cancel()
	}
}

// hello reads what a stream opens with.
func (br *browser) hello(path string) (got hello) {
	br.w.Helper()
	lines := bufio.NewScanner(br.do(http.MethodGet, path, nil).Body)
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			if err := json.Unmarshal([]byte(data), &got); err != nil {
				br.w.Fatal(err)
			}
			return got
		}
	}
	br.w.Fatal("the stream ended at once")
	return got
}

func TestAPageLearnsThatTheHistoryIsAnotherOne(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.History = 10 })
	anna := w.visitor()
	v := anna.id()
	for id := range int64(6) {
		w.rx.Put(string(v), mine(v, id+1, fmt.Sprint("m", id+1), "x"))
	}
	opened := anna.hello("/chat/site/events")
	if opened.Epoch != "first" || opened.Fresh {
		t.Errorf("a new page is told %+v", opened)
	}
	is := func(what, query string, fresh bool) {
		t.Helper()
		if got := anna.hello("/chat/site/events" + query); got.Fresh != fresh {
			t.Errorf("%s: told %+v", what, got)
		}
	}
	is("that comes back", "?after=5&epoch=first", false)
	is("that has all", "?after=6&epoch=first", false)
	is("of another database", "?after=6&epoch=other", true)
	is("whose database was put back by hand", "?after=9&epoch=first", true)
	for id := int64(7); id < 30; id++ {
		w.rx.Put(string(v), mine(v, id, fmt.Sprint("m", id), "x"))
	}
	w.rx.Restore("first", string(v), slices.Collect(func(yield func(bridges.Item) bool) { // what a feed of ten holds
		for id := int64(20); id < 30; id++ {
			if !yield(mine(v, id, fmt.Sprint("m", id), "x")) {
				return
			}
		}
	})...)
	is("that was away while more was said than is kept", "?after=6&epoch=first", false)
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	w.rx.Restore("second", string(v), mine(v, 6, "m6", "another"))
	w.run()
	is("whose last id means something else since the restore", "?after=6&epoch=first", true)
	is("that knows of the restore", "?after=6&epoch=second", false)
}
