package avatartest

import (
	"net/http"
	"sync/atomic"
	"time"
)

// The cores that a Virtual of the simulator can have.
const (
	LLM = "llm"
	TTS = "tts"
)

// VirtualsConfig says how a simulated Virtual Protocol is. The zero value works.
type VirtualsConfig struct {
	APIKey    string // "" is "vp-api-key-canary"
	APISecret string // "" is "vp-api-secret-canary"
	// Virtuals by id. Nil is "1" with llm and tts, "2" with llm alone, "3" with tts alone.
	Virtuals map[string]Virtual
	Lifetime time.Duration    // of access tokens: 1h
	Now      func() time.Time // nil is time.Now; it may be called by several goroutines
	// Nested puts the metadata below a claim "metadata" instead of making each a claim of its own: public sources do not say which.
	Nested bool
	// Answer scripts replies; nil is Echo. It may be called by several goroutines.
	Answer func(Prompt) Answer
	// Transcribe says what is heard in a voice message; nil hears what was Voiced.
	Transcribe func(audio []byte) string
	// Keep bounds the calls of a kind, and the prompts in all memories, that are remembered (later ones are only counted); 0 is 200,000.
	Keep int
}

// Virtual is one of the simulated characters.
type Virtual struct {
	Cores []string
	// LateVoice leaves audioUid of /prompts empty although there is a voice, so that it must be asked for at /prompts/voice.
	LateVoice bool
	Runner    int    // which runner plays it: 0, 1, …
	Model     string // the URL of its VRM model; "" lets /model fail
}

// Virtuals simulates the Virtual Protocol: the backend that issues access tokens and the runners that answer prompts, each a server of
// its own. A runner accepts only tokens that the backend signed, in their time, for the runner itself.
type Virtuals struct {
	Steps
	Faults
	cfg     VirtualsConfig
	api     *server
	runners []*server
	tokens  *tokens
	delay   atomic.Int64
	memory  memory

	asked   *record[TokenRequest]
	prompts *record[Prompt]
	voices  *record[Prompt]
	issued  *record[string]
	replies atomic.Int64
	script  atomic.Pointer[func(Prompt) Answer]
}

// NewVirtuals starts the servers. Close ends them.
func NewVirtuals(cfg VirtualsConfig) (*Virtuals, error) {
	if cfg.APIKey == "" {
		cfg.APIKey = "vp-api-key-canary"
	}
	if cfg.APISecret == "" {
		cfg.APISecret = "vp-api-secret-canary"
	}
	if cfg.Virtuals == nil {
		cfg.Virtuals = map[string]Virtual{"1": {Cores: []string{LLM, TTS}}, "2": {Cores: []string{LLM}}, "3": {Cores: []string{TTS}}}
	}
	if cfg.Lifetime == 0 {
		cfg.Lifetime = time.Hour
	}
	if cfg.Keep == 0 {
		cfg.Keep = defaultKeep
	}
	cfg.Now = clockOr(cfg.Now)
	v := &Virtuals{
		cfg: cfg, tokens: newTokens(cfg.Now), memory: memory{left: cfg.Keep, said: make(map[memoryKey][]string)},
		asked: newRecord[TokenRequest](cfg.Keep), prompts: newRecord[Prompt](cfg.Keep), voices: newRecord[Prompt](cfg.Keep),
		issued: newRecord[string](1000),
	}
	v.Answer(cfg.Answer)
	if err := v.start(); err != nil {
		v.Close()
		return nil, err
	}
	return v, nil
}

func (v *Virtuals) start() (err error) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/access/token", v.serveToken)
	if v.api, err = listen(mux); err != nil {
		return err
	}
	count := 1
	for _, c := range v.cfg.Virtuals {
		count = max(count, c.Runner+1)
	}
	for n := range count {
		s, err := listen(v.runner(n))
		if err != nil {
			return err
		}
		v.runners = append(v.runners, s)
	}
	return nil
}

// URL is the backend's base URL: what stands for https://api.virtuals.io.
func (v *Virtuals) URL() string { return v.api.url }

// RunnerURL is the base URL of a runner.
func (v *Virtuals) RunnerURL(n int) string { return v.runners[n].url }

// APIKey and APISecret are the accepted credentials.
func (v *Virtuals) APIKey() string { return v.cfg.APIKey }

// APISecret is the other half of the credentials.
func (v *Virtuals) APISecret() string { return v.cfg.APISecret }

// Close ends the servers, with all connections and stalled calls, and waits for them.
func (v *Virtuals) Close() {
	if v.api != nil {
		v.api.close()
	}
	for _, r := range v.runners {
		r.close()
	}
}

// SetDelay makes every prompt take this long from now on.
func (v *Virtuals) SetDelay(d time.Duration) { v.delay.Store(int64(d)) }

// Answer scripts the replies from now on; nil is Echo.
func (v *Virtuals) Answer(script func(Prompt) Answer) {
	if script == nil {
		script = v.Echo
	}
	v.script.Store(&script)
}

// Revoke makes the runners refuse, with 401, all tokens issued so far for the uid; "" all for anyone.
func (v *Virtuals) Revoke(uid string) { v.tokens.revoke(uid) }

// TokenRequests are the calls for access tokens, in the order they arrived.
func (v *Virtuals) TokenRequests() []TokenRequest { return v.asked.all() }

// Prompts are the calls of /prompts that carried a good token, in the order they arrived.
func (v *Virtuals) Prompts() []Prompt { return v.prompts.all() }

// Voices are the calls of /prompts/voice that carried a good token, in the order they arrived.
func (v *Virtuals) Voices() []Prompt { return v.voices.all() }

// Memory is what the Virtual remembers of a person: the prompts that took effect, in their order.
func (v *Virtuals) Memory(virtualID, userUID string) []string {
	return v.memory.of(memoryKey{virtualID, userUID})
}

// Arrivals are the steps at which each turn passes the service, in order. A failure at any of them fails the turn.
func (v *Virtuals) Arrivals() []Step { return []Step{TokenAsked, PromptReceived} }

// VoiceArrivals are Arrivals: a voice message goes the way of text.
func (v *Virtuals) VoiceArrivals() []Step { return v.Arrivals() }

// Heard is Prompts in words that all services share.
func (v *Virtuals) Heard() []Heard {
	var h []Heard
	for _, p := range v.prompts.all() {
		h = append(h, p.heard())
	}
	return h
}

// Secrets are the credentials and the first thousand tokens issued.
func (v *Virtuals) Secrets() []string {
	return append([]string{v.cfg.APIKey, v.cfg.APISecret}, v.issued.all()...)
}
