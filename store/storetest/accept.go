package storetest

import (
	"context"
	"errors"
	"time"

	"avatarbridge/store"
)

var acceptExamples = []example{
	{"FirstTurnOfAnIdleConversationIsHandedOut", func(b *bench) {
		t := b.ask("u1", direct("u1"), "hello")
		same(b, "id", t.ID, "id of hello")
		same(b, "attempts", t.Attempts, 0)
		same(b, "accepted", t.Accepted, b.now)
		same(b, "generation", t.Conversation.Generation, 1)
		same(b, "address", t.Conversation.Address, direct("u1"))
	}},
	{"SecondTurnWaitsForTheFirst", func(b *bench) {
		first := b.ask("u1", direct("u1"), "one")
		r := b.accept(turn("u1", direct("u1"), "two"))[0]
		b.isTurn(r.Turn, "")
		same(b, "a head waits", r.TurnWaits, false)
		b.isTurn(b.finish(first).Turn, "two")
	}},
	{"WithoutRoomATurnIsDueInsteadOfHandedOut", func(b *bench) {
		r := b.acceptWith(1, 0, turn("u1", direct("u1"), "one"), turn("u2", direct("u2"), "two"))
		b.isTurn(r[0].Turn, "one")
		b.isTurn(r[1].Turn, "")
		same(b, "a head waits", r[1].TurnWaits, true)
		got, next := b.claimTurns(5)
		same(b, "claimed", len(got), 1)
		b.isTurn(&got[0], "two")
		same(b, "none is due later", next.IsZero(), true)
	}},
	{"KnownKeyIsNoSecondTurn", func(b *bench) {
		b.finish(b.ask("u1", direct("u1"), "one"))
		b.crash()
		r := b.accept(turn("u1", direct("u1"), "one"))[0]
		same(b, "verdict", r.Verdict, store.Known)
		b.isTurn(r.Turn, "")
	}},
	{"KeysOfTwoAccountsAreNotTheSame", func(b *bench) {
		b.ask("u1", direct("u1"), "one")
		e := turn("u1", direct("u1"), "one")
		e.Turn.In.Account = "telegram:2"
		got, err := b.Accept(b.ctx, store.Batch{Account: "telegram:2", Now: b.now, Entries: []store.Entry{e}, Turns: 1})
		b.check(err)
		same(b, "verdict", got[0].Verdict, store.Done)
	}},
	{"CursorMovesWithTheBatch", func(b *bench) {
		cursor, at, err := b.Cursor(b.ctx, account)
		b.check(err)
		same(b, "cursor at first", cursor, "")
		same(b, "moved at first", at.IsZero(), true)
		for _, c := range []string{"7", ""} {
			_, err = b.Accept(b.ctx, store.Batch{Account: account, Cursor: c, Now: b.now})
			b.check(err)
		}
		b.crash()
		cursor, at, err = b.Cursor(b.ctx, account)
		b.check(err)
		same(b, "cursor", cursor, "7")
		same(b, "moved", at, b.now)
	}},
	{"AWronglyMadeBatchChangesNothing", func(b *bench) {
		both := turn("u1", direct("u1"), "two")
		both.Move = &store.Move{From: "a", To: "b"}
		for _, wrong := range []store.Entry{{Key: "empty"}, both} {
			_, err := b.Accept(b.ctx, store.Batch{Account: account, Cursor: "1", Now: b.now, Entries: []store.Entry{turn("u1", direct("u1"), "one"), wrong}, Turns: 2})
			same(b, "it is an error", err != nil, true)
		}
		b.ask("u1", direct("u1"), "one")
		cursor, _, err := b.Cursor(b.ctx, account)
		b.check(err)
		same(b, "cursor", cursor, "")
	}},
	{"AnEndedContextAcceptsNothing", func(b *bench) {
		ctx, cancel := context.WithCancel(b.ctx)
		cancel()
		_, err := b.Accept(ctx, store.Batch{Account: account, Now: b.now, Entries: []store.Entry{turn("u1", direct("u1"), "one")}, Turns: 1})
		same(b, "it was the context", errors.Is(err, context.Canceled), true)
		b.ask("u1", direct("u1"), "one")
	}},
	{"MemoriesAreSharedAsTheirNamesSay", func(b *bench) {
		uid := func(user string, in store.Address) string {
			b.pass(time.Second)
			t := b.ask(user, in, user+in.Channel+in.Thread+string(in.Memory)+in.Avatar)
			b.finish(t)
			return t.Conversation.MemoryUID
		}
		thread := func(name string) store.Address { a := room("r", store.MemoryThread); a.Thread = name; return a }
		person := uid("u1", direct("u1"))
		same(b, "the person's own uid is everywhere the same", uid("u1", room("r", store.MemoryPerson)), person)
		member := uid("u1", room("r", store.MemoryMember))
		same(b, "a member's is not the person's", member != person, true)
		same(b, "two members differ", uid("u2", room("r", store.MemoryMember)) != member, true)
		same(b, "two rooms differ", uid("u1", room("s", store.MemoryMember)) != member, true)
		same(b, "a room's is one for all", uid("u1", room("r", store.MemoryRoom)), uid("u2", room("r", store.MemoryRoom)))
		same(b, "two threads differ", uid("u1", thread("a")) != uid("u1", thread("b")), true)
		same(b, "a thread's is one for all", uid("u3", thread("a")), uid("u4", thread("a")))
		b.crash()
		again := b.ask("u1", direct("u1"), "later")
		same(b, "a restart changes nothing", again.Conversation.MemoryUID, person)
		p, err := b.Person(b.ctx, "telegram:u1")
		b.check(err)
		same(b, "uid", p.UID, person)
	}},
	{"PeopleInARoomShareAConversationOnlyIfTheyShareItsMemory", func(b *bench) {
		b.ask("u1", room("r", store.MemoryRoom), "one")
		b.isTurn(b.accept(turn("u2", room("r", store.MemoryRoom), "two"))[0].Turn, "")
		b.ask("u1", room("r", store.MemoryMember), "three")
		b.ask("u2", room("r", store.MemoryMember), "four")
	}},
}

