package avatartest_test

import (
	"bytes"
	"mime/multipart"
	"strings"
	"sync"
	"testing"
	"time"

	"avatarbridge/avatar/avatartest"
)

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
