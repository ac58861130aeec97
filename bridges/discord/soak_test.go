package discord

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
)

// soaking is how much the soak has, and how long it takes at least from one break to the next. AVATARBRIDGE_TEST_LOAD=full is ten minutes long.
func soaking() (reconnects, events int, every time.Duration) {
	if os.Getenv("AVATARBRIDGE_TEST_LOAD") == "full" {
		return 1000, 100_000, 600 * time.Millisecond
	}
	return 25, 2500, time.Millisecond
}

// A tally is a receiver that only counts, so that a long run takes no memory of its own.
type tally struct {
	bridgetest.Receiver
	events chan bridges.Event
}

func (t *tally) Receive(ctx context.Context, b bridges.Batch) error {
	for _, e := range b.Events {
		select {
		case t.events <- e:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
func (t *tally) Health(error) {}

func TestManyBreaksLoseAndLeakNothing(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	reconnects, events, every := soaking()
	w := newWorld(t, bridgetest.DiscordOptions{Heartbeat: 50 * time.Millisecond, Remember: 100, ResumeEvents: 500, SessionStarts: 1_000_000})
	var cancel context.CancelFunc
	w.ctx, cancel = context.WithTimeout(context.Background(), 25*time.Minute)
	defer cancel()
	rx := &tally{events: make(chan bridges.Event, 100)}
	var rooms []*bridgetest.DiscordChannel
	var places []bridges.Place
	for i := range 20 {
		c := w.d.DM(w.d.AddUser(fmt.Sprint("Person ", i)), w.bot)
		rooms, places = append(rooms, c), append(places, bridges.Place{Channel: c.ID, Direct: true})
	}
	rx.SetPlaces(places...)
	ctx, stop := context.WithCancel(w.ctx)
	done := make(chan error, 1)
	b := w.bridge(nil)
	go func() { done <- b.Run(ctx, rx) }()
	heap := w.soak(rx, rooms, reconnects, events, every)
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	t.Logf("%d breaks, %d events: the heap grew by %d KiB", reconnects, events, heap>>10)
	if heap > 8<<20 {
		t.Errorf("the heap grew by %d KiB", heap>>10)
	}
}

// soak writes events and breaks connections meanwhile, and checks that each event is heard in order. It returns by how much the heap has
// grown since a tenth of it was done.
func (w *world) soak(rx *tally, rooms []*bridgetest.DiscordChannel, reconnects, events int, every time.Duration) (grown int64) {
	pace := time.NewTicker(every)
	defer pace.Stop()
	breaks := []func(){
		func() { w.d.CutGateways(w.bot) }, func() { w.d.AskReconnect(w.bot) }, func() { w.d.CloseGateways(w.bot, 4000) },
		func() { w.d.Invalidate(w.bot, true) }, func() { w.d.Invalidate(w.bot, false) }, func() { w.d.Zombify(w.bot) },
		func() { w.d.RawFrame(w.bot, bridgetest.FrameMalformed); w.d.CutGateways(w.bot) },
	}
	last, seen := map[string]id{}, map[string]int{}
	heard := 0
	hear := func(until int) {
		for heard < until {
			select {
			case e := <-rx.events:
				if id(e.Key).number() > last[e.Place.Channel].number() { // what comes again is known by its key
					last[e.Place.Channel] = id(e.Key)
					heard++
					if want := fmt.Sprint("message body ", seen[e.Place.Channel]); e.Text != want {
						w.Fatalf("%s came in place of %s", e.Text, want)
					}
					seen[e.Place.Channel]++
				}
			case <-w.ctx.Done():
				w.Fatalf("%d of %d were heard; the log ends with\n%s", heard, until, w.logs.String()[max(0, len(w.logs.String())-3000):])
			}
		}
	}
	var base int64
	each := events / reconnects
	for n := range reconnects {
		if err := w.d.WaitSessions(w.ctx, w.bot, 1); err != nil {
			w.Fatal(err)
		}
		for i := range each {
			c := rooms[i%len(rooms)]
			w.d.Say(bridgetest.DiscordLine{Channel: c, From: w.anna, Text: fmt.Sprint("message body ", (n*each+i)/len(rooms))})
			if i == each/2 {
				breaks[rand.N(len(breaks))]()
			}
		}
		hear((n + 1) * each)
		<-pace.C // life goes on for a while
		if n == reconnects/10 {
			base = inUse()
		}
		w.logs.Forget()
	}
	return inUse() - base
}

func inUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
