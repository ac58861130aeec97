package discord

import (
	"testing"
	"time"
)

func TestAGapThatIsStillOpenDoesNotGrowWithEachRestart(t *testing.T) {
	last := time.UnixMilli(1_790_000_000_000)
	p := point{At: last.UnixMilli()}
	since := p.since()
	if !since.Equal(last.Add(-gapSlack)) {
		t.Errorf("behind a sign of life at %v is looked from %v on", last, since)
	}
	for range 3 { // that the program ends before all is looked through, having heard more meanwhile
		last = last.Add(time.Second)
		p = readCursor(cursor{V: cursorVersion, Shards: []point{{At: last.UnixMilli(), Gap: since.UnixMilli()}}}.String(), 1)[0]
		if got := p.since(); !got.Equal(since) {
			t.Errorf("a gap since %v is looked through from %v on", since, got)
		}
	}
	if !(&point{}).since().IsZero() {
		t.Error("who knows of nothing looks for something")
	}
}
