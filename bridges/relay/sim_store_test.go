package relay_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"avatarbridge/store"
)

// A disk is what survives a crash.
type disk interface {
	// open opens the store that is there.
	open() (store.Store, error)
	// crash makes the disk into what a power cut leaves of the open store.
	crash() error
	// close ends the open store cleanly.
	close() error
}

// A searcher is a disk that can be searched for words when the store is closed.
type searcher interface {
	has(words string) (bool, error)
}

// forgets checks that nothing is left of what people wrote who were forgotten, and of what was said to them. Event keys stay, which are no words of
// theirs.
func (s *sim) forgets() {
	d, ok := s.disk.(searcher)
	if !ok {
		return
	}
	for _, text := range sortedKeys(s.forgotten) {
		for _, words := range []string{`"text":"` + text, "re " + text, "draft of " + text, fileRef + text, keptRef + text} {
			if there, err := d.has(words); there || err != nil {
				s.fail("%q of somebody who was forgotten is left: %v", words, err)
			}
		}
	}
}

// A gate is the store as one life of the program sees it. The life ends at a call that was chosen: before it did anything, or after it was
// committed, and before the caller knows.
type gate struct {
	store.Store
	s    *sim
	life *life
}

// do makes a call. Nothing reaches a life that is over: its calls wait for the end of their contexts.
func (g *gate) do(ctx context.Context, key string, call func() error) error {
	if !g.life.gone() {
		g.s.c.pass(key)
	}
	if g.life.gone() {
		<-ctx.Done()
		return ctx.Err()
	}
	g.life.calls++
	last := g.life.calls == g.life.crashAt && !g.s.healed
	if last && !g.life.crashAfter {
		g.s.crash(g.life, "before "+key)
		<-ctx.Done()
		return ctx.Err()
	}
	if !g.s.healed && g.s.c.chance(g.s.plan.storeFails) {
		return errDisk
	}
	if err := call(); err != nil {
		return err
	}
	if last {
		g.s.crash(g.life, "after "+key)
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func (g *gate) Accept(ctx context.Context, b store.Batch) (out []store.Result, err error) {
	key := "accept/" + b.Account
	for _, e := range b.Entries {
		if key += "/" + e.Key; e.Edit != nil {
			key += e.Edit.Target // else two edits that come at the same time could not be told apart
		}
	}
	for i := range b.Entries {
		b.Entries[i].Edit = g.s.watched(b.Entries[i].Edit)
	}
	err = g.do(ctx, key, func() error {
		if out, err = g.Store.Accept(ctx, b); err == nil {
			g.s.accepted(b, out)
			for i := range out {
				g.handed(out[i].Turn)
			}
			wakeOnce(out)
		}
		return err
	})
	return out, err
}

// wakeOnce says once, and last, that something waits: whether a pump that is woken twice in one instant looks once or twice is left to chance.
func wakeOnce(out []store.Result) {
	turns, posts := false, false
	for i := len(out) - 1; i >= 0; i-- {
		c := &out[i].Claims
		c.TurnWaits, turns = c.TurnWaits && !turns, turns || c.TurnWaits
		c.PostWaits, posts = c.PostWaits && !posts, posts || c.PostWaits
	}
}

// handed notes which message a turn is about.
func (g *gate) handed(t *store.Turn) {
	if t == nil {
		return
	}
	text, ref, at, err := turnOf(t.Body)
	if err != nil {
		g.s.fail("a turn that cannot be read: %v", err)
		return
	}
	g.s.turns[t.Row] = asked{text: text, ref: ref, at: at}
	g.s.drawing[draftOf(t.ID)], g.s.handed[text] = text, g.s.c.count()
}

func (g *gate) Cursor(ctx context.Context, account string) (cursor string, at time.Time, err error) {
	err = g.do(ctx, "cursor/"+account, func() error { cursor, at, err = g.Store.Cursor(ctx, account); return err })
	return cursor, at, err
}

func (g *gate) ClaimTurns(ctx context.Context, account, avatar string, now time.Time, n int) (out []store.Turn, next time.Time, err error) {
	if g.life.closing.Load() {
		return nil, next, nil // whether a pump looks once more when it is stopped is left to chance
	}
	if slices.ContainsFunc(g.s.platforms, func(p *platform) bool { return p.inFlight > 0 }) {
		n = min(n, 1) // turns that come together and are settled without being asked would race for the last slot of a post
	}
	err = g.do(ctx, "claim turns/"+account+"/"+avatar, func() error {
		out, next, err = g.Store.ClaimTurns(ctx, account, avatar, now, n)
		for i := range out {
			g.handed(&out[i])
		}
		return err
	})
	return out, next, err
}

func (g *gate) ClaimPosts(ctx context.Context, account string, now time.Time, n int) (out []store.Post, next time.Time, err error) {
	if g.life.closing.Load() {
		return nil, next, nil
	}
	err = g.do(ctx, "claim posts/"+account, func() error { out, next, err = g.Store.ClaimPosts(ctx, account, now, n); return err })
	return out, next, err
}

func (g *gate) Waiting(ctx context.Context, account string) (out []string, err error) {
	err = g.do(ctx, "waiting/"+account, func() error { out, err = g.Store.Waiting(ctx, account); return err })
	return out, err
}

func (g *gate) Defer(ctx context.Context, d store.Deferred) (out store.Claims, err error) {
	err = g.do(ctx, fmt.Sprint("defer/", d.Turn), func() error {
		if out, err = g.Store.Defer(ctx, d); err == nil {
			g.handed(out.Turn)
			of := g.s.turns[d.Turn]
			g.s.rested[of.text] = g.s.c.count()
			g.life.remembers(g.s, of.text)
			if d.Awaits {
				g.s.finished[of.text] = ending{awaits: true}
				g.s.leaves(of.ref) // the reply that ends it does not know what it ends
			}
		}
		return err
	})
	return out, err
}

func (g *gate) Finish(ctx context.Context, f store.Finished) (out store.Claims, err error) {
	err = g.do(ctx, fmt.Sprint("finish/", f.Turn), func() error {
		if out, err = g.Store.Finish(ctx, f); err == nil {
			g.handed(out.Turn)
			of := g.s.turns[f.Turn]
			g.s.rested[of.text] = g.s.c.count()
			g.s.bounds.settled(of.text)
			g.s.ranked(f.Replies...)
			if f.Dead == "" {
				g.s.owes(of.ref)
			}
			g.s.finished[of.text] = ending{dead: f.Dead != "", word: wordOf(f.Notice), replies: said(f.Replies), age: f.Now.Sub(of.at), step: g.s.c.count()}
		}
		return err
	})
	return out, err
}

// said counts replies without what takes drafts away.
func said(replies []store.Reply) (n int) {
	for i := range replies {
		if !replies[i].Apart {
			n++
		}
	}
	return n
}

func (g *gate) Draft(ctx context.Context, turn int64, draft string) error {
	return g.do(ctx, fmt.Sprint("draft/", turn), func() error {
		if id, begins := strings.CutPrefix(draft, "?"); begins {
			g.s.drawing[id] = g.s.turns[turn].text
		}
		return g.Store.Draft(ctx, turn, draft)
	})
}

func (g *gate) Current(ctx context.Context, turn int64) (out store.Conversation, err error) {
	err = g.do(ctx, fmt.Sprint("current/", turn), func() error { out, err = g.Store.Current(ctx, turn); return err })
	return out, err
}

func (g *gate) Say(ctx context.Context, x store.Said) (out store.Claims, err error) {
	err = g.do(ctx, fmt.Sprint("say/", x.Conversation, "/", x.Reply.Key), func() error {
		if out, err = g.Store.Say(ctx, x); err == nil {
			g.s.bounds.settled(g.s.drawing[draftOf(x.Turn)])
			g.s.ranked(x.Reply)
			g.s.leaves(keptRef + g.s.drawing[draftOf(x.Turn)]) // who says it does not know what was said in the turn that it ends
		}
		return err
	})
	return out, err
}

func (g *gate) Park(ctx context.Context, post int64, due time.Time) (out store.Claims, err error) {
	err = g.do(ctx, fmt.Sprint("park/", post), func() error {
		if out, err = g.Store.Park(ctx, post, due); err == nil {
			delete(g.life.sending, post)
		}
		return err
	})
	return out, err
}

func (g *gate) Settle(ctx context.Context, x store.Settled) (out store.Claims, err error) {
	err = g.do(ctx, fmt.Sprint("settle/", x.Post, "/", x.As), func() error {
		if out, err = g.Store.Settle(ctx, x); err == nil {
			delete(g.life.sending, x.Post)
			g.life.remembers(g.s, postName(x.Post))
			if x.As == store.Sent {
				g.s.sent[strconv.FormatInt(x.Post, 36)] = g.s.c.count()
			}
		}
		return err
	})
	return out, err
}

// watched notes what is to be taken back when a message is deleted.
func (s *sim) watched(e *store.Edit) *store.Edit {
	if e == nil || e.Unsay == nil {
		return e
	}
	w := *e
	w.Unsay = func(sent string) []byte {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.removals[sent] = true
		return e.Unsay(sent)
	}
	return &w
}

func (g *gate) Hold(ctx context.Context, h store.Hold) error {
	return g.do(ctx, fmt.Sprint("hold/", h.Scope), func() error { return g.Store.Hold(ctx, h) })
}

func (g *gate) Release(ctx context.Context, scope store.Scope, now time.Time) error {
	return g.do(ctx, fmt.Sprint("release/", scope), func() error { return g.Store.Release(ctx, scope, now) })
}

func (g *gate) Holds(ctx context.Context, now time.Time) (out []store.Hold, err error) {
	err = g.do(ctx, "holds", func() error { out, err = g.Store.Holds(ctx, now); return err })
	return out, err
}

func (g *gate) Moves(ctx context.Context, account string) (out map[string]string, err error) {
	err = g.do(ctx, "moves/"+account, func() error { out, err = g.Store.Moves(ctx, account); return err })
	return out, err
}

func (g *gate) Secret(ctx context.Context, name string) (out []byte, err error) {
	err = g.do(ctx, "secret/"+name, func() error { out, err = g.Store.Secret(ctx, name); return err })
	return out, err
}

func (g *gate) Writable(ctx context.Context) error {
	if g.life.closing.Load() {
		return nil
	}
	return g.do(ctx, "writable", func() error { return g.Store.Writable(ctx) })
}

func (g *gate) Purge(ctx context.Context, before time.Time, visitors ...string) (n int, err error) {
	if g.life.closing.Load() {
		return 0, nil
	}
	err = g.do(ctx, "purge", func() error { n, err = g.Store.Purge(ctx, before, visitors...); return err })
	return n, err
}

// accepted notes what became of messages. The first word holds: later deliveries are known.
func (s *sim) accepted(b store.Batch, out []store.Result) {
	for i, e := range b.Entries {
		if e.Move != nil {
			s.moved = append(s.moved, e.Move.From)
		}
		if e.Edit != nil {
			s.c.note(fmt.Sprint("edit ", e.Edit.Target, " ", out[i].Verdict, e.Edit.Unsay != nil))
		}
		if e.Edit != nil && e.Edit.Body == nil && out[i].Verdict == store.Done {
			s.unsay(strings.TrimPrefix(e.Edit.Target, "m/"))
			s.bounds.settled(strings.TrimPrefix(e.Edit.Target, "m/"))
		}
		if out[i].Verdict != store.Known {
			s.mustFit(&e, out[i].Verdict, b.Now)
		}
		if e.Reset != nil && out[i].Verdict == store.Done {
			s.bounds.waitsNoMore(s)
		}
		refused := e.Refusable && (out[i].Verdict == store.Over || out[i].Verdict == store.Full)
		text := strings.TrimPrefix(e.Key, "m/")
		if out[i].Verdict == store.Known && s.forgotten[text] > 0 {
			s.leaves(keptRef + text) // an upload that came once more: nobody knows that no turn waits with it
		}
		if e.Key == "" || out[i].Verdict == store.Known || refused {
			continue
		}
		if _, known := s.verdicts[e.Key]; known {
			s.fail("%s was accepted twice", e.Key)
		}
		v := verdict{Verdict: out[i].Verdict, turn: e.Turn != nil, at: b.Now}
		if e.Post != nil {
			v.word = wordOf(&e.Post.Notice)
		}
		if s.verdicts[e.Key] = v; !v.turn || v.Verdict != store.Done {
			s.owes(keptRef + text)
		}
		s.order = append(s.order, e.Key)
	}
}

// wordOf is the word of the program that a notice says, "" for none.
func wordOf(n *store.Notice) string {
	if n == nil || len(n.Pieces) == 0 {
		return ""
	}
	return string(noticeText.FindSubmatch(n.Pieces[0])[1])
}

var noticeText = regexp.MustCompile(`"text":"([A-Z ]+)"`)

// sortedKeys returns the keys in an order that is the same at every run.
func sortedKeys[K int64 | string, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
