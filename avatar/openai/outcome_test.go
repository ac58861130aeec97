package openai

import (
	"context"
	"fmt"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"avatarbridge/avatar/avatartest"
	"avatarbridge/bridges/fault"
)

// traced counts the calls that use a connection again.
func traced(ctx context.Context, reused *int) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		if i.Reused {
			*reused++
		}
	}})
}

func answered(status int, body string) avatartest.Fault {
	return avatartest.Answered(status, "application/json", body)
}

func TestEachAnswerIsClassified(t *testing.T) {
	for _, c := range []struct {
		fault avatartest.Fault
		want  string // kind and a part of the error
	}{
		{avatartest.Refused(401), "dead api_key"}, {avatartest.Refused(403), "dead api_key"}, {avatartest.Proxy(403), "dead api_key"},
		{answered(400, `[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key. canary","status":"INVALID_ARGUMENT"}}]`), "dead api_key"},
		{avatartest.TooMany(7 * time.Second), "throttled"}, {avatartest.TooMany(0), "throttled"},
		{avatartest.QuotaUsedUp(), "dead billing"}, {answered(402, `{"error":{"message":"Insufficient Balance canary"}}`), "dead billing"},
		{answered(400, `{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low"}}`), "dead billing"},
		{answered(429, `{"error":{"code":429,"message":"You exceeded your current quota","status":"RESOURCE_EXHAUSTED"}}`), "throttled"},
		{avatartest.ContextExceeded(), "dead history_tokens"},
		{answered(500, `{"error":{"code":500,"message":"Context size has been exceeded.","type":"server_error"}}`), "dead history_tokens"},
		{answered(400, `{"error":{"message":"However, the model's context length is only 1024 tokens","type":"BadRequestError","param":"input_tokens","code":400}}`), "dead history_tokens"},
		{answered(404, `{"error":{"message":"The model canary does not exist","code":"model_not_found"}}`), "dead model"},
		{answered(404, "404 page not found"), "dead base_url"}, {avatartest.Proxy(404), "dead base_url"}, {answered(405, ""), "dead base_url"},
		{answered(400, `{"error":{"message":"Unsupported value: canary","param":"temperature","code":"unsupported_value"}}`), "dead temperature"},
		{answered(400, `{"error":{"message":"canary","param":"max_tokens","code":"integer_above_max_value"}}`), "dead max_tokens"},
		{answered(400, `{"error":"canary"}`), "dead refused"}, {answered(413, "canary"), "dead refused"}, {answered(418, ""), "dead refused"},
		{answered(408, ""), "retry"}, {answered(409, ""), "retry"}, {answered(500, "canary"), "retry"}, {avatartest.Proxy(502), "retry"},
		{answered(503, `{"error":{"message":"Loading model","type":"unavailable_error","code":503}}`), "retry"}, {avatartest.Proxy(529), "retry"},
		{answered(200, `{"error":{"message":"canary","code":429}}`), "throttled"}, {answered(200, `{"error":{"message":"canary","code":502}}`), "retry"},
		{answered(200, `{"error":{"message":"canary","code":401}}`), "dead api_key"},
		{avatartest.Elsewhere(308, "https://canary.example"), "dead redirect"},
		{avatartest.Huge(2 << 20), "dead 1 MiB"},
	} {
		o, b := newRig(t, avatartest.OpenAIConfig{}, nil)
		o.Break(avatartest.ChatReceived, -1, c.fault)
		err := b.Ask(t.Context(), turn("Hi"), &avatartest.Ear{})
		f := fault.Of(err)
		kind, word, _ := strings.Cut(c.want, " ")
		if f == nil || f.Kind.String() != kind || !strings.Contains(f.Reason, word) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v, want %s", c.fault.Name, err, c.want)
		}
		o.Close()
	}
}

func TestUnknownModelIsToldWithThoseThatThereAre(t *testing.T) {
	for _, d := range []avatartest.Dialect{avatartest.Reference, avatartest.Ollama, avatartest.VLLM} {
		o, b := newRig(t, avatartest.OpenAIConfig{Dialect: d, Models: []string{"qwen3:8b", "org/llama-3.2", "odd\ncanary"}}, nil)
		f := fault.Of(b.Ask(t.Context(), turn("Hi"), &avatartest.Ear{}))
		if f == nil || f.Kind != fault.Dead || !strings.Contains(f.Reason, `no model "sim-large"`) || !strings.Contains(f.Reason, "(org/llama-3.2, qwen3:8b)") {
			t.Errorf("%s: %v", d, f)
		}
		o.Break(avatartest.ModelsListed, -1, avatartest.Stalled())
		b.cfg.ReplyTimeout = 400 * time.Millisecond
		if f := fault.Of(b.Ask(t.Context(), turn("Hi"), &avatartest.Ear{})); f == nil || f.Kind != fault.Dead || !strings.Contains(f.Reason, "model") {
			t.Errorf("%s, without a list: %v", d, f)
		}
	}
}

