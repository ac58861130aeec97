package storetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"avatarbridge/store"
)

// die makes a dead letter of a post and one of a turn, in this order.
func (b *bench) die() {
	b.Helper()
	b.settle(b.reply("u1", "one", "a1", "a2"), store.Unsure)
	b.finishAs(store.Finished{Turn: b.ask("u1", direct("u1"), "two").Row, Now: b.now, Dead: "broken"})
}

var deadExamples = []example{
	{"DeadLettersComeNewestFirstPageByPage", func(b *bench) {
		b.die()
		page, err := b.Dead(b.ctx, 0, 2)
		b.check(err)
		same(b, "first", string(page[0].Body), "two")
		same(b, "second", string(page[1].Body), "a2")
		page, err = b.Dead(b.ctx, page[1].ID, 2)
		b.check(err)
		same(b, "on the second page", len(page), 1)
		same(b, "third", string(page[0].Body), "a1")
	}},
	{"RetryPutsDeadLettersAtTheEndOfTheirLanes", func(b *bench) {
		b.die()
		b.ask("u1", direct("u1"), "three")
		n, err := b.Retry(b.ctx, b.now)
		b.check(err)
		same(b, "put back", n, 3)
		same(b, "left", len(b.dead()), 0)
		posts, _ := b.claimPosts(9)
		b.isPost(&posts[0], "a1")
		same(b, "unclear", posts[0].Unclear, false)
		b.isPost(b.settle(&posts[0], store.Sent).Post, "a2")
		got, _ := b.claimTurns(9)
		same(b, "the turn waits for the one being asked", len(got), 0)
	}},
	{"RetryOfSomeLeavesTheOthers", func(b *bench) {
		b.die()
		l := b.dead()
		n, err := b.Retry(b.ctx, b.now, l[0].ID, l[0].ID, 1<<40)
		b.check(err)
		same(b, "put back", n, 1)
		same(b, "left", len(b.dead()), 2)
		got, _ := b.claimTurns(9)
		b.isTurn(&got[0], "two")
		same(b, "attempts", got[0].Attempts, 0)
		b.finishAs(store.Finished{Turn: got[0].Row, Now: b.now, Dead: "broken again"})
		same(b, "the id is a new one", b.dead()[0].ID > l[0].ID, true)
	}},
	{"RetryIsAsIfNothingHadBeenTried", func(b *bench) {
		t := b.again(store.Deferred{Turn: b.ask("u1", direct("u1"), "one").Row, Attempts: 7})
		b.finishAs(store.Finished{Turn: t.Row, Now: b.now, Dead: "broken", Tries: 8})
		p := b.reply("u2", "two", "a")
		p = b.settleAs(store.Settled{Post: p.ID, As: store.Again, Due: b.now, Attempts: 7}).Post
		b.settle(p, store.Failed)
		b.pass(24 * time.Hour)
		n, err := b.Retry(b.ctx, b.now)
		b.check(err)
		same(b, "put back", n, 2)
		d, err := b.Depth(b.ctx)
		b.check(err)
		same(b, "the oldest", d.Oldest, b.now)
		got, _ := b.claimTurns(9)
		same(b, "attempts", got[0].Attempts, 0)
		same(b, "tried", got[0].Tried, time.Time{})
		same(b, "accepted", got[0].Accepted, b.now)
		same(b, "revived", got[0].Revived, true)
		posts, _ := b.claimPosts(9)
		same(b, "attempts of the post", posts[0].Attempts, 0)
		same(b, "tried of the post", posts[0].Tried, time.Time{})
		same(b, "created", posts[0].Created, b.now)
		tried := b.again(store.Deferred{Turn: got[0].Row, Attempts: 1})
		same(b, "tried again", tried.Tried, b.now)
		same(b, "it stays revived", tried.Revived, true)
	}},
	{"DropDeletesDeadLettersForGood", func(b *bench) {
		b.die()
		n, err := b.Drop(b.ctx, b.dead()[1].ID)
		b.check(err)
		same(b, "dropped", n, 1)
		n, err = b.Drop(b.ctx)
		b.check(err)
		same(b, "dropped then", n, 2)
		n, err = b.Retry(b.ctx, b.now)
		b.check(err)
		same(b, "to be retried", n, 0)
		same(b, "the event is still known", b.accept(turn("u1", direct("u1"), "two"))[0].Verdict, store.Known)
	}},
}