func edit(target string, body func([]byte) []byte) store.Entry {
	return store.Entry{Edit: &store.Edit{Target: target, Body: body}}
}

func cancel([]byte) []byte { return nil }

func newPost(user string, in store.Address, preface string, texts ...string) store.NewPost {
	p := store.NewPost{From: who(user), Name: "Name of " + user, In: in, Notice: store.Notice{Pieces: pieces(texts...)}}
	if preface != "" {
		p.Preface = pieces(preface)
	}
	return p
}

var entryExamples = []example{
	{"EditGivesAWaitingTurnAnotherBody", func(b *bench) {
		first := b.ask("u1", direct("u1"), "one")
		b.accept(turn("u1", direct("u1"), "two"))
		r := b.accept(edit("two", func(old []byte) []byte { return append(old, " edited"...) }))[0]
		same(b, "verdict", r.Verdict, store.Done)
		b.isTurn(b.finish(first).Turn, "two edited")
	}},
	{"EditCancelsAWaitingTurn", func(b *bench) {
		first := b.ask("u1", direct("u1"), "one")
		b.accept(turn("u1", direct("u1"), "two"), turn("u1", direct("u1"), "three"))
		same(b, "verdict", b.accept(edit("two", cancel))[0].Verdict, store.Done)
		b.isTurn(b.finish(first).Turn, "three")
	}},
	{"CancellingTheHeadLetsTheNextTurnOut", func(b *bench) {
		b.acceptWith(0, 0, turn("u1", direct("u1"), "one"), turn("u1", direct("u1"), "two"))
		b.isTurn(b.accept(edit("one", cancel))[0].Turn, "two")
	}},
	{"EditLeavesATurnAloneThatWasEverHandedOut", func(b *bench) {
		b.ask("u1", direct("u1"), "one")
		b.crash()
		same(b, "verdict", b.accept(edit("one", cancel))[0].Verdict, store.NotFound)
		got, _ := b.claimTurns(1)
		b.isTurn(&got[0], "one")
	}},
	{"ResetOpensANewGenerationWithTheSameMemory", func(b *bench) {
		t := b.ask("u1", direct("u1"), "one")
		b.finish(t)
		r := b.accept(store.Entry{Key: "reset", Reset: &store.Reset{Post: newPost("u1", direct("u1"), "", "new start")}})[0]
		same(b, "verdict", r.Verdict, store.Done)
		b.isPost(r.Post, "new start")
		again := b.ask("u1", direct("u1"), "two")
		same(b, "generation", again.Conversation.Generation, 2)
		same(b, "id", again.Conversation.ID, t.Conversation.ID)
		same(b, "the uid is new", again.Conversation.UID != t.Conversation.UID, true)
		same(b, "memory", again.Conversation.MemoryUID, t.Conversation.MemoryUID)
	}},
	{"ResetWithoutAConversationSaysItsPost", func(b *bench) {
		r := b.accept(store.Entry{Reset: &store.Reset{Post: newPost("u1", direct("u1"), "", "new start")}})[0]
		same(b, "verdict", r.Verdict, store.NotFound)
		b.isPost(r.Post, "new start")
	}},
	{"ATurnIsAskedInTheGenerationThatIsCurrentThen", func(b *bench) {
		first := b.ask("u1", direct("u1"), "one")
		b.accept(turn("u1", direct("u1"), "two"))
		b.accept(store.Entry{Reset: &store.Reset{Post: newPost("u1", direct("u1"), "", "new start")}})
		same(b, "generation", b.finish(first).Turn.Conversation.Generation, 2)
	}},
	{"APostWithoutATurnIsSaidOnceForItsEvent", func(b *bench) {
		p := newPost("u1", direct("u1"), "I am a machine", "hello")
		r := b.accept(store.Entry{Key: "start", Post: &p}, store.Entry{Key: "start", Post: &p})
		b.isPost(r[0].Post, "I am a machine")
		same(b, "verdict", r[1].Verdict, store.Known)
		out := b.settle(r[0].Post, store.Sent)
		b.isPost(out.Post, "hello")
		b.isPost(b.settle(out.Post, store.Sent).Post, "")
	}},
}
