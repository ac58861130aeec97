package trial

import (
	"context"
	"fmt"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/figure"
)

// A gate holds back all of an avatar's answers until it is opened.
type gate chan struct{}

// hold lets the avatar wait for a new gate.
func (t *trial) hold() gate {
	g := make(gate)
	t.player().Follow(func(int, int) (time.Duration, <-chan struct{}) { return time.Hour, g })
	return g
}

// pile writes message n in every chat and waits until all are taken, of which none is answered, since the avatar holds them back.
func (t *trial) pile(ctx context.Context, n int) error {
	for c := range t.ledger.Chats() {
		t.write(c, n)
	}
	return t.until(ctx, func() bool { return t.unconfirmed() == 0 })
}

// start has no share of the simulators': until the program hears they answer a call or two, and what the messages between the starts take is not
// what is measured.
func start(ctx context.Context, b *Bench, who string, r *figure.Result) error {
	size := b.size(r, Size{InFlight: 1000})
	t, err := b.newTrial(who, setup{mode: r.Mode, chats: size.InFlight, each: 3})
	if err != nil {
		return err
	}
	defer t.close()
	took, err := t.start(ctx)
	if err != nil {
		return err
	}
	r.Milliseconds("new", took)
	if who == Baseline { // it keeps nothing, so there is no other start
		return nil
	}
	for n := range 2 {
		for c := range t.ledger.Chats() {
			t.write(c, n)
		}
		if err := t.answered(ctx, 0); err != nil {
			return err
		}
	}
	if err := t.process().Stop(); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	if took, err = t.start(ctx); err != nil {
		return err
	}
	r.Milliseconds("old database", took)
	g := t.hold()
	if err := t.pile(ctx, 2); err != nil {
		return err
	}
	if err := t.kill(ctx); err != nil {
		return err
	}
	if took, err = t.start(ctx); err != nil {
		return err
	}
	r.Milliseconds(fmt.Sprintf("%d messages wait", size.InFlight), took)
	close(g)
	if err := t.answered(ctx, 0); err != nil {
		return err
	}
	t.fates(r, may{killed: true})
	return nil
}

func crashLoop(ctx context.Context, b *Bench, who string, r *figure.Result) error {
	size := b.size(r, Size{InFlight: 1000, Kills: 20})
	t, err := b.newTrial(who, setup{mode: r.Mode, chats: size.InFlight, each: 1})
	if err != nil {
		return err
	}
	defer t.close()
	if _, err = t.start(ctx); err != nil {
		return err
	}
	g := t.hold()
	if err := t.pile(ctx, 0); err != nil {
		return err
	}
	if err := t.kill(ctx); err != nil {
		return err
	}
	took, err := t.start(ctx)
	if err != nil {
		return err
	}
	if err := t.kill(ctx); err != nil {
		return err
	}
	for range size.Kills {
		if err := t.launch(); err != nil {
			return err
		}
		if err := rest(ctx, time.Duration(t.Rand.Int64N(int64(took)))); err != nil {
			return err
		}
		if err := t.kill(ctx); err != nil {
			return err
		}
	}
	r.Add("kills", "", float64(size.Kills))
	if took, err = t.start(ctx); err != nil {
		return err
	}
	r.Milliseconds("start after them", took)
	close(g)
	if err := t.answered(ctx, 0); err != nil {
		return err
	}
	t.promises(r, may{killed: true})
	return nil
}
