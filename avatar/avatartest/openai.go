package avatartest

import (
	"net/http"
	"sync/atomic"
	"time"
)

// The steps of an OpenAI server.
const (
	ModelsListed   Step = "models listed"
	ChatReceived   Step = "chat received"
	ChatAnswered   Step = "chat answered"
	SpeechAsked    Step = "speech asked"
	SpeechAnswered Step = "speech answered"
	PieceSent      Step = "piece sent" // of a ChatAnswer with a Gate

	TranscriptionAsked    Step = "transcription asked"
	TranscriptionAnswered Step = "transcription answered"
)

// A Dialect is how a server that calls itself compatible differs from the API's reference.
type Dialect string

// The dialects. The zero one is the reference.
const (
	Reference Dialect = ""
	Ollama    Dialect = "ollama"    // no [DONE]; errors are strings, but for an unknown model; needs no key; "x" is "x:latest"
	VLLM      Dialect = "vllm"      // errors without an object around them; fields of its own
	LlamaCpp  Dialect = "llama.cpp" // takes any model's name; errors inside of a stream stand in a field "error:" instead of "data:"
)

// OpenAIConfig says how a simulated OpenAI-compatible server is. The zero value works.
type OpenAIConfig struct {
	APIKey  string // "" is DefaultOpenAIKey
	Dialect Dialect
	Models  []string // nil is "sim-large" and "sim-small"
	Context int      // how many tokens (four bytes each) the messages may have; 0 is 128,000
	Refuses []string // parameters that the models do not take, such as "max_tokens"
	// UserName finds the person's name in the system message, where the API has no other place for it; nil: Heard has none.
	UserName func(system string) string
	Answer   func(ChatRequest) ChatAnswer // scripts the answers; nil is EchoChat
	// Transcribe says what is heard in a voice message; nil hears what was Voiced.
	Transcribe func(audio []byte) string
	Keep       int // bounds the calls of a kind that are remembered; 0 is 200,000
}

// DefaultOpenAIKey is the key of an OpenAI that is given none.
const DefaultOpenAIKey = "sk-canary-key-of-the-openai-server"

// OpenAI simulates a server with the API of OpenAI: chat completions, streamed or not, the list of models, speech, and
// transcriptions (but Ollama, which has none). It is written from the API's reference, and refuses what that does not know.
type OpenAI struct {
	Steps
	Faults
	cfg    OpenAIConfig
	srv    *server
	delay  atomic.Int64
	pace   atomic.Int64
	script atomic.Pointer[func(ChatRequest) ChatAnswer]

	chats    *record[ChatRequest]
	speeches *record[SpeechRequest]
	hearings *record[TranscriptionRequest]
}

// NewOpenAI starts the server. Close ends it.
func NewOpenAI(cfg OpenAIConfig) (*OpenAI, error) {
	if cfg.APIKey == "" {
		cfg.APIKey = DefaultOpenAIKey
	}
	if cfg.Models == nil {
		cfg.Models = []string{"sim-large", "sim-small"}
	}
	if cfg.Context == 0 {
		cfg.Context = 128_000
	}
	o := &OpenAI{cfg: cfg, chats: newRecord[ChatRequest](cfg.Keep), speeches: newRecord[SpeechRequest](cfg.Keep),
		hearings: newRecord[TranscriptionRequest](cfg.Keep)}
	o.Answer(cfg.Answer)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", o.serveChat)
	mux.HandleFunc("GET /v1/models", o.serveModels)
	mux.HandleFunc("POST /v1/audio/speech", o.serveSpeech)
	if cfg.Dialect != Ollama {
		mux.HandleFunc("POST /v1/audio/transcriptions", o.serveTranscription)
	}
	mux.HandleFunc("/", o.serveUnknown)
	var err error
	if o.srv, err = listen(mux); err != nil {
		return nil, err
	}
	return o, nil
}

// URL is the API's base, with the version in it: what stands for https://api.openai.com/v1.
func (o *OpenAI) URL() string { return o.srv.url + "/v1" }

// APIKey is the accepted key.
func (o *OpenAI) APIKey() string { return o.cfg.APIKey }

// Close ends the server, with all streams, and waits for them.
func (o *OpenAI) Close() { o.srv.close() }

// SetDelay makes every chat wait this long before its answer begins.
func (o *OpenAI) SetDelay(d time.Duration) { o.delay.Store(int64(d)) }

// SetPace makes every piece of a stream wait this long.
func (o *OpenAI) SetPace(d time.Duration) { o.pace.Store(int64(d)) }

// Answer scripts the answers from now on; nil is EchoChat.
func (o *OpenAI) Answer(script func(ChatRequest) ChatAnswer) {
	if script == nil {
		script = EchoChat
	}
	o.script.Store(&script)
}

// EchoChat is the default script: it repeats the last message.
func EchoChat(r ChatRequest) ChatAnswer { return ChatAnswer{Text: "You said: " + r.last("user")} }

// Chats are the calls for completions, in the order they arrived.
func (o *OpenAI) Chats() []ChatRequest { return o.chats.all() }

// Speeches are the calls for speech, in the order they arrived.
func (o *OpenAI) Speeches() []SpeechRequest { return o.speeches.all() }

// Transcriptions are the calls for what was said in voice messages, in the order they arrived.
func (o *OpenAI) Transcriptions() []TranscriptionRequest { return o.hearings.all() }

// VoiceArrivals are the steps at which each voice message passes the service.
func (o *OpenAI) VoiceArrivals() []Step { return []Step{TranscriptionAsked, ChatReceived} }

// Arrivals are the steps at which each turn passes the service.
func (o *OpenAI) Arrivals() []Step { return []Step{ChatReceived} }

// Heard is Chats in words that all services share.
func (o *OpenAI) Heard() []Heard {
	var h []Heard
	for _, r := range o.chats.all() {
		h = append(h, o.heard(r))
	}
	return h
}

func (o *OpenAI) heard(r ChatRequest) Heard {
	h := Heard{Memory: r.User, Text: r.last("user"), Fault: r.Fault}
	if o.cfg.UserName != nil {
		h.UserName = o.cfg.UserName(r.last("system"))
	}
	return h
}

// Secrets are the key.
func (o *OpenAI) Secrets() []string { return []string{o.cfg.APIKey} }
