package openai

import (
	"context"
	"strings"
	"testing"
	"time"

	"avatarbridge/avatar/avatartest"
	"avatarbridge/bridges/fault"
)

// pieces streams these, one after the other.
func pieces(p ...string) func(avatartest.ChatRequest) avatartest.ChatAnswer {
	return func(avatartest.ChatRequest) avatartest.ChatAnswer {
		return avatartest.ChatAnswer{Pieces: p, Text: strings.Join(p, "")}
	}
}

func TestStreamThatDoesNotEndIsSaidAsFarAsItsLastWholeSentence(t *testing.T) {
	three := pieces("I am here. ", "Wait, there is ", "more")
	for _, c := range []struct {
		name   string
		fault  avatartest.Fault
		change func(*Config)
		limit  time.Duration // of Ask
		want   string        // a prefix of the text, "" when the turn is to be tried again
	}{
		{"stalls", avatartest.StreamStalls(2), func(c *Config) { c.StreamTimeout = 50 * time.Millisecond }, 0, "I am here."},
		{"stalls without a whole sentence", avatartest.StreamStalls(0), func(c *Config) { c.ReplyTimeout = 400 * time.Millisecond }, 0, ""},
		{"stalls, and the time for the reply is over", avatartest.StreamStalls(2), func(c *Config) { c.ReplyTimeout = 400 * time.Millisecond }, 0, "I am here."},
		{"stalls, and the time for Ask is nearly over", avatartest.StreamStalls(2), func(*Config) {}, 500 * time.Millisecond, "I am here."},
		{"never ends, slowly", avatartest.StreamEndless(2, time.Millisecond), func(c *Config) { c.ReplyTimeout = 400 * time.Millisecond }, 0, "I am here. Wait, there is  And so it goes on."},
		{"never ends, quickly", avatartest.StreamEndless(2, 0), func(*Config) {}, 0, "I am here. Wait, there is  And so it goes on."},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, b := newRig(t, avatartest.OpenAIConfig{Answer: three}, c.change)
			o.Break(avatartest.ChatReceived, 1, c.fault)
			ctx := t.Context()
			if c.limit > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, c.limit)
				defer cancel()
			}
			var ear avatartest.Ear
			err := b.Ask(ctx, turn("Hi"), &ear)
			r := ear.Replies()
			if c.want == "" {
				if f := fault.Of(err); f == nil || f.Kind != fault.Retry || len(r) > 0 {
					t.Errorf("%v, said %v", err, r)
				}
				return
			}
			if err != nil || len(r) != 1 || !strings.HasPrefix(r[0].Text, c.want) || !strings.HasSuffix(r[0].Text, ".") || len(r[0].Text) > maxReply {
				t.Errorf("%v, said %.200v", err, r)
			}
		})
	}
}

func TestCancelledStreamSaysNothing(t *testing.T) {
	o, b := newRig(t, avatartest.OpenAIConfig{Answer: pieces("I am here. ", "And")}, nil)
	o.Break(avatartest.ChatReceived, 1, avatartest.StreamStalls(1))
	ctx, cancel := context.WithCancel(t.Context())
	o.OnStep(func(s avatartest.Step, _ avatartest.Heard) {
		if s == avatartest.ChatReceived {
			time.AfterFunc(50*time.Millisecond, cancel) // in the middle of the stream
		}
	})
	var ear avatartest.Ear
	if f := fault.Of(b.Ask(ctx, turn("Hi"), &ear)); f == nil || f.Kind != fault.Retry || ear.Tried() > 0 {
		t.Errorf("%v, said %v", f, ear.Replies())
	}
}

func TestModelMayThinkLongerThanAReplyMayPause(t *testing.T) {
	o, b := newRig(t, avatartest.OpenAIConfig{}, func(c *Config) { c.StreamTimeout = 20 * time.Millisecond })
	o.SetDelay(100 * time.Millisecond)
	if r := ask(t, b, turn("Hi")); r.Text != "You said: Hi" {
		t.Errorf("%v", r)
	}
}

