package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"avatarbridge/store"
)

// A model is the contract in memory, with nothing but slices. It knows no uids: it learns each when it first sees it and holds the store
// to it from then on.
type model struct {
	keys     map[string]time.Time // account and event key to when it was noted
	people   map[store.Identity]*mPerson
	convs    []*mConv
	memories []*mMemory
	dead     []*mLetter // oldest first
	counters map[string]*mCounter
	notices  map[string]*mNotice
	holds    map[store.Scope]store.Hold
	moves    map[string]string
	cursor   string
	seq      int // places in lanes, and ages
	uids     map[string]bool
	postIDs  map[int64]*mItem
	feedIDs  map[int64]bool
	sent     []*mItem          // posts that were sent with an id
	answered map[string]*mItem // turns that are over, by id
}

type mPerson struct {
	uid        string
	seq        int
	name       string
	last       time.Time
	identities []store.Identity
}

type mMemory struct {
	seq             int
	uid             string
	channel, thread string
	kind            store.Memory
	person          *mPerson
}

type mConv struct {
	seq        int
	id         int64
	uid        *string // of this generation
	generation int
	in         store.Address
	person     *mPerson // nil: shared
	memory     *mMemory // nil: the person's own
	prefaced   bool
	live       bool
	replies    map[string]time.Time
	forgotten  []string // ids of turns of forgotten people in this generation
	turns      mLane
	posts      mLane
	feed       []*mFeed
}

// An mLane is one lane; what is claimed may have left it already.
type mLane struct {
	waits   []*mItem
	claimed *mItem
}

// An mItem is a turn or a post.
type mItem struct {
	conv     *mConv
	person   *mPerson
	pos      int
	body     string
	due      *time.Time // of a head; nil: it has or had a predecessor
	attempts int
	tried    time.Time
	revived  bool // a turn
	at       time.Time
	key, id  string // of a turn
	row      int64
	handed   bool
	fresh    bool     // of a claimed turn: it was not handed before
	then     snapshot // when it was handed out
	gone     bool     // forgotten while claimed
	draft    string   // of a turn
	unsaid   bool     // a turn
	awaits   bool     // a turn, for a reply
	renewed  bool     // a turn, asked anew
	turn     *mItem   // what a post answers
	turnID   string
	reply    int
	unclear  bool
	sentID   string
	unsay    func(string) []byte // of a post being sent: its turn, asked, was unsaid
	asked    *mItem
}

type mLetter struct {
	item    *mItem
	post    bool
	unclear bool
	at      time.Time
	id      int64
}

type mCounter struct {
	opened time.Time
	every  time.Duration
	n      int
}

type mNotice struct {
	said  time.Time
	every time.Duration
}

func newModel() *model {
	return &model{
		keys: map[string]time.Time{}, people: map[store.Identity]*mPerson{}, counters: map[string]*mCounter{}, notices: map[string]*mNotice{},
		holds: map[store.Scope]store.Hold{}, moves: map[string]string{}, uids: map[string]bool{}, postIDs: map[int64]*mItem{}, feedIDs: map[int64]bool{}, answered: map[string]*mItem{},
	}
}

func (m *model) next() int { m.seq++; return m.seq }

func (m *model) person(from store.Identity, name string, now time.Time) *mPerson {
	p := m.people[from]
	if p == nil {
		p = &mPerson{seq: m.next(), identities: []store.Identity{from}}
		m.people[from] = p
	}
	if name != "" {
		p.name = name
	}
	if now.After(p.last) {
		p.last = now
	}
	return p
}

func ownConversation(k store.Memory) bool { return k == store.MemoryPerson || k == store.MemoryMember }

// newest is the address with the id that its channel has now.
func (m *model) newest(in store.Address) store.Address {
	if to, moved := m.moves[in.Channel]; moved {
		in.Channel = to
	}
	return in
}

func (m *model) find(in store.Address, p *mPerson) *mConv {
	in.Direct = false
	for _, c := range m.convs {
		at := c.in
		at.Direct = false
		if c.live && at == in && (c.person == p || !ownConversation(in.Memory)) {
			return c
		}
	}
	return nil
}

func (m *model) conv(in store.Address, p *mPerson) *mConv {
	in = m.newest(in)
	if c := m.find(in, p); c != nil {
		return c
	}
	c := &mConv{seq: m.next(), uid: new(string), generation: 1, in: in, live: true, replies: map[string]time.Time{}}
	if ownConversation(in.Memory) {
		c.person = p
	}
	if in.Memory != store.MemoryPerson {
		c.memory = m.memory(in, p)
	}
	m.convs = append(m.convs, c)
	return c
}

