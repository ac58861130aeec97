package bridgetest

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"slices"
	"sort"
	"sync"
	"time"
)

// futureSlack is how far above the last update an offset may be; a higher one counts as a position in a sequence that is over.
const futureSlack = 10

// optional updates come only when they are asked for by name.
var optionalUpdates = []string{"chat_member", "message_reaction", "message_reaction_count"}

type update struct {
	id  int64
	raw []byte
}

// updateQueue is a bot's updates that were not confirmed yet.
type updateQueue struct {
	mu      sync.Mutex
	next    int64         // the next update's id
	pending []update      // ascending ids
	allowed []string      // nil: all but optionalUpdates
	waiting *poll         // the long poll that waits
	polls   int           // long polls that have waited so far
	wake    chan struct{} // for the webhook: holds a token when there is something new
	webhook bool          // a webhook is set

	lastOffset   int64 // for SpinGuard
	lastPoll     time.Time
	lastConflict time.Time
}

// Polling returns how many long polls of the bot have begun to wait so far. WaitFor notices a change.
func (t *Telegram) Polling(b *Bot) int {
	b.queue.mu.Lock()
	defer b.queue.mu.Unlock()
	return b.queue.polls
}

// poll is a getUpdates that waits; exactly one value is sent.
type poll struct{ done chan string } // "" when there are updates, else the conflict

func (q *updateQueue) init() {
	q.next = 500_000_000 + rand.Int64N(500_000_000)
	q.wake = make(chan struct{}, 1)
}

// push queues an update of the kind, built with its id, and returns the id; 0 when the bot does not want the kind.
func (q *updateQueue) push(kind string, build func(id int64) []byte) int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	if kind != "" && !q.wants(kind) {
		return 0
	}
	id := q.next
	q.next++
	q.pending = append(q.pending, update{id, build(id)})
	if q.waiting != nil {
		q.waiting.done <- ""
		q.waiting = nil
	}
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return id
}

func (q *updateQueue) wants(kind string) bool {
	if len(q.allowed) == 0 {
		return !slices.Contains(optionalUpdates, kind)
	}
	return slices.Contains(q.allowed, kind)
}

// confirm forgets what the offset confirms and returns the ids.
func (q *updateQueue) confirm(offset int64) []int64 {
	var n int
	switch {
	case offset == 0 || offset > q.next+futureSlack:
		return nil
	case offset < 0:
		n = max(0, len(q.pending)+int(offset))
	default:
		n = sort.Search(len(q.pending), func(i int) bool { return q.pending[i].id >= offset })
	}
	return q.forget(n)
}

// forget drops the first n updates and returns their ids.
func (q *updateQueue) forget(n int) []int64 {
	if n == 0 {
		return nil
	}
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = q.pending[i].id
		q.pending[i].raw = nil
	}
	if q.pending = q.pending[n:]; len(q.pending) == 0 {
		q.pending = nil
	}
	return ids
}

// Pending returns the ids of the bot's updates that nobody has confirmed.
func (b *Bot) Pending() []int64 {
	b.queue.mu.Lock()
	defer b.queue.mu.Unlock()
	ids := make([]int64, len(b.queue.pending))
	for i, u := range b.queue.pending {
		ids[i] = u.id
	}
	return ids
}

// RestartUpdateIDs makes the bot's next update have a random lower id, as after a week without updates. Updates that were not
// confirmed by then are gone: Telegram keeps them for a day.
func (b *Bot) RestartUpdateIDs() {
	b.queue.mu.Lock()
	defer b.queue.mu.Unlock()
	b.queue.pending = nil
	b.queue.next = b.queue.next/4 + rand.Int64N(b.queue.next/4)
}

