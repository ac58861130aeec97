package storetest

import (
	"errors"
	"time"

	"avatarbridge/store"
)

// unsay is the deletion of the message with the event key.
func unsay(target string) store.Entry {
	return store.Entry{Edit: &store.Edit{
		Target: target,
		Unsay:  func(sent string) []byte { return []byte("take back " + sent) },
		Erase:  func(turn, draft string) []byte { return []byte("erase " + draft + " of " + turn) },
	}}
}

// unsaid deletes the message and returns what came of it.
func (b *bench) unsaid(target string) store.Result {
	b.Helper()
	r := b.accept(unsay(target))[0]
	same(b, "verdict", r.Verdict, store.Done)
	return r
}

// sent settles p as sent with an id and returns the next post.
func (b *bench) sent(p *store.Post, id string) *store.Post {
	b.Helper()
	return b.settleAs(store.Settled{Post: p.ID, As: store.Sent, SentID: id}).Post
}

// nothing fails the example when something waits.
func (b *bench) nothing() {
	b.Helper()
	posts, _ := b.claimPosts(9)
	same(b, "posts that wait", len(posts), 0)
	turns, _ := b.claimTurns(9)
	same(b, "turns that wait", len(turns), 0)
	same(b, "dead letters", len(b.dead()), 0)
}

