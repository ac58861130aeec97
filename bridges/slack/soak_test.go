package slack

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
)

// A soak is a long life of a connection that breaks all the time.
type soak struct {
	breaks, events int           // events between two breaks
	every          time.Duration // between two breaks, at least
}

// soakSize is the soak that the tests run with. AVATARBRIDGE_TEST_LOAD=full is ten minutes long; AVATARBRIDGE_TEST_SOAK makes it another time.
func soakSize(t *testing.T) soak {
	t.Helper()
	if os.Getenv("AVATARBRIDGE_TEST_LOAD") != "full" {
		return soak{breaks: 40, events: 50}
	}
	long := 10 * time.Minute
	if s := os.Getenv("AVATARBRIDGE_TEST_SOAK"); s != "" {
		var err error
		if long, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
	}
	return soak{breaks: 1000, events: 100, every: long / 1000}
}

// An ear is a receiver that remembers no more than what came since forget.
type ear struct {
	bridgetest.Receiver // for what does not grow
	places              []bridges.Place

	mu     sync.Mutex
	got    map[string]bool // keys
	more   chan struct{}   // gets a value when something was heard
	cursor string
	total  int
}

func newEar(places ...bridges.Place) *ear {
	return &ear{places: places, got: map[string]bool{}, more: make(chan struct{}, 1)}
}

// Open implements bridges.Receiver.
func (e *ear) Open(context.Context, string) (string, error) { return e.cursor, nil }

// Places implements bridges.Receiver.
func (e *ear) Places(context.Context, int) ([]bridges.Place, error) { return e.places, nil }

// Health implements bridges.Receiver.
func (e *ear) Health(error) {}

// Receive implements bridges.Receiver.
func (e *ear) Receive(_ context.Context, b bridges.Batch) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if b.Cursor != "" {
		e.cursor = b.Cursor
	}
	e.total += len(b.Events)
	for i := range b.Events {
		e.got[b.Events[i].Key] = true
	}
	select {
	case e.more <- struct{}{}:
	default:
	}
	return nil
}

// lacks returns how many of the keys have not been heard.
func (e *ear) lacks(keys []string) (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, k := range keys {
		if !e.got[k] {
			n++
		}
	}
	return n
}

// hears waits until all keys were heard, and forgets them.
func (e *ear) hears(ctx context.Context, keys []string) error {
	for e.lacks(keys) > 0 {
		select {
		case <-e.more:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d messages were not heard: %w", e.lacks(keys), len(keys), ctx.Err())
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.got)
	return nil
}

// A footprint is what a process holds when nothing happens.
type footprint struct {
	heap       uint64
	goroutines int
}

// String tells it in figures.
func (f footprint) String() string {
	return fmt.Sprintf("%d kB, %d goroutines", f.heap>>10, f.goroutines)
}

func measure() footprint {
	runtime.GC()
	runtime.GC() // what the first one found to be unused
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return footprint{m.HeapAlloc, runtime.NumGoroutine()}
}

// grows checks what the second half of a soak left behind. Buffers and pools may hold a little more than at another moment.
func grows(t *testing.T, half, end footprint) {
	t.Helper()
	t.Logf("in the middle %v, at the end %v", half, end)
	if end.heap > half.heap+2<<20 {
		t.Error("memory grows")
	}
	if end.goroutines > half.goroutines+5 {
		t.Error("goroutines grow")
	}
}

func TestALongLifeWithManyBreaksLeavesNothingBehind(t *testing.T) {
	size := soakSize(t)
	alone := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, alone) }) // after the simulator's end
	w := newWorld(t, func(o *bridgetest.SlackOptions, _ *bridgetest.SlackAppOptions) {
		o.Ping, o.Remember, o.InOrder, o.AckWithin = 50*time.Millisecond, 500, true, 500*time.Millisecond
		for range 100 {
			o.Retries = append(o.Retries, 50*time.Millisecond)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(size.breaks)*size.every+5*time.Minute)
	defer cancel()
	w.ctx = ctx
	ear := newEar(w.direct())
	b := w.bridge(nil)
	b.log = slog.New(slog.NewTextHandler(io.Discard, nil))
	b.beat, b.silence, b.longest = 50*time.Millisecond, 150*time.Millisecond, 10*time.Millisecond
	run, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- b.Run(run, ear) }()
	twice := func() bool { return len(w.slack.Connections(w.app)) >= sockets }
	w.until("sockets", twice)
	thread := w.writes(bridgetest.SlackLine{Channel: w.room, Text: w.app.User.Mention() + " hello"})
	breaks := []func(*bridgetest.SlackConnection){
		(*bridgetest.SlackConnection).Cut,
		func(c *bridgetest.SlackConnection) { c.Disconnect("refresh_requested") },
		func(c *bridgetest.SlackConnection) { c.SendRaw("null"); c.Cut() },
		(*bridgetest.SlackConnection).Silence,
	}
	var half footprint
	next := time.NewTimer(0)
	defer next.Stop()
	for i := range size.breaks {
		<-next.C
		next.Reset(size.every)
		w.until("acknowledgement", func() bool { return w.slack.Unacknowledged(w.app) == 0 })
		w.slack.Advance(30 * time.Second) // sockets that were replaced are closed
		w.until("sockets", twice)
		breaks[i%len(breaks)](w.slack.Connections(w.app)[0])
		var keys []string
		for n := range size.events {
			l := bridgetest.SlackLine{Text: "hello"}
			if n%2 == 1 {
				l.Channel, l.Thread = w.room, thread
			}
			ts := w.writes(l)
			at := w.chat
			if l.Channel != nil {
				at = l.Channel
			}
			keys = append(keys, key(at.ID, ts))
		}
		w.slack.SendEnvelope(w.app, "something_new", `{}`)
		if err := ear.hears(ctx, keys); err != nil {
			t.Fatalf("after break %d: %v", i, err)
		}
		if i == size.breaks/2 {
			half = measure()
		}
	}
	grows(t, half, measure())
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	t.Logf("%d breaks, %d events heard, %d sockets", size.breaks, ear.total, w.slack.Opened())
}
