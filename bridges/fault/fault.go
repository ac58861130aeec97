// Package fault says how a call to a platform or a service ended, and what may be done next.
//
// Bridges and backends make each call once and return an *Outcome; only the relay repeats. An error that is not an *Outcome counts as
// Retry, so an implementation has to mark only what must not simply be tried again.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind names how a call ended.
type Kind uint8

// The zero Kind is Retry, so that forgetting to classify an error costs a repeat and never a message.
const (
	Retry     Kind = iota // it surely had no effect, or repeating it is harmless: try again later
	Throttled             // the other side asked for a pause: Scope and After say for whom and how long; this is no attempt
	Rejected              // this form of the message was refused: use its next form at once, dead when there is none
	Moved                 // the channel has another id now: To
	Expired               // this way of answering is over (an interaction's token): like Rejected, dead as expired when no form is left
	Unclear               // it may have had its effect: the connection broke after the request was written, or an answer made no sense
	Dead                  // repeating cannot help before somebody changes something: Reason says what
)

var names = [...]string{"retry", "throttled", "rejected", "moved", "expired", "unclear", "dead"}

// String returns the kind's name as it stands in logs and metrics.
func (k Kind) String() string {
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("kind %d", k)
}

// Scope is what a throttle binds.
type Scope uint8

// From the narrowest to the widest.
const (
	Conversation Scope = iota
	Channel            // every conversation in the channel (a chat, with all its threads)
	Bridge             // the whole bot account
	Avatar             // every conversation with the avatar, on any bridge
)

// An Outcome is the error of a call that did not simply succeed. It never holds a secret, nor a URL that holds one.
type Outcome struct {
	Kind   Kind
	Scope  Scope         // Throttled only
	After  time.Duration // Throttled only: how long the pause lasts, counted from the answer
	To     string        // Moved only: the channel's new id
	Reason string        // for the operator: what happened and what to do about it; may be empty
	Err    error         // the cause, may be nil
}

// Error joins the reason and the cause, for people: the kind, which says what the program does about it, is not in it.
func (o *Outcome) Error() string {
	switch {
	case o.Err == nil && o.Reason == "":
		return o.Kind.String()
	case o.Err == nil:
		return o.Reason
	case o.Reason == "":
		return o.Err.Error()
	}
	return o.Reason + ": " + o.Err.Error()
}

// Unwrap returns the cause.
func (o *Outcome) Unwrap() error { return o.Err }

// Of returns err's outcome: nil for nil, the *Outcome in err's chain, else a Retry around err.
func Of(err error) *Outcome {
	if err == nil {
		return nil
	}
	if o, ok := errors.AsType[*Outcome](err); ok {
		return o
	}
	return &Outcome{Kind: Retry, Err: err}
}

// Throttle says that nothing may be sent in scope for the time after. A platform that names no time gets one second.
func Throttle(scope Scope, after time.Duration, err error) *Outcome {
	if after <= 0 {
		after = time.Second
	}
	return &Outcome{Kind: Throttled, Scope: scope, After: after, Err: err}
}

// Reject says that the form of the message was refused and the next one may be used.
func Reject(reason string, err error) *Outcome {
	return &Outcome{Kind: Rejected, Reason: reason, Err: err}
}

// MoveTo says that the channel now has the id to.
func MoveTo(to string, err error) *Outcome { return &Outcome{Kind: Moved, To: to, Err: err} }

// Unsure says that the call may have had its effect.
func Unsure(err error) *Outcome { return &Outcome{Kind: Unclear, Err: err} }

// Kill says that no repeat can help; reason tells the operator what to change.
func Kill(reason string, err error) *Outcome {
	return &Outcome{Kind: Dead, Reason: reason, Err: err}
}

// A Finding is what a bridge or an avatar found out about its own setup when it was asked to check it, without posting anything: the
// method is Check(ctx context.Context) []fault.Finding. A failure is a finding, not an error.
type Finding struct {
	OK   bool
	What string // what was looked at and how it is: "token accepted: @luna_bot"
	Fix  string // what to do, in the operator's terms (the config key, the platform's switch); "" when OK
}

// A Setting is a fault in a configuration section. A Config's method Validate() []fault.Setting returns all of them at once.
type Setting struct {
	Key     string // the key within the section: "token"
	Problem string // what is wrong and what would be right: "is missing: paste the token that @BotFather gave you"
}
