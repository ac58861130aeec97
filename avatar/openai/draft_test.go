package openai

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"avatarbridge/avatar/avatartest"
	"avatarbridge/bridges/fault"
)

func TestReplyIsShownPieceByPiece(t *testing.T) {
	gate := make(chan struct{})
	o, b := newRig(t, avatartest.OpenAIConfig{Answer: func(avatartest.ChatRequest) avatartest.ChatAnswer {
		return avatartest.ChatAnswer{Pieces: []string{"Hel", "lo ", "", "**An", "n**\n", "\n", "!"}, Gate: gate}
	}}, nil)
	shown := make(chan string)
	done := make(chan error, 1)
	ear := &watched{shown: shown}
	go func() { done <- b.Ask(t.Context(), turn("Hi"), ear) }()
	for i, want := range []string{"Hel", "Hello", "", "Hello **An", "Hello **Ann**", "", "Hello **Ann**\n\n!"} {
		if ear.Tried() > 0 {
			t.Errorf("said after %d pieces", i)
		}
		gate <- struct{}{}
		if err := o.Await(t.Context(), avatartest.PieceSent, i+1); err != nil {
			t.Fatal(err)
		}
		if want != "" && <-shown != want {
			t.Errorf("after %d pieces something other than %q is shown", i+1, want)
		}
	}
	if err := <-done; err != nil || ear.Replies()[0].Text != "Hello **Ann**\n\n!" {
		t.Errorf("%v, said %v", err, ear.Replies())
	}
}

// watched is an Ear that hands over each draft.
type watched struct {
	avatartest.Ear
	shown chan string
}

func (w *watched) Draft(text string) {
	w.Ear.Draft(text)
	w.shown <- text
}

func TestWhatFailsShowsNoErrorAndSaysNothing(t *testing.T) {
	for _, f := range []avatartest.Fault{
		avatartest.StreamFails(2, "canary", "server_error", ""), avatartest.StreamWrites(2, "data: canary\n\n"), avatartest.StreamCut(2), avatartest.StreamEnds(2),
		avatartest.StreamWrites(2, "data: {\"choices\":[{\"delta\":{\"content\":\"canary\"},\"finish_reason\":\"error\"}]}\n\n"),
		avatartest.StreamWrites(2, "data: {\"error\":{\"message\":\"canary\"},\"choices\":[{\"delta\":{\"content\":\"canary\"}}]}\n\n"),
	} {
		o, b := newRig(t, avatartest.OpenAIConfig{Answer: pieces("One. ", "Two", " three.")}, nil)
		o.Break(avatartest.ChatReceived, 1, f)
		var ear avatartest.Ear
		err := b.Ask(t.Context(), turn("Hi"), &ear)
		if o := fault.Of(err); o == nil || o.Kind != fault.Retry || ear.Tried() > 0 || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v, said %v", f.Name, err, ear.Replies())
		}
		if d := cmp.Diff([]string{"One.", "One. Two"}, ear.Drafts()); d != "" {
			t.Errorf("%s: %s", f.Name, d)
		}
		o.Close()
	}
}

func TestStreamThatStallsInsideOfCodeIsSaidWithItsWholeLines(t *testing.T) {
	o, b := newRig(t, avatartest.OpenAIConfig{Answer: pieces("Like this:\n\n```go\n", "a := 1\n", "b := a.", "c\n```\n")}, func(c *Config) { c.StreamTimeout = 50 * time.Millisecond })
	o.Break(avatartest.ChatReceived, 1, avatartest.StreamStalls(3))
	if r := ask(t, b, turn("Hi")); r.Text != "Like this:\n\n```go\na := 1\n```" {
		t.Errorf("said %q", r.Text)
	}
}

func TestStreamThatStallsInAThoughtIsTriedAgainAndShowsNothing(t *testing.T) {
	o, b := newRig(t, avatartest.OpenAIConfig{Answer: pieces("<think>\nI see. ", "They greet me. ", "So.")}, func(c *Config) { c.StreamTimeout = 50 * time.Millisecond })
	o.Break(avatartest.ChatReceived, 1, avatartest.StreamStalls(2))
	var ear avatartest.Ear
	if f := fault.Of(b.Ask(t.Context(), turn("Hi"), &ear)); f == nil || f.Kind != fault.Retry || ear.Tried()+len(ear.Drafts()) > 0 {
		t.Errorf("%v, said %v, showed %q", f, ear.Replies(), ear.Drafts())
	}
}