func TestBrokenStreamsAreClassified(t *testing.T) {
	for _, c := range []struct {
		fault avatartest.Fault
		want  string // kind and a word of the error, or "said" and the text
	}{
		{avatartest.StreamCut(2), "retry did not answer"},
		{avatartest.StreamCut(0), "retry"},
		{avatartest.StreamEnds(2), "retry ended before"},
		{avatartest.StreamWrites(2, "data: {\"choices\":[{\"delta\":{\"conte\n\n"), "retry no chat completion"},
		{avatartest.StreamWrites(2, "data: canary\n\n"), "retry no chat completion"},
		{avatartest.StreamWrites(0, "<html>canary</html>"), "retry"},
		{avatartest.StreamWrites(0, "data: "+strings.Repeat("x", maxLine+1)), "retry 1 MiB"},
		{avatartest.StreamWrites(0, "data: [DONE]\n\n"), "retry empty"},
		{avatartest.StreamWrites(2, "data: [DONE]\n\n"), "said You sa"},
		{avatartest.StreamWrites(2, "data: [DONE]"), "said You sa"},
		{avatartest.StreamWrites(2, "\r\n:\r\n\r\ndata: {\"choices\":[{\"finish_reason\":\"stop\",\"delta\":{\"content\":\"!\"}}]}\r\n\r\n"), "said You sa!"},
		{avatartest.StreamWrites(2, "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\ndata: {\"error\":\"late canary\"}\n\n"), "said You sa"},
		{avatartest.StreamWrites(2, "data: {\"choices\":null,\"usage\":{}}\n\ndata: {\"choices\":[{\"delta\":{\"content\":[{\"type\":\"thinking\"},{\"type\":\"text\",\"text\":\"!\"}]}}]}\n\ndata: [DONE]\n\n"), "said You sa!"},
		{avatartest.StreamWrites(0, "data: {\"object\":\"error\",\"message\":\"canary\",\"code\":404,\"type\":\"NotFoundError\"}\n\n"), "dead"},
		{avatartest.StreamFails(2, "canary", "server_error", ""), "retry"},
		{avatartest.StreamFails(2, "canary", "insufficient_quota", "insufficient_quota"), "dead billing"},
		{avatartest.StreamFails(2, "canary", "tokens", "rate_limit_exceeded"), "throttled"},
		{avatartest.StreamFails(2, "canary", "invalid_request_error", "invalid_api_key"), "dead api_key"},
		{avatartest.StreamFails(2, "canary", "invalid_request_error", "model_not_found"), "dead model"},
		{avatartest.StreamFails(2, "canary", "invalid_request_error", "context_length_exceeded"), "dead history_tokens"},
	} {
		o, b := newRig(t, avatartest.OpenAIConfig{}, nil)
		o.Break(avatartest.ChatReceived, 1, c.fault)
		var ear avatartest.Ear
		err := b.Ask(t.Context(), turn("Hi"), &ear)
		got := ""
		if r := ear.Replies(); err == nil && len(r) == 1 {
			got = "said " + r[0].Text
		} else if err != nil && len(r) == 0 {
			got = fault.Of(err).Kind.String() + " " + err.Error()
		}
		kind, word, _ := strings.Cut(c.want, " ")
		if !strings.HasPrefix(got, kind) || !strings.HasSuffix(got, word) && (kind == "said" || !strings.Contains(got, word)) || strings.Contains(got, "canary") {
			t.Errorf("%s: %q, want %q", c.fault.Name, got, c.want)
		}
		o.Close()
	}
}

func TestErrorsInsideOfAStreamAreHeardInEveryDialect(t *testing.T) {
	for _, d := range []avatartest.Dialect{avatartest.Reference, avatartest.Ollama, avatartest.VLLM, avatartest.LlamaCpp} {
		o, b := newRig(t, avatartest.OpenAIConfig{Dialect: d, Answer: pieces("I am here. ", "And")}, nil)
		o.Break(avatartest.ChatReceived, 1, avatartest.StreamFails(1, "an error was encountered while running the model: canary", "server_error", ""))
		var ear avatartest.Ear
		err := b.Ask(t.Context(), turn("Hi"), &ear)
		if f := fault.Of(err); f == nil || f.Kind != fault.Retry || ear.Tried() > 0 || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v, said %v", d, err, ear.Replies())
		}
	}
}

func TestServerThatDoesNotStreamIsUnderstood(t *testing.T) {
	for body, want := range map[string]string{
		`{"id":"1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"Hi Ann"},"finish_reason":"stop"}]}`: "Hi Ann",
		`{"choices":[{"message":{"content":"<think>\nHm.\n</think>\n\nHi"}}],"error":null}`:                                                      "Hi",
	} {
		o, b := newRig(t, avatartest.OpenAIConfig{}, nil)
		o.Break(avatartest.ChatReceived, 1, avatartest.Answered(200, "application/json", body))
		if r := ask(t, b, turn("Hi")); r.Text != want {
			t.Errorf("%q, want %q", r.Text, want)
		}
	}
}

func TestThinkingThatUsesUpAllTokensIsNoReply(t *testing.T) {
	o, b := newRig(t, avatartest.OpenAIConfig{}, nil)
	for maxTokens, kind := range map[int]fault.Kind{0: fault.Retry, 10: fault.Dead} {
		o.Answer(func(avatartest.ChatRequest) avatartest.ChatAnswer {
			return avatartest.ChatAnswer{Text: "<think>\nWell. ", Finish: "length"}
		})
		b.cfg.MaxTokens = maxTokens
		var ear avatartest.Ear
		if f := fault.Of(b.Ask(t.Context(), turn("Hi"), &ear)); f == nil || f.Kind != kind || ear.Tried() > 0 {
			t.Errorf("max_tokens %d: %v", maxTokens, f)
		}
	}
}

func TestReplyOfMaxTokensEndsWithAWholeSentence(t *testing.T) {
	for text, want := range map[string]string{"One thing. And ano": "One thing.", "One thing and ano": "One thing and ano"} {
		_, b := newRig(t, avatartest.OpenAIConfig{Answer: func(avatartest.ChatRequest) avatartest.ChatAnswer {
			return avatartest.ChatAnswer{Text: text, Finish: "length"}
		}}, nil)
		if r := ask(t, b, turn("Hi")); r.Text != want {
			t.Errorf("%q, want %q", r.Text, want)
		}
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	for _, d := range []avatartest.Dialect{avatartest.Reference, avatartest.Ollama} {
		_, b := newRig(t, avatartest.OpenAIConfig{Dialect: d}, nil)
		reused := 0
		for range 5 {
			ctx := traced(t.Context(), &reused)
			if err := b.Ask(ctx, turn("Hi"), &avatartest.Ear{}); err != nil {
				t.Fatal(err)
			}
		}
		if reused != 4 {
			t.Errorf("%s: %d of 4 calls used the connection again", d, reused)
		}
	}
}