// getUpdates is the method of that name.
func (t *Telegram) getUpdates(r *http.Request, bot *Bot, p params) *answer {
	q := &bot.queue
	offset := int64(p.number("offset", 0, -1<<31, 1<<31-1))
	limit := p.number("limit", 100, 1, 100)
	wait := time.Duration(p.number("timeout", 0, 0, 50)) * time.Second
	q.mu.Lock()
	if q.webhook {
		q.mu.Unlock()
		return failure(http.StatusConflict,
			"Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first")
	}
	if items, ok := p.list("allowed_updates"); ok {
		q.allowed = items
	}
	if t.opt.SpinGuard {
		limit, wait = q.brake(offset, limit, wait)
	}
	confirmed := q.confirm(offset)
	if offset < 0 {
		offset = 0 // what is left now counts from the head, also after waiting
	}
	q.mu.Unlock()
	if len(confirmed) > 0 {
		t.log.signal()
		t.steps.call(Step{Name: OffsetConfirmed, Method: "getupdates", Bot: bot, Updates: confirmed})
	}
	return t.awaitUpdates(r.Context(), q, offset, limit, wait)
}

// brake slows down a client that asks for the same again and again.
func (q *updateQueue) brake(offset int64, limit int, wait time.Duration) (int, time.Duration) {
	now := time.Now()
	if offset == q.lastOffset && now.Before(q.lastPoll.Add(3*time.Second)) {
		wait = max(wait, 3*time.Second)
		if now.Before(q.lastPoll.Add(time.Second / 2)) {
			limit = 1
		}
	}
	q.lastOffset, q.lastPoll = offset, now
	return limit, wait
}

// awaitUpdates answers with what is there, or waits once.
func (t *Telegram) awaitUpdates(ctx context.Context, q *updateQueue, offset int64, limit int, wait time.Duration) *answer {
	q.mu.Lock()
	if len(q.pending) > 0 || wait == 0 {
		defer q.mu.Unlock()
		return q.batch(limit)
	}
	late := q.conflict("Conflict: terminated by other getUpdates request; make sure that only one bot instance is running", t.opt.SpinGuard)
	me := &poll{done: make(chan string, 1)}
	q.waiting = me
	q.polls++
	q.mu.Unlock()
	t.log.signal()
	if late != nil {
		defer late()
	}

	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case conflict := <-me.done:
		if conflict != "" {
			return failure(http.StatusConflict, conflict)
		}
	case <-timer.C:
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiting == me {
		q.waiting = nil
	}
	if ctx.Err() != nil { // the client has gone: nothing is handed out
		return failure(http.StatusInternalServerError, "Internal Server Error: restart")
	}
	q.confirm(offset)
	return q.batch(limit)
}

// conflict ends the long poll that waits. With guard, a conflict soon after another one is told late: then it returns a function that
// stops the clock.
func (q *updateQueue) conflict(text string, guard bool) (stop func()) {
	old := q.waiting
	if old == nil {
		return nil
	}
	q.waiting = nil
	now := time.Now()
	if guard && now.Before(q.lastConflict.Add(3*time.Second)) {
		timer := time.AfterFunc(3*time.Second, func() { old.done <- text })
		return func() {
			if timer.Stop() {
				old.done <- text
			}
		}
	}
	q.lastConflict = now
	old.done <- text
	return nil
}

// batch is the answer with the first updates that are pending.
func (q *updateQueue) batch(limit int) *answer {
	list := q.pending[:min(limit, len(q.pending))]
	size := 2
	for _, u := range list {
		size += len(u.raw) + 1
	}
	raw := append(make([]byte, 0, size), '[')
	ids := make([]int64, len(list))
	for i, u := range list {
		if i > 0 {
			raw = append(raw, ',')
		}
		raw = append(raw, u.raw...)
		ids[i] = u.id
	}
	a := goodRaw(append(raw, ']'), "")
	a.handed = ids
	return a
}

// updateJSON puts an update together.
func updateJSON(id int64, kind string, content any) []byte {
	body, err := json.Marshal(map[string]any{"update_id": id, kind: content})
	if err != nil {
		return []byte("{}") // cannot happen: content is one of the wire types
	}
	return body
}