// canaries writes for a person in all the ways that leave something, with marks that are nowhere else.
func (b *bench) canaries() (uid string) {
	b.Helper()
	shared := room("group", store.MemoryRoom)
	own := turn("canary-user", direct("canary-user"), "canary-user/1")
	own.Turn.Body = []byte("canary body")
	own.Turn.Feed, own.Turn.Feeds = []byte("canary item"), 9
	own.Turn.Limits = []store.Limit{{Key: "person/telegram//canary-user", Max: 9, Every: time.Hour}}
	t := b.accept(own)[0].Turn
	p := b.finishAs(store.Finished{Turn: t.Row, Now: b.now, Send: true, Memo: []byte("canary memo"), Memos: 9,
		Replies: []store.Reply{{Key: "canary key", Pieces: pieces("canary first", "canary reply", "canary second")}}}).Post
	b.park(b.settleAs(store.Settled{Post: p.ID, As: store.Sent, Feed: []byte("canary answer"), Feeds: 9}).Post, b.now)
	waiting := turn("canary-user", direct("canary-user"), "canary-user/2")
	waiting.Turn.Body = bytes.Repeat([]byte("canary long "), 2000)
	in := fed("canary-user", shared, "k3", 9)
	in.Turn.Body, in.Turn.Feed = []byte("canary in the group"), []byte("canary item in the group")
	behind := turn("canary-user", shared, "k4")
	behind.Turn.Body = []byte("canary behind")
	r := b.accept(waiting, turn("other", shared, "k5"), in, turn("other", shared, "k6"), behind)
	b.check(b.Draft(b.ctx, r[0].Turn.Row, "canary draft"))
	b.giveBack(store.Deferred{Turn: r[0].Turn.Row, Due: b.now, Attempts: 1, Hold: &store.Hold{Scope: store.Scope{Account: account, Channel: "canary-user"}}})
	out := b.finish(r[1].Turn, "to the other")
	b.isTurn(out.Turn, "canary in the group")
	b.finishAs(store.Finished{Turn: out.Turn.Row, Now: b.now, Memo: []byte("canary memo in the group"), Memos: 9,
		Replies: []store.Reply{{Pieces: pieces("canary answer in the group")}}})
	canary, err := b.Person(b.ctx, "telegram:canary-user")
	b.check(err)
	return canary.UID
}

