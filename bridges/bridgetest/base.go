package bridgetest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"avatarbridge/bridges"
)

// A simulator is what a base needs of one.
type simulator interface {
	WaitFor(ctx context.Context, done func() bool) error
	Offline()
	Online() error
}

// base is what the platforms of all harnesses have in common.
type base struct {
	t   *testing.T
	sim simulator
	now atomic.Pointer[bridges.Bridge] // the bridge that was made last
}

// made notes that b was made, and returns it.
func (p *base) made(b bridges.Bridge) bridges.Bridge {
	p.now.Store(&b)
	return b
}

// serve serves a bridge that implements bridges.Webhook, whichever there is, and returns the server's URL. closes ends the simulator.
func (p *base) serve(closes func()) (url string) {
	srv := httptest.NewServer(http.HandlerFunc(p.pushed))
	p.t.Cleanup(func() {
		closes() // first, so that no delivery is under way
		srv.Close()
	})
	return srv.URL
}

func (p *base) pushed(w http.ResponseWriter, r *http.Request) {
	if b := p.now.Load(); b != nil {
		if hook, ok := (*b).(bridges.Webhook); ok {
			hook.Handler().ServeHTTP(w, r)
			return
		}
	}
	w.WriteHeader(http.StatusServiceUnavailable)
}

// WaitFor implements Platform.
func (p *base) WaitFor(ctx context.Context, done func() bool) error { return p.sim.WaitFor(ctx, done) }

// Offline implements Platform.
func (p *base) Offline() { p.sim.Offline() }

// Online implements Platform.
func (p *base) Online() {
	if err := p.sim.Online(); err != nil {
		p.t.Errorf("bring the platform back: %v", err)
	}
}

// effect is what a trouble does to a request, and whether that is accepted before. Blocked does nothing to requests.
func (k Trouble) effect() (e Effect, accepted bool) {
	switch k {
	case Throttling:
		return Throttle, false
	case FormRefused:
		return Refuse, false
	case LostAnswer:
		return Cut, true
	case LostRequest:
		return Cut, false
	case SilentServer:
		return Stall, false
	case GarbageAnswer:
		return Garbage, true
	case HalfAnswer:
		return Half, true
	}
	return HTML, false
}
