package relay_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
	"avatarbridge/bridges/relay"
)

// A timetable is when the calls of a bridge came.
type timetable struct {
	mu   sync.Mutex
	came []time.Time
	took time.Duration        // by each call
	fail func(call int) error // nil: none fails
	most int                  // calls at once
	now  int
}

// send is for fakeBridge.
func (c *timetable) send(bridges.Message) error {
	c.mu.Lock()
	c.came = append(c.came, time.Now())
	call := len(c.came)
	c.now++
	c.most = max(c.most, c.now)
	c.mu.Unlock()
	time.Sleep(c.took)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now--
	if c.fail != nil {
		return c.fail(call)
	}
	return nil
}

// within is how many calls came within a time at most.
func (c *timetable) within(d time.Duration) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	most := 0
	for i, from := range c.came {
		n := 0
		for _, at := range c.came[i:] {
			if at.Sub(from) < d {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// until lets time pass until n posts have been made, and returns how long that took.
func (w *world) until(n int) time.Duration {
	w.t.Helper()
	began := time.Now()
	for time.Since(began) < 24*time.Hour {
		settle()
		w.bridge.mu.Lock()
		got := len(w.bridge.sent)
		w.bridge.mu.Unlock()
		if got >= n {
			return time.Since(began)
		}
		time.Sleep(time.Second)
	}
	w.t.Fatalf("%d posts were not made in a day", n)
	return 0
}

func TestNoMorePostsThanTheRateGoInAnyTimeAndAllGoInTheEnd(t *testing.T) {
	for name, test := range map[string]struct {
		took time.Duration
		fail func(call int) error
	}{
		"at once":    {},
		"slow calls": {took: 7 * time.Second},
		"throttled": {fail: func(call int) error {
			if call%5 == 2 {
				return fault.Throttle(fault.Bridge, 3*time.Second, nil)
			}
			return nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			const people, pieces = 12, 2
			calls := &timetable{took: test.took, fail: test.fail}
			inWorld(t, func(c *relay.Config) { c.Bridges[0].Rate = relay.Rate{Max: 3, Every: time.Minute} }, func(t *testing.T, w *world) {
				w.bridge.sender = calls.send
				for i := range people {
					w.bridge.receive(t, w.bridge.said(fmt.Sprint("person", i), "a|b"))
				}
				took := w.until(people * pieces)
				for i := range people {
					w.wantPosted(fmt.Sprint("person", i), "re: a", "b")
				}
				if n := calls.within(time.Minute); n != 3 {
					t.Errorf("within a minute there came %d calls, want 3", n)
				}
				if least := (people*pieces/3 - 1) * time.Minute; took < least || took > 2*least {
					t.Errorf("all were posted after %s, want some more than %s", took, least)
				}
			})
		})
	}
}

func TestARateBelowWhatIsInFlightDoesNotHoldUpForEver(t *testing.T) {
	calls := &timetable{took: 90 * time.Second} // each takes longer than the rate's time
	inWorld(t, func(c *relay.Config) { c.Bridges[0].Rate = relay.Rate{Max: 2, Every: time.Minute} }, func(t *testing.T, w *world) {
		w.bridge.sender = calls.send
		for i := range 8 {
			w.bridge.receive(t, w.bridge.said(fmt.Sprint("person", i), "x"))
		}
		w.until(8)
		for i := range 8 {
			w.wantPosted(fmt.Sprint("person", i), "re: x")
		}
		if calls.most != 2 {
			t.Errorf("%d calls at once, want 2", calls.most)
		}
	})
}

func TestRepliesThatCannotBePostedNowTakeNothingFromTheRate(t *testing.T) {
	var later sync.Map
	inWorld(t, func(c *relay.Config) { c.Bridges[0].Rate = relay.Rate{Max: 3, Every: 24 * time.Hour} }, func(t *testing.T, w *world) {
		w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
			if turn.Text == "now" {
				return say.Say(ctx, avatar.Reply{Text: "re: now"})
			}
			later.Store(turn.Text, turn.Later)
			return nil
		})
		for i := range 3 {
			w.bridge.receive(t, w.bridge.said(fmt.Sprint("person", i), fmt.Sprint(i)))
		}
		settle()
		for i := range 3 {
			if err := w.relay.Pause(t.Context(), fmt.Sprint("b/person", i)); err != nil {
				t.Fatal(err)
			}
			say, ok := later.Load(fmt.Sprint(i))
			if !ok {
				t.Fatalf("the turn %d was not asked", i)
			}
			if err := say.(avatar.Speaker).Say(t.Context(), avatar.Reply{Text: "late"}); err != nil {
				t.Fatal(err)
			}
		}
		settle()
		w.bridge.receive(t, w.bridge.said("ann", "now"))
		w.wantPosted("ann", "re: now")
	})
}
