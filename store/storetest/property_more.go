package storetest

import (
	"errors"
	"maps"
	"slices"
	"time"

	"pgregory.net/rapid"

	"avatarbridge/store"
)

func (x *machine) doHold(rt *rapid.T) {
	if h := x.drawHold(rt); h != nil {
		x.fail(rt, x.Hold(x.ctx, *h))
		x.m.holds[h.Scope] = *h
	}
}

func (x *machine) doRelease(rt *rapid.T) {
	s := x.drawScope(rt)
	x.fail(rt, x.Release(x.ctx, s, x.now))
	x.m.release(s, x.now)
}

// drawLetters draws ids of dead letters, one that is none among them; nil is all.
func (x *machine) drawLetters(rt *rapid.T) []int64 {
	if len(x.m.dead) == 0 {
		rt.Skip("there are no dead letters")
	}
	if rapid.Bool().Draw(rt, "all") {
		return nil
	}
	ids := []int64{1 << 40}
	for _, l := range x.m.dead {
		if rapid.Bool().Draw(rt, "this") {
			ids = append(ids, l.id)
		}
	}
	return ids
}

func (x *machine) doRetry(rt *rapid.T) {
	ids := x.drawLetters(rt)
	got, err := x.Retry(x.ctx, x.now, ids...)
	x.fail(rt, err)
	if want := x.m.retry(ids, x.now); got != want {
		rt.Fatalf("%d put back, want %d", got, want)
	}
}

func (x *machine) doDrop(rt *rapid.T) {
	ids := x.drawLetters(rt)
	got, err := x.Drop(x.ctx, ids...)
	x.fail(rt, err)
	letters := x.m.letters(ids)
	for _, l := range letters {
		if !l.post {
			x.m.answered[l.item.id] = l.item
		}
	}
	if got != len(letters) {
		rt.Fatalf("%d dropped, want %d", got, len(letters))
	}
}

func (x *machine) doForget(rt *rapid.T) {
	if rapid.IntRange(0, 3).Draw(rt, "rarely") != 0 {
		rt.Skip("not now")
	}
	from := who(pick(rt, "user", users...))
	p := x.m.people[from]
	if p == nil {
		return
	}
	found, err := x.Person(x.ctx, from.Platform+":"+from.User)
	x.fail(rt, err)
	x.fail(rt, x.m.learn(&p.uid, found.UID))
	got, err := x.Forget(x.ctx, p.uid)
	x.fail(rt, err)
	want := x.m.forget(p)
	if len(got) != len(want) {
		rt.Fatalf("%d conversations deleted, want %d", len(got), len(want))
	}
	slices.SortFunc(want, func(a, b *mConv) int { return a.seq - b.seq })
	for i, c := range want {
		if c.id != 0 && c.id != got[i].ID {
			rt.Fatalf("conversation %d deleted, want %d", got[i].ID, c.id)
		}
	}
}

func (x *machine) doPurge(rt *rapid.T) {
	before := x.now.Add(-time.Duration(rapid.IntRange(0, 300).Draw(rt, "age")) * time.Second)
	_, err := x.Purge(x.ctx, before)
	x.fail(rt, err)
	x.m.purge(before)
	for _, p := range x.m.persons() {
		if !p.last.Add(-time.Minute).Before(before) || !x.m.lonely(p) {
			continue
		}
		// When somebody was last seen is known to the minute: whoever is at its edge may stay.
		_, err := x.Person(x.ctx, "telegram:"+p.identities[0].User)
		switch {
		case errors.Is(err, store.ErrNotFound):
			maps.DeleteFunc(x.m.people, func(_ store.Identity, q *mPerson) bool { return q == p })
		case err != nil || p.last.Before(before):
			rt.Fatalf("%+v was not purged: %v", p, err)
		}
	}
}

