package relay

import (
	"slices"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/store"
)

// fullFor is when a conversation that is full is worth another try: nobody knows how long its avatar takes.
const fullFor = 5 * time.Second

// refusal is what Receive returns for a batch that can be refused: nil when it was taken, or was taken before.
func refusal(results []store.Result, now time.Time) error {
	for _, res := range results {
		switch res.Verdict {
		case store.Over:
			return &bridges.TooMany{After: max(res.Until.Sub(now), time.Second)}
		case store.Full:
			return &bridges.TooMany{After: fullFor}
		}
	}
	return nil
}

// reset makes the entry of a reset. One that can be refused comes from people whom nothing keeps from sending many: it counts as a message
// does, and makes nobody known.
func (in *intake) reset(ev *bridges.Event, s *Settings, n *store.Notice) *store.Reset {
	r := &store.Reset{Post: *in.post(ev, s, n)}
	if in.refusable {
		r.Limits, r.Quiet = in.limits(ev, s), true
	}
	return r
}

// visitors are the platforms whose people have no account.
func (r *Relay) visitors() []string {
	var all []string
	for _, l := range r.lines {
		if l.cfg.Visitors && !slices.Contains(all, l.cfg.Platform) {
			all = append(all, l.cfg.Platform)
		}
	}
	return all
}
