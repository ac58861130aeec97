package openai

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"avatarbridge/avatar"
	"avatarbridge/avatar/avatartest"
	"avatarbridge/bridges/fault"
)

func turn(text string, history ...avatar.Exchange) avatar.Turn {
	return avatar.Turn{ID: "t-1", Conversation: "c-1", UserUID: "u-1", UserName: "Ann", Locale: "en", Platform: "telegram", Bridge: "my-telegram",
		Text: text, History: history}
}

func said(asked, replied string) avatar.Exchange {
	return avatar.Exchange{Name: "Ann", Asked: asked, Replied: replied}
}

// ask asks one turn and returns the one reply to it.
func ask(t *testing.T, b *Backend, turn avatar.Turn) avatar.Reply {
	t.Helper()
	var ear avatartest.Ear
	if err := b.Ask(t.Context(), turn, &ear); err != nil {
		t.Fatal(err)
	}
	if r := ear.Replies(); len(r) != 1 {
		t.Fatalf("said %v", r)
	}
	return ear.Replies()[0]
}

// heard is what the model was told in the last call, a line for each message.
func heard(o *avatartest.OpenAI) string {
	var lines []string
	chats := o.Chats()
	for _, m := range chats[len(chats)-1].Messages {
		lines = append(lines, fmt.Sprintf("%s: %s", m.Role, strings.ReplaceAll(string(m.Content), "\n", "/")))
	}
	return strings.Join(lines, "\n")
}

func TestOnlyWhatIsConfiguredIsSent(t *testing.T) {
	o, b := newRig(t, avatartest.OpenAIConfig{}, nil)
	ask(t, b, turn("Hello"))
	half := 0.5
	p, c := newRig(t, avatartest.OpenAIConfig{}, func(c *Config) { c.Temperature, c.MaxTokens = &half, 70 })
	ask(t, c, turn("Hello"))
	if d := cmp.Diff([]string{"messages", "model", "stream", "user"}, o.Chats()[0].Keys); d != "" {
		t.Error(d)
	}
	if r := p.Chats()[0]; *r.Temperature != half || *r.MaxTokens != 70 || r.User != "u-1" || !r.Stream || r.Model != "sim-large" {
		t.Errorf("%+v", r)
	}
}

func TestModelIsToldItsPromptTheHistoryAndTheMessage(t *testing.T) {
	o, b := newRig(t, avatartest.OpenAIConfig{}, func(c *Config) {
		c.BotName, c.Prompt = "Luna {user}", "You are {name}, not {nobody}. You talk with {user}."
	})
	in := turn("And now?", said("Hi", "Hello Ann"), said("A picture", ""), said("Still there?", "Yes"))
	in.UserName = "{name}"
	for i := range in.History {
		in.History[i].Name = in.UserName
	}
	ask(t, b, in)
	want := "system: You are Luna {user}, not {nobody}. You talk with {name}.\nuser: Hi\nassistant: Hello Ann\nuser: A picture//Still there?\nassistant: Yes\nuser: And now?"
	if d := cmp.Diff(want, heard(o)); d != "" {
		t.Error(d)
	}
}

func TestPersonWithoutANameAndAnEmptyPrompt(t *testing.T) {
	o, b := newRig(t, avatartest.OpenAIConfig{}, nil)
	in := turn("Hi")
	in.UserName = ""
	ask(t, b, in)
	if got := heard(o); got != "system: You are luna./You are talking with the user\nuser: Hi" {
		t.Error(got)
	}
	o, b = newRig(t, avatartest.OpenAIConfig{}, func(c *Config) { c.Prompt = "" })
	ask(t, b, turn("Hi"))
	if got := heard(o); got != "user: Hi" {
		t.Error(got)
	}
}

func TestMessagesOfSeveralPeopleBeginWithTheirNames(t *testing.T) {
	o, b := newRig(t, avatartest.OpenAIConfig{}, func(c *Config) { c.Prompt = "Be kind." })
	ask(t, b, turn("And me?", avatar.Exchange{Name: "Bob", Asked: "Do you know me?", Replied: "Yes, Bob"}, avatar.Exchange{Asked: "Who?", Replied: "Bob"}))
	want := "system: Be kind.//" + manyPeople + "\nuser: Bob: Do you know me?\nassistant: Yes, Bob\nuser: Who?\nassistant: Bob\nuser: Ann: And me?"
	if d := cmp.Diff(want, heard(o)); d != "" {
		t.Error(d)
	}
}

