package avatartest_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"avatarbridge/avatar/avatartest"
)

// client has connections of its own, so that none outlives its test.
func client(t *testing.T) *http.Client {
	t.Helper()
	tr := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 10 * time.Second}
}

func virtuals(t *testing.T, cfg avatartest.VirtualsConfig) *avatartest.Virtuals {
	t.Helper()
	v, err := avatartest.NewVirtuals(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

// answer is what came back from a call.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) field(t *testing.T, name string) any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatalf("status %d, not a JSON object: %q", a.status, a.body)
	}
	return m[name]
}

func do(t *testing.T, c *http.Client, method, url, token, contentType, body string) (answer, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := c.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(b)}, err
}

func must(t *testing.T) func(answer, error) answer {
	return func(a answer, err error) answer {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
}

// token asks for an access token as the JavaScript client does.
func token(t *testing.T, c *http.Client, v *avatartest.Virtuals, virtual any, uid string) answer {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"virtualId": virtual, "userUid": uid, "userName": "Ann"},
		"apiKey":   v.APIKey(), "apiSecret": v.APISecret(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return must(t)(do(t, c, "POST", v.URL()+"/api/access/token", "", "application/json", string(body)))
}

func claims(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("no JWT: %q", token)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func access(t *testing.T, c *http.Client, v *avatartest.Virtuals, virtual any, uid string) (jwt, runner string) {
	t.Helper()
	jwt, _ = token(t, c, v, virtual, uid).field(t, "accessToken").(string)
	runner, _ = claims(t, jwt)["runner"].(string)
	return jwt, runner
}

func prompt(t *testing.T, c *http.Client, runner, jwt, text string) answer {
	t.Helper()
	body := fmt.Sprintf(`{"text":%q,"skipTTS":false,"userName":"Ann","botName":"Luna","mood":"calm"}`, text)
	return must(t)(do(t, c, "POST", runner+"/prompts", jwt, "application/json", body))
}

func TestATokenOpensTheRunnerItNames(t *testing.T) {
	v, c := virtuals(t, avatartest.VirtualsConfig{}), client(t)
	jwt, runner := access(t, c, v, 1, "uid-a")
	if runner != v.RunnerURL(0) {
		t.Fatalf("runner is %q", runner)
	}
	a := prompt(t, c, runner, jwt, "Hello there.")
	if got := a.field(t, "text"); got != "You said: Hello there." {
		t.Errorf("text is %q", got)
	}
	audio := must(t)(do(t, c, "GET", a.field(t, "audioUid").(string), "", "", ""))
	if audio.status != 200 || !strings.HasPrefix(audio.body, "RIFF") {
		t.Errorf("the audio is no WAV: %d %.20q", audio.status, audio.body)
	}
	p := v.Prompts()
	if len(p) != 1 || p[0].UserUID != "uid-a" || p[0].VirtualID != "1" || p[0].BotName != "Luna" || p[0].Extra["mood"] != "calm" {
		t.Errorf("noted: %+v", p)
	}
	cores := must(t)(do(t, c, "GET", runner+"/cores", jwt, "", ""))
	if cores.body != `{"data":["llm","tts"]}` {
		t.Errorf("cores: %s", cores.body)
	}
}

func TestMemoriesOfTwoPeopleDoNotMix(t *testing.T) {
	v, c := virtuals(t, avatartest.VirtualsConfig{Nested: true}), client(t)
	for _, uid := range []string{"uid-a", "uid-b"} {
		jwt, runner := access(t, c, v, "1", uid)
		prompt(t, c, runner, jwt, "I am "+uid)
		if got := prompt(t, c, runner, jwt, avatartest.Recall).field(t, "text"); got != "You said: I am "+uid {
			t.Errorf("%s recalls %q", uid, got)
		}
	}
	if m := v.Memory("1", "uid-b"); len(m) != 2 || m[0] != "I am uid-b" {
		t.Errorf("memory of uid-b: %q", m)
	}
}

func TestOnlyAGoodTokenIsAccepted(t *testing.T) {
	now := time.Now()
	var mu sync.Mutex
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	v, c := virtuals(t, avatartest.VirtualsConfig{Now: clock, Lifetime: time.Minute}), client(t)
	jwt, runner := access(t, c, v, 1, "uid")
	other, _ := access(t, c, v, 1, "other")
	expect := func(what string, want int, jwt string) {
		t.Helper()
		if a := prompt(t, c, runner, jwt, "hi"); a.status != want {
			t.Errorf("%s: status %d, not %d: %s", what, a.status, want, a.body)
		}
	}
	expect("good", 200, jwt)
	expect("none", 401, "")
	expect("forged", 401, jwt[:len(jwt)-4]+"AAAA")
	v.Revoke("uid")
	expect("revoked", 401, jwt)
	expect("another person's after it", 200, other)
	v.Revoke("")
	expect("revoked for all", 401, other)
	fresh, _ := access(t, c, v, 1, "uid")
	expect("issued after it", 200, fresh)
	mu.Lock()
	now = now.Add(2 * time.Minute)
	mu.Unlock()
	expect("expired", 401, fresh)
	if n := v.Count(avatartest.TokenRefused); n != 5 {
		t.Errorf("%d refusals counted, not 5", n)
	}
}

func TestWrongCredentialsGetNoToken(t *testing.T) {
	v, c := virtuals(t, avatartest.VirtualsConfig{}), client(t)
	a := must(t)(do(t, c, "POST", v.URL()+"/api/access/token", "", "application/json",
		`{"metadata":{"virtualId":1,"userUid":"u"},"apiKey":"wrong","apiSecret":"wrong"}`))
	if a.status != 401 || a.field(t, "accessToken") != nil {
		t.Errorf("%d %s", a.status, a.body)
	}
	if r := v.TokenRequests(); len(r) != 1 || r[0].Accepted || r[0].UserUID != "u" {
		t.Errorf("noted: %+v", r)
	}
}

func TestTokensWithBadClaims(t *testing.T) {
	v, c := virtuals(t, avatartest.VirtualsConfig{}), client(t)
	v.Break(avatartest.TokenAsked, 1, avatartest.WithRunner("http://169.254.169.254"))
	v.Break(avatartest.TokenAsked, 1, avatartest.WithRunner(""))
	v.Break(avatartest.TokenAsked, 1, avatartest.WithoutExp())
	v.Break(avatartest.TokenAsked, 1, avatartest.Expired())
	_, runner := access(t, c, v, 1, "u")
	if runner != "http://169.254.169.254" {
		t.Errorf("runner %q", runner)
	}
	if _, runner = access(t, c, v, 1, "u"); runner != "" {
		t.Errorf("runner %q, not none", runner)
	}
	jwt, runner := access(t, c, v, 1, "u")
	if _, has := claims(t, jwt)["exp"]; has || prompt(t, c, runner, jwt, "hi").status != 200 {
		t.Error("a token without exp must lack it, and be good")
	}
	jwt, runner = access(t, c, v, 1, "u")
	if a := prompt(t, c, runner, jwt, "hi"); a.status != 401 {
		t.Errorf("an expired token: status %d", a.status)
	}
}

func TestCoresDecideWhatAVirtualCanDo(t *testing.T) {
	v, c := virtuals(t, avatartest.VirtualsConfig{Virtuals: map[string]avatartest.Virtual{
		"mute":  {Cores: []string{avatartest.LLM}, Model: "https://models.example.com/a.vrm"},
		"voice": {Cores: []string{avatartest.TTS}, Runner: 1},
		"late":  {Cores: []string{avatartest.LLM, avatartest.TTS}, LateVoice: true},
	}}), client(t)
	ask := func(virtual, path string) answer {
		jwt, runner := access(t, c, v, virtual, "u")
		return must(t)(do(t, c, "POST", runner+path, jwt, "application/json", `{"text":"hi"}`))
	}
	if a := ask("mute", "/prompts"); a.field(t, "audioUid") != nil || a.field(t, "text") == nil {
		t.Errorf("mute: %s", a.body)
	}
	if a := ask("mute", "/prompts/voice"); a.field(t, "error") == nil {
		t.Errorf("mute speaks: %s", a.body)
	}
	if a := ask("voice", "/prompts"); a.field(t, "error") == nil {
		t.Errorf("voice thinks: %s", a.body)
	}
	if a := ask("voice", "/prompts/voice"); !strings.HasPrefix(a.field(t, "audioUid").(string), v.RunnerURL(1)) {
		t.Errorf("voice: %s", a.body)
	}
	if a := ask("late", "/prompts"); a.field(t, "audioUid") != nil {
		t.Errorf("late: %s", a.body)
	}
	if n := len(v.Voices()); n != 2 {
		t.Errorf("%d calls for a voice noted", n)
	}
	jwt, runner := access(t, c, v, "mute", "u")
	if a := must(t)(do(t, c, "GET", runner+"/model", jwt, "", "")); !strings.Contains(a.body, "a.vrm") {
		t.Errorf("model: %s", a.body)
	}
}

func TestAVoiceMessageIsHeard(t *testing.T) {
	v, c := virtuals(t, avatartest.VirtualsConfig{Transcribe: func(b []byte) string { return "heard " + string(b) }}), client(t)
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	part, err := form.CreateFormFile("audio", "recording.webm")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = part.Write([]byte("sound"))
	_ = form.WriteField("skipTTS", "true")
	_ = form.WriteField("userName", "Ann")
	_ = form.Close()
	jwt, runner := access(t, c, v, 1, "u")
	a := must(t)(do(t, c, "POST", runner+"/prompts", jwt, form.FormDataContentType(), b.String()))
	if a.field(t, "prompt") != "heard sound" || a.field(t, "audioUid") != nil {
		t.Errorf("answer: %s", a.body)
	}
	if p := v.Prompts()[0]; string(p.Audio) != "sound" || p.AudioName != "recording.webm" || !p.SkipTTS || p.UserName != "Ann" {
		t.Errorf("noted: %+v", p)
	}
}

func TestFaultsOfARunner(t *testing.T) {
	v, c := virtuals(t, avatartest.VirtualsConfig{}), client(t)
	jwt, runner := access(t, c, v, 1, "u")
	for _, f := range []struct {
		fault  avatartest.Fault
		status int
		body   string
	}{
		{avatartest.Slow(time.Millisecond), 200, "You said: hi"},
		{avatartest.Broken(503), 503, "internal"},
		{avatartest.Proxy(200), 200, "<!DOCTYPE html>"},
		{avatartest.TooMany(7 * time.Second), 429, "Too many"},
		{avatartest.ErrorString("no balance"), 200, `{"error":"no balance"}`},
		{avatartest.ErrorObject("no balance"), 200, `{"error":{"message":"no balance"}}`},
		{avatartest.EmptyObject(), 200, "{}"},
		{avatartest.EmptyBody(), 200, ""},
		{avatartest.Huge(1 << 20), 200, strings.Repeat("a", 1<<20)},
	} {
		v.Break(avatartest.PromptReceived, 1, f.fault)
		a := prompt(t, c, runner, jwt, "hi")
		if a.status != f.status || !strings.Contains(a.body, f.body) {
			t.Errorf("%s: %d %.80s", f.fault.Name, a.status, a.body)
		}
		if want := map[int]string{429: "7"}[a.status]; a.header.Get("Retry-After") != want {
			t.Errorf("%s: Retry-After %q", f.fault.Name, a.header.Get("Retry-After"))
		}
	}
	if n := len(v.Memory("1", "u")); n != 1 {
		t.Errorf("%d prompts took effect, not only the slow one", n)
	}
}

func TestACutCallTookEffectOnlyWhenItIsCutLate(t *testing.T) {
	v, c := virtuals(t, avatartest.VirtualsConfig{}), client(t)
	jwt, runner := access(t, c, v, 1, "u")
	for i, f := range []avatartest.Fault{avatartest.Cut(), avatartest.Cut().Late()} {
		v.Break(avatartest.PromptReceived, 1, f)
		if a, err := do(t, c, "POST", runner+"/prompts", jwt, "application/json", `{"text":"hi"}`); err == nil {
			t.Errorf("%s: answered %d", f.Name, a.status)
		}
		if n := len(v.Memory("1", "u")); n != i {
			t.Errorf("%s: %d prompts remembered", f.Name, n)
		}
	}
	if n := v.Count(avatartest.PromptAnswered); n != 0 {
		t.Errorf("%d cut calls count as answered", n)
	}
}

func TestAStalledCallHoldsUpNoOtherAndEndsWithTheService(t *testing.T) {
	v, c := virtuals(t, avatartest.VirtualsConfig{}), client(t)
	jwt, runner := access(t, c, v, 1, "u")
	v.Break(avatartest.PromptReceived, 1, avatartest.Stalled())
	ended := make(chan error, 1)
	go func() {
		_, err := do(t, c, "POST", runner+"/prompts", jwt, "application/json", `{"text":"hi"}`)
		ended <- err
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := v.Await(ctx, avatartest.PromptReceived, 1); err != nil {
		t.Fatal(err)
	}
	if a := prompt(t, c, runner, jwt, "second"); a.status != 200 {
		t.Errorf("the second call: %d", a.status)
	}
	v.Close()
	if err := <-ended; err == nil {
		t.Error("the stalled call was answered")
	}
}

func TestTheHookStandsBetweenTheSteps(t *testing.T) {
	v, c := virtuals(t, avatartest.VirtualsConfig{}), client(t)
	var mu sync.Mutex
	var steps []string
	v.OnStep(func(s avatartest.Step, h avatartest.Heard) {
		mu.Lock()
		defer mu.Unlock()
		remembered := len(v.Memory("1", "u"))
		steps = append(steps, fmt.Sprintf("%s/%s/%s/%d", s, h.Memory, h.Text, remembered))
	})
	jwt, runner := access(t, c, v, 1, "u")
	prompt(t, c, runner, jwt, "hi")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := v.Await(ctx, avatartest.PromptAnswered, 1); err != nil {
		t.Fatal(err)
	}
	v.Close() // the hook has returned from the last step once its call ended
	mu.Lock()
	defer mu.Unlock()
	want := "token asked/1/u//0 token answered/1/u//0 prompt received/1/u/hi/0 prompt answered/1/u/hi/1"
	if got := strings.Join(steps, " "); got != want {
		t.Errorf("steps:\n%s\nnot\n%s", got, want)
	}
}
