package avatartest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"avatarbridge/avatar"
	"avatarbridge/bridges/fault"
)

// laterChecks hold for backends whose every reply comes over a callback.
var laterChecks = []check{
	{"a turn that nobody could answer fails for good, with a reason", nowhere},
	{"a reply that comes before Ask has returned is said", early},
}

// enderChecks hold for every Ender.
var enderChecks = []check{
	{"a conversation that was asked can be ended", endsAsked},
	{"a conversation that the service does not know can be ended", endsUnknown},
	{"ending obeys ctx, and a service that cannot be reached is to be tried again", endsNot},
}

// acknowledged says whether the fault at the step is an answer that need not be understood: it does not fail the turn.
func (e *env) acknowledged(at Step, f Fault) bool {
	html := strings.HasPrefix(f.header["Content-Type"], "text/html")
	return e.h.Later && at == e.last() && f.status/100 == 2 && !html && !strings.Contains(f.body, `"error"`)
}

// hears waits until n replies were said.
func (e *env) hears(ear *Ear, n int) error {
	ctx, cancel := context.WithTimeout(e.ctx, e.patience())
	defer cancel()
	_, err := ear.Await(ctx, n)
	return err
}

// storedLater asks a turn whose reply cannot be stored, until it can.
func (e *env) storedLater(ear *Ear) error {
	if err := e.ask(e.ctx, e.turn("Remember me"), ear); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(e.ctx, e.patience())
	defer cancel()
	if err := e.Service.Await(ctx, CallbackAnswered, 1); err != nil {
		return err
	}
	ear.Fail(nil)
	if err := e.hears(ear, 1); err != nil {
		return fmt.Errorf("a reply that was posted again is lost: %w", err)
	}
	return nil
}

func nowhere(b *bench) error {
	e, err := b.env()
	if err != nil {
		return err
	}
	t := e.turn("Is anybody there")
	t.Callback = ""
	o, err := e.fails(e.ctx, t)
	switch {
	case err != nil:
		return err
	case o.Kind != fault.Dead || o.Reason == "":
		return fmt.Errorf("classified as %s with the reason %q", o.Kind, o.Reason)
	case e.Service.Count(e.last()) > 0:
		return errors.New("the service was asked although its reply could reach nobody")
	}
	return nil
}

// early stalls the answer to the turn's text, and posts the reply meanwhile.
func early(b *bench) error {
	e, err := b.env()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	ear := &Ear{}
	e.Service.Break(e.last(), 1, Stalled())
	t := e.turn("Be quick")
	done := e.start(ctx, t, ear)
	wait, stop := context.WithTimeout(e.ctx, e.patience())
	defer stop()
	if err := e.Service.Await(wait, e.last(), 1); err != nil {
		return err
	}
	r, err := e.Service.(Caller).Callback(wait, t.Callback, Spoken{Key: "msg_1", Text: "Here"})
	if err != nil {
		return err
	}
	r.Close = true
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	if said := ear.Replies(); resp.StatusCode/100 != 2 || len(said) != 1 || said[0].Text != "Here" {
		return fmt.Errorf("answered %d, said %+v", resp.StatusCode, said)
	}
	cancel()
	if err := <-done; err == nil {
		return errors.New("a success although ctx ended before the answer")
	}
	return nil
}

func endsAsked(b *bench) error {
	e, err := b.env()
	if err != nil {
		return err
	}
	t := e.turn("Good bye")
	if err := e.answers(t); err != nil {
		return err
	}
	return e.end(e.ctx, t.Conversation)
}

func (e *env) end(ctx context.Context, conversation string) error {
	return e.Backend.(avatar.Ender).End(ctx, conversation)
}

func endsUnknown(b *bench) error {
	e, err := b.env()
	if err != nil {
		return err
	}
	return e.end(e.ctx, e.turn("").Conversation)
}

// endsNot does not mind a success: a service that keeps nothing has nothing to be told.
func endsNot(b *bench) error {
	e, err := b.env()
	if err != nil {
		return err
	}
	t := e.turn("Good bye")
	if err := e.answers(t); err != nil {
		return err
	}
	over, cancel := context.WithCancel(e.ctx)
	cancel()
	cancelled := e.end(over, t.Conversation)
	e.Service.Close()
	away := e.end(e.ctx, t.Conversation)
	var all error
	for _, err := range []error{cancelled, away} {
		if err != nil {
			all = errors.Join(all, expectRetry(err), e.tells(err.Error(), words(t)))
		}
	}
	return all
}
