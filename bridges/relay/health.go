package relay

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"avatarbridge/store"
)

// health remembers whether the store takes messages. It asks the store itself only while it does not, so an idle program does nothing.
type health struct {
	bad    atomic.Bool // reason is set
	mu     sync.Mutex
	reason string
	failed chan struct{}
}

// works notes that the store takes what is new. Only intake and the probe may say so: a store without room for that can still settle
// what it has.
func (h *health) works() {
	if !h.bad.Load() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reason = ""
	h.bad.Store(false)
}

// report notes that a verb of the store failed, if it did.
func (h *health) report(err error) {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.bad.Store(true)
	h.reason = err.Error()
	select {
	case h.signal() <- struct{}{}:
	default:
	}
}

func (h *health) signal() chan struct{} {
	if h.failed == nil {
		h.failed = make(chan struct{}, 1)
	}
	return h.failed
}

func (h *health) why() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.reason
}

// probe writes to a store that failed until it works again: with intake stopped nobody else might.
func (h *health) probe(ctx context.Context, st store.Store) {
	h.mu.Lock()
	failed := h.signal()
	h.mu.Unlock()
	for {
		select {
		case <-ctx.Done():
			return
		case <-failed:
		}
		for h.why() != "" && sleep(ctx, time.Second) {
			if err := st.Writable(ctx); err != nil {
				h.report(err)
			} else {
				h.works()
			}
		}
	}
}

// Status is the state of a Relay.
type Status struct {
	Running bool
	Store   string // why the store takes no messages, "" when it does
	Bridges []BridgeStatus
	Paused  []string // targets of Pause, "" being everything
}

// BridgeStatus is the state of one bridge.
type BridgeStatus struct {
	Name      string
	Platform  string
	Account   string // "" until the bridge knows it
	Connected bool
	Reason    string    // why it is not connected; "" when it is
	Stopped   bool      // it will not try again before a restart
	LastEvent time.Time // when the last event came, the zero time for none since the start
}

// Status says how the relay is. It does no I/O.
func (r *Relay) Status() Status {
	s := Status{Running: r.key.Load() != nil && !r.isStopping(), Store: r.health.why(), Paused: r.holds.paused()}
	for _, l := range r.lines {
		s.Bridges = append(s.Bridges, l.status())
	}
	return s
}
