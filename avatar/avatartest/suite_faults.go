package avatartest

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges/fault"
)

// faultChecks say how failures are classified, and that they show nothing.
var faultChecks = []check{
	{"refused credentials are dead, with a reason", refused},
	{"a throttle binds the avatar for the time it names", throttled},
	{"a broken service is to be tried again", broken},
	{"a service that cannot be reached is to be tried again", unreachable},
	{"an answer that makes no sense is no success", nonsense},
	{"an endless answer is not read to its end", endless},
	{"a redirect is not followed", redirected},
	{"errors tell no secret and nobody's words", discreet},
	{"the next turn after a failure is answered", recovery},
}

func expectRetry(err error) error {
	if o := fault.Of(err); o.Kind != fault.Retry {
		return fmt.Errorf("classified as %s, not retry: %w", o.Kind, err)
	}
	return nil
}

// each asks one turn on a fresh subject for each fault and each step, and lets judge say what is wrong with how it failed. No ask may reach
// the step more than calls times.
func each(b *bench, calls int, faults []Fault, judge func(*fault.Outcome) error) error {
	var all error
	for _, f := range faults {
		err := atEach(b, func(e *env, at Step) error {
			if e.acknowledged(at, f) {
				return nil
			}
			e.Service.Break(at, -1, f)
			o, err := e.fails(e.ctx, e.turn("My cat is called Schnurri"))
			if err != nil {
				return err
			}
			if n := e.Service.Count(at); n > calls {
				return fmt.Errorf("the service was called %d times: only the relay repeats", n)
			}
			return judge(o)
		})
		if err != nil {
			all = errors.Join(all, fmt.Errorf("%s: %w", f.Name, err))
		}
	}
	return all
}

func refused(b *bench) error {
	// Twice: a token may be renewed once.
	return each(b, 2, []Fault{Refused(http.StatusUnauthorized), Refused(http.StatusForbidden)}, func(o *fault.Outcome) error {
		if o.Kind != fault.Dead {
			return fmt.Errorf("classified as %s, not dead: %w", o.Kind, o)
		}
		if o.Reason == "" {
			return errors.New("dead without a reason: the operator learns nothing")
		}
		return nil
	})
}

func throttled(b *bench) error {
	const after = 7 * time.Second
	is := func(o *fault.Outcome) error {
		if o.Kind != fault.Throttled || o.Scope != fault.Avatar {
			return fmt.Errorf("classified as %s with scope %d, not throttled with that of the avatar: %w", o.Kind, o.Scope, o)
		}
		return nil
	}
	named := each(b, 1, []Fault{TooMany(after)}, func(o *fault.Outcome) error {
		if err := is(o); err != nil {
			return err
		}
		if o.After != after {
			return fmt.Errorf("the pause is %v, the service asked for %v", o.After, after)
		}
		return nil
	})
	return errors.Join(named, each(b, 1, []Fault{TooMany(0)}, func(o *fault.Outcome) error {
		if err := is(o); err != nil {
			return err
		}
		if o.After <= 0 {
			return fmt.Errorf("the pause is %v: the relay would ask again at once", o.After)
		}
		return nil
	}))
}

func broken(b *bench) error {
	return each(b, 1, []Fault{
		Broken(500), Broken(503), Proxy(502), Proxy(504), Proxy(200), Cut(), Cut().Late(),
		Answered(200, "application/json", `{"text":"`+canary+`, and then the conn`).named("truncated JSON"),
	}, func(o *fault.Outcome) error { return expectRetry(o) })
}

func unreachable(b *bench) error {
	e, err := b.env()
	if err != nil {
		return err
	}
	e.Service.Close()
	o, err := e.fails(e.ctx, e.turn("Hello, is it me"))
	if err != nil {
		return err
	}
	return expectRetry(o)
}

