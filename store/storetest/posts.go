package storetest

import (
	"time"

	"avatarbridge/store"
)

// reply asks a turn and answers it with one reply of pieces; it returns the first, claimed.
func (b *bench) reply(user, key string, texts ...string) *store.Post {
	b.Helper()
	t := b.ask(user, direct(user), key)
	out := b.finishAs(store.Finished{Turn: t.Row, Now: b.now, Send: true, Replies: []store.Reply{{Pieces: pieces(texts...)}}})
	b.isPost(out.Post, texts[0])
	return out.Post
}

var postExamples = []example{
	{"PostsComeOutInOrderOneAtATime", func(b *bench) {
		p := b.reply("u1", "one", "a", "b")
		b.finish(b.ask("u1", direct("u1"), "two"), "c")
		posts, _ := b.claimPosts(9)
		same(b, "nothing is handed out behind the head", len(posts), 0)
		for _, next := range []string{"b", "c", ""} {
			out := b.settle(p, store.Sent)
			b.isPost(out.Post, next)
			p = out.Post
		}
	}},
	{"WhatWasBeingSentIsUnclearAfterACrash", func(b *bench) {
		b.reply("u1", "one", "a", "b")
		b.acceptWith(1, 0, store.Entry{Post: ptr(newPost("u2", direct("u2"), "", "never sent"))})
		b.crash()
		posts, _ := b.claimPosts(9)
		same(b, "posts", len(posts), 2)
		b.isPost(&posts[0], "a")
		same(b, "a was being sent", posts[0].Unclear, true)
		same(b, "the other was not", posts[1].Unclear, false)
		same(b, "nor was what is behind a", b.settle(&posts[0], store.Sent).Post.Unclear, false)
	}},
	{"AParkedPostIsNotUnclear", func(b *bench) {
		p := b.reply("u1", "one", "a")
		until := b.now.Add(time.Minute)
		same(b, "claims", b.park(p, until), store.Claims{})
		_, next := b.claimPosts(9)
		same(b, "due", next, until)
		b.crash()
		posts, _ := b.claimPosts(9)
		same(b, "unclear", posts[0].Unclear, false)
		same(b, "it is the same post", posts[0].ID, p.ID)
	}},
	{"APostToBeRepeatedStaysTheHead", func(b *bench) {
		p := b.reply("u1", "one", "a", "b")
		due := b.now.Add(time.Minute)
		b.isPost(b.settleAs(store.Settled{Post: p.ID, As: store.Again, Due: due, Attempts: 2, Unclear: true, Body: []byte("a plain")}).Post, "")
		b.pass(time.Minute)
		posts, _ := b.claimPosts(9)
		b.isPost(&posts[0], "a plain")
		same(b, "attempts", posts[0].Attempts, 2)
		same(b, "unclear", posts[0].Unclear, true)
		same(b, "it is the same post", posts[0].ID, p.ID)
	}},
	{"APostToBeRepeatedAtOnceIsHandedOutAgain", func(b *bench) {
		p := b.reply("u1", "one", "a")
		b.isPost(b.settleAs(store.Settled{Post: p.ID, As: store.Again, Due: b.now, Body: []byte("plain")}).Post, "plain")
	}},
	{"LaterPiecesDieWithADeadPieceAndLaterRepliesGoOn", func(b *bench) {
		p := b.reply("u1", "one", "a1", "a2", "a3")
		b.finish(b.ask("u1", direct("u1"), "two"), "b")
		p = b.settle(p, store.Sent).Post
		b.isPost(b.settleAs(store.Settled{Post: p.ID, As: store.Failed, Attempts: 3, Reason: "because"}).Post, "b")
		l := b.dead()
		same(b, "letters", len(l), 2)
		same(b, "newest", string(l[0].Body), "a3")
		same(b, "then", string(l[1].Body), "a2")
		same(b, "reason", l[1].Reason, "because")
		same(b, "it was refused", l[1].Unclear, false)
		same(b, "attempts", l[1].Attempts, 3)
		same(b, "attempts of what follows", l[0].Attempts, 0)
	}},
	{"AnUnsurePieceIsUnclearAndWhatFollowsItWasNotSent", func(b *bench) {
		b.settle(b.reply("u1", "one", "a1", "a2"), store.Unsure)
		l := b.dead()
		same(b, "letters", len(l), 2)
		same(b, "a1", l[1].Unclear, true)
		same(b, "a2", l[0].Unclear, false)
	}},
	{"WithheldPiecesLeaveNoDeadLetter", func(b *bench) {
		p := b.reply("u1", "one", "a1", "a2")
		b.finish(b.ask("u1", direct("u1"), "two"), "b")
		b.isPost(b.settle(p, store.Withheld).Post, "b")
		same(b, "letters", len(b.dead()), 0)
	}},
	{"APostIsSettledOnce", func(b *bench) {
		p := b.reply("u1", "one", "a", "b")
		b.settle(p, store.Sent)
		b.isPost(b.settle(p, store.Failed).Post, "")
		same(b, "claims", b.park(p, b.now), store.Claims{})
		same(b, "letters", len(b.dead()), 0)
	}},
	{"IdsOfPostsAreNeverUsedTwice", func(b *bench) {
		p := b.reply("u1", "one", "a")
		b.settle(p, store.Sent)
		b.pass(time.Hour)
		_, err := b.Purge(b.ctx, b.now)
		b.check(err)
		b.crash()
		same(b, "a later one is greater", b.reply("u1", "two", "b").ID > p.ID, true)
	}},
	{"WithoutRoomAPostIsDueInsteadOfHandedOut", func(b *bench) {
		out := b.finishAs(store.Finished{Turn: b.ask("u1", direct("u1"), "one").Row, Now: b.now, Replies: []store.Reply{{Pieces: pieces("a", "b")}}})
		b.isPost(out.Post, "")
		same(b, "a head waits", out.PostWaits, true)
		posts, next := b.claimPosts(0)
		same(b, "posts", len(posts), 0)
		same(b, "due", next, b.now)
		posts, _ = b.claimPosts(1)
		s := store.Settled{Post: posts[0].ID, Now: b.now, As: store.Sent}
		out, err := b.Settle(b.ctx, s)
		b.check(err)
		same(b, "b waits", out.PostWaits, true)
	}},
	{"TheRoomOfASettledPostIsForTheLongestDueOfItsAccount", func(b *bench) {
		mine := b.reply("u1", "one", "a", "b")
		for _, user := range []string{"u2", "u3"} {
			b.finishAs(store.Finished{Turn: b.ask(user, direct(user), user).Row, Now: b.now, Replies: []store.Reply{{Pieces: pieces("to " + user)}}})
			b.pass(time.Second)
		}
		later := b.reply("u4", "four", "later")
		b.settleAs(store.Settled{Post: later.ID, As: store.Again, Due: b.now.Add(time.Minute)})
		next := b.settleAs(store.Settled{Post: mine.ID, As: store.Sent, Any: true}).Post
		b.isPost(next, "b") // its own conversation comes first
		for _, want := range []string{"to u2", "to u3", ""} {
			next = b.settleAs(store.Settled{Post: next.ID, As: store.Sent, Any: true}).Post
			b.isPost(next, want)
		}
		posts, due := b.claimPosts(9)
		same(b, "posts that are due", len(posts), 0)
		same(b, "the next is due", due, b.now.Add(time.Minute))
	}},
	{"WithoutRoomNoOtherPostIsHandedOutEither", func(b *bench) {
		p := b.reply("u1", "one", "a")
		b.finishAs(store.Finished{Turn: b.ask("u2", direct("u2"), "two").Row, Now: b.now, Replies: []store.Reply{{Pieces: pieces("b")}}})
		out, err := b.Settle(b.ctx, store.Settled{Post: p.ID, Now: b.now, As: store.Sent, Any: true})
		b.check(err)
		same(b, "claims", out, store.Claims{})
	}},
}

