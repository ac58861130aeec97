package storetest

import (
	"time"

	"avatarbridge/store"
)

func move(from, to string) store.Entry { return store.Entry{Move: &store.Move{From: from, To: to}} }

var moveExamples = []example{
	{"AConversationFollowsItsChannel", func(b *bench) {
		t := b.ask("u1", room("old", store.MemoryMember), "one")
		b.accept(turn("u1", room("old", store.MemoryMember), "two"))
		b.check(b.Hold(b.ctx, store.Hold{Scope: store.Scope{Account: account, Channel: "old"}, Until: b.now.Add(time.Hour)}))
		same(b, "verdict", b.accept(move("old", "new"))[0].Verdict, store.Done)
		b.crash()
		got, _ := b.claimTurns(9)
		want := t.Conversation
		want.Channel = "new"
		same(b, "conversation", got[0].Conversation, want)
		out := b.finish(&got[0], "a")
		same(b, "conversation of the post", out.Post.Conversation, want)
		same(b, "conversation of the next turn", out.Turn.Conversation, want)
		b.isTurn(b.accept(turn("u1", room("new", store.MemoryMember), "three"))[0].Turn, "")
		holds, err := b.Holds(b.ctx, b.now)
		b.check(err)
		same(b, "held channel", holds[0].Scope.Channel, "new")
	}},
	{"WhatStillComesFromTheOldIdIsForTheSameConversation", func(b *bench) {
		t := b.ask("u1", room("old", store.MemoryMember), "one")
		b.accept(move("old", "new"))
		b.isTurn(b.accept(turn("u1", room("old", store.MemoryMember), "two"))[0].Turn, "")
		b.crash()
		b.acceptWith(0, 0, turn("u1", room("old", store.MemoryMember), "three"))
		got, _ := b.claimTurns(9)
		same(b, "turns at once", len(got), 1)
		same(b, "conversation", got[0].Conversation.ID, t.Conversation.ID)
		next := b.finish(&got[0]).Turn
		b.isTurn(next, "two")
		same(b, "channel", next.Conversation.Channel, "new")
		b.isTurn(b.finish(next).Turn, "three")
		reset := store.Entry{Reset: &store.Reset{Post: store.NewPost{From: who("u1"), In: room("old", store.MemoryMember)}}}
		same(b, "the reset found it", b.accept(reset)[0].Verdict, store.Done)
	}},
	{"MovesLeadToTheNewestId", func(b *bench) {
		b.accept(move("a", "b"))
		b.accept(move("b", "c"))
		b.crash()
		moves, err := b.Moves(b.ctx, account)
		b.check(err)
		same(b, "moves", len(moves), 2)
		same(b, "a", moves["a"], "c")
		same(b, "b", moves["b"], "c")
		b.accept(move("c", "a"))
		moves, err = b.Moves(b.ctx, account)
		b.check(err)
		same(b, "a lives again", moves["a"], "")
		same(b, "b", moves["b"], "a")
	}},
	{"TheOlderConversationStaysAndBothLanesDrain", func(b *bench) {
		in := func(channel string) store.Address { return room(channel, store.MemoryMember) }
		older := b.ask("u1", in("old"), "one")
		b.accept(turn("u1", in("old"), "two"))
		newer := b.ask("u1", in("new"), "three")
		b.accept(turn("u1", in("new"), "four"))
		same(b, "they differ before", older.Conversation.MemoryUID != newer.Conversation.MemoryUID, true)
		b.accept(move("old", "new"))
		for _, c := range []struct {
			turn *store.Turn
			next string
		}{{older, "two"}, {newer, "four"}} {
			out := b.finish(c.turn, "reply to "+string(c.turn.Body))
			b.isTurn(out.Turn, c.next)
			b.isPost(out.Post, "reply to "+string(c.turn.Body))
			same(b, "id", out.Turn.Conversation.ID, c.turn.Conversation.ID)
			same(b, "channel", out.Post.Conversation.Channel, "new")
			same(b, "memory", out.Turn.Conversation.MemoryUID, older.Conversation.MemoryUID)
			b.finish(out.Turn)
		}
		last := b.ask("u1", in("new"), "five")
		same(b, "it is the older one", last.Conversation.ID, older.Conversation.ID)
		same(b, "with its uid", last.Conversation.UID, older.Conversation.UID)
	}},
	{"AGroupThatWritesAsItselfStaysTheSamePerson", func(b *bench) {
		uid := b.ask("old", room("old", store.MemoryPerson), "one").Conversation.MemoryUID
		b.accept(move("old", "new"))
		p, err := b.Person(b.ctx, "telegram:new")
		b.check(err)
		same(b, "uid", p.UID, uid)
		_, err = b.Person(b.ctx, "telegram:old")
		isErr(b, "the old id is nobody", err, store.ErrNotFound)
	}},
	{"TwoIdentitiesThatBecomeOneAreTheOlderPerson", func(b *bench) {
		first := b.ask("old", room("x", store.MemoryPerson), "one").Conversation
		second := b.ask("new", room("y", store.MemoryPerson), "two").Conversation
		b.accept(move("old", "new"))
		third := b.ask("new", room("z", store.MemoryPerson), "three").Conversation
		same(b, "memory", third.MemoryUID, first.MemoryUID)
		same(b, "it was another", second.MemoryUID != first.MemoryUID, true)
		p, err := b.Person(b.ctx, "telegram:new")
		b.check(err)
		same(b, "uid", p.UID, first.MemoryUID)
		same(b, "conversations", p.Conversations, 3)
	}},
}

var mergeExamples = []example{
	{"ForgettingReachesTheMemosOfSomebodyWhoWasTwo", func(b *bench) {
		// An anonymous administrator speaks as the group, under its old id and, before the move is told, under the new one.
		shared := func(channel string) store.Address { return room(channel, store.MemoryRoom) }
		for _, id := range []string{"-1", "-100"} {
			t := b.ask(id, shared(id), "key "+id)
			b.finishAs(store.Finished{Turn: t.Row, Now: b.now, Memo: []byte("memo of " + id), Memos: 9})
		}
		b.accept(store.Entry{Move: &store.Move{From: "-1", To: "-100"}})
		p, err := b.Person(b.ctx, "telegram:-100")
		b.check(err)
		_, err = b.Forget(b.ctx, p.UID)
		b.check(err)
		for c := int64(1); c < 5; c++ {
			same(b, "memos left", b.transcript(c, 9), "")
		}
	}},
	{"ForgettingReachesTheFeedOfSomebodyWhoWasTwo", func(b *bench) {
		in := room("r", store.MemoryRoom)
		b.chat("-1", in, "one", "a", 9)
		b.chat("-100", in, "two", "b", 9)
		b.chat("u1", in, "three", "c", 9)
		b.accept(move("-1", "-100"))
		b.forget("-100")
		same(b, "feed", b.feedOf(in, "u1"), "three c")
	}},
	{"AnEditReachesItsTurnThoughItsKeyIsBlinded", func(b *bench) {
		shared := room("-1", store.MemoryRoom)
		b.ask("-1", shared, "-1/1") // somebody who speaks as the group, and is asked
		b.accept(turn("bob", shared, "-1/2"))
		p, err := b.Person(b.ctx, "telegram:-1")
		b.check(err)
		_, err = b.Forget(b.ctx, p.UID)
		b.check(err)
		r := b.accept(store.Entry{Edit: &store.Edit{Target: "-1/2", Body: func([]byte) []byte { return []byte("edited") }}})
		same(b, "verdict", r[0].Verdict, store.Done)
	}},
}
