package sqlite

import (
	"avatarbridge/store"
)

// cached bounds each of the caches' two generations.
const cached = 1024

// A core is what the writer's goroutine alone touches: the connection, the claims and the caches. Each method runs inside the writer's
// transaction.
type core struct {
	*conn
	newID func() string

	maxPages, reserve  int64  // see Config; 0: no limit
	blind              []byte // see blinding; nil: nobody was forgotten
	turns, posts       claims
	nextTurn, nextPost int64                 // ids and places in lanes; gaps are harmless
	moved              map[oldChannel]string // to the newest id
	names              map[string]int64
	texts              map[int64]string

	people        *cache[store.Identity, *person]
	conversations *cache[address, *conversation]
	byID          *cache[int64, *conversation]
	counters      *cache[counterKey, counter]

	cursors map[int64]position // moved by the group under way
	changed map[counterKey]counter
	undo    []func()
}

// An oldChannel is the id that a channel of an account had before it moved.
type oldChannel struct{ account, channel string }

type position struct {
	position string
	moved    int64
}

func newCore(c *conn, newID func() string) *core {
	return &core{
		conn: c, newID: newID,
		turns: newClaims(), posts: newClaims(),
		names: map[string]int64{}, texts: map[int64]string{},
		people:        newCache[store.Identity, *person](cached),
		conversations: newCache[address, *conversation](cached),
		byID:          newCache[int64, *conversation](cached),
		counters:      newCache[counterKey, counter](cached),
		cursors:       map[int64]position{}, changed: map[counterKey]counter{},
	}
}

// load reads what lives in memory and makes every head due.
func (c *core) load() error {
	rows, err := c.all("SELECT id, text FROM name")
	if err != nil {
		return err
	}
	for _, r := range rows {
		c.names[r.text(1)], c.texts[r.int(0)] = r.int(0), r.text(1)
	}
	// A memo of a turn that was purged must not come to name another one.
	if c.nextTurn, err = c.next(`SELECT max(ifnull((SELECT max(row) FROM turn), 0), ifnull((SELECT max(pos) FROM turn WHERE state = 0), 0),
		ifnull((SELECT max(turn) FROM (SELECT turn FROM memo ORDER BY id DESC LIMIT 1000)), 0))`); err != nil {
		return err
	}
	if c.nextPost, err = c.next(`SELECT max(ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'post'), 0),
		ifnull((SELECT max(pos) FROM post WHERE state = 0), 0))`); err != nil {
		return err
	}
	for _, q := range []string{
		"UPDATE post SET sending = 0, unclear = 1 WHERE state = 0 AND sending = 1",
		"UPDATE turn SET due = 0 WHERE state = 0 AND due IS NOT 0 AND (awaits = 0 OR due IS NULL) AND pos = (SELECT min(pos) FROM turn t WHERE t.conversation = turn.conversation AND t.state = 0)",
		"UPDATE post SET due = 0 WHERE state = 0 AND due IS NOT 0 AND pos = (SELECT min(pos) FROM post p WHERE p.conversation = post.conversation AND p.state = 0)",
	} {
		if _, err := c.exec(q); err != nil {
			return err
		}
	}
	if err := c.loadMoves(); err != nil {
		return err
	}
	return c.loadBlinding()
}

func (c *core) next(query string) (int64, error) {
	r, err := c.one(query)
	if err != nil {
		return 0, err
	}
	return r.int(0) + 1, nil
}

// number returns the number of an account or an avatar, giving it one the first time.
func (c *core) number(text string) (int64, error) {
	if n, ok := c.names[text]; ok {
		return n, nil
	}
	if _, err := c.exec("INSERT INTO name (text) VALUES (?)", text); err != nil {
		return 0, err
	}
	r, err := c.one("SELECT id FROM name WHERE text = ?", text)
	if err != nil {
		return 0, err
	}
	n := r.int(0)
	c.names[text], c.texts[n] = n, text
	c.later(func() { delete(c.names, text); delete(c.texts, n) })
	return n, nil
}

// A claim is a head that was handed out.
type claim struct {
	row          int64 // a turn's row or a post's id
	conversation int64
	id           string                   // a turn's
	generation   int                      // of the conversation when the turn was handed out
	person       int64                    // whose turn it is; of a post: known when it is unsaid
	revived      bool                     // a turn that was finished before
	fresh        bool                     // a turn that was never handed out before, or never asked
	gone         bool                     // the row was forgotten; the claim still keeps the lane from being worked on twice
	unsay        func(sent string) []byte // of the Edit that has unsaid it meanwhile; nil: none has
}

// claims are those of one lane of each conversation.
type claims struct {
	lane map[int64]*claim // by conversation
	row  map[int64]*claim
	// behind is how many rows wait in a lane, with the one that is claimed, as far as it is known. It may be too high, never too low: what adds a
	// row must tell it, and it saves looking into a lane that is empty.
	behind *cache[int64, int]
}

func newClaims() claims {
	return claims{lane: map[int64]*claim{}, row: map[int64]*claim{}, behind: newCache[int64, int](cached)}
}

// empty says whether it is known that the conversation's lane is empty.
func (in *claims) empty(conversation int64) bool {
	n, known := in.behind.get(conversation)
	return known && n == 0
}

// change notes that so many rows came into the lane, or left it.
func (in *claims) change(conversation int64, by int) {
	if n, known := in.behind.get(conversation); known {
		in.behind.put(conversation, n+by)
	}
}

func (c *core) claim(in *claims, cl *claim) {
	in.lane[cl.conversation], in.row[cl.row] = cl, cl
	c.later(func() { delete(in.lane, cl.conversation); delete(in.row, cl.row) })
}

func (c *core) giveBack(in *claims, cl *claim) {
	delete(in.lane, cl.conversation)
	delete(in.row, cl.row)
	c.later(func() { in.lane[cl.conversation], in.row[cl.row] = cl, cl })
}
