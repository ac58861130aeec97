package wire

import (
	"testing"
	"time"
)

func TestAPartOfTheAnswersIsStalledWithAndWithoutEffect(t *testing.T) {
	f := &Fault{Drip: time.Second, Every: 3, Stall: time.Hour}
	stalled, refused := 0, 0
	for i := range 12 {
		g := f.Next()
		if g.Stalled() != (i%6 < 2) || g.Stalled() != (g.Drip == time.Hour) {
			t.Errorf("call %d: stalled is %v, over %v", i, g.Stalled(), g.Drip)
		}
		if g.Stalled() {
			stalled++
		}
		if g.Refuses() {
			refused++
		}
	}
	if stalled != 4 || refused != 2 || f.Stalls() != 4 {
		t.Errorf("of 12 calls %d are stalled, %d without effect, %d are counted", stalled, refused, f.Stalls())
	}
	if none := (*Fault)(nil); none.Next() != nil || none.Stalled() {
		t.Error("no fault stalls")
	}
}
