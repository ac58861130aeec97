// Package relay is the life of a message: receive, ask, say, post.
package relay

import (
	"context"
	"net/http"
	"time"
)

// A Relay runs the bridges and avatars of a Config.
type Relay struct{}

// New checks cfg and does no I/O.
func New(cfg Config) (*Relay, error) { return &Relay{}, nil }

// Run runs all bridges until ctx ends, then stops intake, waits for calls under way for at most Config.Grace, gives back what is not
// finished, and returns nil. A bridge that cannot go on does not end Run: Status says why. The error is the store's.
func (r *Relay) Run(ctx context.Context) error { return nil }

// Pause stops asking and posting, durably, within two seconds: everything for target "", one bridge for its name, one channel of it for
// "bridge/channel". Messages are still taken. An unknown bridge is an error.
func (r *Relay) Pause(ctx context.Context, target string) error { return nil }

// Resume ends a pause of exactly this target, which is no error when there is none.
func (r *Relay) Resume(ctx context.Context, target string) error { return nil }

// Wake makes the relay look for work that another path put into the store (dead letters put back).
func (r *Relay) Wake() {}

// Status says how the relay is. It does no I/O.
func (r *Relay) Status() Status { return Status{} }

// Callback serves /avatars/{name}/callback/{token}, reading both path values. It answers 404 for an unknown avatar, one that hears no
// callbacks, and a token that is not genuine or of an older generation; 503 before Run has started.
func (r *Relay) Callback() http.Handler { return http.NotFoundHandler() }

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
