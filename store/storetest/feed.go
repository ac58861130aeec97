package storetest

import (
	"strings"
	"time"

	"avatarbridge/store"
)

// fed is a message that leaves its key in the feed.
func fed(user string, in store.Address, key string, feeds int) store.Entry {
	e := turn(user, in, key)
	e.Turn.Feed, e.Turn.Feeds = []byte(key), feeds
	return e
}

// chat takes a message and its reply into the feed.
func (b *bench) chat(user string, in store.Address, key, reply string, feeds int) {
	b.Helper()
	t := b.accept(fed(user, in, key, feeds))[0].Turn
	b.settleAs(store.Settled{Post: b.finish(t, reply).Post.ID, As: store.Sent, SentID: reply, Feed: []byte(reply), Feeds: feeds})
}

func (b *bench) items(in store.Address, user string, after int64, n int) []store.Item {
	b.Helper()
	items, err := b.Feed(b.ctx, in, who(user), after, n)
	b.check(err)
	return items
}

// feedOf returns the bodies of a whole feed.
func (b *bench) feedOf(in store.Address, user string) string {
	b.Helper()
	var all []string
	for _, i := range b.items(in, user, 0, 1000) {
		all = append(all, string(i.Body))
	}
	return strings.Join(all, " ")
}

var feedExamples = []example{
	{"AFeedShowsWhatWasWrittenAndPosted", func(b *bench) {
		b.chat("u1", direct("u1"), "one", "a", 9)
		b.pass(time.Minute)
		b.chat("u1", direct("u1"), "two", "b", 9)
		b.chat("u2", direct("u2"), "other", "c", 9)
		b.crash()
		same(b, "all", b.feedOf(direct("u1"), "u1"), "one a two b")
		all := b.items(direct("u1"), "u1", 0, 9)
		same(b, "time", all[0].At, start)
		same(b, "time of the last", all[3].At, b.now)
		rest := b.items(direct("u1"), "u1", all[0].ID, 2)
		same(b, "the newest behind the first", string(rest[0].Body)+string(rest[1].Body), "twob")
		same(b, "behind the last", len(b.items(direct("u1"), "u1", all[3].ID, 9)), 0)
	}},
	{"AFeedIsBoundedByEachItemThatComes", func(b *bench) {
		for _, key := range []string{"one", "two", "three"} {
			b.chat("u1", direct("u1"), key, "to "+key, 4)
		}
		same(b, "the last four", b.feedOf(direct("u1"), "u1"), "two to two three to three")
		b.accept(fed("u1", direct("u1"), "four", 2))
		same(b, "the last two", b.feedOf(direct("u1"), "u1"), "to three four")
	}},
	{"OnlyWhatIsStoredOrSentIsInTheFeed", func(b *bench) {
		b.chat("u1", direct("u1"), "one", "a", 9)
		same(b, "verdict", b.accept(fed("u1", direct("u1"), "one", 9))[0].Verdict, store.Known)
		full := fed("u1", direct("u1"), "two", 9)
		full.Turn.MaxWaiting = 1
		over := fed("u1", direct("u1"), "three", 9)
		over.Turn.Limits = []store.Limit{{Key: "k", Max: 0, Every: time.Hour}}
		t := b.ask("u1", direct("u1"), "asked")
		same(b, "full", b.accept(full)[0].Verdict, store.Full)
		same(b, "over", b.accept(over)[0].Verdict, store.Over)
		p := b.finish(t, "b").Post
		p = b.settleAs(store.Settled{Post: p.ID, As: store.Again, Due: b.now, Feed: []byte("again"), Feeds: 9}).Post
		b.settleAs(store.Settled{Post: p.ID, As: store.Failed, Feed: []byte("failed"), Feeds: 9})
		b.settleAs(store.Settled{Post: p.ID, As: store.Sent, Feed: []byte("settled twice"), Feeds: 9})
		same(b, "feed", b.feedOf(direct("u1"), "u1"), "one a")
	}},
	{"AFeedIsNilWithoutItsConversation", func(b *bench) {
		same(b, "of nobody", b.items(direct("u1"), "u1", 0, 9) == nil, true)
		b.chat("u1", direct("u1"), "one", "a", 9)
		same(b, "of somebody else", b.items(direct("u1"), "u2", 0, 9) == nil, true)
		in := direct("u1")
		in.Avatar = "sol"
		same(b, "of another avatar", b.items(in, "u1", 0, 9) == nil, true)
		b.ask("u2", direct("u2"), "two")
		empty := b.items(direct("u2"), "u2", 0, 9)
		same(b, "an empty one", empty != nil && len(empty) == 0, true)
	}},
	{"AFeedGoesOnInANewGeneration", func(b *bench) {
		b.chat("u1", direct("u1"), "one", "a", 9)
		p := newPost("u1", direct("u1"), "")
		b.accept(store.Entry{Reset: &store.Reset{Post: p}})
		b.chat("u1", direct("u1"), "two", "b", 9)
		same(b, "feed", b.feedOf(direct("u1"), "u1"), "one a two b")
	}},
	{"IdsOfItemsAreNeverUsedTwice", func(b *bench) {
		b.chat("u1", direct("u1"), "one", "a", 9)
		last := b.items(direct("u1"), "u1", 0, 9)[1].ID
		b.forget("u1")
		b.crash()
		b.chat("u2", direct("u2"), "two", "b", 9)
		same(b, "a later one is greater", b.items(direct("u2"), "u2", 0, 9)[0].ID > last, true)
	}},
	{"OneSharedFeedIsTheSameForAllUntilSomebodyIsForgotten", func(b *bench) {
		in := room("r", store.MemoryRoom)
		b.chat("u1", in, "one", "a", 9)
		b.chat("u2", in, "two", "b", 9)
		t := b.accept(fed("u1", in, "three", 9))[0].Turn
		b.finish(t)
		b.settleAs(store.Settled{Post: b.say(late(t, t.ID, "", "late")).Post.ID, As: store.Sent, Feed: []byte("late"), Feeds: 9})
		same(b, "for whomever", b.feedOf(in, "u3"), "one a two b three late")
		b.forget("u1")
		same(b, "without what was said by and to who is forgotten", b.feedOf(in, "u2"), "two b")
	}},
	{"FeedsFollowTheirChannelAndMerge", func(b *bench) {
		in := func(channel string) store.Address { return room(channel, store.MemoryMember) }
		b.chat("u1", in("old"), "one", "a", 9)
		b.chat("u1", in("new"), "two", "b", 9)
		t := b.ask("u1", in("new"), "asked")
		b.accept(move("old", "new"))
		same(b, "merged", b.feedOf(in("new"), "u1"), "one a two b")
		b.settleAs(store.Settled{Post: b.finish(t, "c").Post.ID, As: store.Sent, Feed: []byte("c"), Feeds: 4})
		same(b, "what drains comes to it", b.feedOf(in("new"), "u1"), "a two b c")
		same(b, "the old place", b.items(in("old"), "u1", 0, 9) == nil, true)
	}},
	{"PurgeDeletesOldItems", func(b *bench) {
		b.chat("u1", direct("u1"), "one", "a", 9)
		b.pass(time.Hour)
		b.chat("u1", direct("u1"), "two", "b", 9)
		_, err := b.Purge(b.ctx, b.now)
		b.check(err)
		same(b, "feed", b.feedOf(direct("u1"), "u1"), "two b")
	}},
	{"PlacesAreThoseOfLiveConversationsNewestFirst", func(b *bench) {
		b.ask("u1", direct("u1"), "one")
		thread := room("r", store.MemoryThread)
		thread.Thread = "t"
		for i, a := range []store.Address{room("r", store.MemoryMember), thread, room("r", store.MemoryRoom)} {
			b.ask("u1", a, string(rune('a'+i)))
		}
		b.ask("u2", room("r", store.MemoryMember), "two")
		other := turn("u1", direct("u1"), "other")
		other.Turn.In.Account = "telegram:2"
		_, err := b.Accept(b.ctx, store.Batch{Account: "telegram:2", Now: b.now, Entries: []store.Entry{other}})
		b.check(err)
		b.crash()
		want := []store.Address{{Account: account, Channel: "r"}, {Account: account, Channel: "r", Thread: "t"}, {Account: account, Channel: "u1", Direct: true}}
		for n := range 5 {
			got, err := b.Places(b.ctx, account, n)
			b.check(err)
			same(b, "places", len(got), min(n, 3))
			for i := range got {
				same(b, "place", got[i], want[i])
			}
		}
		got, err := b.Places(b.ctx, "telegram:3", 9)
		b.check(err)
		same(b, "of an account that is unknown", len(got), 0)
	}},
}
