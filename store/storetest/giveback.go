package storetest

import (
	"strings"
	"time"

	"avatarbridge/store"
)

// uneditable cancels the turn with the key and says whether that came too late.
func (b *bench) uneditable(key string) bool {
	b.Helper()
	return b.accept(edit(key, cancel))[0].Verdict == store.NotFound
}

// again gives a turn back, due at once, and claims it again.
func (b *bench) again(d store.Deferred) *store.Turn {
	b.Helper()
	d.Due = b.now
	same(b, "claims", b.giveBack(d), store.Claims{})
	got, _ := b.claimTurns(9)
	same(b, "claimed again", len(got), 1)
	return &got[0]
}

// backExamples are about what is given back: since when, how often, and whether it was asked.
var backExamples = []example{
	{"ATurnKnowsWhenItWasFirstGivenBackAfterAnAttempt", func(b *bench) {
		t := b.ask("u1", direct("u1"), "one")
		same(b, "at first", t.Tried, time.Time{})
		t = b.again(store.Deferred{Turn: t.Row})
		same(b, "without an attempt", t.Tried, time.Time{})
		first := b.now
		for n := range 3 {
			t = b.again(store.Deferred{Turn: t.Row, Attempts: n + 1})
			same(b, "attempts", t.Attempts, n+1)
			same(b, "tried", t.Tried, first)
			b.pass(time.Minute)
		}
		b.crash()
		got, _ := b.claimTurns(9)
		same(b, "after a crash", got[0].Tried, first)
		same(b, "revived", got[0].Revived, false)
	}},
	{"ATurnIsTriedWithoutAnAttemptWhereTheCallerSaysSo", func(b *bench) {
		t := b.again(store.Deferred{Turn: b.ask("u1", direct("u1"), "one").Row, Tried: true, Unasked: true})
		same(b, "tried", t.Tried, b.now)
		same(b, "attempts", t.Attempts, 0)
		b.giveBack(store.Deferred{Turn: t.Row, Due: b.now.Add(time.Minute), Tried: true, Unasked: true})
		same(b, "an edit comes too late", b.uneditable("one"), false)
	}},
	{"APostKnowsWhenItWasFirstGivenBackAfterAnAttempt", func(b *bench) {
		p := b.reply("u1", "one", "a")
		same(b, "at first", p.Tried, time.Time{})
		p = b.settleAs(store.Settled{Post: p.ID, As: store.Again, Due: b.now}).Post
		same(b, "without an attempt", p.Tried, time.Time{})
		first := b.now
		for n := range 3 {
			p = b.settleAs(store.Settled{Post: p.ID, As: store.Again, Due: b.now, Attempts: n + 1}).Post
			same(b, "tried", p.Tried, first)
			b.pass(time.Minute)
		}
		b.park(p, b.now)
		b.crash()
		posts, _ := b.claimPosts(9)
		same(b, "after a crash", posts[0].Tried, first)
	}},
	{"AnEditStillReachesATurnThatNobodyWasAsked", func(b *bench) {
		t := b.ask("u1", direct("u1"), "one")
		same(b, "while it may be asked", b.uneditable("one"), true)
		for range 2 {
			b.giveBack(store.Deferred{Turn: t.Row, Due: b.now, Unasked: true})
			b.accept(edit("one", func(old []byte) []byte { return append(old, '+') }))
			got, _ := b.claimTurns(9)
			t = &got[0]
		}
		b.isTurn(t, "one++")
		b.giveBack(store.Deferred{Turn: t.Row, Due: b.now, Unasked: true})
		same(b, "an edit comes too late", b.uneditable("one"), false)
		got, _ := b.claimTurns(9)
		same(b, "turns that are left", len(got), 0)
	}},
	{"AnEditComesTooLateForATurnThatWasAskedBefore", func(b *bench) {
		asked := b.again(store.Deferred{Turn: b.ask("u1", direct("u1"), "one").Row, Attempts: 1})
		b.giveBack(store.Deferred{Turn: asked.Row, Due: b.now.Add(time.Hour), Attempts: 1, Unasked: true})
		same(b, "after an attempt", b.uneditable("one"), true)
		uncounted := b.again(store.Deferred{Turn: b.ask("u2", direct("u2"), "two").Row})
		b.giveBack(store.Deferred{Turn: uncounted.Row, Due: b.now.Add(time.Hour), Unasked: true})
		same(b, "after an attempt that does not count", b.uneditable("two"), true)
		b.giveBack(store.Deferred{Turn: b.ask("u3", direct("u3"), "three").Row, Due: b.now.Add(time.Hour), Attempts: 1, Unasked: true})
		same(b, "where attempts say otherwise", b.uneditable("three"), true)
		b.ask("u4", direct("u4"), "four")
		b.crash()
		got, _ := b.claimTurns(9)
		for _, t := range got {
			b.giveBack(store.Deferred{Turn: t.Row, Due: b.now, Attempts: t.Attempts, Unasked: true})
		}
		same(b, "after a crash, which may have asked", b.uneditable("four"), true)
	}},
	{"AForgottenTurnThatIsGivenBackLetsTheNextOneOut", func(b *bench) {
		shared := room("r", store.MemoryRoom)
		t := b.ask("u1", shared, "one")
		b.accept(turn("u2", shared, "two"))
		b.forget("u1")
		got, _ := b.claimTurns(9)
		same(b, "the conversation does not overlap itself", len(got), 0)
		same(b, "claims", b.giveBack(store.Deferred{Turn: t.Row, Due: b.now.Add(time.Hour)}), store.Claims{TurnWaits: true})
		got, _ = b.claimTurns(9)
		b.isTurn(&got[0], "two")
	}},
	{"AForgottenPostThatIsParkedLetsTheNextOneOut", func(b *bench) {
		shared := room("r", store.MemoryRoom)
		p := b.finish(b.ask("u1", shared, "one"), "a", "b").Post
		b.finish(b.ask("u2", shared, "two"), "c")
		b.forget("u1")
		posts, _ := b.claimPosts(9)
		same(b, "the conversation does not overlap itself", len(posts), 0)
		same(b, "claims", b.park(p, b.now.Add(time.Hour)), store.Claims{PostWaits: true})
		posts, _ = b.claimPosts(9)
		b.isPost(&posts[0], "c")
	}},
	{"TurnsThatWaitNameTheirAvatars", func(b *bench) {
		waiting := func(of string) string {
			avatars, err := b.Waiting(b.ctx, of)
			b.check(err)
			return strings.Join(avatars, " ")
		}
		same(b, "at first", waiting(account), "")
		other := direct("u2")
		other.Avatar = "sol"
		t := b.ask("u2", other, "two")
		b.acceptWith(0, 0, turn("u1", direct("u1"), "one"), turn("u1", direct("u1"), "three"))
		same(b, "two avatars", waiting(account), avatar+" sol")
		same(b, "of another account", waiting("telegram:2"), "")
		b.finish(t)
		same(b, "one is done", waiting(account), avatar)
	}},
}
