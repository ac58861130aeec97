package relay

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestRoomThatAppearsBeforeWhatWasToldIsToldToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []time.Duration
		began := time.Now()
		p := &pace{rate: Rate{Max: 2, Every: 24 * time.Hour}, wake: func(at time.Time) { told = append(told, at.Sub(began)) }}
		if p.take(2) != 2 || p.take(5) != 0 {
			t.Fatal("two may begin, and no third")
		}
		p.done() // one was made
		time.Sleep(time.Second)
		p.back(1) // the other was not
		if len(told) != 2 || told[0] != 24*time.Hour || told[1] != time.Second {
			t.Errorf("told: %v, want the next day and then at once", told)
		}
		if got := p.take(5); got != 1 {
			t.Errorf("%d may begin, want 1", got)
		}
	})
}
