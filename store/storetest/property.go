package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"avatarbridge/store"
)

// A machine runs a store and the model beside one another.
type machine struct {
	*bench
	m     *model
	rt    *rapid.T
	n     int      // makes ids and bodies unique
	turns []*mItem // claimed
	posts []*mItem
}

// testModel compares random sequences of verbs with the model.
func testModel(t *testing.T, k Kind) {
	rapid.Check(t, func(rt *rapid.T) {
		b := &bench{T: t, kind: k, dir: t.TempDir(), now: start, ctx: t.Context()}
		s, err := k.Open(b.dir)
		if err != nil {
			rt.Fatal(err)
		}
		b.Store = s
		x := &machine{bench: b, m: newModel(), rt: rt}
		defer func() {
			if err := x.Store.Close(); err != nil {
				rt.Error(err)
			}
		}()
		rt.Repeat(map[string]func(*rapid.T){
			"accept": x.doAccept, "accept more": x.doAccept, "claim turns": x.doClaimTurns, "claim posts": x.doClaimPosts, "defer": x.doDefer,
			"finish": x.doFinish, "finish more": x.doFinish, "say": x.doSay, "park": x.doPark, "settle": x.doSettle, "settle more": x.doSettle,
			"hold": x.doHold, "release": x.doRelease, "retry": x.doRetry, "drop": x.doDrop, "forget": x.doForget, "purge": x.doPurge,
			"restart": x.doRestart, "draft": x.doDraft, "current": x.doCurrent, "time passes": x.doWait, "": x.invariants,
		})
	})
}

func (x *machine) fail(rt *rapid.T, err error) {
	rt.Helper()
	if err != nil {
		rt.Fatal(err)
	}
}

func (x *machine) unique(prefix string) string {
	x.n++
	return fmt.Sprintf("%s%d", prefix, x.n)
}

func pick[T any](rt *rapid.T, what string, from ...T) T {
	return from[rapid.IntRange(0, len(from)-1).Draw(rt, what)]
}

// isTurn compares a turn that was handed out.
func (x *machine) isTurn(got *store.Turn, want *mItem) error {
	if got == nil || want == nil {
		if got == nil && want == nil {
			return nil
		}
		return fmt.Errorf("turn %+v, want %+v", got, want)
	}
	if got.ID != want.id || string(got.Body) != want.body || got.Attempts != want.attempts || !got.Accepted.Equal(want.at) ||
		!got.Tried.Equal(want.tried) || got.Revived != want.revived || got.Draft != want.draft || got.Awaited != want.awaits {
		return fmt.Errorf("turn %+v with body %q, want %+v", got, got.Body, want)
	}
	want.row = got.Row
	x.turns = append(x.turns, want)
	return x.m.isConv(got.Conversation, want.conv, want.then)
}

// isPost compares a post that was handed out; its id is its own for ever.
func (x *machine) isPost(got *store.Post, want *mItem) error {
	if got == nil || want == nil {
		if got == nil && want == nil {
			return nil
		}
		return fmt.Errorf("post %+v, want %+v", got, want)
	}
	if string(got.Body) != want.body || got.Attempts != want.attempts || got.Unclear != want.unclear || !got.Created.Equal(want.at) ||
		!got.Tried.Equal(want.tried) {
		return fmt.Errorf("post %+v with body %q, want %+v", got, got.Body, want)
	}
	if of := x.m.postIDs[got.ID]; of != nil && of != want {
		return fmt.Errorf("post %d was another one before", got.ID)
	}
	if want.row != 0 && want.row != got.ID {
		return fmt.Errorf("post %d had the id %d before", got.ID, want.row)
	}
	x.m.postIDs[got.ID], want.row = want, got.ID
	x.posts = append(x.posts, want)
	return x.m.isConv(got.Conversation, want.conv, want.then)
}

