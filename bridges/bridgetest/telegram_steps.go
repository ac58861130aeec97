package bridgetest

import "sync/atomic"

// StepName names a moment on the wire.
type StepName string

// The steps. Each is reported from the goroutine that serves the request, which goes on when the function returns.
const (
	UpdateHandedOut StepName = "update handed out" // the answer to getUpdates with updates, or a webhook's request, is written
	OffsetConfirmed StepName = "offset confirmed"  // a poll's offset, or a webhook's 2xx, has confirmed updates; a poll is not answered yet
	SendReceived    StepName = "send received"     // the request of a message is read, nothing is posted yet
	SendAnswered    StepName = "send answered"     // the message is posted and the answer is written
)

// Step is what happened.
type Step struct {
	Name    StepName
	Method  string // lower case; "webhook" for a delivery by webhook
	Bot     *Bot   // nil for an unknown token
	Chat    int64  // of a send
	Message int    // SendAnswered
	Updates []int64
}

type stepHook struct{ f atomic.Pointer[func(Step)] }

// OnStep has f called at each step, synchronously and without any lock held: a test can kill the bridge's process right there. Nil
// ends it. Calls of f may overlap.
func (t *Telegram) OnStep(f func(Step)) {
	if f == nil {
		t.steps.f.Store(nil)
		return
	}
	t.steps.f.Store(&f)
}

func (h *stepHook) call(s Step) {
	if f := h.f.Load(); f != nil {
		(*f)(s)
	}
}