var peopleExamples = []example{
	{"PeopleAreListedByWhenTheyWereSeen", func(b *bench) {
		for _, user := range []string{"u1", "u2", "u3"} {
			b.finish(b.ask(user, direct(user), user))
			b.pass(time.Hour)
		}
		e := turn("u1", room("r", store.MemoryMember), "again")
		e.Turn.Name = "New name"
		b.accept(e)
		people, err := b.People(b.ctx, 0, 2)
		b.check(err)
		same(b, "on the page", len(people), 2)
		same(b, "first", people[0].Name, "New name")
		same(b, "conversations", people[0].Conversations, 2)
		same(b, "first seen", people[0].FirstSeen, start)
		same(b, "last seen", people[0].LastSeen, b.now)
		same(b, "second", people[1].Identities[0], who("u3"))
		people, err = b.People(b.ctx, 2, 2)
		b.check(err)
		same(b, "on the second page", len(people), 1)
		same(b, "third", people[0].Identities[0], who("u2"))
	}},
	{"APersonIsFoundByUidAndByIdentity", func(b *bench) {
		e := turn("U:7", direct("D1"), "one")
		e.Turn.From = store.Identity{Platform: "slack", Tenant: "T1", User: "U:7"}
		b.accept(e)
		p, err := b.Person(b.ctx, "slack:T1:U:7")
		b.check(err)
		again, err := b.Person(b.ctx, p.UID)
		b.check(err)
		same(b, "identity", again.Identities[0], e.Turn.From)
		b.ask("a:b", direct("x"), "two")
		p, err = b.Person(b.ctx, "telegram:a:b")
		b.check(err)
		same(b, "user", p.Identities[0].User, "a:b")
		for _, ref := range []string{"", "slack", "slack:", "slack:U:7", "slack:T2:U:7", "telegram:T1:U:7"} {
			if _, err := b.Person(b.ctx, ref); !errors.Is(err, store.ErrNotFound) {
				b.Fatalf("%q: %v", ref, err)
			}
		}
	}},
	{"AnExportIsOneDocumentWithAllOfAPerson", func(b *bench) {
		uid := b.canaries()
		var out bytes.Buffer
		b.check(b.Export(b.ctx, uid, &out))
		same(b, "it is JSON", json.Valid(out.Bytes()), true)
		for _, want := range []string{"canary-user", "Name of canary-user", "canary long", "canary reply", "canary behind", "canary answer in the group",
			"canary item", "canary answer", "canary item in the group", "canary draft", uid} {
			same(b, want+" is in it", strings.Contains(out.String(), want), true)
		}
		same(b, "nothing of others is", strings.Contains(out.String(), "to the other") || strings.Contains(out.String(), "k5"), false)
		isErr(b, "export of nobody", b.Export(b.ctx, "nobody", &out), store.ErrNotFound)
	}},
	{"ForgettingLeavesNothingButEventKeys", func(b *bench) {
		uid := b.canaries()
		gone, err := b.Forget(b.ctx, uid)
		b.check(err)
		same(b, "conversations", len(gone), 1)
		same(b, "channel", gone[0].Channel, "canary-user")
		same(b, "feed of the group", b.feedOf(room("group", store.MemoryRoom), "other"), "")
		b.crash()
		_, err = b.Person(b.ctx, "telegram:canary-user")
		isErr(b, "person", err, store.ErrNotFound)
		same(b, "event", b.accept(turn("canary-user", direct("canary-user"), "canary-user/1"))[0].Verdict, store.Known)
		got, _ := b.claimTurns(9)
		same(b, "turns that are left", len(got), 1)
		b.isTurn(&got[0], "k6")
		posts, _ := b.claimPosts(9)
		same(b, "posts that are left", len(posts), 1)
		b.isPost(&posts[0], "to the other")
		b.isPost(b.settle(&posts[0], store.Sent).Post, "")
		again := b.ask("canary-user", direct("canary-user"), "k7")
		same(b, "uid of who comes back", again.Conversation.MemoryUID != uid, true)
		gone, err = b.Forget(b.ctx, uid)
		b.check(err)
		same(b, "forgotten twice", len(gone), 0)
	}},
	{"WhatWaitsBehindSomebodyForgottenIsDue", func(b *bench) {
		shared := room("r", store.MemoryRoom)
		t := b.ask("u1", shared, "one")
		b.park(b.finish(t, "a").Post, b.now.Add(time.Hour))
		b.finish(b.ask("u2", shared, "two"), "b")
		t = b.ask("u1", shared, "three")
		b.accept(turn("u2", shared, "four"))
		b.giveBack(store.Deferred{Turn: t.Row, Due: b.now.Add(time.Hour), Attempts: 1})
		same(b, "conversations that went", len(b.forget("u1")), 0)
		got, _ := b.claimTurns(9)
		same(b, "turns", len(got), 1)
		b.isTurn(&got[0], "four")
		posts, _ := b.claimPosts(9)
		same(b, "posts", len(posts), 1)
		b.isPost(&posts[0], "b")
	}},
	{"WhatIsUnderWayOfSomebodyForgottenChangesNothing", func(b *bench) {
		post := b.reply("u1", "one", "a", "b")
		own := b.ask("u1", direct("u1"), "two")
		shared := b.ask("u1", room("r", store.MemoryRoom), "three")
		b.accept(turn("u2", room("r", store.MemoryRoom), "four"))
		_, err := b.Forget(b.ctx, own.Conversation.MemoryUID)
		b.check(err)
		same(b, "claims of who is gone", b.park(post, b.now), store.Claims{})
		same(b, "claims after the post", b.settle(post, store.Failed), store.Claims{})
		same(b, "claims after the turn", b.finish(own, "c"), store.Claims{})
		got, _ := b.claimTurns(9)
		same(b, "the shared conversation does not overlap itself", len(got), 0)
		out := b.finish(shared, "d")
		b.isTurn(out.Turn, "")
		b.isPost(out.Post, "")
		same(b, "but goes on", out.TurnWaits, true)
		got, _ = b.claimTurns(9)
		b.isTurn(&got[0], "four")
		posts, _ := b.claimPosts(9)
		same(b, "posts", len(posts), 0)
		same(b, "dead letters", len(b.dead()), 0)
		_, err = b.Say(b.ctx, late(own, "", "", "e"))
		isErr(b, "a late reply", err, store.ErrStale)
	}},
}