var unsayExamples = []example{
	{"AMessageThatIsDeletedBeforeItIsAskedIsCancelled", func(b *bench) {
		first := b.ask("u1", direct("u1"), "one")
		b.accept(turn("u1", direct("u1"), "two"), turn("u1", direct("u1"), "three"))
		b.unsaid("two")
		b.isTurn(b.finish(first).Turn, "three")
	}},
	{"RepliesStayWhereNobodyCanTakeThemBack", func(b *bench) {
		b.sent(b.reply("u1", "one", "a"), "7")
		same(b, "without Unsay", b.accept(edit("one", nil))[0].Verdict, store.NotFound)
		e := unsay("one")
		e.Edit.Body = func([]byte) []byte { return []byte("edited") }
		same(b, "with a new text", b.accept(e)[0].Verdict, store.NotFound)
		same(b, "of another message", b.accept(unsay("other"))[0].Verdict, store.NotFound)
		b.nothing()
	}},
	{"RepliesToADeletedMessageAreTakenBackOnce", func(b *bench) {
		b.sent(b.sent(b.sent(b.reply("u1", "one", "a", "b", "c"), "7"), ""), "9")
		r := b.unsaid("one")
		b.isPost(r.Post, "take back 7")
		b.isPost(b.sent(r.Post, "10"), "take back 9")
		posts, _ := b.claimPosts(9)
		same(b, "posts that wait", len(posts), 0)
		same(b, "a repeat", b.unsaid("one").Claims, store.Claims{})
		b.crash()
		same(b, "a repeat after a crash", b.unsaid("one").Claims, store.Claims{})
	}},
	{"ATakingBackThatFailsKeepsNoOtherFromItsTurn", func(b *bench) {
		b.sent(b.sent(b.reply("u1", "one", "a", "b"), "7"), "8")
		r := b.unsaid("one")
		b.isPost(b.settle(r.Post, store.Failed).Post, "take back 8")
		same(b, "dead letters", len(b.dead()), 1)
	}},
	{"WhatWaitsToBePostedOfADeletedMessagesRepliesIsWithheld", func(b *bench) {
		t := b.ask("u1", direct("u1"), "one")
		b.finishAs(store.Finished{Turn: t.Row, Now: b.now, Replies: []store.Reply{{Pieces: pieces("a", "b")}, {Pieces: pieces("c")}}})
		b.finishAs(store.Finished{Turn: b.ask("u1", direct("u1"), "two").Row, Now: b.now, Replies: []store.Reply{{Pieces: pieces("other")}}})
		b.isPost(b.unsaid("one").Post, "other")
		b.crash()
		posts, _ := b.claimPosts(9)
		same(b, "posts", len(posts), 1)
		b.isPost(b.sent(&posts[0], "7"), "")
		b.nothing()
	}},
	{"WhatIsSaidToADeletedMessageWhileItIsAskedIsNotPosted", func(b *bench) {
		t := b.ask("u1", direct("u1"), "one")
		b.accept(turn("u1", direct("u1"), "two"))
		b.isTurn(b.unsaid("one").Turn, "")
		same(b, "a late reply", b.say(late(t, t.ID, "k", "late")), store.Claims{})
		out := b.finishAs(store.Finished{Turn: t.Row, Now: b.now, Next: true, Send: true, Dead: "broken", Memo: []byte("memo"), Memos: 9,
			Replies: []store.Reply{{Pieces: pieces("a"), Ends: true}}, Preface: pieces("I am a machine"), Notice: &store.Notice{Pieces: pieces("sorry")}})
		b.isPost(out.Post, "")
		b.isTurn(out.Turn, "two")
		same(b, "the reply has ended its generation", out.Turn.Conversation.Generation, 2)
		same(b, "memos", b.transcript(t.Conversation.ID, 9), "")
		p := b.finishAs(store.Finished{Turn: out.Turn.Row, Now: b.now, Send: true, Preface: pieces("I am a machine"), Replies: []store.Reply{{Pieces: pieces("b")}}}).Post
		b.isPost(p, "I am a machine")
		b.isPost(b.sent(p, ""), "b")
		same(b, "dead letters", len(b.dead()), 0)
	}},
	{"ADeletedMessageThatWasBeingAskedIsNotAskedAgain", func(b *bench) {
		t := b.ask("u1", direct("u1"), "one")
		b.unsaid("one")
		same(b, "claims", b.giveBack(store.Deferred{Turn: t.Row, Due: b.now, Attempts: 1}), store.Claims{})
		b.crash()
		b.nothing()
		same(b, "a late reply", b.say(late(t, t.ID, "", "late")), store.Claims{})
		b.nothing()
	}},
	{"ADeletedMessageThatWaitsForItsNextAttemptLetsTheNextOneOut", func(b *bench) {
		t := b.ask("u1", direct("u1"), "one")
		b.accept(turn("u1", direct("u1"), "two"))
		b.giveBack(store.Deferred{Turn: t.Row, Due: b.now.Add(time.Hour), Attempts: 1})
		b.isTurn(b.unsaid("one").Turn, "two")
	}},
	{"AReplyThatIsBeingSentWhenItsMessageIsDeletedIsTakenBackOnceItIsSent", func(b *bench) {
		p := b.reply("u1", "one", "a", "b")
		b.finish(b.ask("u1", direct("u1"), "two"), "other")
		b.isPost(b.unsaid("one").Post, "")
		p = b.sent(p, "7")
		b.isPost(p, "other")
		b.isPost(b.sent(p, "8"), "take back 7")
	}},
	{"AReplyThatWasNotSentAfterAllLeavesNothingToTakeBack", func(b *bench) {
		for i, as := range []store.Ending{store.Again, store.Failed, store.Unsure, store.Withheld, store.Sent} {
			key := string(rune('a' + i))
			p := b.reply("u1", key, "reply", "second")
			b.unsaid(key)
			b.isPost(b.settleAs(store.Settled{Post: p.ID, As: as, Due: b.now, Unclear: true, Reason: "because"}).Post, "")
			b.nothing()
		}
		p := b.reply("u1", "parked", "reply")
		b.unsaid("parked")
		same(b, "claims", b.park(p, b.now), store.Claims{})
		b.reply("u1", "crashed", "reply")
		b.unsaid("crashed")
		b.crash()
		b.nothing()
	}},
	{"ALateReplyToADeletedMessageIsTakenBack", func(b *bench) {
		t := b.ask("u1", direct("u1"), "one")
		b.finish(t)
		b.sent(b.say(late(t, t.ID, "k", "a")).Post, "7")
		b.isPost(b.unsaid("one").Post, "take back 7")
	}},
	{"EveryAnswerToARetriedMessageIsTakenBack", func(b *bench) {
		t := b.ask("u1", direct("u1"), "one")
		b.sent(b.finishAs(store.Finished{Turn: t.Row, Now: b.now, Dead: "broken", Send: true, Notice: &store.Notice{Pieces: pieces("sorry")}}).Post, "7")
		_, err := b.Retry(b.ctx, b.now)
		b.check(err)
		got, _ := b.claimTurns(9)
		b.sent(b.say(late(&got[0], t.ID, "k", "a")).Post, "8")
		b.sent(b.finish(&got[0], "b").Post, "9")
		p := b.unsaid("one").Post
		for _, id := range []string{"7", "8", "9"} {
			b.isPost(p, "take back "+id)
			p = b.sent(p, "")
		}
	}},
	{"BothTheNoticeAndTheLaterReplyToARetriedMessageAreTakenBack", func(b *bench) {
		t := b.ask("u1", direct("u1"), "one")
		b.sent(b.finishAs(store.Finished{Turn: t.Row, Now: b.now, Dead: "broken", Send: true, Notice: &store.Notice{Pieces: pieces("sorry")}}).Post, "7")
		b.sent(b.finish(b.ask("u2", direct("u2"), "between"), "other").Post, "8")
		_, err := b.Retry(b.ctx, b.now)
		b.check(err)
		got, _ := b.claimTurns(9)
		b.sent(b.finish(&got[0], "a").Post, "9")
		p := b.unsaid("one").Post
		b.isPost(p, "take back 7")
		b.isPost(b.sent(p, ""), "take back 9")
	}},
	{"DeadLettersOfADeletedMessageGo", func(b *bench) {
		b.settle(b.reply("u1", "one", "a1", "a2"), store.Failed)
		b.finishAs(store.Finished{Turn: b.ask("u1", direct("u1"), "two").Row, Now: b.now, Dead: "broken"})
		same(b, "before", len(b.dead()), 3)
		b.unsaid("one")
		b.unsaid("two")
		b.nothing()
		n, err := b.Retry(b.ctx, b.now)
		b.check(err)
		same(b, "to be retried", n, 0)
	}},
	{"ThePrefaceIsNotTakenBack", func(b *bench) {
		f := store.Finished{Turn: b.ask("u1", direct("u1"), "one").Row, Now: b.now, Send: true, Preface: pieces("I am a machine", "indeed"), Replies: []store.Reply{{Pieces: pieces("a")}}}
		p := b.sent(b.finishAs(f).Post, "7")
		b.unsaid("one")
		b.isPost(p, "indeed")
		b.isPost(b.sent(p, "8"), "")
		b.nothing()
	}},
	{"TheMemoOfADeletedMessageLeavesTheTranscript", func(b *bench) {
		b.memo("u1", "one", 9, false)
		c := b.memo("u1", "two", 9, false)
		b.unsaid("one")
		same(b, "transcript", b.transcript(c, 9), "two")
	}},
	{"ADeletionDoesNotReachWhatOthersWrote", func(b *bench) {
		shared := room("r", store.MemoryRoom)
		b.sent(b.finish(b.ask("u1", shared, "one"), "a").Post, "7")
		b.sent(b.finish(b.ask("u2", shared, "two"), "b").Post, "8")
		r := b.unsaid("two")
		b.isPost(r.Post, "take back 8")
		b.isPost(b.sent(r.Post, ""), "")
		b.forget("u1")
		same(b, "somebody who is forgotten", b.accept(unsay("one"))[0].Verdict, store.NotFound)
		b.nothing()
	}},
	{"ForgettingReachesAReplyThatIsBeingSentAndWasUnsaid", func(b *bench) {
		b.finish(b.ask("u1", direct("u1"), "elsewhere"))
		p := b.finish(b.ask("u1", room("r", store.MemoryRoom), "one"), "a").Post
		b.unsaid("one")
		b.pass(time.Hour)
		_, err := b.Purge(b.ctx, b.now)
		b.check(err)
		b.forget("u1")
		b.isPost(b.sent(p, "7"), "")
		b.nothing()
	}},
}

