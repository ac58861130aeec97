package storetest

import (
	"time"

	"avatarbridge/store"
)

// awaited is a turn that was asked and whose reply is to come within a minute, with another one behind it.
func awaited(b *bench) *store.Turn {
	b.Helper()
	t := b.ask("u1", direct("u1"), "one")
	same(b, "claims", b.giveBack(store.Deferred{Turn: t.Row, Due: b.now.Add(time.Minute), Awaits: true}), store.Claims{})
	b.accept(turn("u1", direct("u1"), "two"))
	return t
}

var awaitsExamples = []example{
	{"WhoWaitsForAReplyKeepsTheNextTurnWaiting", func(b *bench) {
		t := awaited(b)
		got, next := b.claimTurns(9)
		same(b, "claimed", len(got), 0)
		same(b, "next", next.Equal(b.now.Add(time.Minute)), true)
		out := b.say(late(t, t.ID, "", "a"))
		b.isPost(out.Post, "a")
		same(b, "the next turn waits", out.TurnWaits, true)
		got, _ = b.claimTurns(9)
		b.isTurn(&got[0], "two")
	}},
	{"AReplyThatDoesNotComeIsNotAskedForAgain", func(b *bench) {
		awaited(b)
		b.pass(time.Minute)
		got, _ := b.claimTurns(9)
		b.isTurn(&got[0], "one")
		same(b, "awaited", got[0].Awaited, true)
		b.crash()
		got, _ = b.claimTurns(9)
		same(b, "awaited after a crash", got[0].Awaited, true)
		b.isTurn(b.finish(&got[0]).Turn, "two")
	}},
	{"NeitherACrashNorAReleaseEndsTheWaitForAReply", func(b *bench) {
		t := awaited(b)
		b.crash()
		b.check(b.Release(b.ctx, store.Scope{}, b.now))
		got, next := b.claimTurns(9)
		same(b, "claimed", len(got), 0)
		same(b, "next", next.Equal(b.now.Add(time.Minute)), true)
		b.isPost(b.say(late(t, t.ID, "", "a")).Post, "a")
		got, _ = b.claimTurns(9)
		b.isTurn(&got[0], "two")
		same(b, "awaited", got[0].Awaited, false)
	}},
	{"ATurnThatWasTakenWhileTheConversationEndedIsAskedAnewOnce", func(b *bench) {
		before := b.ask("u1", direct("u1"), "zero")
		b.finish(before)
		awaited(b)
		bye := late(before, before.ID, "bye", "bye")
		bye.Reply.Ends = true
		same(b, "a turn is due", b.say(bye).TurnWaits, true)
		got, _ := b.claimTurns(9)
		b.isTurn(&got[0], "one")
		same(b, "awaited", got[0].Awaited, false)
		same(b, "generation", got[0].Conversation.Generation, 2)
		b.giveBack(store.Deferred{Turn: got[0].Row, Due: b.now.Add(time.Minute), Awaits: true})
		again := late(&got[0], "nobody's", "again", "bye")
		again.Reply.Ends = true
		same(b, "a turn is due again", b.say(again).TurnWaits, false)
		b.pass(time.Minute)
		got, _ = b.claimTurns(9)
		b.isTurn(&got[0], "one")
		same(b, "awaited", got[0].Awaited, true)
	}},
	{"ATurnThatWasBeingAskedWhileTheConversationEndedIsAskedAnew", func(b *bench) {
		before := b.ask("u1", direct("u1"), "zero")
		b.finish(before)
		t := b.ask("u1", direct("u1"), "one")
		bye := late(before, before.ID, "bye", "bye")
		bye.Reply.Ends = true
		b.say(bye)
		same(b, "claims", b.giveBack(store.Deferred{Turn: t.Row, Due: b.now.Add(time.Minute), Awaits: true}), store.Claims{TurnWaits: true})
		got, _ := b.claimTurns(9)
		b.isTurn(&got[0], "one")
		same(b, "generation", got[0].Conversation.Generation, 2)
	}},
	{"AResetEndsTheWaitForAReply", func(b *bench) {
		t := awaited(b)
		reset := store.Entry{Reset: &store.Reset{Post: store.NewPost{From: who("u1"), In: direct("u1")}}}
		r := b.accept(reset)[0]
		same(b, "ended", r.Ended, t.Conversation.UID)
		b.isTurn(r.Turn, "two")
		same(b, "generation", r.Turn.Conversation.Generation, 2)
	}},
	{"TheLastReplyOfAConversationSettlesItsOwnTurn", func(b *bench) {
		t := awaited(b)
		bye := late(t, t.ID, "", "bye")
		bye.Reply.Ends = true
		b.say(bye)
		got, _ := b.claimTurns(9)
		b.isTurn(&got[0], "two")
		same(b, "generation", got[0].Conversation.Generation, 2)
	}},
}
