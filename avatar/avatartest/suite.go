package avatartest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"avatarbridge/avatar"
	"avatarbridge/bridges/fault"
)

// promptly is how long what should happen at once may take; it is long only so that a busy machine fails no test.
const promptly = 5 * time.Second

// canary stands in every broken answer: no error may repeat what a service wrote.
const canary = "canary-in-the-answer"

// A check is one thing that every backend has to do. It returns what is wrong.
type check struct {
	name string
	run  func(b *bench) error
}

// Run tests a Backend against its contract: one subtest for each thing that every backend has to do.
func Run(t *testing.T, h Harness) {
	for _, c := range checksFor(t, h) {
		t.Run(c.name, func(t *testing.T) {
			if err := c.try(t, h); err != nil {
				t.Error(err)
			}
		})
	}
}

func checksFor(t *testing.T, h Harness) []check {
	t.Helper()
	checks := append([]check(nil), replyChecks...)
	if !h.Local {
		checks = append(checks, serviceChecks...)
		checks = append(checks, faultChecks...)
	}
	if h.TurnIDs {
		checks = append(checks, check{"a repeated turn carries the same id", repeatedTurn})
	}
	var listens, calls bool
	t.Run("harness", func(t *testing.T) { // apart, so that its cleanups run before the checks
		s := h.New(t)
		if h.Local != (s.Service == nil) {
			t.Fatal("a Subject has a Service, unless the Harness is Local")
		}
		_, listens = s.Backend.(avatar.Listener)
		_, calls = s.Service.(Caller)
		if s.Service != nil {
			s.Service.Close()
		}
	})
	if listens && !calls {
		t.Fatal("the backend is a Listener: its Service must be a Caller")
	}
	if listens {
		checks = append(checks, listenerChecks...)
	}
	if listens && !h.Unsigned {
		checks = append(checks, signedChecks...)
	}
	return checks
}

// try runs the check on a bench of its own and adds the goroutines that outlive it to what is wrong.
func (c check) try(t *testing.T, h Harness) (err error) {
	before := goleak.IgnoreCurrent()
	t.Run("run", func(t *testing.T) {
		b := &bench{t: t, h: h}
		defer b.close()
		err = c.run(b)
	})
	if leak := goleak.Find(before); leak != nil {
		err = errors.Join(err, fmt.Errorf("goroutines outlive the service: %w", leak))
	}
	return err
}

// A bench opens subjects and closes them when its check is over.
type bench struct {
	t    *testing.T
	h    Harness
	open []*env
}

func (b *bench) close() {
	for _, e := range b.open {
		e.close()
	}
}

// env is one subject with all that is needed to talk to it.
type env struct {
	Subject
	h     Harness
	ctx   context.Context
	asks  sync.WaitGroup
	stop  context.CancelFunc
	calls *server  // where a Listener hears; nil for other backends
	ears  sync.Map // of conversations, for callbacks
}

// env opens a fresh subject. For another one in the same check close the first, to save connections.
func (b *bench) env() (*env, error) {
	e := &env{Subject: b.h.New(b.t), h: b.h}
	e.ctx, e.stop = context.WithCancel(context.Background())
	b.open = append(b.open, e)
	l, ok := e.Backend.(avatar.Listener)
	if !ok {
		return e, nil
	}
	var err error
	e.calls, err = listen(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ear, ok := e.ears.Load(strings.TrimPrefix(r.URL.Path, "/"))
		if !ok {
			http.NotFound(w, r)
			return
		}
		l.Handler(ear.(avatar.Speaker)).ServeHTTP(w, r)
	}))
	return e, err
}

// close ends the service first, so that an Ask that obeys nothing ends too.
func (e *env) close() {
	e.stop()
	if e.Service != nil {
		e.Service.Close()
	}
	if e.calls != nil {
		e.calls.close()
	}
	done := make(chan struct{})
	go func() {
		e.asks.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(e.patience()): // the leak check names who hangs
	}
}

// patience is how long what should happen at once may take.
func (e *env) patience() time.Duration {
	if e.h.patience > 0 {
		return e.h.patience
	}
	return promptly
}

// arrivals are those of the service.
func (e *env) arrivals() []Step { return e.Service.Arrivals() }

// last is the step where a turn's text arrives.
func (e *env) last() Step { s := e.arrivals(); return s[len(s)-1] }

// turn is a turn of a new person in a new conversation.
func (e *env) turn(text string) avatar.Turn {
	t := avatar.Turn{
		ID: uuid.NewString(), Conversation: uuid.NewString(), UserUID: uuid.NewString(),
		UserName: "Ann", Locale: "en", Platform: "telegram", Bridge: "my-telegram", Text: text,
	}
	if e.calls != nil {
		t.Callback = e.calls.url + "/" + t.Conversation
	}
	return t
}

var errStuck = errors.New("Ask did not return")

// ask asks, and returns errStuck when Ask is not over promptly after ctx.
func (e *env) ask(ctx context.Context, t avatar.Turn, ear avatar.Speaker) error {
	select {
	case err := <-e.start(ctx, t, ear):
		return err
	case <-time.After(2 * e.patience()):
		return errStuck
	}
}

// start asks in the background.
func (e *env) start(ctx context.Context, t avatar.Turn, ear avatar.Speaker) <-chan error {
	e.ears.Store(t.Conversation, ear)
	done := make(chan error, 1)
	e.asks.Go(func() { done <- e.Backend.Ask(ctx, t, ear) })
	return done
}

// answers says what is wrong with how the turn is answered.
func (e *env) answers(t avatar.Turn) error {
	ear := &Ear{}
	if err := e.ask(e.ctx, t, ear); err != nil {
		return fmt.Errorf("asking a healthy avatar: %w", err)
	}
	ctx, cancel := context.WithTimeout(e.ctx, e.patience())
	defer cancel()
	replies, err := ear.Await(ctx, 1)
	switch {
	case err != nil:
		return fmt.Errorf("Ask returned nil and nothing was said: %w", err)
	case len(replies) != 1:
		return fmt.Errorf("%d replies to one turn", len(replies))
	case replies[0].Text == "":
		return errors.New("the reply has no text")
	case !e.h.Local && !strings.Contains(replies[0].Text, t.Text):
		return fmt.Errorf("the reply %q is not the one to %q", replies[0].Text, t.Text)
	case replies[0].Ends:
		return errors.New("the reply ends the conversation, which the service did not say")
	}
	return nil
}

// fails asks a turn that must fail, and returns how; an error says what else is wrong about it.
func (e *env) fails(ctx context.Context, t avatar.Turn) (*fault.Outcome, error) {
	ear := &Ear{}
	err := e.ask(ctx, t, ear)
	if errors.Is(err, errStuck) {
		return nil, err
	}
	if err == nil {
		return nil, errors.New("Ask returned nil: the failure counts as a success")
	}
	if n := ear.Tried(); n > 0 {
		return nil, fmt.Errorf("Ask failed, and something was said: %+v", ear.Replies())
	}
	return fault.Of(err), e.tells(err.Error(), t.Text)
}

// tells says which secret stands in what is shown to an operator.
func (e *env) tells(shown string, private ...string) error {
	private = append(private, e.Secrets...)
	private = append(private, canary)
	if e.Service != nil {
		private = append(private, e.Service.Secrets()...)
	}
	for _, p := range private {
		if p != "" && strings.Contains(shown, p) {
			return fmt.Errorf("%q tells %q", shown, p)
		}
	}
	return nil
}
