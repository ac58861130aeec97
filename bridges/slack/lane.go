package slack

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
)

// maxWaiting is how many events wait in memory at most; more are not taken, and offered again by Slack.
const maxWaiting = 10_000

// lanes run jobs: those of one lane one after the other, in order, those of several beside one another.
type lanes struct {
	log  *slog.Logger
	work sync.WaitGroup // the lanes, and all else that Run must wait for

	mu      sync.Mutex
	queues  map[string][]func()
	waiting int
	closed  bool
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

// do has job run behind those of its lane. It reports false when too much waits, and when Run has begun to end.
func (q *lanes) do(lane string, job func()) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.waiting >= maxWaiting {
		return false
	}
	if q.queues == nil {
		q.queues = map[string][]func(){}
	}
	q.waiting++
	q.queues[lane] = append(q.queues[lane], job)
	if len(q.queues[lane]) == 1 {
		q.work.Go(func() { q.run(lane) })
	}
	return true
}

func (q *lanes) run(lane string) {
	for job := q.first(lane); job != nil; job = q.next(lane) {
		q.safely(job)
	}
}

func (q *lanes) first(lane string) func() {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.queues[lane][0]
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
	return rest[0]
}

// safely runs job: one bad message must not end the program. The value of a panic may hold what somebody wrote: it is not logged.
func (q *lanes) safely(job func()) {
	defer func() {
		if v := recover(); v != nil {
			q.log.Error("internal error: please report it", "type", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
		}
	}()
	job()
}

// wait takes nothing more and waits until nothing runs.
func (q *lanes) wait() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.work.Wait()
}
