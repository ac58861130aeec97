package virtuals

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"avatarbridge/avatar"
	"avatarbridge/avatar/avatartest"
)

// clock is set by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// rig is a backend, the service it talks to, and the clock of both.
type rig struct {
	*clock
	sim *avatartest.Virtuals
	b   *Backend
}

func newRig(t *testing.T, sim avatartest.VirtualsConfig, change func(*Config)) rig {
	t.Helper()
	r := rig{clock: &clock{at: time.Now()}}
	sim.Now = r.now
	var err error
	if r.sim, err = avatartest.NewVirtuals(sim); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.sim.Close)
	cfg := Default()
	cfg.Name, cfg.APIKey, cfg.APISecret, cfg.VirtualID, cfg.APIURL = "luna", r.sim.APIKey(), r.sim.APISecret(), "1", r.sim.URL()
	if change != nil {
		change(&cfg)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport}
	if r.b, err = New(cfg, client, client); err != nil {
		t.Fatal(err)
	}
	r.b.now = r.now
	return r
}

func (r rig) ask(t *testing.T, uid, text string) avatar.Reply {
	t.Helper()
	var ear avatartest.Ear
	if err := r.b.Ask(t.Context(), turn(uid, text), &ear); err != nil {
		t.Fatalf("ask: %v", err)
	}
	said := ear.Replies()
	if len(said) != 1 {
		t.Fatalf("%d replies, want one", len(said))
	}
	return said[0]
}