func ptr[T any](v T) *T { return &v }

var holdExamples = []example{
	{"AHoldTakesThePlaceOfOneWithItsScope", func(b *bench) {
		s := store.Scope{Account: account, Channel: "r"}
		for _, h := range []store.Hold{
			{Scope: s, Until: b.now.Add(time.Hour), Reason: "first"}, {Scope: s, Until: b.now.Add(time.Minute), Reason: "second"},
			{Scope: store.Scope{Account: account, Channel: "r", Pause: true}, Reason: "pause"},
		} {
			b.check(b.Hold(b.ctx, h))
		}
		b.crash()
		holds, err := b.Holds(b.ctx, b.now)
		b.check(err)
		same(b, "holds", len(holds), 2)
		b.pass(time.Minute)
		holds, err = b.Holds(b.ctx, b.now)
		b.check(err)
		same(b, "holds that are not over", len(holds), 1)
		same(b, "it is the pause", holds[0].Reason, "pause")
	}},
	{"ReleaseMakesDueWhatItCouldHaveHeld", func(b *bench) {
		for _, user := range []string{"u1", "u2"} {
			t := b.ask(user, direct(user), user)
			b.giveBack(store.Deferred{Turn: t.Row, Due: b.now.Add(time.Hour)})
		}
		s := store.Scope{Account: account, Channel: "u1"}
		b.check(b.Hold(b.ctx, store.Hold{Scope: s}))
		b.check(b.Release(b.ctx, s, b.now))
		b.check(b.Release(b.ctx, s, b.now))
		got, next := b.claimTurns(9)
		same(b, "due", len(got), 1)
		b.isTurn(&got[0], "u1")
		same(b, "the other waits", next, b.now.Add(time.Hour))
		holds, err := b.Holds(b.ctx, b.now)
		b.check(err)
		same(b, "holds", len(holds), 0)
	}},
	{"ReleaseOfEachScopeReachesTurnsAndPosts", func(b *bench) {
		scopes := func(v store.Conversation) []store.Scope {
			return []store.Scope{{}, {Account: account}, {Account: account, Channel: "u1"}, {Conversation: v.ID}, {Avatar: avatar},
				{Pause: true, Account: "bridge:my-telegram"}, {Pause: true, Account: "bridge:my-telegram", Channel: "u1"}}
		}
		p := b.reply("u1", "one", "a")
		t := b.ask("u1", direct("u1"), "two")
		for _, s := range scopes(p.Conversation) {
			b.giveBack(store.Deferred{Turn: t.Row, Due: b.now.Add(time.Hour)})
			b.park(p, b.now.Add(time.Hour))
			b.check(b.Release(b.ctx, store.Scope{Account: account, Channel: "elsewhere"}, b.now))
			b.check(b.Release(b.ctx, store.Scope{Avatar: "sol"}, b.now))
			got, _ := b.claimTurns(9)
			same(b, "due before", len(got), 0)
			b.check(b.Release(b.ctx, s, b.now))
			got, _ = b.claimTurns(9)
			posts, _ := b.claimPosts(9)
			if len(got) != 1 || len(posts) != 1 {
				b.Fatalf("release of %+v: %d turns, %d posts", s, len(got), len(posts))
			}
		}
	}},
}
