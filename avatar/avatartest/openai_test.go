package avatartest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"avatarbridge/avatar/avatartest"
)

func openai(t *testing.T, cfg avatartest.OpenAIConfig) *avatartest.OpenAI {
	t.Helper()
	o, err := avatartest.NewOpenAI(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	return o
}

// chat makes one call; fields come after those that are always there, such as `,"stream":true`.
func chat(t *testing.T, c *http.Client, o *avatartest.OpenAI, key, fields string) (answer, error) {
	t.Helper()
	body := `{"model":"sim-large","messages":[{"role":"system","content":"Be kind to <Ann>."},{"role":"user","content":[{"type":"text","text":"Hi there"}]}]` + fields + `}`
	return do(t, c, "POST", o.URL()+"/chat/completions", key, "application/json", body)
}

// events are the payloads of a stream, [DONE] too.
func events(body string) []string {
	var all []string
	for line := range strings.Lines(body) {
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			all = append(all, strings.TrimSpace(data))
		}
	}
	return all
}

// streamed is the text that the events carry.
func streamed(t *testing.T, events []string) string {
	t.Helper()
	var text strings.Builder
	for _, e := range events {
		var chunk struct {
			Choices []struct{ Delta struct{ Content string } }
		}
		if e == "[DONE]" {
			continue
		}
		if err := json.Unmarshal([]byte(e), &chunk); err != nil {
			t.Fatalf("%q: %v", e, err)
		}
		for _, c := range chunk.Choices {
			text.WriteString(c.Delta.Content)
		}
	}
	return text.String()
}

func TestAChatIsStreamedAsTheReferenceHasIt(t *testing.T) {
	o, c := openai(t, avatartest.OpenAIConfig{}), client(t)
	a := must(t)(chat(t, c, o, o.APIKey(), `,"stream":true,"stream_options":{"include_usage":true}`))
	got := events(a.body)
	n := len(got)
	if a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), "text/event-stream") || n < 5 || streamed(t, got) != "You said: Hi there" {
		t.Fatalf("%d %v\n%s", a.status, a.header, a.body)
	}
	for i, word := range map[int]string{0: `"role":"assistant"`, n - 3: `"finish_reason":"stop"`, n - 2: `"choices":[]`, n - 1: "[DONE]"} {
		if !strings.Contains(got[i], word) {
			t.Errorf("event %d is %s, without %s", i, got[i], word)
		}
	}
	if !strings.Contains(got[0], `"usage":null`) || !strings.Contains(got[n-2], `"total_tokens"`) || !strings.HasPrefix(a.body, ": ") {
		t.Errorf("usage or the comment is missing:\n%s", a.body)
	}
}

