package discord

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges/bridgetest"
)

// manySaid lets Anna write privately what takes so many steps to be looked through, and returns it.
func (w *world) manySaid(steps int) []string {
	all := make([]string, steps*stepMissed-stepMissed/2)
	for i := range all {
		all[i] = fmt.Sprint("number ", i)
		w.says(w.dm, all[i])
	}
	return all
}

func TestNothingOfWhatPeopleWroteInALongGapIsCutOff(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	w.rx.SetPlaces(w.place(w.dm))
	want := w.manySaid(3)
	release := w.rx.Hold()
	w.run(w.bridge(nil))
	want = append(want, "live")
	w.says(w.dm, "live")
	release()
	if got := texts(w.heard(len(want))); !slices.Equal(got, want) {
		t.Errorf("heard %d messages of %d, or in another order", len(got), len(want))
	}
}

func TestAProgramThatDiesAmidALongGapGoesOnBehindWhatItHasStored(t *testing.T) {
	for name, c := range map[string]struct {
		away  time.Duration
		looks int // how often the channel is looked through then
	}{"its session goes on": {0, 1}, "its session is over": {20 * time.Minute, 2}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, bridgetest.DiscordOptions{})
			alone := func(c *Config) { c.AllRooms = false } // its gap ends with what is known
			w.rx.SetPlaces(w.place(w.dm))
			want := w.manySaid(4)
			release := w.rx.Hold()
			stop := w.run(w.bridge(nil, alone))
			const first = stepMissed / historyPage
			w.until("the second step", func() bool { return w.d.RequestCount(bridgetest.RouteGetMessages) > first })
			clear := w.d.Break(bridgetest.DiscordFault{Route: bridgetest.RouteGetMessages, Effect: bridgetest.HTML})
			release()
			w.heard(stepMissed)
			if err := w.rx.WaitFor(w.ctx, func() bool { return strings.Contains(w.rx.Cursor(), `"f":{`) }); err != nil {
				t.Fatalf("%v: %s", err, w.rx.Cursor())
			}
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			w.until("the end of the connection", func() bool { return len(w.d.Connections(nil)) == 0 })
			clear()
			w.d.Advance(c.away)
			before := w.d.RequestCount(bridgetest.RouteGetMessages)
			w.run(w.bridge(nil, alone))
			if got := texts(w.heard(len(want))); !slices.Equal(got, want) {
				t.Errorf("heard %d messages of %d, or in another order", len(got), len(want))
			}
			rest := len(want)/historyPage - first + 1
			if n := w.d.RequestCount(bridgetest.RouteGetMessages) - before; n > c.looks*rest {
				t.Errorf("%d pages were read, want %d times the %d behind the first step", n, c.looks, rest)
			}
			w.says(w.dm, "behind it")
			w.heard(len(want) + 1)
			if err := w.rx.WaitFor(w.ctx, func() bool { return !strings.Contains(w.rx.Cursor(), `"f":{`) }); err != nil {
				t.Errorf("the gap stays open: %s", w.rx.Cursor())
			}
		})
	}
}