var keepExamples = []example{
	{"SecretsAreMadeOnce", func(b *bench) {
		one, err := b.Secret(b.ctx, "hmac")
		b.check(err)
		same(b, "length", len(one), 32)
		other, err := b.Secret(b.ctx, "other")
		b.check(err)
		same(b, "each has its own", bytes.Equal(one, other), false)
		b.crash()
		again, err := b.Secret(b.ctx, "hmac")
		b.check(err)
		same(b, "it stays", bytes.Equal(one, again), true)
	}},
	{"DepthCountsWhatWaitsAndWhatIsClaimed", func(b *bench) {
		d, err := b.Depth(b.ctx)
		b.check(err)
		same(b, "oldest of nothing", d.Oldest.IsZero(), true)
		b.reply("u1", "one", "a", "b")
		b.pass(time.Second)
		b.accept(turn("u1", direct("u1"), "two"), turn("u1", direct("u1"), "three"))
		d, err = b.Depth(b.ctx)
		b.check(err)
		same(b, "turns", d.Turns[account], 2)
		same(b, "posts", d.Posts[account], 2)
		same(b, "oldest", d.Oldest, start)
	}},
	{"PurgeDeletesWhatIsOverAndOld", func(b *bench) {
		b.die()
		b.settle(b.reply("u2", "three", "a"), store.Sent)
		b.finish(b.ask("gone", room("r", store.MemoryRoom), "four"))
		b.ask("u3", direct("u3"), "five")
		n, err := b.Purge(b.ctx, b.now)
		b.check(err)
		same(b, "of now", n, 0)
		b.pass(time.Hour)
		n, err = b.Purge(b.ctx, b.now)
		b.check(err)
		same(b, "something was deleted", n > 0, true)
		same(b, "dead letters", len(b.dead()), 0)
		same(b, "an old event is new again", b.accept(turn("u2", direct("u2"), "three"))[0].Verdict, store.Done)
		same(b, "that of a turn being asked is known", b.accept(turn("u3", direct("u3"), "five"))[0].Verdict, store.Known)
		_, err = b.Person(b.ctx, "telegram:gone")
		isErr(b, "who has no conversation left", err, store.ErrNotFound)
		_, err = b.Person(b.ctx, "telegram:u1")
		b.check(err)
	}},
	{"PurgeGoesOnBehindWhatRetryHasPutBack", func(b *bench) {
		var entries []store.Entry
		for i := range 600 {
			entries = append(entries, turn(fmt.Sprint("u", i), direct("room"), fmt.Sprint(i)))
		}
		for _, r := range b.accept(entries...) {
			p := b.finishAs(store.Finished{Turn: r.Turn.Row, Now: b.now, Dead: "broken", Send: true, Notice: &store.Notice{Pieces: pieces("sorry")}}).Post
			b.settle(p, store.Failed)
		}
		b.settle(b.reply("behind", "old", "old"), store.Sent)
		b.pass(time.Hour)
		n, err := b.Retry(b.ctx, b.now)
		b.check(err)
		same(b, "put back", n, 1200)
		n, err = b.Purge(b.ctx, b.now)
		b.check(err)
		same(b, "deleted: a turn and a post", n, 2)
		same(b, "an old event is new again", b.accept(turn("behind", direct("behind"), "old"))[0].Verdict, store.Done)
		same(b, "one that was put back is known", b.accept(turn("u1", direct("room"), "1"))[0].Verdict, store.Known)
	}},
	{"PurgeForgetsVisitorsWhoStayedAwayAndNobodyElse", func(b *bench) {
		visit := func(user, key string) {
			in := direct(user)
			in.Account = "web:site"
			e := fed(user, in, key, 9)
			e.Turn.From.Platform = "web"
			res, err := b.Accept(b.ctx, store.Batch{Account: in.Account, Now: b.now, Turns: 1, Entries: []store.Entry{e}})
			b.check(err)
			b.settleAs(store.Settled{Post: b.finish(res[0].Turn, "re").Post.ID, As: store.Sent, Feed: []byte("re"), Feeds: 9})
		}
		visit("old", "one")
		visit("faithful", "two")
		b.chat("account", direct("account"), "three", "re", 9)
		b.pass(time.Hour)
		visit("faithful", "four")
		_, err := b.Purge(b.ctx, b.now)
		b.check(err)
		_, err = b.Person(b.ctx, "web:old")
		b.check(err)
		n, err := b.Purge(b.ctx, b.now, "web")
		b.check(err)
		same(b, "a conversation, an identity and a person", n >= 2, true)
		_, err = b.Person(b.ctx, "web:old")
		isErr(b, "the visitor who stayed away", err, store.ErrNotFound)
		for _, who := range []string{"web:faithful", "telegram:account"} {
			_, err := b.Person(b.ctx, who)
			b.check(err)
		}
		places, err := b.Places(b.ctx, "web:site", 9)
		b.check(err)
		same(b, "conversations", len(places), 1)
		b.crash()
		visit("old", "five")
		p, err := b.Person(b.ctx, "web:old")
		b.check(err)
		same(b, "who comes back is new", p.FirstSeen, b.now)
	}},
	{"PurgeKeepsVisitorsForWhomSomethingWaits", func(b *bench) {
		web := func(user string, in store.Address, key string) *store.Turn {
			e := turn(user, in, key)
			e.Turn.From.Platform = "web"
			return b.accept(e)[0].Turn
		}
		web("asked", direct("asked"), "one")
		b.finish(web("posts", direct("posts"), "two"), "unsent")
		b.pass(time.Hour)
		_, err := b.Purge(b.ctx, b.now, "web")
		b.check(err)
		for _, who := range []string{"web:asked", "web:posts"} {
			_, err := b.Person(b.ctx, who)
			b.check(err)
		}
	}},
	{"PurgeOfMuchLetsOthersIn", func(b *bench) {
		var entries []store.Entry
		for i := range 2500 {
			p := newPost("u1", direct("u1"), "")
			entries = append(entries, store.Entry{Key: fmt.Sprint(i), Post: &p})
		}
		b.acceptWith(0, 0, entries...)
		b.pass(time.Hour)
		n, err := b.Purge(b.ctx, b.now)
		b.check(err)
		same(b, "rows", n >= 2500, true)
	}},
	{"ABackupIsACopyAndOverwritesNothing", func(b *bench) {
		b.check(b.Writable(b.ctx))
		b.ask("u1", direct("u1"), "one")
		file := filepath.Join(b.TempDir(), "backup")
		b.check(b.Backup(b.ctx, file))
		same(b, "a second one is refused", b.Backup(b.ctx, file) != nil, true)
	}},
	{"AClosedStoreRefuses", func(b *bench) {
		b.check(b.Store.Close())
		same(b, "writing", b.Writable(b.ctx) != nil, true)
		_, _, err := b.Cursor(b.ctx, account)
		same(b, "reading", err != nil, true)
		b.check(b.Store.Close())
	}},
}
