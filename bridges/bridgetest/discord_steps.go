package bridgetest

import "sync/atomic"

// DiscordEventSent is the step after an event was written to a gateway connection. SendReceived and SendAnswered are the other steps of
// a Discord: for messages, and for answers to interactions.
const DiscordEventSent StepName = "event sent"

// DiscordStep is what happened.
type DiscordStep struct {
	Name    StepName
	Route   string // of a send
	Bot     *DiscordBot
	Channel string // of a send
	Message string // SendAnswered
	Event   string // DiscordEventSent: "MESSAGE_CREATE"
}

type discordHook struct {
	f atomic.Pointer[func(DiscordStep)]
}

// OnStep has f called at each step, synchronously and without any lock held: a test can kill the bridge's process right there. Nil
// ends it. Calls of f may overlap.
func (d *Discord) OnStep(f func(DiscordStep)) {
	if f == nil {
		d.steps.f.Store(nil)
		return
	}
	d.steps.f.Store(&f)
}

func (h *discordHook) call(s DiscordStep) {
	if f := h.f.Load(); f != nil {
		(*f)(s)
	}
}
