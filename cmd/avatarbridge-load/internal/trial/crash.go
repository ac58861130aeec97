package trial

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/child"
	"avatarbridge/cmd/avatarbridge-load/internal/figure"
	"avatarbridge/cmd/avatarbridge-load/internal/telegram"
)

// maxInFlight is the program's default of max_in_flight for Telegram: so many posts of a bridge can be in flight at a kill.
const maxInFlight = 256

// backToBack is how many messages each chat writes at once in crash.
const backToBack = 5

// crash kills the contestant once in each round of InFlight messages, at any moment between the first message and the last reply.
func crash(policy string) func(context.Context, *Bench, string, *figure.Result) error {
	return func(ctx context.Context, b *Bench, who string, r *figure.Result) error {
		size := b.size(r, Size{InFlight: 1000, Kills: 25})
		t, err := b.newTrial(who, setup{mode: r.Mode, chats: max(size.InFlight/backToBack, 1), each: backToBack * (size.Kills + 1),
			bridge: fmt.Sprintf("on_unclear = %q", policy)})
		if err != nil {
			return err
		}
		defer t.close()
		t.player().Follow(func(int, int) (time.Duration, <-chan struct{}) { return rand.N(20 * time.Millisecond), nil })
		if _, err := t.start(ctx); err != nil {
			return err
		}
		if err := t.rounds(ctx, r, size.Kills, policy); err != nil {
			return err
		}
		m := may{killed: true}
		if policy == "hold" {
			if m.held, err = t.unclear(ctx, r); err != nil {
				return err
			}
			if n := t.ledger.Sum().Doubled; n > 0 {
				t.broken(r, fmt.Sprintf("%d doubled, where all that is unclear is held", n))
			}
		}
		t.promises(r, m)
		t.flights(r)
		return nil
	}
}

// rounds writes, kills, starts and waits, time and again. The first round is let be, to see how long one takes.
func (t *trial) rounds(ctx context.Context, r *figure.Result, kills int, policy string) error {
	var whole time.Duration
	var restarts []float64
	for k := range kills + 1 {
		began := time.Now()
		for n := range backToBack {
			for c := range t.ledger.Chats() {
				t.write(c, k*backToBack+n)
			}
		}
		if k > 0 {
			if err := rest(ctx, time.Duration(t.Rand.Int64N(int64(whole)))); err != nil {
				return err
			}
			if err := t.kill(ctx); err != nil {
				return err
			}
			if k%forgets == 0 {
				t.forget()
			}
			took, err := t.start(ctx)
			if err != nil {
				return err
			}
			restarts = append(restarts, float64(took)/float64(time.Millisecond))
		}
		if err := t.recovered(ctx, policy); err != nil {
			return err
		}
		if k == 0 {
			whole = time.Since(began)
		}
	}
	r.Add("kills", "", float64(kills))
	r.Add("messages", "", float64(t.ledger.Sum().Written))
	r.Add("restart", "ms", figure.Median(restarts))
	return nil
}

// forgets is which of the kills Discord's session does not outlive.
const forgets = 5

// forget ends the sessions that platforms would let the program go on with.
func (t *trial) forget() {
	for _, b := range t.bots {
		if p, ok := b.platform.(forgetter); ok {
			p.Forget()
		}
	}
}

// recovered waits as answered does, but for hold, where what is missing stays away, no longer than it takes.
func (t *trial) recovered(ctx context.Context, policy string) error {
	if policy != "hold" {
		return t.answered(ctx, 0)
	}
	last, moved := -1, time.Now()
	return t.until(ctx, func() bool {
		written, asked, answered := t.ledger.Counts()
		if now := asked + answered; now != last {
			last, moved = now, time.Now()
		}
		return answered >= written || t.unconfirmed() == 0 && asked >= written && time.Since(moved) > 2*time.Second
	})
}

// unclear stops the program and returns how many of the messages without a reply are in its list of what is unclear, each in its room. The list
// must have these and the posts that were in flight at a kill, and no others.
func (t *trial) unclear(ctx context.Context, r *figure.Result) (int, error) {
	if err := t.process().Stop(); err != nil {
		return 0, fmt.Errorf("stop: %w", err)
	}
	list, err := child.Output(ctx, t.dir, t.Program, "dead", "list", "--limit", "1000000")
	if err != nil {
		return 0, err
	}
	listed := unclearRooms(list)
	all, explained := 0, 0
	for _, n := range listed {
		all += n
	}
	for _, l := range t.ledger.Lost(t.ledger.Chats() * t.ledger.Each()) {
		if room := telegram.Room(l[0]); listed[room] > 0 {
			listed[room]--
			explained++
		}
	}
	unlisted, surplus := 0, 0
	for _, m := range t.ledger.UnsureOf() {
		if room := telegram.Room(m[0]); listed[room] > 0 {
			listed[room]--
		} else {
			unlisted++
		}
	}
	for _, n := range listed {
		surplus += n
	}
	if unlisted > 0 || surplus > 0 {
		t.broken(r, fmt.Sprintf("of the posts that were in flight at a kill %d are not listed as unclear, and %d others are", unlisted, surplus))
	}
	r.Add("listed as unclear", "", float64(all))
	r.Add("of these not to be seen", "", float64(explained))
	return explained, nil
}

// unclearRooms counts what is unclear in a list of dead letters, by room.
func unclearRooms(list string) map[string]int {
	listed := map[string]int{}
	for line := range strings.SplitSeq(list, "\n") {
		if strings.Contains(line, "perhaps sent") {
			for word := range strings.FieldsSeq(line) {
				if len(word) == len("500000000") && strings.HasPrefix(word, "500") {
					listed[word]++
				}
			}
		}
	}
	return listed
}
