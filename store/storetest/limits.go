package storetest

import (
	"time"

	"avatarbridge/store"
)

// limited is a turn with limits, and no notice.
func limited(user, key string, limits ...store.Limit) store.Entry {
	e := turn(user, direct(user), key)
	e.Turn.Limits = limits
	return e
}

var limitExamples = []example{
	{"ALimitHoldsUntilItsWindowCloses", func(b *bench) {
		l := store.Limit{Key: "person/u1", Max: 2, Every: time.Minute}
		same(b, "first", b.accept(limited("u1", "one", l))[0].Verdict, store.Done)
		b.pass(59 * time.Second)
		same(b, "second", b.accept(limited("u1", "two", l))[0].Verdict, store.Done)
		r := b.accept(limited("u1", "three", l))[0]
		same(b, "third", r.Verdict, store.Over)
		same(b, "limit", r.Limit, "person/u1")
		b.crash()
		same(b, "after a crash", b.accept(limited("u1", "four", l))[0].Verdict, store.Over)
		b.pass(time.Second)
		same(b, "a minute after the first", b.accept(limited("u1", "five", l))[0].Verdict, store.Done)
		same(b, "what was over is known", b.accept(limited("u1", "three", l))[0].Verdict, store.Known)
	}},
	{"ATurnOverOneLimitCountsInNone", func(b *bench) {
		wide, narrow := store.Limit{Key: "avatar", Max: 2, Every: time.Hour}, store.Limit{Key: "person/u1", Max: 1, Every: time.Hour}
		b.accept(limited("u1", "one", wide, narrow))
		same(b, "over", b.accept(limited("u1", "two", wide, narrow))[0].Limit, "person/u1")
		same(b, "the wide one has room", b.accept(limited("u2", "three", wide))[0].Verdict, store.Done)
		same(b, "and then none", b.accept(limited("u3", "four", wide))[0].Verdict, store.Over)
	}},
	{"WindowsOfOneKeyAreCountedApart", func(b *bench) {
		minute, day := store.Limit{Key: "person/u1", Max: 1, Every: time.Minute}, store.Limit{Key: "person/u1", Max: 2, Every: 24 * time.Hour}
		same(b, "first", b.accept(limited("u1", "one", minute, day))[0].Verdict, store.Done)
		b.pass(time.Minute)
		same(b, "second", b.accept(limited("u1", "two", minute, day))[0].Verdict, store.Done)
		b.pass(time.Minute)
		same(b, "third", b.accept(limited("u1", "three", minute, day))[0].Verdict, store.Over)
	}},
	{"WhoIsOverALimitHearsItOnce", func(b *bench) {
		l := store.Limit{Key: "person/u1", Max: 0, Every: time.Hour, Over: &store.Notice{Key: "busy/u1", Every: time.Minute, Pieces: pieces("busy")}}
		r := b.accept(limited("u1", "one", l))[0]
		b.isPost(r.Post, "busy")
		b.settle(r.Post, store.Sent)
		b.crash()
		b.isPost(b.accept(limited("u1", "two", l))[0].Post, "")
		b.pass(time.Minute)
		b.isPost(b.accept(limited("u1", "three", l))[0].Post, "busy")
	}},
	{"AFullLaneTakesNoMoreAndCountsNothing", func(b *bench) {
		l := store.Limit{Key: "person/u1", Max: 3, Every: time.Hour}
		full := func(key string) store.Entry {
			e := limited("u1", key, l)
			e.Turn.MaxWaiting, e.Turn.Full = 2, &store.Notice{Key: "full", Every: time.Hour, Pieces: pieces("full")}
			return e
		}
		r := b.accept(full("one"), full("two"), full("three"), full("four"))
		same(b, "third", r[2].Verdict, store.Full)
		b.isPost(r[2].Post, "full")
		same(b, "fourth", r[3].Verdict, store.Full)
		same(b, "the notice is said once", r[3].PostWaits, false)
		b.isTurn(b.finish(r[0].Turn).Turn, "two")
		same(b, "with room again", b.accept(full("five"))[0].Verdict, store.Done)
		same(b, "three have counted", b.accept(full("six"))[0].Verdict, store.Over)
	}},
}
