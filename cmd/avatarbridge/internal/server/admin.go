package server

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"avatarbridge/bridges/relay"
	"avatarbridge/cmd/avatarbridge/internal/wording"
)

// checkTimeout bounds the question to the store in /readyz.
const checkTimeout = 3 * time.Second

// AdminParts is what the operator's server is made of. Status must be set; a nil Handler is 404.
type AdminParts struct {
	Status   func() relay.Status         // must do no I/O
	Writable func(context.Context) error // the store's; nil: only Status is asked
	Metrics  http.Handler                // GET /metrics
	Control  http.Handler                // /admin/
}

// Admin returns the handler of the operator's server. It guards nothing itself: Control has to ask for its token.
func Admin(p AdminParts) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", livez)
	mux.HandleFunc("GET /readyz", p.readyz)
	if p.Metrics != nil {
		mux.Handle("GET /metrics", p.Metrics)
	}
	if p.Control != nil {
		mux.Handle("/admin/", p.Control)
	}
	return headed(mux)
}

// Readiness is the body of /readyz.
type Readiness struct {
	Ready   bool              `json:"ready"`
	Reasons []string          `json:"reasons,omitempty"` // why it is not ready
	Paused  []string          `json:"paused,omitempty"`  // by the operator, which does not make it unready: "everything", a bridge, or a room as bridge/channel
	Bridges []BridgeReadiness `json:"bridges"`
}

// BridgeReadiness is one bridge in /readyz.
type BridgeReadiness struct {
	Name      string     `json:"name"`
	Platform  string     `json:"platform"`
	Connected bool       `json:"connected"`
	Reason    string     `json:"reason,omitempty"`
	Stopped   bool       `json:"stopped,omitempty"`    // it will not try again before a restart
	LastEvent *time.Time `json:"last_event,omitempty"` // missing when none came since the start
}

func (p AdminParts) readyz(w http.ResponseWriter, r *http.Request) {
	ready := readiness(p.Status(), p.writable(r.Context()))
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if !ready.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(ready) // a client that went away needs no answer
}

// writable asks the store itself, since a program that hears nothing writes nothing and would not notice a full disk.
func (p AdminParts) writable(ctx context.Context) error {
	if p.Writable == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return p.Writable(ctx)
}

func readiness(st relay.Status, writable error) Readiness {
	r := Readiness{Bridges: []BridgeReadiness{}}
	for _, target := range st.Paused {
		r.Paused = append(r.Paused, cmp.Or(target, "everything"))
	}
	not := func(reason string) { r.Reasons = append(r.Reasons, reason) }
	if !st.Running {
		not("the relay does not run")
	}
	if st.Store != "" {
		not("the store takes no messages: " + st.Store)
	} else if writable != nil {
		not("the store cannot write: " + writable.Error())
	}
	for _, b := range st.Bridges {
		shown := BridgeReadiness{Name: b.Name, Platform: b.Platform, Connected: b.Connected, Reason: wording.Plain(b.Reason), Stopped: b.Stopped}
		last := "no event since the start"
		if !b.LastEvent.IsZero() {
			at := b.LastEvent.UTC().Truncate(time.Second)
			shown.LastEvent, last = &at, "last event "+at.Format(time.RFC3339)
		}
		r.Bridges = append(r.Bridges, shown)
		if !b.Connected {
			not("bridge " + b.Name + " is not connected (" + last + "): " + reasonOf(b))
		}
	}
	r.Ready = len(r.Reasons) == 0
	return r
}

func reasonOf(b relay.BridgeStatus) string {
	switch {
	case b.Reason == "":
		return "it has not heard from its platform yet"
	case b.Stopped:
		return wording.Plain(b.Reason) + "; it does not try again before a restart"
	}
	return wording.Plain(b.Reason)
}
