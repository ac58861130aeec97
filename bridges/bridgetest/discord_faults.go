package bridgetest

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// DiscordFault is something that goes wrong on purpose with requests. Effects are those of Telegram's Fault, with Discord's answers.
type DiscordFault struct {
	Route   string // RouteCreateMessage; "" for every route
	Channel string // id; "" for every channel
	Times   int    // how many requests it befalls; 0 until it is cleared
	Effect  Effect

	// Accepted says that the request has its effect before the fault shows: the message is posted and the answer is lost.
	Accepted   bool
	Delay      time.Duration
	Code       int           // the HTTP status of Status, HTML and Refuse
	Error      int           // Refuse: the JSON error code
	Body       string        // Status: the body; Refuse: the message
	RetryAfter time.Duration // Throttle
	Scope      string        // Throttle: "user" (when empty), "global", "shared"
}

// discordTarget says which request a fault may befall.
type discordTarget struct {
	route   string
	channel string
}

type discordFaults struct {
	mu   sync.Mutex
	list []*DiscordFault
}

// Break adds a fault; of several that fit a request the oldest works. The returned function takes it away, also before its Times are
// used up.
func (d *Discord) Break(f DiscordFault) (clear func()) {
	if f.Times == 0 {
		f.Times = -1
	}
	d.faults.mu.Lock()
	defer d.faults.mu.Unlock()
	d.faults.list = append(d.faults.list, &f)
	return func() {
		d.faults.mu.Lock()
		defer d.faults.mu.Unlock()
		d.faults.list = slices.DeleteFunc(d.faults.list, func(have *DiscordFault) bool { return have == &f })
	}
}

// ClearFaults takes all faults of requests and of new gateway connections away. What one holds up goes on being held up.
func (d *Discord) ClearFaults() {
	d.faults.mu.Lock()
	d.faults.list = nil
	d.faults.mu.Unlock()
	d.wires.mu.Lock()
	d.wires.list = nil
	d.wires.mu.Unlock()
}

// take returns the fault that befalls a request, nil for none.
func (ft *discordFaults) take(to discordTarget) *DiscordFault {
	ft.mu.Lock()
	defer ft.mu.Unlock()
	for i, f := range ft.list {
		if f.Route != "" && f.Route != to.route || f.Channel != "" && f.Channel != to.channel {
			continue
		}
		now := *f
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				ft.list = slices.Delete(ft.list, i, i+1)
			}
		}
		return &now
	}
	return nil
}

// through has a request processed, or only written down, and answers it with the fault that befalls it. It returns the answer, nil when
// the request was not processed, and whether the client got it.
func (ft *discordFaults) through(d *Discord, w http.ResponseWriter, r *http.Request, to discordTarget,
	process func(accepted bool) *discordAnswer) (*discordAnswer, bool) {
	f := ft.take(to)
	if f == nil {
		a := process(true)
		return a, d.answer(w, a)
	}
	if !pause(r, f.Delay) {
		return process(false), false
	}
	if f.Effect == Slow {
		a := process(true)
		return a, d.answer(w, a)
	}
	a := process(f.Accepted)
	f.show(d, w, r)
	return a, false
}

// show answers as the fault wants it.
func (f *DiscordFault) show(d *Discord, w http.ResponseWriter, r *http.Request) {
	switch f.Effect {
	case Cut:
		cut(w)
	case Stall:
		select {
		case <-r.Context().Done():
		case <-d.ctx.Done():
		}
		cut(w)
	case Garbage:
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"id":7,"channel_id":`))
	case Half:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte(`{"id":"11`))
		_ = http.NewResponseController(w).Flush()
		cut(w)
	case Throttle:
		scope := f.Scope
		if scope == "" {
			scope = "user"
		}
		d.answer(w, tooManyRequests(scope, max(f.RetryAfter, time.Millisecond)))
	case Refuse:
		d.answer(w, dFailure(orElse(f.Code, http.StatusBadRequest), f.Error, f.Body))
	case HTML:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(orElse(f.Code, http.StatusBadGateway))
		_, _ = fmt.Fprintf(w, "<html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1>\r\n<p>The requested URL %s "+
			"could not be served.</p></body></html>\r\n", r.URL.Path) // as proxies do: an interaction's token may be in it
	default:
		w.WriteHeader(orElse(f.Code, http.StatusInternalServerError))
		_, _ = w.Write([]byte(f.Body))
	}
}
