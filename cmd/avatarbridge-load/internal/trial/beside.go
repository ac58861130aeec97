package trial

import (
	"context"
	"math/rand/v2"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/figure"
)

// beside measures people who write at a steady rate, first alone and then beside the first few chats, whose avatar calls take long.
func (t *trial) beside(ctx context.Context, r *figure.Result, rate, few int, alone, slow time.Duration) error {
	if err := t.begin(ctx, r); err != nil {
		return err
	}
	m, err := t.measure()
	if err != nil {
		return err
	}
	if err := t.steadily(ctx, rate, alone, few, 0); err != nil {
		return err
	}
	if err := t.answered(ctx, 0); err != nil {
		return err
	}
	t.player().Follow(func(chat, _ int) (time.Duration, <-chan struct{}) {
		if chat < few {
			return slow, nil
		}
		return 0, nil
	})
	for c := range few {
		t.write(c, 0)
	}
	if err := t.until(ctx, func() bool { return t.player().Busy() >= few || t.ledger.Sum().Lost == 0 }); err != nil {
		return err
	}
	from := eachOf(t.ledger.Chats()-few, rate, alone)
	if err := t.steadily(ctx, rate, slow, few, from); err != nil {
		return err
	}
	if err := t.answered(ctx, 0); err != nil {
		return err
	}
	if err := m.share(r); err != nil {
		return err
	}
	t.latency(r, "alone: ", func(chat, n int) bool { return chat >= few && n < from })
	t.latency(r, "beside: ", func(chat, n int) bool { return chat >= few && n >= from })
	if err := t.peak(r); err != nil {
		return err
	}
	t.fates(r, may{})
	return nil
}

func (b *Bench) aside(ctx context.Context, who string, r *figure.Result, rate, few int, slow time.Duration) error {
	size := b.size(r, Size{Chats: 100, Rate: rate, Duration: 10 * time.Second})
	each := eachOf(size.Chats, size.Rate, size.Duration) + eachOf(size.Chats, size.Rate, slow)
	t, err := b.newTrial(who, setup{mode: r.Mode, chats: few + size.Chats, each: max(each, 1)})
	if err != nil {
		return err
	}
	defer t.close()
	return t.beside(ctx, r, size.Rate, few, size.Duration, slow)
}

// stuckRate makes 600 messages of the 3 s in which one is stuck, so that their p99 is not the luck of one.
const stuckRate = 200

// stuckFor is one conversation whose avatar is stuck for d, 0 for the size's.
func stuckFor(d time.Duration) func(context.Context, *Bench, string, *figure.Result) error {
	return func(ctx context.Context, b *Bench, who string, r *figure.Result) error {
		d := d
		if d == 0 {
			d = b.size(r, Size{Stuck: 3 * time.Second}).Stuck
		}
		return b.aside(ctx, who, r, stuckRate, 1, d)
	}
}

func slow(ctx context.Context, b *Bench, who string, r *figure.Result) error {
	size := b.size(r, Size{Slow: 300, SlowFor: 10 * time.Second})
	return b.aside(ctx, who, r, 50, size.Slow, size.SlowFor)
}

func order(ctx context.Context, b *Bench, who string, r *figure.Result) error {
	size := b.size(r, Size{Chats: 100})
	t, err := b.newTrial(who, setup{mode: r.Mode, chats: size.Chats, each: 3})
	if err != nil {
		return err
	}
	defer t.close()
	t.player().Follow(func(int, int) (time.Duration, <-chan struct{}) { return rand.N(20 * time.Millisecond), nil })
	if _, err := t.start(ctx); err != nil {
		return err
	}
	m, err := t.measure()
	if err != nil {
		return err
	}
	for c := range size.Chats {
		for n := range 3 {
			t.write(c, n)
		}
	}
	if err := t.answered(ctx, 0); err != nil {
		return err
	}
	if err := m.share(r); err != nil {
		return err
	}
	// Of what a chat writes back to back each reply waits for the one before, whose avatar's time is not taken off.
	t.latency(r, "", nil)
	t.fates(r, may{})
	return nil
}

// allowed is how many messages of a person are answered in overload; written is how many they write.
const (
	allowed     = 10
	overwritten = 20
)

func overload(ctx context.Context, b *Bench, who string, r *figure.Result) error {
	size := b.size(r, Size{Chats: 200})
	t, err := b.newTrial(who, setup{mode: r.Mode, chats: size.Chats, each: overwritten, limits: "10/h"})
	if err != nil {
		return err
	}
	defer t.close()
	if _, err := t.start(ctx); err != nil {
		return err
	}
	m, err := t.measure()
	if err != nil {
		return err
	}
	for n := range overwritten {
		for c := range size.Chats {
			t.write(c, n)
		}
	}
	if err := t.until(ctx, func() bool { return t.unconfirmed() == 0 }); err != nil {
		return err
	}
	if err := t.answered(ctx, allowed*size.Chats); err != nil {
		return err
	}
	if err := m.cost(r, overwritten*size.Chats); err != nil {
		return err
	}
	if err := rest(ctx, settled); err != nil { // for a reply that should not come
		return err
	}
	t.overloaded(r, size.Chats)
	return nil
}

// overloaded checks that exactly what the limit allows was answered, the first messages of each person, and that people were told once.
func (t *trial) overloaded(r *figure.Result, people int) {
	s := t.ledger.Sum()
	_, asked, _ := t.ledger.Counts()
	r.Add("answered within the limit", "%", 100*float64(s.Answered)/float64(allowed*people))
	r.Add("people told that it is too much", "%", 100*float64(s.Notices)/float64(people))
	r.Add("doubled", "", float64(s.Doubled))
	r.Add("out of order", "", float64(s.Disordered))
	if s.Answered != allowed*people || asked != allowed*people {
		r.Broken = append(r.Broken, "another number of messages was answered than the limit allows")
	}
	if s.Notices != people || s.Doubled > 0 || s.Disordered > 0 || s.Strange > 0 {
		r.Broken = append(r.Broken, "people over their limit were not told exactly once, or replies doubled or out of order")
	}
}