// askAll asks n turns at once and fails the test if any fails.
func (r rig) askAll(t *testing.T, n int, uid func(i int) string) {
	t.Helper()
	errs := make(chan error, n)
	for i := range n {
		go func() { errs <- r.b.Ask(t.Context(), turn(uid(i), "Hello"), &avatartest.Ear{}) }()
	}
	for range n {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

func turn(uid, text string) avatar.Turn {
	return avatar.Turn{ID: "t-1", Conversation: "c-1", UserUID: uid, UserName: "Ann", Text: text, Platform: "telegram"}
}

func (r rig) wantCounts(t *testing.T, want map[avatartest.Step]int) {
	t.Helper()
	for step, n := range want {
		if got := r.sim.Count(step); got != n {
			t.Errorf("%s %d times, want %d", step, got, n)
		}
	}
}

func TestReplyCarriesWordsVoiceEmotionAnimationAndTranscript(t *testing.T) {
	r := newRig(t, avatartest.VirtualsConfig{}, nil)
	got := r.ask(t, "u-1", "Hello")
	if !strings.HasPrefix(got.Audio.URL, r.sim.RunnerURL(0)+"/audios/") {
		t.Errorf("audio at %q", got.Audio.URL)
	}
	got.Audio = avatar.Audio{}
	want := avatar.Reply{Text: "You said: Hello", Heard: "Hello", Emotion: "joy",
		Animation: avatar.Animation{Name: "Happy_y_7", URL: "https://storage.example.com/vmds/joy/Happy_y_7.vmd"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	r.wantCounts(t, map[avatartest.Step]int{avatartest.VoiceAsked: 0})
}

func TestServiceIsToldWhoSpeaksToWhom(t *testing.T) {
	r := newRig(t, avatartest.VirtualsConfig{}, func(c *Config) {
		c.BotName, c.Metadata, c.Overrides = "Luna", map[string]any{"tier": "gold"}, map[string]any{"temperature": int64(1)}
	})
	r.ask(t, "u-1", "Hello")
	token, prompt := r.sim.TokenRequests()[0], r.sim.Prompts()[0]
	if token.UserUID != "u-1" || token.UserName != "Ann" || token.Metadata["tier"] != "gold" || fmt.Sprintf("%T", token.Metadata["virtualId"]) != "json.Number" {
		t.Errorf("token asked with %v", token.Metadata)
	}
	want := avatartest.Prompt{VirtualID: "1", UserUID: "u-1", Text: "Hello", UserName: "Ann", BotName: "Luna", Extra: prompt.Extra}
	if d := cmp.Diff(want, prompt); d != "" || fmt.Sprint(prompt.Extra) != "map[temperature:1]" {
		t.Errorf("prompt with %v: %s", prompt.Extra, d)
	}
}

func TestNamesAreNeverEmpty(t *testing.T) {
	r := newRig(t, avatartest.VirtualsConfig{}, nil)
	nameless := turn("u-1", "Hello")
	nameless.UserName = ""
	if err := r.b.Ask(t.Context(), nameless, &avatartest.Ear{}); err != nil {
		t.Fatal(err)
	}
	if p := r.sim.Prompts()[0]; p.UserName != "User" || p.BotName != "luna" {
		t.Errorf("userName %q, botName %q", p.UserName, p.BotName)
	}
}

func TestVoiceThatComesLateIsAskedForTheReply(t *testing.T) {
	r := newRig(t, avatartest.VirtualsConfig{Virtuals: map[string]avatartest.Virtual{
		"1": {Cores: []string{avatartest.LLM, avatartest.TTS}, LateVoice: true},
	}}, nil)
	got := r.ask(t, "u-1", "Hello")
	voices := r.sim.Voices()
	if got.Audio.URL == "" || len(voices) != 1 || voices[0].Text != got.Text {
		t.Errorf("audio at %q, voice asked for %v", got.Audio.URL, voices)
	}
}

func TestReplyWithoutWordsIsAskedNoVoice(t *testing.T) {
	r := newRig(t, avatartest.VirtualsConfig{}, nil)
	r.sim.Answer(func(avatartest.Prompt) avatartest.Answer {
		return avatartest.Answer{Raw: `{"body":{"sentiment":"joy"}}`}
	})
	if got := r.ask(t, "u-1", "Hello"); got.Emotion != "joy" {
		t.Errorf("%+v", got)
	}
	r.wantCounts(t, map[avatartest.Step]int{avatartest.VoiceAsked: 0})
}

func TestReplySurvivesAVoiceThatFails(t *testing.T) {
	for _, f := range []avatartest.Fault{avatartest.Broken(500), avatartest.Refused(401), avatartest.Cut(), avatartest.EmptyObject(), avatartest.Huge(2 << 20)} {
		t.Run(f.Name, func(t *testing.T) {
			r := newRig(t, avatartest.VirtualsConfig{Virtuals: map[string]avatartest.Virtual{
				"1": {Cores: []string{avatartest.LLM, avatartest.TTS}, LateVoice: true},
			}}, nil)
			r.sim.Break(avatartest.VoiceAsked, -1, f)
			if got := r.ask(t, "u-1", "Hello"); got.Text != "You said: Hello" || got.Audio.URL != "" {
				t.Errorf("%+v", got)
			}
			r.wantCounts(t, map[avatartest.Step]int{avatartest.PromptReceived: 1, avatartest.VoiceAsked: 1})
		})
	}
}

func TestVirtualWithoutAMindIsAskedForItsVoiceAlone(t *testing.T) {
	r := newRig(t, avatartest.VirtualsConfig{}, func(c *Config) { c.VirtualID = "3" })
	got := r.ask(t, "u-1", "Hello")
	if voices := r.sim.Voices(); got.Text != "" || got.Audio.URL == "" || len(voices) != 1 || voices[0].Text != "Hello" {
		t.Errorf("%+v, voice asked for %v", got, voices)
	}
	r.wantCounts(t, map[avatartest.Step]int{avatartest.PromptReceived: 0})
}

func TestSpeechOffAsksForNoVoice(t *testing.T) {
	r := newRig(t, avatartest.VirtualsConfig{}, func(c *Config) { c.Speech = false })
	if got := r.ask(t, "u-1", "Hello"); got.Audio.URL != "" || !r.sim.Prompts()[0].SkipTTS {
		t.Errorf("audio at %q, skipTTS %v", got.Audio.URL, r.sim.Prompts()[0].SkipTTS)
	}
	r.wantCounts(t, map[avatartest.Step]int{avatartest.CoresAsked: 0, avatartest.VoiceAsked: 0})
}

func TestVirtualWithoutAVoiceIsAskedForNone(t *testing.T) {
	r := newRig(t, avatartest.VirtualsConfig{}, func(c *Config) { c.VirtualID = "2" })
	if got := r.ask(t, "u-1", "Hello"); got.Text == "" || got.Audio.URL != "" {
		t.Errorf("%+v", got)
	}
	r.wantCounts(t, map[avatartest.Step]int{avatartest.VoiceAsked: 0})
}

func TestCoresAreAskedOnceForAllPeople(t *testing.T) {
	r := newRig(t, avatartest.VirtualsConfig{}, nil)
	r.askAll(t, 40, func(i int) string { return fmt.Sprint("u-", i) })
	r.wantCounts(t, map[avatartest.Step]int{avatartest.CoresAsked: 1, avatartest.PromptAnswered: 40})
	r.pass(coresFor + time.Second)
	r.ask(t, "u-1", "Hello")
	r.wantCounts(t, map[avatartest.Step]int{avatartest.CoresAsked: 2})
}

func TestRunnerThatDoesNotTellItsCoresIsStillAsked(t *testing.T) {
	for _, f := range []avatartest.Fault{avatartest.Broken(500), avatartest.Proxy(200), avatartest.EmptyObject(), avatartest.Cut(), avatartest.Answered(200, "application/json", `{"data":{"llm":true}}`)} {
		t.Run(f.Name, func(t *testing.T) {
			r := newRig(t, avatartest.VirtualsConfig{}, nil)
			r.sim.Break(avatartest.CoresAsked, -1, f)
			for range 3 {
				if got := r.ask(t, "u-1", "Hello"); got.Text == "" {
					t.Error("no text")
				}
			}
			r.wantCounts(t, map[avatartest.Step]int{avatartest.CoresAsked: 1, avatartest.PromptAnswered: 3})
			r.sim.Mend()
			r.pass(coresAgain + time.Second)
			r.ask(t, "u-1", "Hello")
			r.wantCounts(t, map[avatartest.Step]int{avatartest.CoresAsked: 2})
		})
	}
}
