package storetest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"avatarbridge/store"
)

// A Memory is a store.Store that survives nothing but Restart: the model that the property compares other stores with, and the ids and
// uids that a model does not know. It is for simulations, which need thousands of stores a second. It is the same at every run: its ids
// come from a counter, and it hands out in an order of its own. Only one account may move channels: "telegram:1".
type Memory struct {
	mu     sync.Mutex
	closed bool
	*kept
}

// kept is what survives a restart.
type kept struct {
	m       *model
	n       int64 // gives ids
	rows    map[int64]*mItem
	posts   map[int64]*mItem
	cursors map[string]position
	first   map[*mPerson]time.Time
	reasons map[*mLetter]string
	over    []time.Time // when posts that are settled were appended
	memos   []*mMemo
}

type position struct {
	cursor string
	moved  time.Time
}

// An mMemo is a line of a transcript.
type mMemo struct {
	turn       *mItem
	generation int
	body       []byte
	at         time.Time
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{kept: &kept{m: newModel(), rows: map[int64]*mItem{}, posts: map[int64]*mItem{}, cursors: map[string]position{},
		first: map[*mPerson]time.Time{}, reasons: map[*mLetter]string{}}}
}

// Restart returns what another process finds after this one has ended, in whatever way. The old store refuses everything from then on.
func (s *Memory) Restart() *Memory {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.m.crash()
	return &Memory{kept: s.kept}
}

// Close ends the store.
func (s *Memory) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

var errClosed = errors.New("the store is closed")

// open locks the store. The caller unlocks it, also after an error.
func (s *Memory) open(ctx context.Context) error {
	s.mu.Lock()
	if s.closed {
		return errClosed
	}
	return ctx.Err()
}

func (s *kept) id() int64 { s.n++; return s.n }

// uid gives what is known by a uid one, the first time.
func (s *kept) uid(known *string) string {
	if *known == "" {
		*known = fmt.Sprintf("00000000-0000-4000-8000-%012d", s.id())
	}
	return *known
}

func (s *kept) conversation(c *mConv, then snapshot) store.Conversation {
	if c.id == 0 {
		c.id = s.id()
	}
	return store.Conversation{ID: c.id, UID: s.uid(then.uid), Generation: then.generation, MemoryUID: s.uid(then.memory), Address: then.in}
}

func (s *kept) turn(i *mItem) *store.Turn {
	if i == nil {
		return nil
	}
	if i.row == 0 {
		i.row = s.id()
		s.rows[i.row] = i
	}
	return &store.Turn{Row: i.row, ID: i.id, Conversation: s.conversation(i.conv, i.then), Body: []byte(i.body), Attempts: i.attempts,
		Accepted: i.at, Tried: i.tried, Draft: i.draft, Awaited: i.awaits, Revived: i.revived}
}

func (s *kept) post(i *mItem) *store.Post {
	if i == nil {
		return nil
	}
	if i.row == 0 {
		i.row = s.id()
		s.posts[i.row] = i
	}
	return &store.Post{ID: i.row, Conversation: s.conversation(i.conv, i.then), Body: []byte(i.body), Attempts: i.attempts,
		Unclear: i.unclear, Created: i.at, Tried: i.tried}
}

func (s *kept) claims(r mResult) store.Claims {
	return store.Claims{Turn: s.turn(r.turn), Post: s.post(r.post), TurnWaits: r.turnWaits, PostWaits: r.postWaits}
}

// claimed returns the item with the id if it is claimed and its conversation is there, else nil.
func (s *kept) claimed(of map[int64]*mItem, id int64, lane func(*mConv) *mLane) *mItem {
	i := of[id]
	if i == nil || lane(i.conv).claimed != i || !slices.Contains(s.m.convs, i.conv) {
		return nil
	}
	return i
}

// only runs f with nothing but the conversations of an account in the model; "" is any.
func (s *kept) only(account string, f func()) {
	all := s.m.convs
	defer func() { s.m.convs = all }()
	if account != "" {
		s.m.convs = slices.DeleteFunc(slices.Clone(all), func(c *mConv) bool { return c.in.Account != account })
	}
	f()
}

// qualified is an event key within its account.
func qualified(account, key string) string {
	if key == "" {
		return ""
	}
	return account + "\x00" + key
}

