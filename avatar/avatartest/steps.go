package avatartest

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// A Step is something that a simulated service does on its way. Its text is what stands in reports.
type Step string

// The steps. Those of a call that arrives happen after its body was read and noted, and before anything was done for it: a fault can be armed
// there. Those of an answer happen only if no fault replaced it: they are counted just before it leaves, so that who has the answer finds it
// counted, and told to the hook once its last byte was handed to the operating system.
const (
	TokenAsked     Step = "token asked"
	TokenAnswered  Step = "token answered"
	TokenRefused   Step = "token refused" // a runner answered 401: the token was forged, revoked, expired, or for another runner
	CoresAsked     Step = "cores asked"
	ModelAsked     Step = "model asked"
	PromptReceived Step = "prompt received"
	PromptAnswered Step = "prompt answered"
	VoiceAsked     Step = "voice asked"
	VoiceAnswered  Step = "voice answered"

	TurnReceived     Step = "turn received"
	TurnAnswered     Step = "turn answered"
	CallbackPosted   Step = "callback posted"   // the request is about to be sent
	CallbackAnswered Step = "callback answered" // some answer to it came
)

// Heard is what a service was told in one call, in words that all services share. What the wire does not carry is "".
type Heard struct {
	ID       string // of the turn, the same when it is repeated
	Memory   string // what the service files the person's memory under
	UserName string
	Text     string
	Callback string // where later replies may be posted
	Fault    string // the name of the fault that the call met
}

// Steps counts steps and lets tests wait for them. The zero value is ready; it may be used by several goroutines.
type Steps struct {
	mu      sync.Mutex
	counts  map[Step]int
	waiters []waiter
	hook    func(Step, Heard)
}

type waiter struct {
	step Step
	n    int
	done chan struct{}
}

// Count says how often the step happened.
func (s *Steps) Count(step Step) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[step]
}

// Await returns once the step happened n times in all, or with an error that says how often it did when ctx ends.
func (s *Steps) Await(ctx context.Context, step Step, n int) error {
	s.mu.Lock()
	if s.counts[step] >= n {
		s.mu.Unlock()
		return nil
	}
	w := waiter{step: step, n: n, done: make(chan struct{})}
	s.waiters = append(s.waiters, w)
	s.mu.Unlock()
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		s.forget(w)
		return fmt.Errorf("%q happened %d times, waited for %d: %w", step, s.Count(step), n, ctx.Err())
	}
}

func (s *Steps) forget(w waiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.waiters {
		if s.waiters[i].done == w.done {
			s.waiters = append(s.waiters[:i], s.waiters[i+1:]...)
			return
		}
	}
}

// OnStep sets the hook that is called at each step, synchronously and in the goroutine of the call, before the service goes on. It
// may be called by several goroutines at once. Nil takes the hook away.
func (s *Steps) OnStep(hook func(Step, Heard)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook = hook
}

// step counts a step and then tells the hook.
func (s *Steps) step(step Step, h Heard) {
	s.count(step)
	s.tell(step, h)
}

// answering counts a step of an answer, writes it, and then tells the hook.
func (s *Steps) answering(step Step, h Heard, write func()) {
	s.count(step)
	write()
	s.tell(step, h)
}

func (s *Steps) tell(step Step, h Heard) {
	s.mu.Lock()
	hook := s.hook
	s.mu.Unlock()
	if hook != nil {
		hook(step, h)
	}
}

// count counts a step and wakes who waits for it.
func (s *Steps) count(step Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts == nil {
		s.counts = make(map[Step]int)
	}
	s.counts[step]++
	left := s.waiters[:0]
	for _, w := range s.waiters {
		if w.step == step && s.counts[step] >= w.n {
			close(w.done)
			continue
		}
		left = append(left, w)
	}
	clear(s.waiters[len(left):])
	s.waiters = left
}

// A record keeps the first items that it is given, up to its bound.
type record[T any] struct {
	mu    sync.Mutex
	items []T
	max   int
}

// defaultKeep is how many calls of a kind a simulator remembers unless told otherwise.
const defaultKeep = 200_000

func newRecord[T any](keep int) *record[T] {
	if keep == 0 {
		keep = defaultKeep
	}
	return &record[T]{max: keep}
}

func (l *record[T]) add(v T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.items) < l.max {
		l.items = append(l.items, v)
	}
}

func (l *record[T]) all() []T {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]T(nil), l.items...)
}

func clockOr(now func() time.Time) func() time.Time {
	if now == nil {
		return time.Now
	}
	return now
}
