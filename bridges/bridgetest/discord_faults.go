package bridgetest

import (
	"cmp"
	"net/http"
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

type discordFaults struct{ faultList[DiscordFault] }

// Break adds a fault; of several that fit a request the oldest works. The returned function takes it away, also before its Times are
// used up.
func (d *Discord) Break(f DiscordFault) (clear func()) { return d.faults.add(f, f.Times) }

// ClearFaults takes all faults of requests and of new gateway connections away. What one holds up goes on being held up.
func (d *Discord) ClearFaults() {
	d.faults.clear()
	d.wires.clear()
}

// take returns the fault that befalls a request, nil for none.
func (ft *discordFaults) take(to discordTarget) *DiscordFault {
	return ft.first(func(f *DiscordFault) bool {
		return (f.Route == "" || f.Route == to.route) && (f.Channel == "" || f.Channel == to.channel)
	})
}

// through has a request processed, or only written down, and answers it with the fault that befalls it. It returns the answer, nil when
// the request was not processed, and whether the client got it.
func (ft *discordFaults) through(d *Discord, w http.ResponseWriter, r *http.Request, to discordTarget,
	process func(accepted bool) *discordAnswer) (*discordAnswer, bool) {
	f := ft.take(to)
	return befall(r, f.defect(), process, func(a *discordAnswer) bool { return d.answer(w, a) }, func() { f.show(d, w, r) })
}

func (f *DiscordFault) defect() *defect {
	if f == nil {
		return nil
	}
	return &defect{f.Effect, f.Accepted, f.Delay, f.Code, f.Body}
}

// show answers as the fault wants it. As those of proxies do, the page may have an interaction's token in it.
func (f *DiscordFault) show(d *Discord, w http.ResponseWriter, r *http.Request) {
	f.defect().show(w, r, accent{
		garbage: `{"id":7,"channel_id":`, half: `{"id":"11`, closed: d.ctx.Done(),
		page: "<html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1>\r\n<p>The requested URL %s " +
			"could not be served.</p></body></html>\r\n",
		throttle: func() { d.answer(w, tooManyRequests(cmp.Or(f.Scope, "user"), max(f.RetryAfter, time.Millisecond))) },
		refuse:   func() { d.answer(w, dFailure(orElse(f.Code, http.StatusBadRequest), f.Error, f.Body)) },
	})
}