func (m *model) memory(in store.Address, p *mPerson) *mMemory {
	want := mMemory{channel: in.Channel, kind: in.Memory}
	switch in.Memory {
	case store.MemoryMember:
		want.person = p
	case store.MemoryThread:
		want.thread = in.Thread
	}
	for _, have := range m.memories {
		if have.channel == want.channel && have.kind == want.kind && have.thread == want.thread && have.person == want.person {
			return have
		}
	}
	want.seq = m.next()
	m.memories = append(m.memories, &want)
	return &want
}

// learn holds the store to a uid that stands for one thing for ever.
func (m *model) learn(known *string, got string) error {
	if *known == "" && got != "" && !m.uids[got] {
		*known, m.uids[got] = got, true
	}
	if got == "" || *known != got {
		return fmt.Errorf("uid %q, known as %q, seen before: %v", got, *known, m.uids[got])
	}
	return nil
}

// A snapshot is a conversation at the moment at which something of it was handed out.
type snapshot struct {
	generation  int
	in          store.Address
	uid, memory *string
}

func (c *mConv) snapshot() snapshot {
	s := snapshot{generation: c.generation, in: c.in, uid: c.uid}
	if c.memory != nil {
		s.memory = &c.memory.uid
	} else {
		s.memory = &c.person.uid
	}
	return s
}

// isConv compares a conversation that the store has returned with c as it was then.
func (m *model) isConv(got store.Conversation, c *mConv, then snapshot) error {
	if got.Generation != then.generation || got.Address != then.in {
		return fmt.Errorf("conversation %+v, want generation %d at %+v", got, then.generation, then.in)
	}
	for _, o := range m.convs {
		if o.id == got.ID && o != c {
			return fmt.Errorf("two conversations have the id %d", got.ID)
		}
	}
	if c.id == 0 {
		c.id = got.ID
	}
	if c.id != got.ID {
		return fmt.Errorf("conversation %d, want %d", got.ID, c.id)
	}
	if err := m.learn(then.uid, got.UID); err != nil {
		return err
	}
	return m.learn(then.memory, got.MemoryUID)
}

// offer claims the head if it is due and there is room; waits says that it is due and there is none.
func (l *mLane) offer(now time.Time, room bool) (claimed *mItem, waits bool) {
	if l.claimed != nil || len(l.waits) == 0 {
		return nil, false
	}
	head := l.waits[0]
	if head.due != nil && head.due.After(now) {
		return nil, false
	}
	if !room {
		if head.due == nil {
			head.due = &now
		}
		return nil, true
	}
	l.hand(head)
	return head, false
}

func (l *mLane) hand(head *mItem) {
	l.claimed = head
	head.due, head.fresh, head.handed, head.then = nil, !head.handed, true, head.conv.snapshot()
}

// leave takes an item out of the lane; its claim stays.
func (l *mLane) leave(i *mItem) bool {
	at := slices.Index(l.waits, i)
	if at < 0 {
		return false
	}
	l.waits = slices.Delete(l.waits, at, at+1)
	return true
}

// add appends an item.
func (l *mLane) add(i *mItem) { l.waits = append(l.waits, i) }

// due returns the heads that nobody has claimed, the oldest due first.
func dueHeads(convs []*mConv, lane func(*mConv) *mLane) []*mItem {
	var heads []*mItem
	for _, c := range convs {
		if l := lane(c); l.claimed == nil && len(l.waits) > 0 {
			heads = append(heads, l.waits[0])
		}
	}
	slices.SortFunc(heads, func(a, b *mItem) int {
		return cmp.Or(a.due.Compare(*b.due), cmp.Compare(a.pos, b.pos))
	})
	return heads
}

func turnsOf(c *mConv) *mLane { return &c.turns }
func postsOf(c *mConv) *mLane { return &c.posts }

// crash gives all claims back: every head is due. What was being sent is unclear.
func (m *model) crash() {
	at := time.UnixMicro(0)
	for _, c := range m.convs {
		if p := c.posts.claimed; p != nil && !p.gone {
			p.unclear = true
		}
		for _, l := range []*mLane{&c.turns, &c.posts} {
			claimed := l.claimed
			l.claimed = nil
			if len(l.waits) > 0 && (!l.waits[0].awaits || l.waits[0] == claimed) {
				l.waits[0].due = &at
			}
		}
	}
}
