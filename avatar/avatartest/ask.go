package avatartest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"avatarbridge/avatar"
	"avatarbridge/bridges/fault"
)

// patience is how long what should happen at once may take.
func (e *env) patience() time.Duration {
	if e.h.patience > 0 {
		return e.h.patience
	}
	return promptly
}

// arrivals are those of the service.
func (e *env) arrivals() []Step {
	if e.voice {
		return e.Service.(Hearing).VoiceArrivals()
	}
	return e.Service.Arrivals()
}

// last is the step where a turn's words arrive.
func (e *env) last() Step { s := e.arrivals(); return s[len(s)-1] }

// turn is a turn of a new person in a new conversation, who writes or says the text.
func (e *env) turn(text string) avatar.Turn {
	t := avatar.Turn{
		ID: uuid.NewString(), Conversation: uuid.NewString(), UserUID: uuid.NewString(),
		UserName: "Ann", Locale: "en", Platform: "telegram", Bridge: "my-telegram", Text: text,
	}
	if e.voice {
		t.Text, t.Voice = "", Voiced(text)
	}
	if e.calls != nil {
		t.Callback = e.calls.url + "/" + t.Conversation
	}
	return t
}

var errStuck = errors.New("no return from Ask")

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
	if t.Later == nil {
		t.Later = ear
	}
	done := make(chan error, 1)
	heard, _ := ear.(*Ear)
	if heard != nil {
		heard.ends(false)
	}
	e.asks.Go(func() {
		err := e.Backend.Ask(ctx, t, ear)
		if heard != nil {
			heard.ends(true)
		}
		done <- err
	})
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
		return fmt.Errorf("nothing was said although Ask returned nil: %w", err)
	case len(replies) != 1:
		return fmt.Errorf("%d replies to one turn", len(replies))
	case replies[0].Text == "":
		return errors.New("the reply has no text")
	case !e.h.Local && !strings.Contains(replies[0].Text, words(t)):
		return fmt.Errorf("the reply %q is not the one to %q", replies[0].Text, words(t))
	case t.Voice != nil && replies[0].Heard != words(t):
		return fmt.Errorf("%q is said to be what was heard, not %q", replies[0].Heard, words(t))
	case replies[0].Ends:
		return errors.New("the reply ends the conversation, which the service did not say")
	}
	return ear.wrongDrafts(replies[0].Text)
}

// fails asks a turn that must fail, and returns how; an error says what else is wrong about it.
func (e *env) fails(ctx context.Context, t avatar.Turn) (*fault.Outcome, error) {
	ear := &Ear{}
	err := e.ask(ctx, t, ear)
	if errors.Is(err, errStuck) {
		return nil, err
	}
	if err == nil {
		return nil, errors.New("the failure counts as a success: Ask returned nil")
	}
	if n := ear.Tried(); n > 0 && !e.h.Later { // a lost answer keeps no later reply from coming
		return nil, fmt.Errorf("something was said although Ask failed: %+v", ear.Replies())
	}
	return fault.Of(err), errors.Join(e.tells(err.Error(), words(t)), e.tells(strings.Join(ear.Drafts(), "\n")))
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