func TestHistoryIsBoundInExchangesAndTokens(t *testing.T) {
	long := strings.Repeat("four", 100) // 100 tokens
	var all []avatar.Exchange
	for i := range 30 {
		all = append(all, said(fmt.Sprint("q", i, long), fmt.Sprint("a", i)))
	}
	for _, c := range []struct{ history, tokens, want int }{{20, 1 << 20, 20}, {0, 1 << 20, 0}, {20, 0, 0}, {20, 330, 3}, {200, 1 << 20, 30}} {
		o, b := newRig(t, avatartest.OpenAIConfig{}, func(cfg *Config) { cfg.History, cfg.HistoryTokens = c.history, c.tokens })
		if b.History() != c.history {
			t.Errorf("%d exchanges are asked for, not %d", b.History(), c.history)
		}
		ask(t, b, turn("Now", all...))
		m := o.Chats()[0].Messages
		if len(m) != 2+2*c.want || c.want > 0 && !strings.HasPrefix(string(m[1].Content), fmt.Sprint("q", 30-c.want)) {
			t.Errorf("%+v: %d messages", c, len(m))
		}
	}
}

func TestTooLongConversationIsHalvedOnce(t *testing.T) {
	long := strings.Repeat("four", 100)
	history := []avatar.Exchange{said("1"+long, "a"), said("2"+long, "b"), said("3"+long, "c")}
	for _, dialect := range []avatartest.Dialect{avatartest.Reference, avatartest.Ollama, avatartest.VLLM, avatartest.LlamaCpp} {
		o, b := newRig(t, avatartest.OpenAIConfig{Context: 250, Dialect: dialect}, nil)
		ask(t, b, turn("Now", history...))
		if m := o.Chats()[1].Messages; len(m) != 4 || m[1].Content[0] != '3' {
			t.Errorf("%s: the second call has %d messages", dialect, len(m))
		}
	}
	for _, c := range []struct {
		history []avatar.Exchange
		calls   int
	}{{history, 2}, {nil, 1}} {
		o, b := newRig(t, avatartest.OpenAIConfig{Context: 10}, nil)
		err := b.Ask(t.Context(), turn("Now", c.history...), &avatartest.Ear{})
		if f := fault.Of(err); f == nil || f.Kind != fault.Dead || !strings.Contains(f.Reason, "history_tokens") || len(o.Chats()) != c.calls {
			t.Errorf("%v after %d calls", err, len(o.Chats()))
		}
	}
	o, b := newRig(t, avatartest.OpenAIConfig{Dialect: avatartest.LlamaCpp}, nil)
	o.Break(avatartest.ChatReceived, 1, avatartest.StreamFails(0, "the request exceeds the available context size", "invalid_request_error", ""))
	if ask(t, b, turn("Now", history...)); len(o.Chats()) != 2 {
		t.Errorf("%d calls", len(o.Chats()))
	}
}

func TestWhatAServerDoesNotTakeIsLeftOutOfTheNextTry(t *testing.T) {
	o, b := newRig(t, avatartest.OpenAIConfig{Refuses: []string{"max_tokens", "user"}}, func(c *Config) { c.MaxTokens = 70 })
	for range 2 {
		if f := fault.Of(b.Ask(t.Context(), turn("Hi"), &avatartest.Ear{})); f == nil || f.Kind != fault.Retry || f.Reason == "" {
			t.Fatalf("%v", f)
		}
	}
	ask(t, b, turn("Hi"))
	if d := cmp.Diff([]string{"max_completion_tokens", "messages", "model", "stream"}, o.Chats()[2].Keys); d != "" {
		t.Error(d)
	}
	o, b = newRig(t, avatartest.OpenAIConfig{}, nil)
	o.Break(avatartest.ChatReceived, 1, avatartest.Answered(422, "application/json",
		`{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","user"],"msg":"Extra inputs are not permitted"}]},"code":null}`))
	if f := fault.Of(b.Ask(t.Context(), turn("Hi"), &avatartest.Ear{})); f.Kind != fault.Retry {
		t.Errorf("%v", f)
	}
	if ask(t, b, turn("Hi")); o.Chats()[1].User != "" {
		t.Error("the person's id is still sent")
	}
}

func TestSpeechIsTheReplysSound(t *testing.T) {
	o, b := newRig(t, avatartest.OpenAIConfig{Answer: func(avatartest.ChatRequest) avatartest.ChatAnswer {
		return avatartest.ChatAnswer{Text: "# Hi\n\nI am **Luna**, see [my page](https://l.example) or https://l.example.\n\n```go\nfunc main() {}\n```"}
	}}, func(c *Config) { c.Speech, c.Voice = true, "nova" })
	r := ask(t, b, turn("Hello"))
	if len(r.Audio.Data) == 0 || r.Audio.Type != "audio/mpeg" || !strings.HasPrefix(r.Text, "# Hi") {
		t.Errorf("%d bytes of %q, text %q", len(r.Audio.Data), r.Audio.Type, r.Text)
	}
	s := o.Speeches()[0]
	if s.Voice != "nova" || s.Model != "tts-1" || s.Input != "Hi\nI am Luna, see my page or ." {
		t.Errorf("%+v", s)
	}
}