func (m *model) persons() []*mPerson {
	var all []*mPerson
	for _, p := range m.people {
		if !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}

func (x *machine) doRestart(rt *rapid.T) {
	var err error
	if rapid.Bool().Draw(rt, "crash") {
		x.dir, err = x.kind.Crash(x.Store, x.dir)
	} else {
		err = x.Store.Close()
	}
	x.fail(rt, err)
	x.Store, err = x.kind.Open(x.dir)
	x.fail(rt, err)
	x.m.crash()
	x.turns, x.posts = nil, nil
}

func (x *machine) doWait(rt *rapid.T) {
	x.now = x.now.Add(time.Duration(rapid.IntRange(1, 40_000).Draw(rt, "ms")) * time.Millisecond)
}

// invariants compares what can be asked of the store with the model, after each verb.
func (x *machine) invariants(rt *rapid.T) {
	x.sameDead(rt)
	x.sameDepth(rt)
	x.samePeople(rt)
	cursor, _, err := x.Cursor(x.ctx, account)
	x.fail(rt, err)
	if cursor != x.m.cursor {
		rt.Fatalf("cursor %q, want %q", cursor, x.m.cursor)
	}
	moves, err := x.Moves(x.ctx, account)
	x.fail(rt, err)
	if !maps.Equal(moves, x.m.moves) {
		rt.Fatalf("moves %v, want %v", moves, x.m.moves)
	}
	x.sameHolds(rt)
	x.sameWaiting(rt)
	x.sameFeeds(rt)
	x.samePlaces(rt)
}

func (x *machine) sameWaiting(rt *rapid.T) {
	got, err := x.Waiting(x.ctx, account)
	x.fail(rt, err)
	var want []string
	for _, c := range x.m.convs {
		if len(c.turns.waits) > 0 && !slices.Contains(want, c.in.Avatar) {
			want = append(want, c.in.Avatar)
		}
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		rt.Fatalf("turns wait for %v, want %v", got, want)
	}
}

func (x *machine) sameHolds(rt *rapid.T) {
	holds, err := x.Holds(x.ctx, x.now)
	x.fail(rt, err)
	n := 0
	for _, h := range x.m.holds {
		if h.Until.IsZero() || h.Until.After(x.now) {
			n++
		}
	}
	for _, h := range holds {
		if want, ok := x.m.holds[h.Scope]; !ok || !want.Until.Equal(h.Until) || want.Reason != h.Reason {
			rt.Fatalf("hold %+v, want %+v", h, want)
		}
	}
	if len(holds) != n {
		rt.Fatalf("%d holds, want %d", len(holds), n)
	}
}

func (x *machine) sameDead(rt *rapid.T) {
	letters, err := x.Dead(x.ctx, 0, 1000)
	x.fail(rt, err)
	if len(letters) != len(x.m.dead) {
		rt.Fatalf("%d dead letters, want %d", len(letters), len(x.m.dead))
	}
	slices.Reverse(letters)
	for i, want := range x.m.dead {
		got := letters[i]
		if got.Post != want.post || got.Unclear != want.unclear || string(got.Body) != want.item.body || got.Attempts != want.item.attempts ||
			!got.At.Equal(want.at) || want.id != 0 && want.id != got.ID {
			rt.Fatalf("dead letter %+v with body %q, want %+v of %+v", got, got.Body, want, want.item)
		}
		want.id = got.ID
		x.fail(rt, x.m.isConv(got.Conversation, want.item.conv, want.item.conv.snapshot()))
	}
}

func (x *machine) sameDepth(rt *rapid.T) {
	d, err := x.Depth(x.ctx)
	x.fail(rt, err)
	turns, posts := 0, 0
	var oldest time.Time
	for _, c := range x.m.convs {
		turns, posts = turns+len(c.turns.waits), posts+len(c.posts.waits)
		for _, i := range append(slices.Clone(c.turns.waits), c.posts.waits...) {
			if oldest.IsZero() || i.at.Before(oldest) {
				oldest = i.at
			}
		}
	}
	if d.Turns[account] != turns || d.Posts[account] != posts || d.Dead != len(x.m.dead) || !d.Oldest.Equal(oldest) {
		rt.Fatalf("depth %+v, want %d, %d, %d, %v", d, turns, posts, len(x.m.dead), oldest)
	}
}

func (x *machine) samePeople(rt *rapid.T) {
	people, err := x.People(x.ctx, 0, 100)
	x.fail(rt, err)
	if len(people) != len(x.m.persons()) {
		rt.Fatalf("%d people, want %d", len(people), len(x.m.persons()))
	}
	for _, got := range people {
		p := x.m.people[got.Identities[0]]
		if p == nil {
			rt.Fatalf("nobody is %+v", got.Identities)
		}
		x.fail(rt, x.m.learn(&p.uid, got.UID))
		n := 0
		for _, c := range x.m.convs {
			if c.person == p && c.live {
				n++
			}
		}
		for _, i := range got.Identities {
			if x.m.people[i] != p {
				rt.Fatalf("%+v is somebody else", i)
			}
		}
		if got.Name != p.name || got.Conversations != n || len(got.Identities) != len(p.identities) ||
			got.LastSeen.After(p.last) || !got.LastSeen.After(p.last.Add(-time.Minute)) {
			rt.Fatalf("%+v, want %+v with %d conversations", got, p, n)
		}
	}
}
