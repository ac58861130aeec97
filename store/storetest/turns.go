package storetest

import (
	"fmt"
	"time"

	"avatarbridge/store"
)

var turnExamples = []example{
	{"AClaimedTurnKnowsWhatItsConversationIsNow", func(b *bench) {
		t := b.ask("u1", direct("u1"), "one")
		now, err := b.Current(b.ctx, t.Row)
		b.check(err)
		same(b, "when it was handed out", now, t.Conversation)
		b.accept(store.Entry{Reset: &store.Reset{Post: newPost("u1", direct("u1"), "", "new start")}})
		now, err = b.Current(b.ctx, t.Row)
		b.check(err)
		same(b, "generation after a reset", now.Generation, 2)
		same(b, "the uid is another one", now.UID == t.Conversation.UID, false)
	}},
	{"ATurnThatIsOverHasNoConversationAnyMore", func(b *bench) {
		unsaid, answered := b.ask("u1", direct("u1"), "one"), b.ask("u2", direct("u2"), "two")
		own, shared := b.ask("u3", direct("u3"), "three"), b.ask("u3", room("r", store.MemoryRoom), "four")
		finished := b.ask("u4", direct("u4"), "five")
		b.unsaid("one")
		b.say(late(answered, answered.ID, "k", "late"))
		b.forget("u3")
		b.finish(finished)
		for what, row := range map[string]int64{"deleted": unsaid.Row, "answered": answered.Row, "forgotten": own.Row, "forgotten in a room": shared.Row,
			"finished": finished.Row, "none": finished.Row + 1000} {
			_, err := b.Current(b.ctx, row)
			isErr(b, what, err, store.ErrStale)
		}
	}},
	{"TurnsOfAConversationComeOutInOrder", func(b *bench) {
		var entries []store.Entry
		for i := range 10 {
			entries = append(entries, turn("u1", direct("u1"), fmt.Sprint(i)))
		}
		t := b.accept(entries...)[0].Turn
		for i := range 10 {
			b.isTurn(t, fmt.Sprint(i))
			t = b.finish(t).Turn
		}
		b.isTurn(t, "")
	}},
	{"DueTurnsComeOldestFirstAndTheNextTimeIsTold", func(b *bench) {
		for i, user := range []string{"u1", "u2", "u3"} {
			t := b.ask(user, direct(user), user)
			b.giveBack(store.Deferred{Turn: t.Row, Due: b.now.Add(time.Duration(3-i) * time.Second), Attempts: i + 1})
		}
		got, next := b.claimTurns(9)
		same(b, "due now", len(got), 0)
		same(b, "next", next, b.now.Add(time.Second))
		b.pass(2 * time.Second)
		got, next = b.claimTurns(1)
		b.isTurn(&got[0], "u3")
		same(b, "attempts", got[0].Attempts, 3)
		same(b, "the next is due already", next, b.now)
		got, next = b.claimTurns(9)
		same(b, "claimed", len(got), 1)
		b.isTurn(&got[0], "u2")
		same(b, "next", next, b.now.Add(time.Second))
	}},
	{"AClaimedTurnIsNotHandedOutAgain", func(b *bench) {
		b.ask("u1", direct("u1"), "one")
		got, next := b.claimTurns(9)
		same(b, "claimed", len(got), 0)
		same(b, "next", next.IsZero(), true)
	}},
	{"AfterACrashEveryHeadIsDueAgain", func(b *bench) {
		b.ask("u1", direct("u1"), "one")
		b.accept(turn("u1", direct("u1"), "two"), turn("u2", direct("u2"), "three"))
		b.crash()
		got, _ := b.claimTurns(9)
		same(b, "claimed", len(got), 2)
		b.isTurn(&got[0], "one")
		b.isTurn(&got[1], "three")
		b.isTurn(b.finish(&got[0]).Turn, "two")
	}},
	{"RepliesAndTheEndOfTheTurnAreOne", func(b *bench) {
		out := b.finish(b.ask("u1", direct("u1"), "one"), "a", "b")
		b.isPost(out.Post, "a")
		b.crash()
		got, _ := b.claimTurns(9)
		same(b, "turns", len(got), 0)
		posts, _ := b.claimPosts(9)
		same(b, "posts", len(posts), 1)
		b.isPost(b.settle(&posts[0], store.Sent).Post, "b")
	}},
	{"ASettledTurnIsNotSettledTwice", func(b *bench) {
		t := b.ask("u1", direct("u1"), "one")
		b.settle(b.finish(t, "a").Post, store.Sent)
		out := b.finish(t, "a")
		b.isPost(out.Post, "")
		same(b, "posts", out.PostWaits, false)
	}},
	{"TheEndOfAConversationIsANewGeneration", func(b *bench) {
		t := b.ask("u1", direct("u1"), "one")
		b.accept(turn("u1", direct("u1"), "two"))
		out := b.finishAs(store.Finished{Turn: t.Row, Now: b.now, Next: true, Send: true, Replies: []store.Reply{{Pieces: pieces("bye"), Ends: true}, {Ends: true}}})
		same(b, "generation", out.Turn.Conversation.Generation, 2)
		same(b, "the uid is new", out.Turn.Conversation.UID != t.Conversation.UID, true)
	}},
	{"AReplyWithAKnownKeyIsLeftOut", func(b *bench) {
		f := store.Finished{Now: b.now, Send: true, Replies: []store.Reply{{Key: "k", Pieces: pieces("a")}}}
		f.Turn = b.ask("u1", direct("u1"), "one").Row
		b.settle(b.finishAs(f).Post, store.Sent)
		f.Turn = b.ask("u1", direct("u1"), "two").Row
		b.isPost(b.finishAs(f).Post, "")
		f.Turn = b.ask("u2", direct("u2"), "three").Row
		b.isPost(b.finishAs(f).Post, "a")
	}},
	{"ThePrefaceComesOnceBeforeTheFirstReply", func(b *bench) {
		f := store.Finished{Now: b.now, Send: true, Preface: pieces("I am a machine")}
		f.Turn = b.ask("u1", direct("u1"), "one").Row
		b.isPost(b.finishAs(f).Post, "")
		f.Replies = []store.Reply{{Pieces: pieces("a"), Ends: true}}
		f.Turn = b.ask("u1", direct("u1"), "two").Row
		out := b.finishAs(f)
		b.isPost(out.Post, "I am a machine")
		b.isPost(b.settle(out.Post, store.Sent).Post, "a")
		b.crash()
		f.Turn = b.ask("u1", direct("u1"), "three").Row
		out = b.finishAs(f)
		b.isPost(out.Post, "a")
		same(b, "it was being sent", out.Post.Unclear, true)
		b.isPost(b.settle(out.Post, store.Sent).Post, "a")
	}},
	{"AFailedTurnKeepsItsBodyAsADeadLetter", func(b *bench) {
		t := b.ask("u1", direct("u1"), "one")
		b.accept(turn("u1", direct("u1"), "two"))
		out := b.finishAs(store.Finished{Turn: t.Row, Now: b.now, Next: true, Send: true, Dead: "it is broken", Tries: 4,
			Notice: &store.Notice{Key: "n", Every: time.Hour, Pieces: pieces("sorry")}})
		b.isTurn(out.Turn, "two")
		b.isPost(out.Post, "sorry")
		b.crash()
		l := b.dead()
		same(b, "letters", len(l), 1)
		same(b, "body", string(l[0].Body), "one")
		same(b, "reason", l[0].Reason, "it is broken")
		same(b, "attempts", l[0].Attempts, 4)
		same(b, "it is a post", l[0].Post, false)
		same(b, "time", l[0].At, b.now)
		same(b, "conversation", l[0].Conversation, t.Conversation)
	}},
	{"TurnsOfAnotherAvatarAreNotHandedOut", func(b *bench) {
		in := direct("u1")
		in.Avatar = "sol"
		b.acceptWith(0, 0, turn("u1", in, "one"))
		got, next := b.claimTurns(9)
		same(b, "claimed", len(got), 0)
		same(b, "next", next.IsZero(), true)
	}},
}