func TestFailedSpeechCostsTheSoundAndNotTheText(t *testing.T) {
	for _, f := range []avatartest.Fault{
		avatartest.Broken(500), avatartest.Refused(401), avatartest.Cut(), avatartest.Proxy(200), avatartest.EmptyBody(), avatartest.EmptyObject(),
		avatartest.Answered(404, "text/plain", "404 page not found"), avatartest.Answered(200, "text/plain", "no voice"), avatartest.Huge(11 << 20),
		avatartest.Stalled(),
	} {
		o, b := newRig(t, avatartest.OpenAIConfig{}, func(c *Config) { c.Speech = true })
		o.Break(avatartest.SpeechAsked, -1, f)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		var ear avatartest.Ear
		err := b.Ask(ctx, turn("Hello"), &ear)
		if r := ear.Replies(); err != nil || ctx.Err() != nil || len(r) != 1 || r[0].Text != "You said: Hello" || r[0].Audio.Data != nil {
			t.Errorf("%s: %v %v", f.Name, err, r)
		}
		cancel()
		o.Close()
	}
}

func TestLongReplyIsSpokenInPart(t *testing.T) {
	if got := spoken(strings.Repeat("A good sentence. ", 400)); len(got) > maxSpoken || !strings.HasSuffix(got, "sentence.") {
		t.Errorf("%d bytes, %q at the end", len(got), got[len(got)-20:])
	}
	if got := spoken(strings.Repeat("é", 5000)); len(got) != 2*maxSpoken {
		t.Errorf("%d bytes", len(got))
	}
	if got := spoken("```\ncode\n```"); got != "" {
		t.Errorf("%q", got)
	}
}

func TestTablesAreSpokenWithoutTheirBars(t *testing.T) {
	if got := spoken("| Day | Sky |\n|---|---|\n| Monday | blue |"); got != "Day, Sky\nMonday, blue" {
		t.Errorf("%q", got)
	}
}

func TestConfigTellsAllItsFaults(t *testing.T) {
	bad := 3.0
	for _, c := range []struct {
		change func(*Config)
		want   string
	}{
		{func(*Config) {}, ""},
		{func(c *Config) { c.APIKey, c.Prompt, c.History, c.HistoryTokens = "", "", 0, 0 }, ""},
		{func(c *Config) { c.BaseURL, c.Model = "", " " }, "base_url model"},
		{func(c *Config) { c.BaseURL = "localhost:11434/v1" }, "base_url"},
		{func(c *Config) { c.BaseURL = "https://canary:canary@x.org/v1" }, "base_url"},
		{func(c *Config) { c.BaseURL = "https://x.org/v1?key=canary" }, "base_url"},
		{func(c *Config) { c.APIKey = "canary\n" }, "api_key"},
		{func(c *Config) { c.Temperature, c.History = &bad, 201 }, "history temperature"},
		{func(c *Config) { c.Speech, c.Voice, c.SpeechModel = true, "", "" }, "voice speech_model"},
		{func(c *Config) {
			c.Transcribe, c.TranscribeURL, c.TranscribeKey = "whisper-1", "http://127.0.0.1:8000/v1", "k"
		}, ""},
		{func(c *Config) { c.TranscribeURL, c.TranscribeKey = "127.0.0.1:8000", "canary " }, "transcribe_url transcribe transcribe_key"},
		{func(c *Config) { c.Transcribe, c.TranscribeKey = "whisper-1", "canary" }, "transcribe_key"},
	} {
		cfg := Default()
		cfg.BaseURL, cfg.Model, cfg.APIKey = "http://127.0.0.1:11434/v1/", "llama3.2", "sk-1"
		c.change(&cfg)
		var keys []string
		for _, s := range cfg.Validate() {
			keys = append(keys, s.Key)
		}
		if got := strings.Join(keys, " "); got != c.want {
			t.Errorf("faults of %q, want %q", got, c.want)
		}
		if _, err := New(cfg, &http.Client{}); (err != nil) != (c.want != "") || err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%v", err)
		}
	}
	if _, err := New(Default(), nil); err == nil || !strings.Contains(err.Error(), "client") {
		t.Errorf("%v", err)
	}
}

func TestReplyThatCannotBeStoredFailsTheTurn(t *testing.T) {
	_, b := newRig(t, avatartest.OpenAIConfig{}, nil)
	var ear avatartest.Ear
	full := errors.New("the disk is full")
	ear.Fail(full)
	if err := b.Ask(t.Context(), turn("Hi"), &ear); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
}