func TestWrongAndMissingKeyAreToldToTheOperator(t *testing.T) {
	for key, want := range map[string]string{"sk-wrong-canary": "refuses api_key", "": "set api_key"} {
		_, b := newRig(t, avatartest.OpenAIConfig{}, func(c *Config) { c.APIKey = key })
		err := b.Ask(t.Context(), turn("Hi"), &avatartest.Ear{})
		if f := fault.Of(err); f == nil || f.Kind != fault.Dead || !strings.Contains(f.Reason, want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v", key, err)
		}
	}
	o, b := newRig(t, avatartest.OpenAIConfig{Dialect: avatartest.Ollama}, func(c *Config) { c.APIKey = "" })
	if ask(t, b, turn("Hi")); o.Count(avatartest.ChatAnswered) != 1 {
		t.Error("not answered")
	}
}

func TestCheckTellsWhatWorksAndWhatToChange(t *testing.T) {
	many := []string{"sim-large"}
	for i := range 20 {
		many = append(many, fmt.Sprint("m", i))
	}
	for _, c := range []struct {
		name   string
		sim    avatartest.OpenAIConfig
		change func(*Config)
		fault  *avatartest.Fault
		want   []string
	}{
		{name: "all well", want: []string{"true 127.0.0.1", "api_key accepted", "true model sim-large is there"}},
		{name: "with speech", change: func(c *Config) { c.Speech = true }, want: []string{"true speech is on: tts-1 with the voice alloy", "not among", "change speech_model"}},
		{name: "with speech that is listed", sim: avatartest.OpenAIConfig{Models: []string{"sim-large", "tts-1"}}, change: func(c *Config) { c.Speech = true },
			want: []string{"true speech is on: tts-1 with the voice alloy; not tried, as it may cost |"}},
		{name: "with speech where no models are told", change: func(c *Config) { c.Speech, c.BaseURL = true, strings.TrimSuffix(c.BaseURL, "/v1") },
			want: []string{"false 127.0.0.1", "true speech is on: tts-1", "Whether the server has it is not known"}},
		{name: "with hearing", change: hears, want: []string{"true hearing is on: whisper-1 at 127.0.0.1", "not among"}},
		{name: "with hearing that is listed", sim: avatartest.OpenAIConfig{Models: []string{"sim-large", "whisper-1"}}, change: hears, want: []string{"not tried, as it may cost |"}},
		{name: "with ears that are away", change: func(c *Config) { c.Transcribe, c.TranscribeURL = "w", "http://127.0.0.1:1/v1" },
			want: []string{"true model sim-large", "false 127.0.0.1:1", "that transcribe_url is right"}},
		{name: "with ears that tell no models", change: func(c *Config) { c.Transcribe, c.TranscribeURL = "w", strings.TrimSuffix(c.BaseURL, "/v1") },
			want: []string{"true hearing is on: w at 127.0.0.1"}},
		{name: "with ears that want a key", change: func(c *Config) { c.Transcribe, c.TranscribeURL = "w", c.BaseURL }, want: []string{"false 127.0.0.1", "| the server wants a key: set transcribe_key"}},
		{name: "Ollama's tag", sim: avatartest.OpenAIConfig{Dialect: avatartest.Ollama, Models: []string{"sim-large:latest"}}, change: func(c *Config) { c.APIKey = "" },
			want: []string{"without a key", "true model sim-large is there"}},
		{name: "no model", change: func(c *Config) { c.Model = "nobody" }, want: []string{"true 127.0.0.1", "false 127.0.0.1", "it has: sim-large, sim-small", "| set model"}},
		{name: "many models", sim: avatartest.OpenAIConfig{Models: many}, change: func(c *Config) { c.Model = "nobody" }, want: []string{"and 9 more"}},
		{name: "no models at all", sim: avatartest.OpenAIConfig{Models: []string{}}, want: []string{"it names none"}},
		{name: "wrong key", change: func(c *Config) { c.APIKey = "wrong-canary" }, want: []string{"false 127.0.0.1", "| the server refuses api_key"}},
		{name: "no version in base_url", change: func(c *Config) { c.BaseURL = strings.TrimSuffix(c.BaseURL, "/v1") }, want: []string{"false 127.0.0.1", "| base_url has nothing at /models"}},
		{name: "nobody there", change: func(c *Config) { c.BaseURL = "http://127.0.0.1:1/v1" }, want: []string{"false 127.0.0.1:1", "| see that the server runs"}},
		{name: "a proxy's page", fault: new(avatartest.Proxy(200)), want: []string{"false 127.0.0.1", "no list of models"}},
		{name: "broken", fault: new(avatartest.Proxy(502)), want: []string{"false 127.0.0.1", "HTTP 502 with an HTML page"}},
		{name: "endless", fault: new(avatartest.Huge(9 << 20)), want: []string{"false 127.0.0.1", "no list of models"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, b := newRig(t, c.sim, c.change)
			if c.fault != nil {
				o.Break(avatartest.ModelsListed, -1, *c.fault)
			}
			var got strings.Builder
			for _, f := range b.Check(t.Context()) {
				fmt.Fprintf(&got, "%v %s | %s\n", f.OK, f.What, f.Fix)
				if f.OK != (f.Fix == "") {
					t.Errorf("%+v", f)
				}
			}
			for _, w := range c.want {
				if !strings.Contains(got.String(), w) {
					t.Errorf("%q is missing in\n%s", w, &got)
				}
			}
			if strings.Contains(got.String(), "canary") || o.Count(avatartest.ChatReceived)+o.Count(avatartest.SpeechAsked) > 0 {
				t.Errorf("a secret is shown, or something was asked that costs:\n%s", &got)
			}
		})
	}
}