// late is a reply to a conversation as it was when t was asked.
func late(t *store.Turn, turn, key string, texts ...string) store.Said {
	return store.Said{Conversation: t.Conversation.ID, Generation: t.Conversation.Generation, Turn: turn, Reply: store.Reply{Key: key, Pieces: pieces(texts...)}}
}

var sayExamples = []example{
	{"ALateReplyIsPostedOnce", func(b *bench) {
		t := b.ask("u1", direct("u1"), "one")
		b.finish(t)
		b.isPost(b.say(late(t, "", "k", "a")).Post, "a")
		b.crash()
		posts, _ := b.claimPosts(9)
		b.settle(&posts[0], store.Sent)
		b.isPost(b.say(late(t, "", "k", "a")).Post, "")
	}},
	{"AReplyWhoseKeyIsKnownForATimeIsNewAfterIt", func(b *bench) {
		t := b.ask("u1", direct("u1"), "one")
		b.finish(t)
		s := late(t, "", "k", "a")
		s.Reply.KeyFor = time.Minute
		b.settle(b.say(s).Post, store.Sent)
		b.pass(59 * time.Second)
		b.isPost(b.say(s).Post, "")
		b.pass(time.Second) // what was left out has not made it longer
		b.settle(b.say(s).Post, store.Sent)
		b.pass(59 * time.Second)
		b.isPost(b.say(s).Post, "")
	}},
	{"ALateReplyToAnOlderGenerationIsStaleButAKnownOneIsNot", func(b *bench) {
		t := b.ask("u1", direct("u1"), "one")
		s := late(t, "", "k", "bye")
		s.Reply.Ends = true
		b.say(s)
		b.say(s)
		s.Reply.Key, s.Now = "other", b.now
		_, err := b.Say(b.ctx, s)
		isErr(b, "error", err, store.ErrStale)
		s.Conversation = 1 << 40
		_, err = b.Say(b.ctx, s)
		isErr(b, "error of what is gone", err, store.ErrStale)
	}},
	{"ALateReplyIsStaleWhereItsConversationHasAnothersNumberAndKeptWhereItIsTheOne", func(b *bench) {
		t := b.ask("u1", direct("u1"), "one")
		s := late(t, t.ID, "k", "hello")
		s.UID, s.Now = "another one's", b.now
		_, err := b.Say(b.ctx, s)
		isErr(b, "error", err, store.ErrStale)
		s.UID = t.Conversation.UID
		b.isPost(b.say(s).Post, "hello")
	}},
	{"ALateReplySettlesTheTurnThatIsStillAsked", func(b *bench) {
		t := b.ask("u1", direct("u1"), "one")
		b.accept(turn("u1", direct("u1"), "two"))
		b.isPost(b.say(late(t, t.ID, "", "a")).Post, "a")
		out := b.finishAs(store.Finished{Turn: t.Row, Now: b.now, Next: true, Dead: "no answer", Notice: &store.Notice{Pieces: pieces("sorry")}})
		b.isTurn(out.Turn, "two")
		same(b, "dead letters", len(b.dead()), 0)
		posts, _ := b.claimPosts(9)
		same(b, "posts due", len(posts), 0)
	}},
	{"AnAnsweredTurnThatIsGivenBackIsNotAskedAgain", func(b *bench) {
		t := b.ask("u1", direct("u1"), "one")
		b.accept(turn("u1", direct("u1"), "two"))
		b.say(late(t, t.ID, "", "a"))
		got, _ := b.claimTurns(9)
		same(b, "the conversation does not overlap itself", len(got), 0)
		same(b, "claims", b.giveBack(store.Deferred{Turn: t.Row, Due: b.now.Add(time.Hour)}), store.Claims{TurnWaits: true})
		got, _ = b.claimTurns(9)
		b.isTurn(&got[0], "two")
	}},
	{"ALateReplySettlesATurnThatWaitsForItsNextAttempt", func(b *bench) {
		t := b.ask("u1", direct("u1"), "one")
		b.accept(turn("u1", direct("u1"), "two"))
		b.giveBack(store.Deferred{Turn: t.Row, Due: b.now.Add(time.Hour), Attempts: 1})
		out := b.say(late(t, t.ID, "", "a"))
		same(b, "the next turn waits", out.TurnWaits, true)
		got, _ := b.claimTurns(9)
		b.isTurn(&got[0], "two")
	}},
	{"ALateReplyToSomebodyForgottenIsStaleAndStoresNothing", func(b *bench) {
		shared := room("r", store.MemoryRoom)
		over := b.ask("u1", shared, "over")
		b.finish(over)
		s := late(over, over.ID, "known", "a")
		b.settle(b.say(s).Post, store.Sent)
		other := b.ask("u2", shared, "other")
		b.finish(other)
		asked := b.ask("u1", shared, "asked")
		b.forget("u1")
		b.crash()
		same(b, "a known reply", b.say(s), store.Claims{})
		for _, t := range []*store.Turn{over, asked} {
			_, err := b.Say(b.ctx, late(t, t.ID, "new", "b"))
			isErr(b, "a reply to "+t.ID, err, store.ErrStale)
		}
		posts, _ := b.claimPosts(9)
		same(b, "posts", len(posts), 0)
		b.isPost(b.say(late(other, other.ID, "new", "c")).Post, "c")
	}},
	{"ALateReplyToADeadTurnEndsItsDeadLetter", func(b *bench) {
		t := b.ask("u1", direct("u1"), "one")
		b.finishAs(store.Finished{Turn: t.Row, Now: b.now, Dead: "no answer"})
		b.isPost(b.say(late(t, t.ID, "", "a")).Post, "a")
		same(b, "dead letters", len(b.dead()), 0)
	}},
}
