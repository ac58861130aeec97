package slack

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// maxWaiting is how many events wait in memory at most; more are not taken, and offered again by Slack.
const maxWaiting = 10_000

// lanes run jobs: those of one lane one after the other, in the order of their times, those of several beside one another. Two sockets
// may tell of two messages in either order; as long as both wait, that does not matter.
type lanes struct {
	log  *slog.Logger
	work sync.WaitGroup // the lanes, and all else that Run must wait for

	mu      sync.Mutex
	queues  map[string][]job
	waiting int
	closed  bool
}

// A job waits in a lane.
type job struct {
	at time.Time
	do func()
}

// spawn runs f beside everything else, unless Run has begun to end.
func (q *lanes) spawn(f func()) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.work.Go(func() { q.safely(f) })
	return true
}

// do has f run behind those of its lane that are about earlier times. It reports false when too much waits, and when Run has begun to end.
func (q *lanes) do(lane string, at time.Time, f func()) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.waiting >= maxWaiting {
		return false
	}
	if q.queues == nil {
		q.queues = map[string][]job{}
	}
	q.waiting++
	jobs := append(q.queues[lane], job{at, f})
	for i := len(jobs) - 1; i > 1 && jobs[i].at.Before(jobs[i-1].at); i-- { // the first one runs already
		jobs[i], jobs[i-1] = jobs[i-1], jobs[i]
	}
	q.queues[lane] = jobs
	if len(jobs) == 1 {
		q.work.Go(func() { q.run(lane) })
	}
	return true
}

func (q *lanes) run(lane string) {
	for f := q.first(lane); f != nil; f = q.next(lane) {
		q.safely(f)
	}
}

func (q *lanes) first(lane string) func() {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.queues[lane][0].do
}

// next takes the job that has run away and returns the one behind it, nil when there is none.
func (q *lanes) next(lane string) func() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting--
	rest := q.queues[lane][1:]
	if len(rest) == 0 {
		delete(q.queues, lane)
		return nil
	}
	q.queues[lane] = rest
	return rest[0].do
}

// safely runs f: one bad message must not end the program. The value of a panic may hold what somebody wrote: it is not logged.
func (q *lanes) safely(f func()) {
	defer func() {
		if v := recover(); v != nil {
			q.log.Error("internal error: please report it", "type", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
		}
	}()
	f()
}

// wait takes nothing more and waits until nothing runs.
func (q *lanes) wait() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.work.Wait()
}
