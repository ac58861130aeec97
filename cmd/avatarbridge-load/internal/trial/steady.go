package trial

import (
	"context"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/avatar"
	"avatarbridge/cmd/avatarbridge-load/internal/figure"
)

// begin starts the contestant and adds its memory while it is idle.
func (t *trial) begin(ctx context.Context, r *figure.Result) error {
	if _, err := t.start(ctx); err != nil {
		return err
	}
	return t.settle(ctx, r, "idle", settled)
}

// through measures what feed does until every message has its reply.
func (t *trial) through(ctx context.Context, r *figure.Result, feed func() error) error {
	m, err := t.measure()
	if err != nil {
		return err
	}
	if err := feed(); err != nil {
		return err
	}
	if err := t.answered(ctx, t.ledger.Chats()*t.ledger.Each()); err != nil {
		return err
	}
	return m.cost(r, t.ledger.Chats()*t.ledger.Each())
}

func closed(ctx context.Context, b *Bench, who string, r *figure.Result) error {
	size := b.size(r, Size{Messages: 5000, Chats: 500})
	t, err := b.newTrial(who, setup{mode: r.Mode, chats: size.Chats, each: max(size.Messages/size.Chats, 1),
		posted: func(t *trial, chat, n int) {
			if n+1 < t.ledger.Each() {
				t.write(chat, n+1)
			}
		}})
	if err != nil {
		return err
	}
	defer t.close()
	t.player().Follow(avatar.After(size.AvatarFor))
	if err := t.begin(ctx, r); err != nil {
		return err
	}
	if err := t.through(ctx, r, func() error {
		for c := range t.ledger.Chats() {
			t.write(c, 0)
		}
		return nil
	}); err != nil {
		return err
	}
	t.throughput(r)
	return t.end(ctx, r)
}

// end adds what nearly all modes end with.
func (t *trial) end(ctx context.Context, r *figure.Result) error {
	t.latency(r, "", nil)
	if err := t.peak(r); err != nil {
		return err
	}
	if err := t.settle(ctx, r, "after", t.Rest); err != nil {
		return err
	}
	t.fates(r, may{})
	return nil
}

// steadily writes at a rate in the chats from first on, in turn, beginning with message from of each, for d.
func (t *trial) steadily(ctx context.Context, rate int, d time.Duration, first, from int) error {
	chats := t.ledger.Chats() - first
	start := time.Now()
	for i := range int(float64(rate) * d.Seconds()) {
		if err := rest(ctx, time.Until(start.Add(time.Duration(i)*time.Second/time.Duration(rate)))); err != nil {
			return err
		}
		t.write(first+i%chats, from+i/chats)
	}
	return nil
}

// eachOf is how many messages a chat gets when so many come at a rate for d.
func eachOf(chats, rate int, d time.Duration) int {
	return (int(float64(rate)*d.Seconds()) + chats - 1) / chats
}

func open(ctx context.Context, b *Bench, who string, r *figure.Result) error {
	size := b.size(r, Size{Chats: 100, Rate: 50, Duration: 10 * time.Second})
	t, err := b.newTrial(who, setup{mode: r.Mode, chats: size.Chats, each: eachOf(size.Chats, size.Rate, size.Duration)})
	if err != nil {
		return err
	}
	defer t.close()
	t.player().Follow(avatar.After(size.AvatarFor))
	if err := t.begin(ctx, r); err != nil {
		return err
	}
	m, err := t.measure()
	if err != nil {
		return err
	}
	if err := t.steadily(ctx, size.Rate, size.Duration, 0, 0); err != nil {
		return err
	}
	if err := t.answered(ctx, 0); err != nil {
		return err
	}
	if err := m.cost(r, t.ledger.Sum().Written); err != nil {
		return err
	}
	return t.end(ctx, r)
}

func burst(ctx context.Context, b *Bench, who string, r *figure.Result) error {
	size := b.size(r, Size{Burst: 1000})
	t, err := b.newTrial(who, setup{mode: r.Mode, chats: size.Burst, each: 1})
	if err != nil {
		return err
	}
	defer t.close()
	t.player().Follow(avatar.After(50 * time.Millisecond))
	if err := t.begin(ctx, r); err != nil {
		return err
	}
	if err := t.through(ctx, r, func() error {
		for c := range t.ledger.Chats() {
			t.write(c, 0)
		}
		return nil
	}); err != nil {
		return err
	}
	s := t.ledger.Sum()
	r.Milliseconds("until the last reply", s.Last-s.First)
	return t.end(ctx, r)
}

// atOnce is how many people wait at most in conversations.
const atOnce = 500

func conversations(ctx context.Context, b *Bench, who string, r *figure.Result) error {
	size := b.size(r, Size{People: 10_000})
	window := min(atOnce, size.People)
	next := make(chan int, size.People) // chats that have not written
	for c := window; c < size.People; c++ {
		next <- c
	}
	t, err := b.newTrial(who, setup{mode: r.Mode, chats: size.People, each: 1, posted: func(t *trial, _, _ int) {
		select {
		case c := <-next:
			t.write(c, 0)
		default:
		}
	}})
	if err != nil {
		return err
	}
	defer t.close()
	if err := t.begin(ctx, r); err != nil {
		return err
	}
	if err := t.through(ctx, r, func() error {
		for c := range window {
			t.write(c, 0)
		}
		return nil
	}); err != nil {
		return err
	}
	t.throughput(r)
	return t.end(ctx, r)
}

// idle has no share of the simulators', which have nothing to do then but to hold a poll.
func idle(ctx context.Context, b *Bench, who string, r *figure.Result) error {
	size := b.size(r, Size{Duration: 10 * time.Second})
	t, err := b.newTrial(who, setup{mode: r.Mode, chats: 1, each: 1})
	if err != nil {
		return err
	}
	defer t.close()
	if err := t.begin(ctx, r); err != nil {
		return err
	}
	before, err := t.process().CPU()
	if err != nil {
		return err
	}
	if err := rest(ctx, size.Duration); err != nil {
		return err
	}
	after, err := t.process().CPU()
	if err != nil {
		return err
	}
	r.Milliseconds("CPU in a minute", time.Duration(float64(after-before)*float64(time.Minute)/float64(size.Duration)))
	return t.memory(r, "after")
}