func (x *machine) isClaims(got store.Claims, want mResult) error {
	if got.TurnWaits != want.turnWaits || got.PostWaits != want.postWaits {
		return fmt.Errorf("claims %+v, want %+v", got, want)
	}
	return errors.Join(x.isTurn(got.Turn, want.turn), x.isPost(got.Post, want.post))
}

func (x *machine) doAccept(rt *rapid.T) {
	b := store.Batch{Account: account, Now: x.now, Turns: rapid.IntRange(0, 3).Draw(rt, "turns"), Posts: rapid.IntRange(0, 3).Draw(rt, "posts")}
	if rapid.Bool().Draw(rt, "cursor") {
		b.Cursor = x.unique("cursor")
	}
	for range rapid.IntRange(1, 4).Draw(rt, "entries") {
		b.Entries = append(b.Entries, x.drawEntry(rt))
	}
	got, err := x.Accept(x.ctx, b)
	x.fail(rt, err)
	want := x.m.accept(b)
	for i, w := range want {
		if w.ended != nil {
			x.fail(rt, x.m.learn(w.ended, got[i].Ended))
		} else if got[i].Ended != "" {
			rt.Fatalf("entry %d has ended %q", i, got[i].Ended)
		}
		if got[i].Verdict != w.verdict || got[i].Limit != w.limit || !got[i].Until.Equal(w.until) {
			rt.Fatalf("entry %d: verdict %d %q until %v, want %d %q until %v", i, got[i].Verdict, got[i].Limit, got[i].Until, w.verdict, w.limit, w.until)
		}
	}
	for i, w := range want {
		x.fail(rt, x.isClaims(got[i].Claims, w))
	}
}

func (x *machine) doClaimTurns(rt *rapid.T) {
	of, n := pick(rt, "avatar", avatars...), rapid.IntRange(0, 3).Draw(rt, "n")
	got, next, err := x.ClaimTurns(x.ctx, account, of, x.now, n)
	x.fail(rt, err)
	want, due := x.m.claim(turnsOf, of, x.now, n)
	if len(got) != len(want) || !next.Equal(due) {
		rt.Fatalf("%d turns, next due %v, want %d, %v", len(got), next, len(want), due)
	}
	for i := range got {
		x.fail(rt, x.isTurn(&got[i], want[i]))
	}
}

func (x *machine) doClaimPosts(rt *rapid.T) {
	n := rapid.IntRange(0, 3).Draw(rt, "n")
	got, next, err := x.ClaimPosts(x.ctx, account, x.now, n)
	x.fail(rt, err)
	want, due := x.m.claim(postsOf, "", x.now, n)
	if len(got) != len(want) || !next.Equal(due) {
		rt.Fatalf("%d posts, next due %v, want %d, %v", len(got), next, len(want), due)
	}
	for i := range got {
		x.fail(rt, x.isPost(&got[i], want[i]))
	}
}

// take takes one of the claimed items out of the list. Without any it skips the action.
func take(rt *rapid.T, from *[]*mItem) *mItem {
	if len(*from) == 0 {
		rt.Skip("nothing is claimed")
	}
	i := rapid.IntRange(0, len(*from)-1).Draw(rt, "which")
	item := (*from)[i]
	*from = slices.Delete(*from, i, i+1)
	return item
}

// alive says whether the conversation of a claim still exists; a verb about one that does not is still made, and changes nothing.
func (x *machine) alive(i *mItem) bool { return slices.Contains(x.m.convs, i.conv) }

func (x *machine) doDefer(rt *rapid.T) {
	t := take(rt, &x.turns)
	d := store.Deferred{Turn: t.row, Now: x.now, Due: x.soon(rt), Attempts: rapid.IntRange(0, 3).Draw(rt, "attempts"), Hold: x.drawHold(rt)}
	d.Tried = rapid.IntRange(0, 3).Draw(rt, "tried") == 0
	if d.Unasked = rapid.Bool().Draw(rt, "unasked"); d.Unasked {
		d.Attempts = t.attempts
	}
	d.Awaits = rapid.IntRange(0, 2).Draw(rt, "awaits") == 0
	d.Over = x.drawPieces(rt)
	got, err := x.Defer(x.ctx, d)
	x.fail(rt, err)
	var want mResult
	if x.alive(t) {
		want = x.m.deferTurn(t, d)
	}
	x.fail(rt, x.isClaims(got, want))
}

