package avatartest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"avatarbridge/avatar"
)

// serviceChecks hold for every backend that talks to a service.
var serviceChecks = []check{
	{"a text arrives as it is", arrivesAsItIs},
	{"a slow answer is an answer", slowAnswer},
	{"a cancelled turn is not asked", cancelledBefore},
	{"a cancelled ask returns", cancelledAsk},
	{"a deadline ends an ask", deadline},
	{"a stalled conversation holds up no other", stalledConversation},
}

// nameChecks hold where the wire carries who speaks.
var nameChecks = []check{
	{"a name arrives as it is", nameArrivesAsItIs},
	{"two people have two memories and each keeps theirs", memories},
}

func cancelledBefore(b *bench) error {
	e, err := b.env()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(e.ctx)
	cancel()
	if _, err := e.fails(ctx, e.turn("Never mind")); err != nil {
		return err
	}
	if e.Service.Count(e.last()) > 0 {
		return errors.New("the service was asked although ctx was over")
	}
	return nil
}

func arrivesAsItIs(b *bench) error {
	e, err := b.env()
	if err != nil {
		return err
	}
	for _, text := range oddTexts {
		h, err := e.arrives(e.turn(text))
		if err != nil {
			return err
		}
		if h.Text != text {
			return fmt.Errorf("the service heard %.60q, not %.60q", h.Text, text)
		}
	}
	return nil
}

// arrives asks a turn and returns what the service heard of it.
func (e *env) arrives(t avatar.Turn) (Heard, error) {
	if err := e.answers(t); err != nil {
		return Heard{}, err
	}
	heard := e.Service.Heard()
	return heard[len(heard)-1], nil
}

func nameArrivesAsItIs(b *bench) error {
	e, err := b.env()
	if err != nil {
		return err
	}
	for _, name := range []string{"Ann", `Zoë "Z" O'Neil`} {
		t := e.turn("My name is " + name)
		t.UserName = name
		h, err := e.arrives(t)
		if err != nil {
			return err
		}
		if h.UserName != name {
			return fmt.Errorf("the service heard somebody called %.60q, not %.60q", h.UserName, name)
		}
	}
	return nil
}

func memories(b *bench) error {
	e, err := b.env()
	if err != nil {
		return err
	}
	ann, bob := e.turn("I am Ann"), e.turn("I am Bob")
	elsewhere := e.turn("I am Ann elsewhere")
	elsewhere.UserUID = ann.UserUID
	for _, t := range []avatar.Turn{ann, bob, elsewhere} {
		if err := e.answers(t); err != nil {
			return err
		}
	}
	m := e.Service.Heard()
	if len(m) != 3 {
		return fmt.Errorf("the service heard %d turns, not 3", len(m))
	}
	switch {
	case m[0].Memory == m[1].Memory:
		return fmt.Errorf("two people share the memory %q", m[0].Memory)
	case m[0].Memory != m[2].Memory:
		return fmt.Errorf("one person has two memories: %q and %q", m[0].Memory, m[2].Memory)
	case !strings.Contains(m[0].Memory, ann.UserUID):
		return fmt.Errorf("the memory %q is not that of the turn, %q", m[0].Memory, ann.UserUID)
	}
	return nil
}

// atEach runs one attempt on a fresh subject for each step at which a turn passes the service.
func atEach(b *bench, try func(e *env, at Step) error) error {
	for n := 0; ; n++ {
		e, err := b.env()
		if err != nil {
			return err
		}
		steps := e.arrivals()
		if n == len(steps) {
			return nil
		}
		if err := try(e, steps[n]); err != nil {
			return fmt.Errorf("at %q: %w", steps[n], err)
		}
		e.close()
	}
}

func slowAnswer(b *bench) error {
	return atEach(b, func(e *env, at Step) error {
		e.Service.Break(at, 1, Slow(100*time.Millisecond))
		return e.answers(e.turn("Take your time"))
	})
}

// stall starts an ask that stalls at the step, and returns once it does.
func (e *env) stall(ctx context.Context, at Step, ear *Ear) (<-chan error, error) {
	e.Service.Break(at, 1, Stalled())
	done := e.start(ctx, e.turn("Are you there"), ear)
	wait, cancel := context.WithTimeout(e.ctx, e.patience())
	defer cancel()
	return done, e.Service.Await(wait, at, 1)
}

func cancelledAsk(b *bench) error {
	return atEach(b, func(e *env, at Step) error {
		ctx, cancel := context.WithCancel(e.ctx)
		defer cancel()
		ear := &Ear{}
		done, err := e.stall(ctx, at, ear)
		if err != nil {
			return err
		}
		cancel()
		return e.ended(done, ear)
	})
}

func deadline(b *bench) error {
	return atEach(b, func(e *env, at Step) error {
		ctx, cancel := context.WithTimeout(e.ctx, 200*time.Millisecond)
		defer cancel()
		ear := &Ear{}
		e.Service.Break(at, -1, Stalled())
		return e.ended(e.start(ctx, e.turn("Are you there"), ear), ear)
	})
}

// ended says what is wrong about an ask whose ctx ended.
func (e *env) ended(done <-chan error, ear *Ear) error {
	select {
	case err := <-done:
		switch {
		case err == nil:
			return errors.New("a success although ctx ended before the answer")
		case ear.Tried() > 0:
			return errors.New("something was said after ctx ended")
		}
		return errors.Join(expectRetry(err), e.tells(err.Error()))
	case <-time.After(e.patience()):
		return fmt.Errorf("%w after ctx ended", errStuck)
	}
}

func stalledConversation(b *bench) error {
	return atEach(b, func(e *env, at Step) error {
		ctx, cancel := context.WithCancel(e.ctx)
		defer cancel()
		done, err := e.stall(ctx, at, &Ear{})
		if err != nil {
			return err
		}
		if err := e.answers(e.turn("I am somebody else")); err != nil {
			return fmt.Errorf("while another conversation is stalled: %w", err)
		}
		cancel()
		return e.ended(done, &Ear{})
	})
}