var draftExamples = []example{
	{"ADraftComesBackWithItsTurn", func(b *bench) {
		t := b.ask("u1", direct("u1"), "one")
		same(b, "at first", t.Draft, "")
		for _, d := range []string{"m1", "m2"} {
			b.check(b.Draft(b.ctx, t.Row, d))
		}
		t = b.again(store.Deferred{Turn: t.Row, Attempts: 1})
		same(b, "given back", t.Draft, "m2")
		b.crash()
		got, _ := b.claimTurns(9)
		same(b, "after a crash", got[0].Draft, "m2")
		b.accept(turn("u1", direct("u1"), "two"))
		next := b.finish(&got[0]).Turn
		b.isTurn(next, "two")
		same(b, "of the next turn", next.Draft, "")
	}},
	{"ADraftThatItsReplyReplacedIsNotTakenAway", func(b *bench) {
		t := b.ask("u1", direct("u1"), "one")
		b.check(b.Draft(b.ctx, t.Row, "m1"))
		b.sent(b.finish(t, "a").Post, "7")
		b.isPost(b.unsaid("one").Post, "take back 7")
	}},
	{"ADraftEndsWithItsTurn", func(b *bench) {
		t := b.ask("u1", direct("u1"), "one")
		b.check(b.Draft(b.ctx, t.Row, "m1"))
		b.finishAs(store.Finished{Turn: t.Row, Now: b.now, Dead: "broken"})
		same(b, "once it is over", errors.Is(b.Draft(b.ctx, t.Row, "m2"), store.ErrStale), true)
		same(b, "of no turn", errors.Is(b.Draft(b.ctx, t.Row+1000, "m3"), store.ErrStale), true)
		_, err := b.Retry(b.ctx, b.now)
		b.check(err)
		got, _ := b.claimTurns(9)
		same(b, "when it is retried", got[0].Draft, "")
	}},
	{"TheDraftOfADeletedMessageIsTakenAway", func(b *bench) {
		t := b.ask("u1", direct("u1"), "one")
		b.check(b.Draft(b.ctx, t.Row, "m1"))
		b.isPost(b.unsaid("one").Post, "erase m1 of id of one")
		same(b, "once it is deleted", errors.Is(b.Draft(b.ctx, t.Row, "m2"), store.ErrStale), true)
		out := b.finishAs(store.Finished{Turn: t.Row, Now: b.now, Replies: []store.Reply{{Pieces: pieces("a")}, {Pieces: pieces("erase m2"), Apart: true}}})
		same(b, "what takes away what came later waits behind it", out.Post == nil, true)
		b.crash()
		posts, _ := b.claimPosts(9)
		b.isPost(&posts[0], "erase m1 of id of one")
		b.isPost(b.sent(&posts[0], ""), "erase m2")
	}},
	{"ADraftThatCameTooLateForTheDeletionIsTakenAwayWhenTheTurnIsGivenBack", func(b *bench) {
		t := b.ask("u1", direct("u1"), "one")
		over := store.Deferred{Turn: t.Row, Due: b.now, Attempts: 1, Over: pieces("erase m1", "erase m2")}
		b.unsaid("one")
		same(b, "a post waits", b.giveBack(over).PostWaits, true)
		b.crash()
		posts, _ := b.claimPosts(9)
		b.isPost(&posts[0], "erase m1")
		b.isPost(b.sent(&posts[0], ""), "erase m2")
		same(b, "what stands apart is not taken back", b.unsaid("one").Post == nil, true)
	}},
	{"ATurnThatIsGivenBackToBeTriedAgainKeepsItsDraft", func(b *bench) {
		t := b.ask("u1", direct("u1"), "one")
		same(b, "claims", b.giveBack(store.Deferred{Turn: t.Row, Due: b.now, Attempts: 1, Over: pieces("erase m1")}), store.Claims{})
		got, _ := b.claimPosts(9)
		same(b, "posts", len(got), 0)
	}},
	{"NothingIsPostedForSomebodyWhoWasForgottenWhenTheirTurnIsGivenBack", func(b *bench) {
		own, shared := b.ask("u1", direct("u1"), "one"), b.ask("u1", room("r", store.MemoryRoom), "two")
		b.forget("u1")
		for _, t := range []*store.Turn{own, shared} {
			same(b, "claims", b.giveBack(store.Deferred{Turn: t.Row, Due: b.now, Over: pieces("erase m1")}), store.Claims{})
		}
		b.nothing()
	}},
	{"WhatTakesADraftAwayIsPostedThoughItsMessageIsDeleted", func(b *bench) {
		t := b.ask("u1", direct("u1"), "one")
		p := b.finishAs(store.Finished{Turn: t.Row, Now: b.now, Send: true, Replies: []store.Reply{{Pieces: pieces("a")}, {Pieces: pieces("erase m1"), Apart: true}}}).Post
		b.unsaid("one")
		p = b.sent(p, "7")
		b.isPost(p, "erase m1")
		b.isPost(b.sent(p, ""), "take back 7")
	}},
}
