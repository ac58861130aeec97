package storetest

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"avatarbridge/store"
)

func (s *kept) personOf(p *mPerson) store.Person {
	got := store.Person{UID: s.uid(&p.uid), Name: p.name, Identities: slices.Clone(p.identities), FirstSeen: s.first[p], LastSeen: p.last}
	for _, c := range s.m.convs {
		if c.live && c.person == p {
			got.Conversations++
		}
	}
	return got
}

// People is described in the contract.
func (s *Memory) People(ctx context.Context, skip, n int) ([]store.Person, error) {
	defer s.mu.Unlock()
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	var people []store.Person
	for i, p := range s.persons() {
		if i >= skip && len(people) < n {
			people = append(people, s.personOf(p))
		}
	}
	return people, nil
}

// named returns who is meant by a uid or an identity, nil for nobody.
func (s *kept) named(ref string) *mPerson {
	for _, p := range s.persons() {
		if s.uid(&p.uid) == ref {
			return p
		}
		for _, i := range p.identities {
			name := i.Platform + ":" + i.User
			if i.Tenant != "" {
				name = i.Platform + ":" + i.Tenant + ":" + i.User
			}
			if name == ref {
				return p
			}
		}
	}
	return nil
}

// Person is described in the contract.
func (s *Memory) Person(ctx context.Context, ref string) (store.Person, error) {
	defer s.mu.Unlock()
	if err := s.open(ctx); err != nil {
		return store.Person{}, err
	}
	p := s.named(ref)
	if p == nil {
		return store.Person{}, store.ErrNotFound
	}
	return s.personOf(p), nil
}

// Export is described in the contract.
func (s *Memory) Export(ctx context.Context, uid string, w io.Writer) error {
	defer s.mu.Unlock()
	if err := s.open(ctx); err != nil {
		return err
	}
	p := s.named(uid)
	if p == nil {
		return store.ErrNotFound
	}
	var all []string
	for _, c := range s.m.convs {
		for _, i := range slices.Concat(c.turns.waits, c.posts.waits) {
			if s.theirs(i, p) {
				all = append(all, i.body, i.draft)
			}
		}
		for _, i := range c.feed {
			if s.theirs(&mItem{person: i.person, turnID: i.turnID}, p) {
				all = append(all, i.body)
			}
		}
	}
	return json.NewEncoder(w).Encode(map[string]any{"person": s.personOf(p), "kept": all})
}

// theirs says whether something is a person's or answers them.
func (s *kept) theirs(i *mItem, p *mPerson) bool {
	answered := s.m.answered[i.turnID]
	return i.person == p || i.turnID != "" && answered != nil && answered.person == p
}

// Forget is described in the contract.
func (s *Memory) Forget(ctx context.Context, uid string) ([]store.Conversation, error) {
	defer s.mu.Unlock()
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	p := s.named(uid)
	if p == nil {
		return nil, nil
	}
	for _, i := range p.identities {
		of := func(key string) bool { return strings.HasPrefix(key, store.PersonKey(i)) }
		maps.DeleteFunc(s.m.counters, func(key string, _ *mCounter) bool { return of(key) })
		maps.DeleteFunc(s.m.notices, func(key string, _ *mNotice) bool { return of(key) })
	}
	s.memos = slices.DeleteFunc(s.memos, func(m *mMemo) bool { return m.turn.person == p })
	convs := s.m.forget(p)
	slices.SortFunc(convs, func(a, b *mConv) int { return a.seq - b.seq })
	var gone []store.Conversation
	for _, c := range convs {
		gone = append(gone, s.conversation(c, c.snapshot()))
	}
	return gone, nil
}

// Purge is described in the contract. It counts what was over: turns, posts, dead letters, keys of what was no turn, and people.
func (s *Memory) Purge(ctx context.Context, before time.Time, visitors ...string) (int, error) {
	defer s.mu.Unlock()
	if err := s.open(ctx); err != nil {
		return 0, err
	}
	turns := map[string]bool{}
	for _, t := range s.m.answered {
		turns[t.key] = true
	}
	rows := func() int {
		n := len(s.m.answered) + len(s.m.dead) + len(s.over) + len(s.m.convs) + len(s.m.people)
		for key := range s.m.keys {
			if !turns[key] && !s.m.open(func(t *mItem) bool { return t.key == key }) {
				n++
			}
		}
		return n
	}
	n := rows()
	old := func(at time.Time) bool { return at.Before(before) }
	s.m.purge(before)
	s.over = slices.DeleteFunc(s.over, old)
	s.memos = slices.DeleteFunc(s.memos, func(m *mMemo) bool { return old(m.at) })
	for _, p := range s.m.persons() {
		if old(p.last) && visits(p, visitors) && s.idle(p) {
			s.m.forget(p)
			continue
		}
		if old(p.last) && s.m.lonely(p) {
			maps.DeleteFunc(s.m.people, func(_ store.Identity, q *mPerson) bool { return q == p })
		}
	}
	return n - rows(), nil
}

// visits says whether somebody is known on platforms alone where people have no account.
func visits(p *mPerson, visitors []string) bool {
	return len(visitors) > 0 && !slices.ContainsFunc(p.identities, func(i store.Identity) bool { return !slices.Contains(visitors, i.Platform) })
}

// idle says whether nothing waits for a person or in their own conversations.
func (s *kept) idle(p *mPerson) bool {
	busy := func(l *mLane) bool { return l.claimed != nil || len(l.waits) > 0 }
	return !s.m.open(func(t *mItem) bool { return t.person == p }) &&
		!slices.ContainsFunc(s.m.convs, func(c *mConv) bool { return c.person == p && (busy(&c.turns) || busy(&c.posts)) })
}

// Backup writes who there is to a new file. It cannot be opened as a store.
func (s *Memory) Backup(ctx context.Context, file string) error {
	defer s.mu.Unlock()
	if err := s.open(ctx); err != nil {
		return err
	}
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	for _, p := range s.persons() {
		if err := json.NewEncoder(out).Encode(s.personOf(p)); err != nil {
			return err
		}
	}
	return out.Sync()
}

var _ store.Store = (*Memory)(nil)