func TestAChatIsAnsweredWholeWithoutStream(t *testing.T) {
	o, c := openai(t, avatartest.OpenAIConfig{}), client(t)
	a := must(t)(chat(t, c, o, o.APIKey(), `,"user":"u-1","temperature":0.5,"max_tokens":7`))
	if a.field(t, "object") != "chat.completion" || !strings.Contains(a.body, `"content":"You said: Hi there"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	got := o.Chats()[0]
	if got.User != "u-1" || *got.Temperature != 0.5 || *got.MaxTokens != 7 || got.Messages[1].Content != "Hi there" {
		t.Errorf("noted %+v", got)
	}
	if d := cmp.Diff([]string{"max_tokens", "messages", "model", "temperature", "user"}, got.Keys); d != "" {
		t.Error(d)
	}
}

func TestWhatTheReferenceDoesNotAllowIsRefused(t *testing.T) {
	o, c := openai(t, avatartest.OpenAIConfig{Context: 20, Models: []string{"other", "sim-large"}, Refuses: []string{"max_tokens"}}), client(t)
	post := func(key, body string) answer {
		return must(t)(do(t, c, "POST", o.URL()+"/chat/completions", key, "application/json", body))
	}
	message := func(text string) string {
		return fmt.Sprintf(`{"model":"sim-large","messages":[{"role":"user","content":%q}]`, text)
	}
	for _, got := range []struct {
		a      answer
		status int
		word   string
	}{
		{post("", message("Hi")+"}"), 401, "didn't provide an API key"},
		{post("wrong", message("Hi")+"}"), 401, "invalid_api_key"},
		{post(o.APIKey(), `{"model":"nobody","messages":[{"role":"user","content":"Hi"}]}`), 404, "model_not_found"},
		{post(o.APIKey(), message(strings.Repeat("long ", 20))+"}"), 400, "context_length_exceeded"},
		{post(o.APIKey(), message("Hi")+`,"max_tokens":3}`), 400, "max_tokens"},
		{post(o.APIKey(), message("Hi")+`,"conversation":"c"}`), 400, "Unknown parameter"},
		{post(o.APIKey(), `{"model":"sim-large","messages":[]}`), 400, "messages"},
		{post(o.APIKey(), `{"model":"sim-large","messages":[{"role":"bot","content":"Hi"}]}`), 400, "bot"},
		{post(o.APIKey(), `{"model":`), 400, "parse"},
		{must(t)(do(t, c, "GET", o.URL()+"/nowhere", "", "", "")), 404, "Invalid URL"},
		{must(t)(do(t, c, "GET", o.URL()+"/models", "wrong", "", "")), 401, "invalid_api_key"},
	} {
		if got.a.status != got.status || !strings.Contains(got.a.body, got.word) || !strings.Contains(got.a.body, `"error":{`) {
			t.Errorf("%d %s, want %d with %s", got.a.status, got.a.body, got.status, got.word)
		}
	}
}

func TestDialectsDifferAsTheirServersDo(t *testing.T) {
	for _, c := range []struct {
		dialect       avatartest.Dialect
		stream, wrong string // what stands in a stream, in an error within one
		done          bool
	}{
		{avatartest.Reference, `"obfuscation"`, `data: {"error":{"message":"no"`, true},
		{avatartest.Ollama, `fp_ollama`, `data: {"error":"no"}`, false},
		{avatartest.VLLM, `"stop_reason"`, `"message":"no"`, true},
		{avatartest.LlamaCpp, `"timings"`, "error: {", true},
	} {
		o, hc := openai(t, avatartest.OpenAIConfig{Dialect: c.dialect}), client(t)
		whole := must(t)(chat(t, hc, o, o.APIKey(), `,"stream":true`))
		if !strings.Contains(whole.body, c.stream) || strings.Contains(whole.body, "[DONE]") != c.done || !strings.Contains(whole.body, `"finish_reason":"stop"`) {
			t.Errorf("%s: %s", c.dialect, whole.body)
		}
		o.Break(avatartest.ChatReceived, 1, avatartest.StreamFails(1, "no", "server_error", ""))
		if a := must(t)(chat(t, hc, o, o.APIKey(), `,"stream":true`)); !strings.Contains(a.body, c.wrong) || streamed(t, events(a.body)) != "You" {
			t.Errorf("%s: %s", c.dialect, a.body)
		}
	}
	o, hc := openai(t, avatartest.OpenAIConfig{Dialect: avatartest.Ollama, Models: []string{"sim-large:latest"}}), client(t)
	if a := must(t)(chat(t, hc, o, "", "")); a.status != 200 {
		t.Errorf("Ollama wants a key, or a tag: %s", a.body)
	}
	v := openai(t, avatartest.OpenAIConfig{Dialect: avatartest.VLLM, Models: []string{}})
	if a := must(t)(chat(t, hc, v, v.APIKey(), "")); a.status != 404 || a.field(t, "object") != "error" || a.field(t, "type") != "NotFoundError" {
		t.Errorf("vLLM: %s", a.body)
	}
}

func TestStreamsBreakAsTheyAreTold(t *testing.T) {
	o, c := openai(t, avatartest.OpenAIConfig{}), client(t)
	for _, f := range []struct {
		fault avatartest.Fault
		text  string
		err   bool
		done  bool
	}{
		{avatartest.StreamCut(2), "You sa", true, false},
		{avatartest.StreamEnds(2), "You sa", false, false},
		{avatartest.StreamWrites(1, "data: [DONE]\n\n"), "You", false, true},
	} {
		o.Break(avatartest.ChatReceived, 1, f.fault)
		a, err := chat(t, c, o, o.APIKey(), `,"stream":true`)
		got := events(a.body)
		if (err != nil) != f.err || streamed(t, got) != f.text || strings.Contains(a.body, "[DONE]") != f.done || strings.Contains(a.body, `"stop"`) {
			t.Errorf("%s: %v %s", f.fault.Name, err, a.body)
		}
	}
	for _, f := range []avatartest.Fault{avatartest.StreamStalls(1), avatartest.StreamEndless(1, time.Millisecond)} {
		o.Break(avatartest.ChatReceived, 1, f)
		c.Timeout = 200 * time.Millisecond
		a, err := chat(t, c, o, o.APIKey(), `,"stream":true`)
		if !errors.Is(err, context.DeadlineExceeded) || strings.Count(a.body, "And so") > 1 == (f.Name == "stalled stream") || strings.Count(a.body, ": keep") > 2 == (f.Name != "stalled stream") {
			t.Errorf("%s: %v %s", f.Name, err, a.body)
		}
	}
}

func TestSpeechIsASound(t *testing.T) {
	o, c := openai(t, avatartest.OpenAIConfig{}), client(t)
	say := func(body string) answer {
		return must(t)(do(t, c, "POST", o.URL()+"/audio/speech", o.APIKey(), "application/json", body))
	}
	mp3 := say(`{"model":"tts-1","input":"Hi","voice":"alloy"}`)
	wav := say(`{"model":"tts-1","input":"Hi","voice":"alloy","response_format":"wav"}`)
	if mp3.header.Get("Content-Type") != "audio/mpeg" || !strings.HasPrefix(mp3.body, "\xff\xfb") || !strings.HasPrefix(wav.body, "RIFF") {
		t.Errorf("%d %v, %d %v", mp3.status, mp3.header, wav.status, wav.header)
	}
	for body, status := range map[string]int{
		`{"model":"sim-large","input":"Hi","voice":"alloy"}`:                                      404,
		`{"model":"tts-1","input":"Hi"}`:                                                          400,
		`{"model":"tts-1","voice":"alloy","input":"` + strings.Repeat("é", 4097) + `"}`:           400,
		`{"model":"tts-1","input":"Hi","voice":"alloy","response_format":"tape"}`:                 400,
		`{"model":"tts-1","input":"` + strings.Repeat("é", 4096) + `","voice":"alloy","speed":2}`: 200,
	} {
		if a := say(body); a.status != status {
			t.Errorf("%.80s: %d %s", body, a.status, a.body)
		}
	}
	if s := o.Speeches(); len(s) != 7 || s[0].Voice != "alloy" || o.Count(avatartest.SpeechAnswered) != 3 {
		t.Errorf("%+v", s)
	}
}

func TestEndedServerEndsItsStreams(t *testing.T) {
	o, c := openai(t, avatartest.OpenAIConfig{}), client(t)
	o.Break(avatartest.ChatReceived, -1, avatartest.StreamStalls(1))
	req, err := http.NewRequestWithContext(t.Context(), "POST", o.URL()+"/chat/completions",
		strings.NewReader(`{"model":"sim-large","stream":true,"messages":[{"role":"user","content":"Hi"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+o.APIKey())
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	o.Close()
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("the stream ended as if it was whole")
	}
}
