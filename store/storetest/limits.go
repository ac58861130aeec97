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
	{"WhatIsRefusedLeavesNothingAndMayComeAgain", func(b *bench) {
		notice := &store.Notice{Key: "busy", Every: time.Hour, Pieces: pieces("busy")}
		refusable := func(user, key string) store.Entry {
			e := limited(user, key, store.Limit{Key: "all", Max: 2, Every: time.Minute, Over: notice})
			e.Refusable, e.Turn.MaxWaiting, e.Turn.Full = true, 1, notice
			return e
		}
		same(b, "first", b.accept(refusable("u1", "one"))[0].Verdict, store.Done)
		full := b.accept(refusable("u1", "two"))[0]
		same(b, "a full lane", full.Verdict, store.Full)
		b.isPost(full.Post, "")
		same(b, "it counted nowhere", b.accept(refusable("u2", "three"))[0].Verdict, store.Done)
		b.pass(10 * time.Second)
		over := b.accept(refusable("u3", "four"))[0]
		same(b, "over", over.Verdict, store.Over)
		same(b, "until", over.Until, start.Add(time.Minute))
		b.isPost(over.Post, "")
		_, err := b.Person(b.ctx, "telegram:u3")
		isErr(b, "who was refused", err, store.ErrNotFound)
		b.crash()
		b.pass(time.Minute)
		same(b, "the same again", b.accept(refusable("u3", "four"))[0].Verdict, store.Done)
		same(b, "and once only", b.accept(refusable("u3", "four"))[0].Verdict, store.Known)
		b.isPost(b.accept(limited("u4", "five", store.Limit{Key: "none", Every: time.Minute, Over: notice}))[0].Post, "busy")
	}},
	{"AResetIsCountedAndMakesNobodyKnownWhereItIsQuiet", func(b *bench) {
		reset := func(user, key string) store.Entry {
			return store.Entry{Key: key, Refusable: true, Reset: &store.Reset{Post: newPost(user, direct(user), ""), Quiet: true,
				Limits: []store.Limit{{Key: "person/" + user, Max: 2, Every: time.Minute}}}}
		}
		same(b, "without a conversation", b.accept(reset("u1", "one"))[0].Verdict, store.NotFound)
		same(b, "again", b.accept(reset("u1", "one"))[0].Verdict, store.Known)
		_, err := b.Person(b.ctx, "telegram:u1")
		isErr(b, "who reset nothing", err, store.ErrNotFound)
		places, err := b.Places(b.ctx, account, 9)
		b.check(err)
		same(b, "conversations", len(places), 0)
		same(b, "the second", b.accept(reset("u1", "two"))[0].Verdict, store.NotFound)
		same(b, "the third", b.accept(reset("u1", "three"))[0].Verdict, store.Over)
		first := b.ask("u2", direct("u2"), "four").Conversation
		same(b, "of a conversation", b.accept(reset("u2", "five"))[0].Verdict, store.Done)
		b.pass(time.Minute)
		same(b, "its next generation", b.ask("u2", room("r", store.MemoryPerson), "six").Conversation.UID == first.UID, false)
	}},
}
