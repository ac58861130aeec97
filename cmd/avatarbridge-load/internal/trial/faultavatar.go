package trial

import (
	"context"
	"fmt"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/avatar"
	"avatarbridge/cmd/avatarbridge-load/internal/figure"
	"avatarbridge/cmd/avatarbridge-load/internal/wire"
)

// What the program promises of an avatar that fails.
const (
	breakerTrips = 5                // calls in a row that fail, and it is left alone
	breakerOpen  = 10 * time.Second // for so long, and then one call tries it
	probeSlow    = breakerOpen / 2  // two more may try whenever one has taken so long
)

const (
	// fewAtOnce is the max_concurrent of the avatar that is down, small enough that a stampede would be seen.
	fewAtOnce = 8
	// thinks is how long it takes for an answer, so that calls meet.
	thinks = 50 * time.Millisecond
	// maxUnconfirmed is how many messages may be on their way at any time.
	maxUnconfirmed = 20
)

// avatarDown is an avatar that answers 503.
func avatarDown(ctx context.Context, b *Bench, who string, r *figure.Result) error {
	var before, written int
	var began time.Time
	var rush *avatar.Rush
	return b.disturbed(ctx, who, r, disturbance{
		setup: setup{section: fmt.Sprintf("max_concurrent = %d\n", fewAtOnce)},
		begin: func(ctx context.Context, t *trial) error {
			// A call that began before and ends well would let the breaker count from the start.
			if err := t.answered(ctx, 0); err != nil {
				return err
			}
			t.player().Follow(avatar.After(thinks))
			t.player().Break(&wire.Fault{Status: 503})
			before, began = t.player().Calls(), time.Now()
			written, _, _ = t.ledger.Counts()
			return nil
		},
		check: func(t *trial) {
			now, _, _ := t.ledger.Counts()
			t.leftAlone(r, t.player().Calls()-before, now-written, time.Since(began))
		},
		end: func(t *trial) error {
			rush = t.player().Watch()
			t.player().Break(nil)
			return nil
		},
		after: func(t *trial) { t.rushed(r, rush) },
	})
}

// leftAlone adds how often an avatar was called that was down for d, and checks that this is no more than the breaker lets through: the calls
// that open it, those under way then, and one whenever it has been open for its time.
func (t *trial) leftAlone(r *figure.Result, calls, messages int, d time.Duration) {
	r.Add("calls while it was down", "", float64(calls))
	r.Add("messages meanwhile", "", float64(messages))
	if most := breakerTrips + fewAtOnce + int(d/breakerOpen) + 1; calls > most {
		t.broken(r, fmt.Sprintf("an avatar that was down was called %d times, where %d may be", calls, most))
	}
	if n := t.unconfirmed(); n > maxUnconfirmed {
		t.broken(r, fmt.Sprintf("intake stood still while the avatar was down: %d messages were not taken", n))
	}
}

// rushed adds how an avatar was called that was back, and checks that nobody stampedes: one call tries it, and all that wait come no more at once,
// and no faster, than max_concurrent lets them.
func (t *trial) rushed(r *figure.Result, rush *avatar.Rush) {
	first, took := rush.First()
	r.Add("calls before its first answer after it", "", float64(first))
	r.Add("calls at once after it, at most", "", float64(rush.AtOnce()))
	r.Add("calls in a second after it, at most", "", float64(rush.InASecond()))
	if most := 1 + 2*int(took/probeSlow); first > most {
		t.broken(r, fmt.Sprintf("%d calls tried the avatar before one was answered, where %d may", first, most))
	}
	if n := rush.AtOnce(); n > fewAtOnce {
		t.broken(r, fmt.Sprintf("%d calls came at once when the avatar was back, where max_concurrent is %d", n, fewAtOnce))
	}
	// Each of so many places takes a call whenever the last has taken its time, and one at the edge of the second.
	if n, most := rush.InASecond(), fewAtOnce*(int(time.Second/thinks)+1); n > most {
		t.broken(r, fmt.Sprintf("%d calls came in a second when the avatar was back, where %d may", n, most))
	}
}
