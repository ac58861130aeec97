package avatartest_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"strings"
	"testing"
	"time"

	"avatarbridge/avatar/avatartest"
)

// A part is one field of a form; a file if it has a name.
type part struct{ field, name, value string }

func transcribe(t *testing.T, o *avatartest.OpenAI, key string, parts ...part) answer {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, p := range parts {
		if p.name == "" {
			_ = form.WriteField(p.field, p.value)
			continue
		}
		w, err := form.CreateFormFile(p.field, p.name)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write([]byte(p.value))
	}
	_ = form.Close()
	return must(t)(do(t, client(t), "POST", o.URL()+"/audio/transcriptions", key, form.FormDataContentType(), body.String()))
}

func TestAVoiceIsWrittenDownAsTheReferenceHasIt(t *testing.T) {
	o := openai(t, avatartest.OpenAIConfig{})
	sound := string(avatartest.Voiced("Hello there").Data)
	a := transcribe(t, o, o.APIKey(), part{"file", "a.webm", sound}, part{"model", "", "whisper-1"}, part{"language", "", "en"}, part{"response_format", "", "json"})
	if a.status != 200 || a.field(t, "text") != "Hello there" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := transcribe(t, o, o.APIKey(), part{"model", "", "whisper-1"}, part{"file", "a.mp3", "noise"}, part{"response_format", "", "text"}); a.body != "a voice message of 5 bytes\n" {
		t.Errorf("%d %s", a.status, a.body)
	}
	r := o.Transcriptions()
	if len(r) != 2 || r[0].Name != "a.webm" || r[0].Language != "en" || string(r[0].Audio) != sound || o.Count(avatartest.TranscriptionAnswered) != 2 {
		t.Errorf("noted %+v", r)
	}
}

func TestAFormThatTheReferenceDoesNotAllowIsRefused(t *testing.T) {
	o := openai(t, avatartest.OpenAIConfig{})
	file, model := part{"file", "a.ogg", "sound"}, part{"model", "", "whisper-1"}
	for _, c := range []struct {
		key    string
		parts  []part
		status int
		word   string
	}{
		{"", []part{file, model}, 401, "didn't provide an API key"},
		{"wrong", []part{file, model}, 401, "invalid_api_key"},
		{o.APIKey(), []part{file, {"model", "", "sim-large"}}, 404, "model_not_found"},
		{o.APIKey(), []part{file}, 404, "model_not_found"},
		{o.APIKey(), []part{model}, 400, "missing"},
		{o.APIKey(), []part{{"file", "", "sound"}, model}, 400, "must be a file"},
		{o.APIKey(), []part{file, {"model", "m.txt", "whisper-1"}}, 400, "must be a file"},
		{o.APIKey(), []part{file, file, model}, 400, "unexpected field"},
		{o.APIKey(), []part{{"audio", "a.ogg", "sound"}, model}, 400, "unexpected field"},
		{o.APIKey(), []part{{"file", "a.amr", "sound"}, model}, 400, "Supported formats"},
		{o.APIKey(), []part{{"file", "a", "sound"}, model}, 400, "Supported formats"},
		{o.APIKey(), []part{{"file", "a.ogg", ""}, model}, 400, "too short"},
		{o.APIKey(), []part{file, model, {"language", "", "en-US"}}, 400, "ISO-639-1"},
		{o.APIKey(), []part{file, model, {"response_format", "", "tape"}}, 400, "response_format"},
		{o.APIKey(), []part{{"file", "a.ogg", strings.Repeat("x", 25<<20+1)}, model}, 413, "content size"},
	} {
		if a := transcribe(t, o, c.key, c.parts...); a.status != c.status || !strings.Contains(a.body, c.word) {
			t.Errorf("%.60s: %d %s, want %d with %s", fmt.Sprint(c.parts), a.status, a.body, c.status, c.word)
		}
	}
	if a := must(t)(do(t, client(t), "POST", o.URL()+"/audio/transcriptions", o.APIKey(), "application/json", "{}")); a.status != 400 {
		t.Errorf("JSON: %d %s", a.status, a.body)
	}
	l := openai(t, avatartest.OpenAIConfig{Dialect: avatartest.Ollama})
	if a := transcribe(t, l, "", file, model); a.status != 404 {
		t.Errorf("Ollama: %d %s", a.status, a.body)
	}
}

