package relay

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestProbeOfAnEarlierRoundHasNoSayInTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p probes
		var told []error
		note := func(err error) { told = append(told, err) }
		old := p.first(note)
		time.Sleep(probeSlow + time.Second)
		second, third := p.more(), p.more()
		if second == nil || third == nil || p.more() != nil {
			t.Fatal("a slow probe lets two more try, and no third")
		}
		second(nil) // the avatar is back
		if len(told) != 1 || told[0] != nil {
			t.Fatalf("told %v", told)
		}
		next := p.first(note)
		old(errors.New("timed out"))
		third(nil)
		if len(told) != 1 {
			t.Errorf("the round before ended this one: %v", told)
		}
		next(errors.New("down"))
		if len(told) != 2 || told[1] == nil {
			t.Errorf("told %v", told)
		}
	})
}
