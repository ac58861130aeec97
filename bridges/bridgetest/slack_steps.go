package bridgetest

import "sync/atomic"

// The steps of a Slack, besides SendReceived and SendAnswered. Each is reported from the goroutine that serves the request or the
// socket, which goes on when the function returns.
const (
	SlackEventSent  StepName = "event sent"         // an envelope is written to a socket, or a request to the app's URL
	SlackEventAcked StepName = "event acknowledged" // the acknowledgement, or the 2xx, has come in time
)

// SlackStep is what happened.
type SlackStep struct {
	Name    StepName
	Method  string    // of a call; "response_url"
	App     *SlackApp // nil for SendReceived: the token is not checked yet
	Channel string    // of a send
	Thread  string    // of a send
	TS      string    // SendAnswered: of the message
	Event   string    // the event id of an event, "" for what is none
	Attempt int       // of an event: 0 at first
}

type slackStepHook struct {
	f atomic.Pointer[func(SlackStep)]
}

// OnStep has f called at each step, synchronously and without any lock held: a test can kill the bridge's process right there. Nil
// ends it. Calls of f may overlap.
func (s *Slack) OnStep(f func(SlackStep)) {
	if f == nil {
		s.steps.f.Store(nil)
		return
	}
	s.steps.f.Store(&f)
}

func (h *slackStepHook) call(step SlackStep) {
	if f := h.f.Load(); f != nil {
		(*f)(step)
	}
}