func (x *machine) doFinish(rt *rapid.T) {
	t := take(rt, &x.turns)
	f := store.Finished{Turn: t.row, Now: x.now, Next: rapid.Bool().Draw(rt, "next"), Send: rapid.Bool().Draw(rt, "send"), Preface: x.drawPieces(rt)}
	for range rapid.IntRange(0, 2).Draw(rt, "replies") {
		f.Replies = append(f.Replies, x.drawReply(rt))
	}
	if rapid.IntRange(0, 3).Draw(rt, "dead") == 0 {
		f.Dead, f.Tries = "because", rapid.IntRange(0, 5).Draw(rt, "tries")
	}
	f.Notice = x.drawNotice(rt, "u1")
	got, err := x.Finish(x.ctx, f)
	x.fail(rt, err)
	var want mResult
	if x.alive(t) {
		want = x.m.finish(t, f)
	}
	x.fail(rt, x.isClaims(got, want))
}

func (x *machine) doSay(rt *rapid.T) {
	s := store.Said{Conversation: 1 << 40, Now: x.now, Reply: x.drawReply(rt), Preface: x.drawPieces(rt), Send: rapid.Bool().Draw(rt, "send")}
	c := x.drawConv(rt)
	if c != nil {
		s.Conversation, s.Generation = c.id, c.generation-rapid.IntRange(0, 1).Draw(rt, "late")
		s.Turn = x.drawTurnOf(rt, c)
	}
	got, err := x.Say(x.ctx, s)
	want, stale := x.m.say(c, s)
	if !errors.Is(err, stale) || (err != nil && stale == nil) {
		rt.Fatalf("say: %v, want %v", err, stale)
	}
	x.fail(rt, x.isClaims(got, want))
}

func (x *machine) doPark(rt *rapid.T) {
	p := take(rt, &x.posts)
	due := x.soon(rt)
	got, err := x.Park(x.ctx, p.row, due)
	x.fail(rt, err)
	var want mResult
	if x.alive(p) {
		want = x.m.park(p, due)
	}
	x.fail(rt, x.isClaims(got, want))
}

func (x *machine) doSettle(rt *rapid.T) {
	p := take(rt, &x.posts)
	s := store.Settled{
		Post: p.row, Now: x.now, As: pick(rt, "ending", store.Sent, store.Sent, store.Sent, store.Again, store.Failed, store.Unsure, store.Withheld),
		SentID: pick(rt, "sent id", "", x.unique("sent"), x.unique("sent")), Reason: "because", Hold: x.drawHold(rt), Send: rapid.Bool().Draw(rt, "send"),
		Any: rapid.Bool().Draw(rt, "any"),
	}
	if s.As == store.Again || s.As == store.Failed || s.As == store.Unsure {
		s.Attempts = rapid.IntRange(0, 5).Draw(rt, "attempts")
	}
	if s.As == store.Again {
		s.Due, s.Unclear = x.soon(rt), rapid.Bool().Draw(rt, "unclear")
		if rapid.Bool().Draw(rt, "other body") {
			s.Body = []byte(x.unique("post"))
		}
	}
	if s.As == store.Sent {
		s.Feed, s.Feeds = x.drawFeed(rt)
	}
	got, err := x.Settle(x.ctx, s)
	x.fail(rt, err)
	var want mResult
	if x.alive(p) {
		want = x.m.settle(p, s)
	}
	x.fail(rt, x.isClaims(got, want))
}
