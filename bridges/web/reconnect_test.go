package web

import (
	"bufio"
	"context"
	"encoding/json"
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
)

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
