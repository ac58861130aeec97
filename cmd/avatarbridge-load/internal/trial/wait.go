package trial

import (
	"context"
	"fmt"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/child"
)

// look is how often a condition is looked at that nobody announces.
const look = 5 * time.Millisecond

// answered waits until every message that was written so far, or n of them, has a reply. It gives up, without an error, when for as long
// as the bench has patience nothing moved: what is missing then is lost. A process that died is an error.
func (t *trial) answered(ctx context.Context, n int) error {
	last, moved := -1, time.Now()
	return t.until(ctx, func() bool {
		written, asked, answered := t.ledger.Counts()
		if n > 0 {
			written = n
		}
		if now := asked + answered; now != last {
			last, moved = now, time.Now()
		}
		return answered >= written || time.Since(moved) > t.patience()
	})
}

// patience is how long nothing may move. Nothing of the baseline comes back by itself.
func (t *trial) patience() time.Duration {
	if t.who == Baseline {
		return min(t.Patience, 2*time.Second)
	}
	return t.Patience
}

// until waits for a condition. It returns an error when ctx ends or the process dies first.
func (t *trial) until(ctx context.Context, done func() bool) error {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-t.process().Dead():
			return fmt.Errorf("the process died; its log ends with\n%s", child.Log(t.dir, 2000))
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// rest waits for d.
func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
