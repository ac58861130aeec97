package storetest

import (
	"context"
	"slices"
	"time"

	"avatarbridge/store"
)

// whole is a time as databases keep it: the relay has to live with less than it said.
func whole(t time.Time) time.Time { return t.Truncate(time.Microsecond) }

// Defer is described in the contract.
func (s *Memory) Defer(ctx context.Context, d store.Deferred) (c store.Claims, err error) {
	defer s.mu.Unlock()
	if err := s.open(ctx); err != nil {
		return c, err
	}
	d.Due = whole(d.Due)
	if d.Hold != nil {
		h := *d.Hold
		h.Until, d.Hold = whole(h.Until), &h
	}
	if t := s.claimed(s.rows, d.Turn, turnsOf); t != nil {
		c = s.claims(s.m.deferTurn(t, d))
	}
	return c, nil
}

// Finish is described in the contract.
func (s *Memory) Finish(ctx context.Context, f store.Finished) (c store.Claims, err error) {
	defer s.mu.Unlock()
	if err := s.open(ctx); err != nil {
		return c, err
	}
	t := s.claimed(s.rows, f.Turn, turnsOf)
	if t == nil {
		return c, nil
	}
	if f.Memo != nil && !t.gone && !t.unsaid && t.conv.generation == t.then.generation {
		s.memo(t, f)
	}
	c = s.claims(s.m.finish(t, f))
	s.buried(f.Dead)
	return c, nil
}

// memo keeps the last f.Memos lines of the conversation's generation.
func (s *kept) memo(t *mItem, f store.Finished) {
	s.memos = append(s.memos, &mMemo{turn: t, generation: t.then.generation, body: f.Memo, at: f.Now})
	n := 0
	for i := len(s.memos) - 1; i >= 0; i-- {
		if s.memos[i].turn.conv != t.conv {
			continue
		}
		if n++; n > f.Memos {
			s.memos = slices.Delete(s.memos, i, i+1)
		}
	}
}

// buried gives new dead letters their ids and the reason.
func (s *kept) buried(reason string) {
	for _, l := range slices.Backward(s.m.dead) {
		if l.id != 0 {
			return
		}
		defer func() { l.id, s.reasons[l] = s.id(), reason }()
	}
}

// Draft is described in the contract.
func (s *Memory) Draft(ctx context.Context, turn int64, draft string) error {
	defer s.mu.Unlock()
	if err := s.open(ctx); err != nil {
		return err
	}
	if t := s.rows[turn]; t != nil && slices.Contains(s.m.convs, t.conv) && slices.Contains(t.conv.turns.waits, t) {
		t.draft = draft
		return nil
	}
	return store.ErrStale
}

// Current is described in the contract.
func (s *Memory) Current(ctx context.Context, turn int64) (c store.Conversation, err error) {
	defer s.mu.Unlock()
	if err := s.open(ctx); err != nil {
		return c, err
	}
	t := s.claimed(s.rows, turn, turnsOf)
	if t == nil || !slices.Contains(t.conv.turns.waits, t) {
		return c, store.ErrStale
	}
	return s.conversation(t.conv, t.conv.snapshot()), nil
}

// Say is described in the contract.
func (s *Memory) Say(ctx context.Context, said store.Said) (c store.Claims, err error) {
	defer s.mu.Unlock()
	if err := s.open(ctx); err != nil {
		return c, err
	}
	r, err := s.m.say(s.byID(said.Conversation), said)
	if err != nil {
		return c, err
	}
	return s.claims(r), nil
}

// Park is described in the contract.
func (s *Memory) Park(ctx context.Context, post int64, due time.Time) (c store.Claims, err error) {
	defer s.mu.Unlock()
	if err := s.open(ctx); err != nil {
		return c, err
	}
	if p := s.claimed(s.posts, post, postsOf); p != nil {
		c = s.claims(s.m.park(p, whole(due)))
	}
	return c, nil
}

// Settle is described in the contract.
func (s *Memory) Settle(ctx context.Context, x store.Settled) (c store.Claims, err error) {
	defer s.mu.Unlock()
	if err := s.open(ctx); err != nil {
		return c, err
	}
	x.Due = whole(x.Due)
	if x.Hold != nil {
		h := *x.Hold
		h.Until, x.Hold = whole(h.Until), &h
	}
	p := s.claimed(s.posts, x.Post, postsOf)
	if p == nil {
		return c, nil
	}
	if x.As == store.Sent || x.As == store.Withheld {
		s.over = append(s.over, p.at)
		p.body = ""
	}
	c = s.claims(s.m.settle(p, x))
	s.buried(x.Reason)
	return c, nil
}

// Retry is described in the contract.
func (s *Memory) Retry(ctx context.Context, now time.Time, ids ...int64) (int, error) {
	defer s.mu.Unlock()
	if err := s.open(ctx); err != nil {
		return 0, err
	}
	return s.m.retry(ids, now), nil
}

// Drop is described in the contract.
func (s *Memory) Drop(ctx context.Context, ids ...int64) (int, error) {
	defer s.mu.Unlock()
	if err := s.open(ctx); err != nil {
		return 0, err
	}
	letters := s.m.letters(ids)
	for _, l := range letters {
		if !l.post {
			s.m.answered[l.item.id] = l.item
		}
	}
	return len(letters), nil
}
