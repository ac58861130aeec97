package avatartest

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"avatarbridge/avatar"
)

// A Harness tells the suite how to make what it tests.
type Harness struct {
	// New makes a healthy service and a fresh backend that talks to it. The suite closes the Service; what else needs an end
	// belongs into t.Cleanup.
	New func(t *testing.T) Subject
	// Local is set for a backend that talks to no service: nothing of it can fail, and Subject.Service stays nil.
	Local bool
	// TurnIDs is set where the service's wire carries the turn's id (Heard.ID).
	TurnIDs bool
	// Nameless is set where the service's wire has no field for who speaks, nor for whose memory it is, so that neither can arrive (Heard.UserName,
	// Heard.Memory): what is asked of them is not asked then. The service tells conversations apart by their connections alone.
	Nameless bool
	// Drafts is set for a backend that shows a reply of several words while it comes. What a backend drafts must be right in any case.
	Drafts bool
	// Later is set where every reply comes over a callback. A call that brings a turn's text is then only acknowledged, so that its answer need not be
	// understood.
	Later bool
	// Unsigned is set where the service does not sign its callbacks, so that a forged one cannot be told from a good one.
	Unsigned bool

	patience time.Duration // how long what should happen at once may take; 0 is promptly
}

// A Subject is a backend and the service behind it.
type Subject struct {
	Backend avatar.Backend
	Service Service
	Secrets []string // beyond those of the Service: what the backend was configured with and must tell nobody
}

// A Service is what the suite needs of a simulator. Its default script answers each turn with a text that contains the turn's.
type Service interface {
	// Break, Mend: see Faults.
	Break(at Step, n int, f Fault)
	Mend()
	// Count, Await: see Steps.
	Count(Step) int
	Await(ctx context.Context, step Step, n int) error
	// Arrivals are the steps at which a turn passes the service, in order, the last being where its text arrives. A fault at any of
	// them must fail the turn.
	Arrivals() []Step
	// Heard are the calls of the last of Arrivals.
	Heard() []Heard
	Secrets() []string
	Close()
}

// A Caller is a Service whose replies come over HTTP, as a Listener hears them.
type Caller interface {
	// Callback makes the request with which the service posts s to a Turn's Callback.
	Callback(ctx context.Context, url string, s Spoken) (*http.Request, error)
}

// A Hearing is a Service that takes voice messages. A Hearer that hears needs one.
type Hearing interface {
	// VoiceArrivals are Arrivals of a turn with a Voice. The last of them is where its words arrive, or the voice itself.
	VoiceArrivals() []Step
}

// Spoken is a reply that a Caller is to post.
type Spoken struct {
	Key    string // which reply it is: the same one posted twice has one Key
	Text   string
	Forged bool          // not signed by the service
	Age    time.Duration // how long ago it was signed
	Pad    int           // bytes by which the body is to be larger than it needs to be
	Raw    string        // the body instead of one with Text, signed all the same
}

// An Ear is a Speaker that remembers what it was told. The zero value is ready.
type Ear struct {
	mu      sync.Mutex
	replies []avatar.Reply
	err     error
	tried   int
	said    chan struct{} // closed at the next reply
	drafts  []string
	over    bool // Ask returned
	late    int  // drafts after that, or after a reply
}

// Say remembers r, unless Fail was called with an error. A key alone, without anything to show, is no reply.
func (e *Ear) Say(_ context.Context, r avatar.Reply) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tried++
	if e.err != nil {
		return e.err
	}
	if key := r.Key; key != "" && reflect.DeepEqual(r, avatar.Reply{Key: key}) {
		return nil
	}
	e.replies = append(e.replies, r)
	if e.said != nil {
		close(e.said)
		e.said = nil
	}
	return nil
}

// Draft remembers text.
func (e *Ear) Draft(text string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.drafts = append(e.drafts, text)
	if e.over || e.tried > 0 {
		e.late++
	}
}

// ends notes that Ask has returned, or that it has not.
func (e *Ear) ends(over bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.over = over
}

// wrongDrafts says what is wrong with the drafts of a reply.
func (e *Ear) wrongDrafts(reply string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.late > 0 {
		return fmt.Errorf("%d drafts came after the reply, or after Ask had returned", e.late)
	}
	last := ""
	for _, d := range e.drafts {
		if !strings.HasPrefix(d, last) {
			return fmt.Errorf("the draft %.60q does not go on from %.60q", d, last)
		}
		last = d
	}
	if !strings.HasPrefix(reply, last) {
		return fmt.Errorf("the draft %.60q is no beginning of the reply %.60q", last, reply)
	}
	return nil
}

// Drafts returns the drafts so far.
func (e *Ear) Drafts() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.drafts)
}

// Fail lets Say return err from now on; nil lets it work again.
func (e *Ear) Fail(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.err = err
}

// Tried says how often Say was called.
func (e *Ear) Tried() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.tried
}

// Replies are what was said so far.
func (e *Ear) Replies() []avatar.Reply {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]avatar.Reply(nil), e.replies...)
}

// Await returns the replies as soon as there are n, or those that there are when ctx ends, with its error.
func (e *Ear) Await(ctx context.Context, n int) ([]avatar.Reply, error) {
	for {
		e.mu.Lock()
		if len(e.replies) >= n {
			e.mu.Unlock()
			return e.Replies(), nil
		}
		if e.said == nil {
			e.said = make(chan struct{})
		}
		said := e.said
		e.mu.Unlock()
		select {
		case <-said:
		case <-ctx.Done():
			return e.Replies(), ctx.Err()
		}
	}
}
