package avatartest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"avatarbridge/avatar"
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
	if h.Drafts {
		checks = append(checks, check{"a reply is shown while it comes", drafts})
	}
	if !h.Local {
		checks = append(checks, serviceChecks...)
		checks = append(checks, faultChecks...)
	}
	if !h.Local && !h.Nameless {
		checks = append(checks, nameChecks...)
	}
	if h.TurnIDs {
		checks = append(checks, check{"a repeated turn carries the same id", repeatedTurn})
	}
	var listens, calls, hears, takes, ends bool
	t.Run("harness", func(t *testing.T) { // apart, so that its cleanups run before the checks
		s := h.New(t)
		if h.Local != (s.Service == nil) {
			t.Fatal("a Subject has a Service, unless the Harness is Local")
		}
		_, listens = s.Backend.(avatar.Listener)
		_, calls = s.Service.(Caller)
		if b, ok := s.Backend.(avatar.Hearer); ok {
			hears = b.Hears()
		}
		_, takes = s.Service.(Hearing)
		_, ends = s.Backend.(avatar.Ender)
		if w, ok := s.Backend.(avatar.Waiter); h.Later && (!ok || w.Patience() <= 0) {
			t.Error("replies come later: the backend must be a Waiter with patience")
		}
		if s.Service != nil {
			s.Service.Close()
		}
	})
	if listens && !calls {
		t.Fatal("the backend is a Listener: its Service must be a Caller")
	}
	if hears && !takes {
		t.Fatal("the backend hears: its Service must be a Hearing")
	}
	if hears {
		checks = append(checks, voiceChecks()...)
	}
	if listens {
		checks = append(checks, listenerChecks...)
	}
	if h.Later {
		checks = append(checks, laterChecks...)
	}
	if ends {
		checks = append(checks, enderChecks...)
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
