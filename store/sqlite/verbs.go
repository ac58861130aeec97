package sqlite

import (
	"context"
	"slices"
	"time"

	"avatarbridge/store"
)

// The verbs of the contract that write: each is one method of the core, run by the writer.

// Accept is described in the contract. A batch with an entry that has not exactly one thing to do is an error.
func (s *Store) Accept(ctx context.Context, b store.Batch) (results []store.Result, err error) {
	err = s.writer.run(ctx, false, func(c *core) (err error) { results, err = c.accept(&b); return err })
	if err != nil {
		return nil, err
	}
	return results, nil
}

// ClaimTurns is described in the contract.
func (s *Store) ClaimTurns(ctx context.Context, account, avatar string, now time.Time, n int) (turns []store.Turn, next time.Time, err error) {
	err = s.writer.run(ctx, false, func(c *core) (err error) {
		turns, next, err = c.claimTurns(account, avatar, micros(now), n)
		return err
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	return turns, next, nil
}

// Defer is described in the contract.
func (s *Store) Defer(ctx context.Context, d store.Deferred) (store.Claims, error) {
	return s.claims(ctx, func(c *core) (store.Claims, error) { return c.deferTurn(&d) })
}

// Finish is described in the contract.
func (s *Store) Finish(ctx context.Context, f store.Finished) (store.Claims, error) {
	return s.claims(ctx, func(c *core) (store.Claims, error) { return c.finish(&f) })
}

// Draft is described in the contract.
func (s *Store) Draft(ctx context.Context, turn int64, draft string) error {
	return s.writer.run(ctx, false, func(c *core) error {
		n, err := c.exec("UPDATE turn SET draft = ? WHERE row = ? AND state = 0", draft, turn)
		if err == nil && n == 0 {
			return store.ErrStale
		}
		return err
	})
}

// Say is described in the contract. A turn that it settles while it is being asked keeps its claim until Finish or Defer; such a Finish
// makes no dead letter and says no notice about one. A dead letter that is answered after all is deleted.
func (s *Store) Say(ctx context.Context, say store.Said) (store.Claims, error) {
	return s.claims(ctx, func(c *core) (store.Claims, error) { return c.sayLater(&say) })
}

// ClaimPosts is described in the contract.
func (s *Store) ClaimPosts(ctx context.Context, account string, now time.Time, n int) (posts []store.Post, next time.Time, err error) {
	err = s.writer.run(ctx, false, func(c *core) (err error) {
		posts, next, err = c.claimPosts(account, micros(now), n)
		return err
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	return posts, next, nil
}

// Park is described in the contract.
func (s *Store) Park(ctx context.Context, post int64, due time.Time) (store.Claims, error) {
	return s.claims(ctx, func(c *core) (store.Claims, error) { return c.park(post, micros(due)) })
}

// Settle is described in the contract.
func (s *Store) Settle(ctx context.Context, e store.Settled) (store.Claims, error) {
	return s.claims(ctx, func(c *core) (store.Claims, error) { return c.settle(&e) })
}

func (s *Store) claims(ctx context.Context, f func(*core) (store.Claims, error)) (out store.Claims, err error) {
	err = s.writer.run(ctx, false, func(c *core) (err error) { out, err = f(c); return err })
	if err != nil {
		return store.Claims{}, err
	}
	return out, nil
}

// Hold is described in the contract.
func (s *Store) Hold(ctx context.Context, h store.Hold) error {
	return s.writer.run(ctx, false, func(c *core) error { return c.hold(&h) })
}

// Release is described in the contract. An account that the store has never met is taken for another name of any.
func (s *Store) Release(ctx context.Context, scope store.Scope, now time.Time) error {
	return s.writer.run(ctx, false, func(c *core) error { return c.release(scope, micros(now)) })
}

// Retry is described in the contract. It works in steps: on an error some may be back already.
func (s *Store) Retry(ctx context.Context, now time.Time, ids ...int64) (int, error) {
	return s.letters(ctx, ids, func(c *core, l letter) error { return c.revive(l, micros(now)) })
}

// Drop is described in the contract. It works in steps, as Retry.
func (s *Store) Drop(ctx context.Context, ids ...int64) (int, error) {
	return s.letters(ctx, ids, (*core).drop)
}

// letters does f to dead letters, in steps so that others are let in.
func (s *Store) letters(ctx context.Context, ids []int64, f func(*core, letter) error) (int, error) {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	total, after, named := 0, int64(0), len(ids) > 0
	for {
		some := ids[:min(len(ids), step)]
		var done []letter
		if err := s.writer.run(ctx, false, func(c *core) (err error) {
			if done, err = c.letters(some, after); err != nil {
				return err
			}
			for _, l := range done {
				if err := f(c, l); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return total, err
		}
		total += len(done)
		ids = ids[len(some):]
		if named && len(ids) == 0 || !named && len(done) == 0 {
			return total, nil
		}
		if !named {
			after = done[len(done)-1].id
		}
	}
}
