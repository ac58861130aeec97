// Package storetest holds the tests that every store passes: examples of each verb, named after behaviours, and a property that
// compares random sequences of verbs, crashes among them, with a simple model of the contract.
package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"avatarbridge/store"
)

// A Kind is one implementation under test.
type Kind struct {
	// Open opens the store that lives in dir, an empty folder the first time.
	Open func(dir string) (store.Store, error)
	// Crash makes dir/… into what a power cut would leave of s, which is open in dir: it returns the folder in which the remains can be
	// opened. It ends s in whatever way without giving a claim back; s is not used again.
	Crash func(s store.Store, dir string) (string, error)
}

// Run runs all tests on one kind of store.
func Run(t *testing.T, k Kind) {
	for _, test := range examples {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(newBench(t, k))
		})
	}
	t.Run("Model", func(t *testing.T) { testModel(t, k) })
}

// An example is one behaviour.
type example struct {
	name string
	run  func(*bench)
}

var examples = concat(acceptExamples, entryExamples, limitExamples, turnExamples, backExamples, sayExamples, awaitsExamples, transcriptExamples, postExamples, holdExamples, moveExamples, mergeExamples, deadExamples, peopleExamples, keepExamples, unsayExamples, draftExamples, feedExamples)

func concat(lists ...[]example) []example {
	var all []example
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// A bench is a store on which an example works.
type bench struct {
	*testing.T
	store.Store
	kind Kind
	dir  string
	now  time.Time
	ctx  context.Context
}

const (
	account = "telegram:1"
	avatar  = "luna"
)

var start = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

func newBench(t *testing.T, k Kind) *bench {
	b := &bench{T: t, kind: k, dir: t.TempDir(), now: start, ctx: t.Context()}
	b.open()
	t.Cleanup(func() { b.check(b.Store.Close()) })
	return b
}

func (b *bench) open() {
	b.Helper()
	s, err := b.kind.Open(b.dir)
	b.check(err)
	b.Store = s
}

// reopen closes the store and opens it again, as a restart does.
func (b *bench) reopen() {
	b.Helper()
	b.check(b.Store.Close())
	b.open()
}

// crash opens what a power cut leaves.
func (b *bench) crash() {
	b.Helper()
	dir, err := b.kind.Crash(b.Store, b.dir)
	b.check(err)
	b.dir = dir
	b.open()
}

func (b *bench) check(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) pass(d time.Duration) { b.now = b.now.Add(d) }

// same fails the example unless the two are equal.
func same[T comparable](b *bench, what string, got, want T) {
	b.Helper()
	if got != want {
		b.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

// isErr fails the example unless err is want.
func isErr(b *bench, what string, err, want error) {
	b.Helper()
	if !errors.Is(err, want) {
		b.Fatalf("%s: got %v, want %v", what, err, want)
	}
}

// direct is the address of a user's direct chat; a room's user has an own conversation in it.
func direct(user string) store.Address {
	return store.Address{Account: account, Avatar: avatar, Channel: user, Direct: true, Memory: store.MemoryPerson}
}

func room(channel string, m store.Memory) store.Address {
	return store.Address{Account: account, Avatar: avatar, Channel: channel, Memory: m}
}

func who(user string) store.Identity { return store.Identity{Platform: "telegram", User: user} }

// turn is a message of a user with the event key and body key.
func turn(user string, in store.Address, key string) store.Entry {
	return store.Entry{Key: key, Turn: &store.NewTurn{ID: "id of " + key, From: who(user), Name: "Name of " + user, In: in, Body: []byte(key)}}
}

// accept takes entries with room for all.
func (b *bench) accept(entries ...store.Entry) []store.Result {
	b.Helper()
	return b.acceptWith(len(entries), len(entries), entries...)
}

func (b *bench) acceptWith(turns, posts int, entries ...store.Entry) []store.Result {
	b.Helper()
	got, err := b.Accept(b.ctx, store.Batch{Account: account, Now: b.now, Entries: entries, Turns: turns, Posts: posts})
	b.check(err)
	if len(got) != len(entries) {
		b.Fatalf("%d results for %d entries", len(got), len(entries))
	}
	return got
}

// ask takes one message and returns it claimed.
func (b *bench) ask(user string, in store.Address, key string) *store.Turn {
	b.Helper()
	t := b.accept(turn(user, in, key))[0].Turn
	if t == nil {
		b.Fatalf("%s was not handed out", key)
	}
	return t
}

// finish settles a turn with replies of one piece each.
func (b *bench) finish(t *store.Turn, replies ...string) store.Claims {
	b.Helper()
	f := store.Finished{Turn: t.Row, Now: b.now, Next: true, Send: true}
	for _, r := range replies {
		f.Replies = append(f.Replies, store.Reply{Pieces: pieces(r)})
	}
	return b.finishAs(f)
}

func (b *bench) finishAs(f store.Finished) store.Claims {
	b.Helper()
	out, err := b.Finish(b.ctx, f)
	b.check(err)
	return out
}

func (b *bench) say(s store.Said) store.Claims {
	b.Helper()
	s.Now, s.Send = b.now, true
	out, err := b.Say(b.ctx, s)
	b.check(err)
	return out
}

func (b *bench) settle(p *store.Post, as store.Ending) store.Claims {
	b.Helper()
	return b.settleAs(store.Settled{Post: p.ID, As: as, Reason: "because"})
}

func (b *bench) settleAs(s store.Settled) store.Claims {
	b.Helper()
	s.Now, s.Send = b.now, true
	out, err := b.Settle(b.ctx, s)
	b.check(err)
	return out
}

// giveBack defers a turn at the bench's time.
func (b *bench) giveBack(d store.Deferred) store.Claims {
	b.Helper()
	d.Now = b.now
	out, err := b.Defer(b.ctx, d)
	b.check(err)
	return out
}

func (b *bench) park(p *store.Post, due time.Time) store.Claims {
	b.Helper()
	out, err := b.Park(b.ctx, p.ID, due)
	b.check(err)
	return out
}

func (b *bench) claimTurns(n int) ([]store.Turn, time.Time) {
	b.Helper()
	turns, next, err := b.ClaimTurns(b.ctx, account, avatar, b.now, n)
	b.check(err)
	return turns, next
}

func (b *bench) claimPosts(n int) ([]store.Post, time.Time) {
	b.Helper()
	posts, next, err := b.ClaimPosts(b.ctx, account, b.now, n)
	b.check(err)
	return posts, next
}

// forget forgets a user and returns the conversations that went.
func (b *bench) forget(user string) []store.Conversation {
	b.Helper()
	p, err := b.Person(b.ctx, "telegram:"+user)
	b.check(err)
	gone, err := b.Forget(b.ctx, p.UID)
	b.check(err)
	return gone
}

func (b *bench) dead() []store.Letter {
	b.Helper()
	letters, err := b.Dead(b.ctx, 0, 1000)
	b.check(err)
	return letters
}

func pieces(texts ...string) [][]byte {
	all := make([][]byte, len(texts))
	for i, t := range texts {
		all[i] = []byte(t)
	}
	return all
}

// isTurn fails unless the turn with the body key was handed out; "" means none.
func (b *bench) isTurn(t *store.Turn, key string) {
	b.Helper()
	got := ""
	if t != nil {
		got = string(t.Body)
	}
	same(b, "turn handed out", got, key)
}

// isPost is isTurn for a post.
func (b *bench) isPost(p *store.Post, body string) {
	b.Helper()
	got := ""
	if p != nil {
		got = string(p.Body)
	}
	same(b, "post handed out", got, body)
}
