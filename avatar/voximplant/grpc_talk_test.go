package voximplant

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"avatarbridge/avatar"
	"avatarbridge/avatar/avatartest"
	"avatarbridge/bridges/fault"
)

// soon bounds what should happen at once.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func grpcTurn(conversation, text string, later avatar.Speaker) avatar.Turn {
	return avatar.Turn{ID: "turn-" + text, Conversation: conversation, UserUID: "uid", UserName: "Ann", Text: text, Later: later}
}

// heardTexts waits for n replies and returns their texts.
func heardTexts(t *testing.T, e *avatartest.Ear, n int) string {
	t.Helper()
	replies, err := e.Await(soon(t), n)
	if err != nil {
		t.Fatalf("%d replies: %v", len(replies), err)
	}
	var texts []string
	for _, r := range replies {
		text := r.Text
		if r.Ends {
			text += "."
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "|")
}

func await(t *testing.T, sim *avatartest.VoximplantGRPC, s avatartest.Step, n int) {
	t.Helper()
	if err := sim.Await(soon(t), s, n); err != nil {
		t.Fatal(err)
	}
}

func script(replies ...avatartest.GRPCReply) func(avatartest.GRPCSaid) []avatartest.GRPCReply {
	return func(avatartest.GRPCSaid) []avatartest.GRPCReply { return replies }
}

func TestFirstReplyIsSaidAtOnceAndTheOthersLaterInOrder(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	r := newGRPCRig(t, avatartest.VoximplantGRPCConfig{Answer: script(
		avatartest.GRPCReply{Text: "one", Data: `{"emotion":"joy","buttons":["A"]}`}, avatartest.GRPCReply{Text: "two"}, avatartest.GRPCReply{Text: "three"})}, nil)
	var now, later avatartest.Ear
	if err := r.b.Ask(t.Context(), grpcTurn("c", "Hi", &later), &now); err != nil {
		t.Fatal(err)
	}
	if got := now.Replies(); len(got) != 1 || got[0].Text != "one\n\n1. A" || got[0].Emotion != "joy" {
		t.Errorf("said %+v", got)
	}
	if got := heardTexts(t, &later, 2); got != "two|three" {
		t.Errorf("said later %q", got)
	}
	r.sim.Close()
	_ = r.g.close()
}

func TestUnaskedReplyIsSaidWithTheLastTurnsLater(t *testing.T) {
	r := newGRPCRig(t, avatartest.VoximplantGRPCConfig{}, nil)
	var now, first, second avatartest.Ear
	for _, later := range []*avatartest.Ear{&first, &second} {
		if err := r.b.Ask(t.Context(), grpcTurn("c", "Hi", later), &now); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.sim.Stream(0).Say(soon(t), avatartest.GRPCReply{Text: "Are you there?"}); err != nil {
		t.Fatal(err)
	}
	if got := heardTexts(t, &second, 1); got != "Are you there?" || first.Tried() != 0 {
		t.Errorf("said %q", got)
	}
	if r.sim.Count(avatartest.GRPCOpened) != 1 || r.sim.Count(avatartest.GRPCLoginAsked) != 1 {
		t.Error("a conversation that goes on opened another stream")
	}
}

func TestReplyThatIsLateIsSaidLater(t *testing.T) {
	gate := make(chan struct{})
	r := newGRPCRig(t, avatartest.VoximplantGRPCConfig{Answer: script(avatartest.GRPCReply{Text: "at last", Gate: gate})},
		func(c *Config) { c.ReplyTimeout = 50 * time.Millisecond })
	var now, later avatartest.Ear
	if err := r.b.Ask(t.Context(), grpcTurn("c", "Hi", &later), &now); err != nil || now.Tried() > 0 {
		t.Fatalf("%v, said %v", err, now.Replies())
	}
	close(gate)
	if got := heardTexts(t, &later, 1); got != "at last" || now.Tried() > 0 {
		t.Errorf("said later %q", got)
	}
}

func TestFinalReplyEndsTheConversationAndItsStream(t *testing.T) {
	for _, text := range []string{"Bye", ""} {
		r := newGRPCRig(t, avatartest.VoximplantGRPCConfig{Answer: func(s avatartest.GRPCSaid) []avatartest.GRPCReply {
			return []avatartest.GRPCReply{{Text: text, Final: s.Text == "bye"}}
		}}, nil)
		var now, later avatartest.Ear
		if err := r.b.Ask(t.Context(), grpcTurn("c", "bye", &later), &now); err != nil {
			t.Fatal(err)
		}
		if got := heardTexts(t, &now, 1); got != text+"." {
			t.Errorf("said %q", got)
		}
		await(t, r.sim, avatartest.GRPCEnded, 1)
		if err := r.b.Ask(t.Context(), grpcTurn("c2", "Hi again", &later), &now); err != nil {
			t.Fatal(err)
		}
		if r.sim.Count(avatartest.GRPCOpened) != 2 {
			t.Error("the next turn opened no stream")
		}
	}
}

func TestFinalThatComesLaterEndsTheConversation(t *testing.T) {
	gate := make(chan struct{})
	r := newGRPCRig(t, avatartest.VoximplantGRPCConfig{Answer: script(avatartest.GRPCReply{Text: "Hm"}, avatartest.GRPCReply{Final: true, Gate: gate})}, nil)
	var now, later avatartest.Ear
	if err := r.b.Ask(t.Context(), grpcTurn("c", "Hi", &later), &now); err != nil {
		t.Fatal(err)
	}
	close(gate)
	if got := heardTexts(t, &later, 1); got != "." {
		t.Errorf("said later %q", got)
	}
	await(t, r.sim, avatartest.GRPCEnded, 1)
}

func TestStreamThatEndsWithoutAReplyIsTriedAgain(t *testing.T) {
	for name, end := range map[string]error{"in good order": nil, "broken": status.Error(codes.Unavailable, "canary"), "reset": status.Error(codes.Internal, "canary")} {
		t.Run(name, func(t *testing.T) {
			r := newGRPCRig(t, avatartest.VoximplantGRPCConfig{Answer: func(s avatartest.GRPCSaid) []avatartest.GRPCReply {
				if s.Stream == 0 {
					return nil
				}
				return []avatartest.GRPCReply{{Text: "Here I am"}}
			}}, nil)
			var now, later avatartest.Ear
			done := make(chan error, 1)
			go func() { done <- r.b.Ask(t.Context(), grpcTurn("c", "Hi", &later), &now) }()
			await(t, r.sim, avatartest.GRPCUtterance, 1)
			r.sim.Stream(0).End(end)
			err := <-done
			if o := fault.Of(err); o == nil || o.Kind != fault.Retry || strings.Contains(err.Error(), "canary") {
				t.Fatalf("%v", err)
			}
			if err := r.b.Ask(t.Context(), grpcTurn("c", "Hi", &later), &now); err != nil {
				t.Fatal(err)
			}
			if got := heardTexts(t, &now, 1); got != "Here I am" {
				t.Errorf("said %q", got)
			}
		})
	}
}

func TestStreamThatEndedBetweenTurnsIsReplaced(t *testing.T) {
	r := newGRPCRig(t, avatartest.VoximplantGRPCConfig{}, nil)
	var now, later avatartest.Ear
	if err := r.b.Ask(t.Context(), grpcTurn("c", "One", &later), &now); err != nil {
		t.Fatal(err)
	}
	k, _, _ := r.g.talks.get("c")
	r.g.talks.release(k)
	r.sim.Stream(0).End(nil)
	<-k.over
	if err := r.b.Ask(t.Context(), grpcTurn("c", "Two", &later), &now); err != nil {
		t.Fatal(err)
	}
	if got := heardTexts(t, &now, 2); got != "You said: One|You said: Two" || r.sim.Count(avatartest.GRPCOpened) != 2 {
		t.Errorf("said %q on %d streams", got, r.sim.Count(avatartest.GRPCOpened))
	}
}

func TestCancelledAskClosesItsStream(t *testing.T) {
	r := newGRPCRig(t, avatartest.VoximplantGRPCConfig{Answer: script()}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	var now, later avatartest.Ear
	done := make(chan error, 1)
	go func() { done <- r.b.Ask(ctx, grpcTurn("c", "Hi", &later), &now) }()
	await(t, r.sim, avatartest.GRPCUtterance, 1)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	await(t, r.sim, avatartest.GRPCEnded, 1)
}

func TestReplyThatCannotBeStoredIsSaidAgainAndThenTheStreamGoesOn(t *testing.T) {
	r := newGRPCRig(t, avatartest.VoximplantGRPCConfig{}, nil)
	r.g.talks.wait = time.Millisecond
	var now avatartest.Ear
	later := &forgetful{fails: 3}
	if err := r.b.Ask(t.Context(), grpcTurn("c", "Hi", later), &now); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"one", "two"} {
		if err := r.sim.Stream(0).Say(soon(t), avatartest.GRPCReply{Text: text}); err != nil {
			t.Fatal(err)
		}
	}
	if got := heardTexts(t, &later.Ear, 2); got != "one|two" {
		t.Errorf("said %q", got)
	}
}

// forgetful cannot store at first.
type forgetful struct {
	avatartest.Ear
	fails int
}

func (f *forgetful) Say(ctx context.Context, r avatar.Reply) error {
	if f.fails--; f.fails >= 0 {
		return errors.New("the disk is full")
	}
	return f.Ear.Say(ctx, r)
}

func TestReplyToAConversationThatIsGoneEndsTheStream(t *testing.T) {
	r := newGRPCRig(t, avatartest.VoximplantGRPCConfig{}, nil)
	var now, later avatartest.Ear
	if err := r.b.Ask(t.Context(), grpcTurn("c", "Hi", &later), &now); err != nil {
		t.Fatal(err)
	}
	later.Fail(fmt.Errorf("say: %w", avatar.ErrGone))
	if err := r.sim.Stream(0).Say(soon(t), avatartest.GRPCReply{Text: "Hello?"}); err != nil {
		t.Fatal(err)
	}
	await(t, r.sim, avatartest.GRPCEnded, 1)
	if later.Tried() != 1 {
		t.Errorf("said %d times", later.Tried())
	}
}

func TestEndClosesTheStreamAndKnowsNoOther(t *testing.T) {
	r := newGRPCRig(t, avatartest.VoximplantGRPCConfig{}, nil)
	var now, later avatartest.Ear
	if err := r.b.Ask(t.Context(), grpcTurn("c", "Hi", &later), &now); err != nil {
		t.Fatal(err)
	}
	for _, c := range []string{"unknown", "c", "c"} {
		if err := r.b.(avatar.Ender).End(t.Context(), c); err != nil {
			t.Errorf("%s: %v", c, err)
		}
	}
	await(t, r.sim, avatartest.GRPCEnded, 1)
}

// held is a store that takes its time.
type held struct {
	avatartest.Ear
	begun, gate chan struct{}
}

func (h *held) Say(ctx context.Context, r avatar.Reply) error {
	close(h.begun)
	<-h.gate
	return h.Ear.Say(ctx, r)
}

func TestCloseWaitsUntilWhatWasHeardIsStored(t *testing.T) {
	r := newGRPCRig(t, avatartest.VoximplantGRPCConfig{}, nil)
	var now avatartest.Ear
	later := &held{begun: make(chan struct{}), gate: make(chan struct{})}
	if err := r.b.Ask(t.Context(), grpcTurn("c", "Hi", later), &now); err != nil {
		t.Fatal(err)
	}
	if err := r.sim.Stream(0).Say(soon(t), avatartest.GRPCReply{Text: "one more thing"}); err != nil {
		t.Fatal(err)
	}
	<-later.begun
	done := make(chan error, 1)
	go func() { done <- r.b.(avatar.Keeper).Close() }()
	await(t, r.sim, avatartest.GRPCEnded, 1)
	select {
	case <-done:
		t.Error("closed while a reply was being stored")
	default:
	}
	close(later.gate)
	if err := <-done; err != nil || len(later.Replies()) != 1 {
		t.Errorf("%v, stored %v", err, later.Replies())
	}
}
