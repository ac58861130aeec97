package trial

import (
	"context"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/figure"
	"avatarbridge/cmd/avatarbridge-load/internal/wire"
)

const (
	// callTimeout is how long the program waits for the answer to a post without a file, on every platform.
	callTimeout = 30 * time.Second
	// askTimeout is how long it waits for an avatar's in loris, where it is told so.
	askTimeout = 5 * time.Second
	// forever is how many times as long an answer without an end takes: so long that the program has heard little more than its first line.
	forever = 10
	// again is how soon after its time is up a post is repeated.
	again = 5 * time.Second
)

// loris lets answers come a byte at a time: most of them slowly, and some so slowly that the program has given up before they end. Of a half of
// these the call had its effect, so that a repeat is a double where a platform lets nobody look.
func loris(ctx context.Context, b *Bench, who string, r *figure.Result) error {
	size := b.Size.Or(Size{Rate: 50, Duration: time.Minute})
	drip := min(size.Duration/5, 2*time.Second)
	every := max(int(float64(size.Rate)*size.Duration.Seconds())/60, 5) // some 60 calls, fewer where there are fewer messages
	posts := &wire.Fault{Drip: drip, Every: every, Stall: forever * callTimeout}
	questions := &wire.Fault{Drip: drip, Every: every, Stall: forever * askTimeout}
	stalled := func() bool { return posts.Stalls() > 1 && questions.Stalls() > 1 }
	var ended time.Time
	return b.disturbed(ctx, who, r, disturbance{
		setup: setup{askTimeout: askTimeout},
		begin: func(_ context.Context, t *trial) error {
			t.breakBots("", posts)
			t.player().Break(questions)
			return nil
		},
		end: func(t *trial) error {
			ended = time.Now()
			t.breakBots("", nil)
			t.player().Break(nil)
			return nil
		},
		check: func(t *trial) {
			began := time.Now()
			if err := t.until(ctx, func() bool { return stalled() || time.Since(began) > t.Patience }); err != nil {
				t.broken(r, err.Error())
			} else if !stalled() {
				t.broken(r, "no answer was too slow for the program, of the platforms' or of the avatar's")
			}
		},
		after: func(t *trial) {
			// What is repeated for want of an answer is so by then, and counted.
			if err := rest(ctx, time.Until(ended.Add(callTimeout+again))); err != nil {
				t.broken(r, err.Error())
			}
			r.Add("posts without an end of their answer", "", float64(posts.Stalls()))
			r.Add("avatar calls without one", "", float64(questions.Stalls()))
		},
		may: may{killed: true},
	})
}
