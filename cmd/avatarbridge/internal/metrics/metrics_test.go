package metrics

import (
	"context"
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"avatarbridge/bridges/relay"
	"avatarbridge/store"
)

// scrape returns the samples that begin with "avatarbridge_", as lines of text.
func scrape(t *testing.T, s *Set) map[string]bool {
	t.Helper()
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	b, err := io.ReadAll(w.Body)
	if err != nil || w.Code != 200 {
		t.Fatalf("scrape: status %d, %v\n%s", w.Code, err, b)
	}
	samples := map[string]bool{}
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "avatarbridge_") {
			samples[strings.TrimSpace(line)] = true
		}
	}
	return samples
}

func wantSamples(t *testing.T, got map[string]bool, want ...string) {
	t.Helper()
	for _, w := range want {
		if !got[w] {
			t.Errorf("no sample %s in %v", w, got)
		}
	}
}

func TestWhatTheRelayCountsAndMeasuresIsScraped(t *testing.T) {
	s := New()
	s.Count(relay.Accepted, "site", "luna")
	s.Count(relay.Accepted, "site", "luna")
	s.Count(relay.Died, "site", "")
	s.Took("ask", "site", "luna", 300*time.Millisecond)
	s.Took("ask", "site", "luna", 3*time.Second)
	wantSamples(t, scrape(t, s),
		`avatarbridge_messages_total{avatar="luna",bridge="site",what="accepted"} 2`,
		`avatarbridge_messages_total{avatar="",bridge="site",what="dead"} 1`,
		`avatarbridge_stage_seconds_bucket{avatar="luna",bridge="site",stage="ask",le="0.5"} 1`,
		`avatarbridge_stage_seconds_count{avatar="luna",bridge="site",stage="ask"} 2`,
		`avatarbridge_stage_seconds_sum{avatar="luna",bridge="site",stage="ask"} 3.3`)
}

func TestCountsOfManyGoroutinesAreAllThere(t *testing.T) {
	s := New()
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for n := range 500 {
				s.Count(relay.Asked, string(rune('a'+(i+n)%8)), "luna")
				s.Took("send", string(rune('a'+(i+n)%8)), "luna", time.Millisecond)
			}
		})
	}
	all.Wait()
	got := scrape(t, s)
	for _, bridge := range "abcdefgh" {
		wantSamples(t, got,
			`avatarbridge_messages_total{avatar="luna",bridge="`+string(bridge)+`",what="asked"} 1000`,
			`avatarbridge_stage_seconds_count{avatar="luna",bridge="`+string(bridge)+`",stage="send"} 1000`)
	}
}

func TestCountingAKnownSeriesAllocatesNothing(t *testing.T) {
	s := New()
	count := func() { s.Count(relay.Posted, "site", "luna"); s.Took("send", "site", "luna", time.Second) }
	count()
	if n := testing.AllocsPerRun(100, count); n != 0 {
		t.Errorf("%v allocations a message", n)
	}
}

func TestWhatWaitsAndIsConnectedIsReadAtEachScrape(t *testing.T) {
	now := time.Now()
	depth := store.Depth{Turns: map[string]int{"telegram:1": 3}, Posts: map[string]int{"telegram:1": 2, "slack:2": 1}, Dead: 4, Oldest: now.Add(-90 * time.Second)}
	status := relay.Status{Running: true, Paused: []string{"site"}, Bridges: []relay.BridgeStatus{
		{Name: "tg", Platform: "telegram", Connected: true, LastEvent: time.Unix(1700000000, 0)},
		{Name: "sl", Platform: "slack"},
	}}
	s := New()
	s.registry.MustRegister(&gauges{now: func() time.Time { return now }, src: Sources{
		Depth:  func(context.Context) (store.Depth, error) { return depth, nil },
		Status: func() relay.Status { return status },
	}})
	wantSamples(t, scrape(t, s),
		`avatarbridge_waiting{account="telegram:1",kind="turn"} 3`,
		`avatarbridge_waiting{account="telegram:1",kind="post"} 2`,
		`avatarbridge_waiting{account="slack:2",kind="post"} 1`,
		`avatarbridge_dead_letters 4`,
		`avatarbridge_oldest_waiting_seconds 90`,
		`avatarbridge_depth_known 1`,
		`avatarbridge_store_up 1`,
		`avatarbridge_pauses 1`,
		`avatarbridge_bridge_connected{bridge="tg",platform="telegram"} 1`,
		`avatarbridge_bridge_connected{bridge="sl",platform="slack"} 0`,
		`avatarbridge_bridge_last_event_timestamp_seconds{bridge="tg",platform="telegram"} 1.7e+09`)
	depth, status.Store = store.Depth{}, "the disk is full"
	wantSamples(t, scrape(t, s), `avatarbridge_dead_letters 0`, `avatarbridge_oldest_waiting_seconds 0`, `avatarbridge_store_up 0`)
}

func TestAStoreThatHangsDoesNotHangAScrape(t *testing.T) {
	s := New()
	s.Count(relay.Accepted, "site", "luna")
	s.Watch(Sources{
		Depth: func(ctx context.Context) (store.Depth, error) {
			if _, bounded := ctx.Deadline(); !bounded {
				return store.Depth{}, nil
			}
			return store.Depth{}, errors.New("the time is up")
		},
		Status: func() relay.Status { return relay.Status{} },
	})
	got := scrape(t, s)
	wantSamples(t, got, `avatarbridge_depth_known 0`, `avatarbridge_messages_total{avatar="luna",bridge="site",what="accepted"} 1`)
	if got[`avatarbridge_dead_letters 0`] {
		t.Error("a number that is not known was reported")
	}
}

func TestTheProcessIsMeasured(t *testing.T) {
	w := httptest.NewRecorder()
	New().Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, name := range []string{"go_goroutines", "process_open_fds", "go_build_info"} {
		if !strings.Contains(w.Body.String(), "\n"+name) {
			t.Errorf("no %s", name)
		}
	}
}

func BenchmarkCount(b *testing.B) {
	s := New()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			s.Count(relay.Posted, "site", "luna")
		}
	})
}
