package storetest

import (
	"cmp"
	"slices"
	"time"

	"pgregory.net/rapid"

	"avatarbridge/store"
)

// An mFeed is an item of a feed.
type mFeed struct {
	seq    int
	id     int64 // once it was seen
	body   string
	at     time.Time
	person *mPerson
	turnID string // of a post
}

// feed keeps an item in the feed of the live conversation that has c's address.
func (m *model) feed(c *mConv, body []byte, keep int, like mFeed) {
	if body == nil || keep < 1 {
		return
	}
	if live := m.find(c.in, c.person); live != nil {
		c = live
	}
	like.seq, like.body = m.next(), string(body)
	c.feed = append(c.feed, &like)
	c.feed = c.feed[max(0, len(c.feed)-keep):]
}

// mergeFeeds gives a what b has.
func mergeFeeds(a, b *mConv) {
	a.feed = append(a.feed, b.feed...)
	b.feed = nil
	slices.SortFunc(a.feed, func(x, y *mFeed) int { return cmp.Compare(x.seq, y.seq) })
}

// sameFeeds compares the feed of each live conversation, whole and in part.
func (x *machine) sameFeeds(rt *rapid.T) {
	for _, c := range x.m.convs {
		if !c.live {
			continue
		}
		from := who("nobody")
		if c.person != nil {
			from = c.person.identities[0]
		}
		after := x.sameFeed(rt, c, from, 0, 100)
		x.sameFeed(rt, c, from, after, 2)
	}
}

// sameFeed compares part of a feed and returns the id of its first item.
func (x *machine) sameFeed(rt *rapid.T, c *mConv, from store.Identity, after int64, n int) int64 {
	got, err := x.Feed(x.ctx, c.in, from, after, n)
	x.fail(rt, err)
	want := slices.DeleteFunc(slices.Clone(c.feed), func(i *mFeed) bool { return after > 0 && i.id <= after })
	want = want[max(0, len(want)-n):]
	if got == nil || len(got) != len(want) {
		rt.Fatalf("%d items (nil: %v) after %d, want %d", len(got), got == nil, after, len(want))
	}
	for i, w := range want {
		g := got[i]
		if w.id == 0 && !x.m.feedIDs[g.ID] {
			w.id, x.m.feedIDs[g.ID] = g.ID, true
		}
		if g.ID != w.id || string(g.Body) != w.body || !g.At.Equal(w.at) || i > 0 && g.ID <= got[i-1].ID {
			rt.Fatalf("item %+v with body %q, want %+v", g, g.Body, w)
		}
	}
	if len(got) == 0 {
		return 0
	}
	return got[0].ID
}

func (x *machine) samePlaces(rt *rapid.T) {
	var want []store.Address
	for _, c := range slices.Backward(x.m.convs) {
		a := store.Address{Account: account, Channel: c.in.Channel, Thread: c.in.Thread, Direct: c.in.Direct}
		if c.live && !slices.Contains(want, a) {
			want = append(want, a)
		}
	}
	for _, n := range []int{0, 1, 3, 1000} {
		got, err := x.Places(x.ctx, account, n)
		x.fail(rt, err)
		if !slices.Equal(got, want[:min(n, len(want))]) {
			rt.Fatalf("places %+v, want the first %d of %+v", got, n, want)
		}
	}
}

// drawFeed draws what is to be kept in a feed, and how many items are.
func (x *machine) drawFeed(rt *rapid.T) ([]byte, int) {
	if rapid.Bool().Draw(rt, "unfed") {
		return nil, 0
	}
	return []byte(x.unique("item")), rapid.IntRange(1, 4).Draw(rt, "feeds")
}
