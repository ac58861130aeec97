package bridgetest

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// A faultList is what goes wrong on purpose with one kind of calls. An F says what, and which calls it befalls.
type faultList[F any] struct {
	mu   sync.Mutex
	list []*countedFault[F] // the oldest first
}

type countedFault[F any] struct {
	fault F
	left  int // how many calls it still befalls; below 0: all until it is cleared
}

// add appends a fault that befalls so many calls, or, for 0, all until clear takes it away.
func (l *faultList[F]) add(f F, times int) (clear func()) {
	added := &countedFault[F]{f, times}
	if times == 0 {
		added.left = -1
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, added)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.list = slices.DeleteFunc(l.list, func(have *countedFault[F]) bool { return have == added })
	}
}

// clear takes all away.
func (l *faultList[F]) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = nil
}

// first returns the oldest fault that fits a call, which thereby befalls it; nil for none.
func (l *faultList[F]) first(fits func(*F) bool) *F {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.list, func(c *countedFault[F]) bool { return fits(&c.fault) })
	if i < 0 {
		return nil
	}
	c := l.list[i]
	if c.left > 0 {
		if c.left--; c.left == 0 {
			l.list = slices.Delete(l.list, i, i+1)
		}
	}
	f := c.fault
	return &f
}

// A defect is what the faults of all platforms have in common.
type defect struct {
	effect   Effect
	accepted bool
	delay    time.Duration
	code     int
	body     string
}

// An accent is how a platform shows a defect.
type accent struct {
	garbage string // a success that nobody can read
	half    string // the beginning of one
	page    string // of HTML, with a verb for the path
	closed  <-chan struct{}

	throttle, refuse func()
}

// befall has a call processed and answered, with the defect if it is not nil. A call that is not accepted is processed without its effect. It
// returns what process made, and whether the client got that.
func befall[A any](r *http.Request, d *defect, process func(accepted bool) A, answer func(A) bool, show func()) (A, bool) {
	if d == nil {
		a := process(true)
		return a, answer(a)
	}
	if !pause(r, d.delay) {
		return process(false), false
	}
	if d.effect == Slow {
		a := process(true)
		return a, answer(a)
	}
	a := process(d.accepted)
	show()
	return a, false
}

// show answers as the defect wants it.
func (d *defect) show(w http.ResponseWriter, r *http.Request, in accent) {
	switch d.effect {
	case Cut:
		cut(w)
	case Stall:
		select {
		case <-r.Context().Done():
		case <-in.closed:
		}
		cut(w)
	case Garbage:
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, in.garbage)
	case Half:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, in.half)
		_ = http.NewResponseController(w).Flush()
		cut(w)
	case Throttle:
		in.throttle()
	case Refuse:
		in.refuse()
	case HTML:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(orElse(d.code, http.StatusBadGateway))
		_, _ = fmt.Fprintf(w, in.page, r.URL.Path)
	default:
		w.WriteHeader(orElse(d.code, http.StatusInternalServerError))
		_, _ = io.WriteString(w, d.body)
	}
}

// pause waits; false means that the client has gone.
func pause(r *http.Request, d time.Duration) bool {
	return d <= 0 || sleep(r.Context(), d)
}

func orElse(n, other int) int {
	if n == 0 {
		return other
	}
	return n
}

// cut closes the connection of a request without an answer.
func cut(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}