func TestReplyIsShownAnewWhenTheHistoryWasTooLong(t *testing.T) {
	o, b := newRig(t, avatartest.OpenAIConfig{Answer: pieces("One. ", "Two.")}, nil)
	o.Break(avatartest.ChatReceived, 1, avatartest.StreamFails(1, "context", "invalid_request_error", "context_length_exceeded"))
	var ear avatartest.Ear
	if err := b.Ask(t.Context(), turn("Hi", said("a", "b")), &ear); err != nil || ear.Replies()[0].Text != "One. Two." {
		t.Errorf("%v, said %v", err, ear.Replies())
	}
	if d := cmp.Diff([]string{"One.", "One.", "One. Two."}, ear.Drafts()); d != "" {
		t.Error(d)
	}
}

func TestEndlessReplyIsShownNoFurtherThanItMayBe(t *testing.T) {
	o, b := newRig(t, avatartest.OpenAIConfig{Answer: pieces("It begins. ", "And")}, nil)
	o.Break(avatartest.ChatReceived, 1, avatartest.StreamEndless(1, 0))
	var ear avatartest.Ear
	if err := b.Ask(t.Context(), turn("Hi"), &ear); err != nil {
		t.Fatal(err)
	}
	said, drafts := ear.Replies(), ear.Drafts()
	if last := drafts[len(drafts)-1]; len(said) != 1 || len(last) > maxReply || !strings.HasPrefix(last, said[0].Text) {
		t.Errorf("showed %d bytes and said %d", len(last), len(said[0].Text))
	}
}

func TestNothingIsShownAfterACancelledAsk(t *testing.T) {
	gate := make(chan struct{}, 1)
	gate <- struct{}{}
	_, b := newRig(t, avatartest.OpenAIConfig{Answer: func(avatartest.ChatRequest) avatartest.ChatAnswer {
		return avatartest.ChatAnswer{Pieces: []string{"One. ", "Two."}, Gate: gate}
	}}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	ear := &watched{shown: make(chan string, 9)}
	done := make(chan error, 1)
	go func() { done <- b.Ask(ctx, turn("Hi"), ear) }()
	<-ear.shown
	cancel()
	if f := fault.Of(<-done); f == nil || f.Kind != fault.Retry {
		t.Errorf("%v", f)
	}
	close(gate)
	if len(ear.Drafts()) != 1 || ear.Tried() > 0 {
		t.Errorf("showed %q, said %v", ear.Drafts(), ear.Replies())
	}
}

func TestRefusalIsTheReply(t *testing.T) {
	o, b := newRig(t, avatartest.OpenAIConfig{}, nil)
	o.Break(avatartest.ChatReceived, 1, avatartest.StreamWrites(0,
		"data: {\"choices\":[{\"delta\":{\"content\":null,\"refusal\":\"I would \"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"refusal\":\"rather not.\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"))
	if r := ask(t, b, turn("Hi")); r.Text != "I would rather not." {
		t.Errorf("%q", r.Text)
	}
}

func TestFilteredReplyIsNotAskedForAgain(t *testing.T) {
	for text, want := range map[string]string{"": "dead content filter", "One. Tw": "said One. Tw"} {
		_, b := newRig(t, avatartest.OpenAIConfig{Answer: func(avatartest.ChatRequest) avatartest.ChatAnswer {
			return avatartest.ChatAnswer{Text: text, Finish: "content_filter"}
		}}, nil)
		var ear avatartest.Ear
		err := b.Ask(t.Context(), turn("Hi"), &ear)
		got := ""
		if r := ear.Replies(); err == nil && len(r) == 1 {
			got = "said " + r[0].Text
		} else if f := fault.Of(err); f != nil {
			got = f.Kind.String() + " " + f.Reason
		}
		if kind, word, _ := strings.Cut(want, " "); !strings.HasPrefix(got, kind) || !strings.Contains(got, word) {
			t.Errorf("%q: %s", text, got)
		}
	}
}
