package avatar

import (
	"testing"
	"time"
)

func TestARushIsHowManyCallsComeAtOnceAndInASecond(t *testing.T) {
	var r Rush
	at := func(ms int) time.Time { return time.UnixMilli(int64(1e12) + int64(ms)) }
	r.Enter(at(0))
	r.Enter(at(400))
	r.Leave(at(500))
	r.Enter(at(900))
	r.Enter(at(1100)) // more than a second after the first
	for range 3 {
		r.Leave(at(1200))
	}
	if first, took := r.First(); first != 2 || took != 500*time.Millisecond || r.AtOnce() != 3 || r.InASecond() != 3 {
		t.Errorf("%d before the first answer after %v, %d at once, %d in a second", first, took, r.AtOnce(), r.InASecond())
	}
	var none *Rush
	none.Enter(at(0)) // nobody watches
	none.Leave(at(0))
}