func TestFaultsOfHearing(t *testing.T) {
	o := openai(t, avatartest.OpenAIConfig{Transcribe: func(b []byte) string { return strings.ToUpper(string(b)) }})
	file, model := part{"file", "a.ogg", "sound"}, part{"model", "", "whisper-1"}
	for _, c := range []struct {
		fault  avatartest.Fault
		status int
	}{
		{avatartest.Refused(401), 401}, {avatartest.Answered(404, "", ""), 404}, {avatartest.Answered(413, "", ""), 413}, {avatartest.TooMany(time.Second), 429},
		{avatartest.Broken(503).Late(), 503}, {avatartest.Slow(time.Millisecond), 200},
	} {
		o.Break(avatartest.TranscriptionAsked, 1, c.fault)
		a := transcribe(t, o, o.APIKey(), file, model)
		if a.status != c.status || c.status == 200 && a.field(t, "text") != "SOUND" {
			t.Errorf("%s: %d %s", c.fault.Name, a.status, a.body)
		}
	}
}

func TestThoughtsStandWhereTheDialectHasThem(t *testing.T) {
	for _, c := range []struct {
		dialect avatartest.Dialect
		inline  bool
		has     string
	}{
		{avatartest.Reference, false, `"reasoning_content":"Hm`}, {avatartest.LlamaCpp, false, `"reasoning_content":"Hm`},
		{avatartest.Ollama, false, `"reasoning":"Hm`}, {avatartest.VLLM, false, `"reasoning":"Hm`}, {avatartest.Ollama, true, `\u003cthink\u003e\nHm.\n\u003c/think\u003e\n\nHi`},
	} {
		o, hc := openai(t, avatartest.OpenAIConfig{Dialect: c.dialect, Answer: func(avatartest.ChatRequest) avatartest.ChatAnswer {
			return avatartest.ChatAnswer{Think: "Hm.", Inline: c.inline, Text: "Hi"}
		}}), client(t)
		whole, stream := must(t)(chat(t, hc, o, o.APIKey(), "")), must(t)(chat(t, hc, o, o.APIKey(), `,"stream":true`))
		if !strings.Contains(whole.body, c.has) || !c.inline && !strings.Contains(stream.body, c.has) {
			t.Errorf("%s: %s %s", c.dialect, whole.body, stream.body)
		}
		want := "Hi"
		if c.inline {
			want = "<think>\nHm.\n</think>\n\nHi"
		}
		if got := streamed(t, events(stream.body)); got != want {
			t.Errorf("%s: %q", c.dialect, got)
		}
	}
}

func TestAGateLetsOutAStreamPieceByPiece(t *testing.T) {
	gate := make(chan struct{})
	o, c := openai(t, avatartest.OpenAIConfig{Answer: func(avatartest.ChatRequest) avatartest.ChatAnswer {
		return avatartest.ChatAnswer{Pieces: []string{"a", "b", "c", "d"}, Gate: gate}
	}}), client(t)
	done := make(chan answer)
	go func() {
		a, _ := chat(t, c, o, o.APIKey(), `,"stream":true`)
		done <- a
	}()
	for n := 1; n <= 2; n++ {
		gate <- struct{}{}
		if err := o.Await(t.Context(), avatartest.PieceSent, n); err != nil {
			t.Fatal(err)
		}
	}
	if n := o.Count(avatartest.PieceSent); n != 2 {
		t.Errorf("%d pieces were sent", n)
	}
	close(gate)
	if a := <-done; streamed(t, events(a.body)) != "abcd" || o.Count(avatartest.PieceSent) != 4 {
		t.Errorf("%s", a.body)
	}
}