// Accept is described in the contract.
func (s *Memory) Accept(ctx context.Context, b store.Batch) ([]store.Result, error) {
	defer s.mu.Unlock()
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	if err := wellMade(b.Entries); err != nil {
		return nil, err
	}
	b.Entries = slices.Clone(b.Entries)
	for i := range b.Entries {
		e := &b.Entries[i]
		e.Key = qualified(b.Account, e.Key)
		if e.Edit != nil {
			edit := *e.Edit
			edit.Target = qualified(b.Account, edit.Target)
			e.Edit = &edit
		}
	}
	results := make([]store.Result, len(b.Entries))
	for i, r := range s.m.accept(b) {
		results[i] = store.Result{Verdict: r.verdict, Limit: r.limit, Until: r.until, Claims: s.claims(r)}
		if r.ended != nil {
			results[i].Ended = s.uid(r.ended)
		}
	}
	if b.Cursor != "" {
		s.cursors[b.Account] = position{b.Cursor, b.Now}
	}
	for _, p := range s.m.people {
		if _, met := s.first[p]; !met {
			s.first[p] = b.Now
		}
	}
	return results, nil
}

// wellMade says what is wrong with a batch: nothing of it is taken then.
func wellMade(entries []store.Entry) error {
	for i, e := range entries {
		n := 0
		for _, set := range []bool{e.Turn != nil, e.Post != nil, e.Edit != nil, e.Reset != nil, e.Move != nil} {
			if set {
				n++
			}
		}
		if n != 1 {
			return fmt.Errorf("entry %d is for %d things", i, n)
		}
	}
	return nil
}

// Cursor is described in the contract.
func (s *Memory) Cursor(ctx context.Context, account string) (string, time.Time, error) {
	defer s.mu.Unlock()
	if err := s.open(ctx); err != nil {
		return "", time.Time{}, err
	}
	p := s.cursors[account]
	return p.cursor, p.moved, nil
}

// ClaimTurns is described in the contract.
func (s *Memory) ClaimTurns(ctx context.Context, account, avatar string, now time.Time, n int) (turns []store.Turn, next time.Time, err error) {
	defer s.mu.Unlock()
	if err := s.open(ctx); err != nil {
		return nil, next, err
	}
	s.only(account, func() {
		var items []*mItem
		items, next = s.m.claim(turnsOf, avatar, now, n)
		for _, i := range items {
			turns = append(turns, *s.turn(i))
		}
	})
	return turns, next, nil
}

// ClaimPosts is described in the contract.
func (s *Memory) ClaimPosts(ctx context.Context, account string, now time.Time, n int) (posts []store.Post, next time.Time, err error) {
	defer s.mu.Unlock()
	if err := s.open(ctx); err != nil {
		return nil, next, err
	}
	s.only(account, func() {
		var items []*mItem
		items, next = s.m.claim(postsOf, "", now, n)
		for _, i := range items {
			posts = append(posts, *s.post(i))
		}
	})
	return posts, next, nil
}

// Waiting is described in the contract.
func (s *Memory) Waiting(ctx context.Context, account string) ([]string, error) {
	defer s.mu.Unlock()
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	avatars := map[string]bool{}
	for _, c := range s.m.convs {
		if c.in.Account == account && len(c.turns.waits) > 0 {
			avatars[c.in.Avatar] = true
		}
	}
	return slices.Sorted(maps.Keys(avatars)), nil
}

// Holds is described in the contract.
func (s *Memory) Holds(ctx context.Context, now time.Time) ([]store.Hold, error) {
	defer s.mu.Unlock()
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	var holds []store.Hold
	for _, h := range s.m.holds {
		if h.Until.IsZero() || h.Until.After(now) {
			holds = append(holds, h)
		}
	}
	slices.SortFunc(holds, func(a, b store.Hold) int { return strings.Compare(fmt.Sprint(a.Scope), fmt.Sprint(b.Scope)) })
	return holds, nil
}

// Hold is described in the contract.
func (s *Memory) Hold(ctx context.Context, h store.Hold) error {
	defer s.mu.Unlock()
	if err := s.open(ctx); err != nil {
		return err
	}
	h.Until = whole(h.Until)
	s.m.holds[h.Scope] = h
	return nil
}

// Release is described in the contract. An account that the store has never met is another name (a pause names the bridge): any may be meant.
func (s *Memory) Release(ctx context.Context, scope store.Scope, now time.Time) error {
	defer s.mu.Unlock()
	if err := s.open(ctx); err != nil {
		return err
	}
	account := scope.Account
	if !slices.ContainsFunc(s.m.convs, func(c *mConv) bool { return c.in.Account == account }) {
		account = ""
	}
	s.only(account, func() { s.m.release(scope, now) })
	return nil
}