func nonsense(b *bench) error {
	return each(b, 1, []Fault{
		EmptyObject(), EmptyBody(), ErrorString(canary), ErrorObject(canary),
		Answered(200, "application/json", "null"), Answered(200, "application/json", "42"), Answered(200, "application/json", `"`+canary+`"`),
		Answered(200, "application/json", `{"text":{"not":"a string"},"accessToken":{"not":"one"}}`),
		Answered(200, "image/png", "\x89PNG\r\n\x1a\n\x00\x00").named("a picture"),
	}, func(o *fault.Outcome) error {
		switch o.Kind {
		case fault.Retry, fault.Unclear, fault.Dead:
			return nil
		}
		return fmt.Errorf("classified as %s: %w", o.Kind, o)
	})
}

func endless(b *bench) error {
	const size = 32 << 20
	return atEach(b, func(e *env, at Step) error {
		f := Huge(size)
		e.Service.Break(at, -1, f)
		if e.acknowledged(at, f) {
			if err := e.ask(e.ctx, e.turn("Tell me everything"), &Ear{}); err != nil {
				return err
			}
		} else if _, err := e.fails(e.ctx, e.turn("Tell me everything")); err != nil {
			return err
		}
		if f.HugeSent() >= size {
			return fmt.Errorf("all of the %d bytes were read", size)
		}
		return nil
	})
}

func redirected(b *bench) error {
	var hits atomic.Int32
	third, err := listen(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	if err != nil {
		return err
	}
	defer third.close()
	var faults []Fault
	for _, status := range []int{http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		faults = append(faults, Elsewhere(status, third.url))
	}
	return each(b, 1, faults, func(*fault.Outcome) error {
		if n := hits.Load(); n > 0 {
			return errors.New("what was meant for the service went to another host")
		}
		return nil
	})
}

// discreet lets the service repeat all that it was told, in every shape of error.
func discreet(b *bench) error {
	var all error
	for _, status := range []int{200, 400, 401, 403, 404, 413, 422, 429, 500, 502} {
		for _, shape := range []string{`{"error":%q}`, `{"error":{"message":%q}}`, `{"message":%q}`, "%s"} {
			err := atEach(b, func(e *env, at Step) error {
				t := e.turn("My cat is called Schnurri")
				told := append([]string{canary, words(t)}, append(e.Secrets, e.Service.Secrets()...)...)
				f := Answered(status, "application/json", fmt.Sprintf(shape, strings.Join(told, ", ")))
				if e.acknowledged(at, f) {
					return nil
				}
				e.Service.Break(at, -1, f)
				_, err := e.fails(e.ctx, t)
				return err
			})
			if err != nil {
				all = errors.Join(all, fmt.Errorf("status %d, error in the shape %s: %w", status, shape, err))
			}
		}
	}
	return all
}

func recovery(b *bench) error {
	for _, f := range []Fault{Broken(500), Refused(401), Cut(), EmptyObject()} {
		err := atEach(b, func(e *env, at Step) error {
			if e.acknowledged(at, f) {
				return nil
			}
			t := e.turn("Once more, please")
			e.Service.Break(at, -1, f)
			if _, err := e.fails(e.ctx, t); err != nil {
				return err
			}
			e.Service.Mend()
			return e.answers(t)
		})
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return nil
}

// repeatedTurn loses an answer on the way, so that the relay asks again.
func repeatedTurn(b *bench) error {
	e, err := b.env()
	if err != nil {
		return err
	}
	t, other := e.turn("Book a table"), e.turn("Book another table")
	e.Service.Break(e.last(), 1, Cut().Late())
	if _, err := e.fails(e.ctx, t); err != nil {
		return err
	}
	for _, t := range []avatar.Turn{t, other} {
		if err := e.answers(t); err != nil {
			return err
		}
	}
	h := e.Service.Heard()
	switch {
	case len(h) != 3:
		return fmt.Errorf("the service heard %d turns, not 3", len(h))
	case h[0].ID == "" || h[0].ID != h[1].ID:
		return fmt.Errorf("the turn had the id %q, and %q when it was repeated", h[0].ID, h[1].ID)
	case h[0].ID == h[2].ID:
		return fmt.Errorf("two turns have the id %q", h[0].ID)
	}
	return nil
}