// Moves is described in the contract.
func (s *Memory) Moves(ctx context.Context, of string) (map[string]string, error) {
	defer s.mu.Unlock()
	if err := s.open(ctx); err != nil || of != account {
		return nil, err
	}
	return maps.Clone(s.m.moves), nil
}

// Secret is described in the contract; the same name has the same secret in every Memory.
func (s *Memory) Secret(ctx context.Context, name string) ([]byte, error) {
	defer s.mu.Unlock()
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	secret := sha256.Sum256([]byte(name))
	return secret[:], nil
}

// Writable is described in the contract.
func (s *Memory) Writable(ctx context.Context) error {
	defer s.mu.Unlock()
	return s.open(ctx)
}

// Depth is described in the contract.
func (s *Memory) Depth(ctx context.Context) (store.Depth, error) {
	d := store.Depth{Turns: map[string]int{}, Posts: map[string]int{}}
	defer s.mu.Unlock()
	if err := s.open(ctx); err != nil {
		return d, err
	}
	for _, c := range s.m.convs {
		d.Turns[c.in.Account] += len(c.turns.waits)
		d.Posts[c.in.Account] += len(c.posts.waits)
		for _, i := range slices.Concat(c.turns.waits, c.posts.waits) {
			if d.Oldest.IsZero() || i.at.Before(d.Oldest) {
				d.Oldest = i.at
			}
		}
	}
	d.Dead = len(s.m.dead)
	return d, nil
}

// Places is described in the contract.
func (s *Memory) Places(ctx context.Context, account string, n int) ([]store.Address, error) {
	defer s.mu.Unlock()
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	var places []store.Address
	for _, c := range slices.Backward(s.m.convs) {
		a := store.Address{Account: c.in.Account, Channel: c.in.Channel, Thread: c.in.Thread, Direct: c.in.Direct}
		if c.live && a.Account == account && !slices.Contains(places, a) && len(places) < n {
			places = append(places, a)
		}
	}
	return places, nil
}

// Feed is described in the contract.
func (s *Memory) Feed(ctx context.Context, in store.Address, from store.Identity, after int64, n int) ([]store.Item, error) {
	defer s.mu.Unlock()
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	p := s.m.people[from]
	c := s.m.find(in, p)
	if c == nil || p == nil && ownConversation(in.Memory) {
		return nil, nil
	}
	items := []store.Item{}
	for _, i := range c.feed {
		if i.id = int64(i.seq); i.id > after {
			items = append(items, store.Item{ID: i.id, At: i.at, Body: []byte(i.body)})
		}
	}
	return items[max(0, len(items)-n):], nil
}

// byID finds a conversation that has been handed out.
func (s *kept) byID(id int64) *mConv {
	i := slices.IndexFunc(s.m.convs, func(c *mConv) bool { return c.id == id })
	if i < 0 {
		return nil
	}
	return s.m.convs[i]
}

// Transcript is described in the contract.
func (s *Memory) Transcript(ctx context.Context, conversation int64, n int) ([][]byte, error) {
	defer s.mu.Unlock()
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	var bodies [][]byte
	for _, m := range s.memos {
		if c := m.turn.conv; c.id == conversation && c.generation == m.generation && !m.turn.unsaid {
			bodies = append(bodies, m.body)
		}
	}
	return bodies[max(0, len(bodies)-n):], nil
}

// Dead is described in the contract.
func (s *Memory) Dead(ctx context.Context, before int64, n int) ([]store.Letter, error) {
	defer s.mu.Unlock()
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	var letters []store.Letter
	for _, l := range slices.Backward(s.m.dead) {
		if (before == 0 || l.id < before) && len(letters) < n {
			letters = append(letters, store.Letter{ID: l.id, Post: l.post, Unclear: l.unclear, Reason: s.reasons[l], At: l.at,
				Conversation: s.conversation(l.item.conv, l.item.conv.snapshot()), Attempts: l.item.attempts, Body: []byte(l.item.body)})
		}
	}
	return letters, nil
}

// persons returns everybody once, the last seen first.
func (s *kept) persons() []*mPerson {
	all := s.m.persons()
	slices.SortFunc(all, func(a, b *mPerson) int { return cmp.Or(b.last.Compare(a.last), cmp.Compare(a.seq, b.seq)) })
	return all
}
