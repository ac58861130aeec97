package avatartest

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultWebhookSecret is the secret of a Webhook that is given none.
const DefaultWebhookSecret = "whsec_" + "Y2FuYXJ5LXNlY3JldC1vZi10aGUtd2ViaG9vay1zZXJ2aWNl"

// WebhookConfig says how a simulated webhook service is. The zero value works.
type WebhookConfig struct {
	Secret string           // "" is DefaultWebhookSecret
	Now    func() time.Time // nil is time.Now; it may be called by several goroutines
	// Answer scripts answers; nil is EchoTurn. It is called once for a turn, whose repeats get the same answer.
	Answer func(WebhookTurn) WebhookAnswer
	Keep   int // bounds the turns that are remembered (later ones are only counted, their repeats not recognised); 0 is 200,000
	// Retries is how often a later reply is posted again when it was not answered 2xx or 410; 0 is 5, each after RetryEvery (50ms).
	Retries    int
	RetryEvery time.Duration
}

// WebhookTurn is a request as the service understood it.
type WebhookTurn struct {
	ID           string `json:"-"` // the header webhook-id
	Turn         string `json:"turn"`
	Conversation string `json:"conversation"`
	UserUID      string `json:"user_uid"`
	UserName     string `json:"user_name"`
	BotName      string `json:"bot_name"`
	Text         string `json:"text"`
	Platform     string `json:"platform"`
	Callback     string `json:"callback"`
	Repeat       int    `json:"-"` // how many requests with the same webhook-id came before
	Changed      bool   `json:"-"` // it repeats a webhook-id with another text
	Fault        string `json:"-"`
}

// WebhookReply is a reply on the wire.
type WebhookReply struct {
	Text         string `json:"text,omitempty"`
	AudioURL     string `json:"audio_url,omitempty"`
	Emotion      string `json:"emotion,omitempty"`
	AnimationURL string `json:"animation_url,omitempty"`
	End          bool   `json:"end,omitempty"`
}

// WebhookAnswer is how a turn is answered. Without Replies the answer is 202 and no body.
type WebhookAnswer struct {
	Replies []WebhookReply // more than one, or List set: as a list
	List    bool
	Later   []Callback // posted to the turn's callback after the answer, one after the other
}

// Webhook simulates a customer's own service. It answers 401 to what is not signed with the secret.
type Webhook struct {
	Steps
	Faults
	cfg    WebhookConfig
	key    []byte
	srv    *server
	client *http.Client
	later  sync.WaitGroup
	delay  atomic.Int64
	forged atomic.Int64
	script atomic.Pointer[func(WebhookTurn) WebhookAnswer]

	turns     *record[WebhookTurn]
	callbacks *record[Posted]
	mu        sync.Mutex
	answered  map[string]*given // by webhook-id
}

// given is the answer to a webhook-id.
type given struct {
	text   string
	times  int
	answer *WebhookAnswer // nil until one was made
}

// NewWebhook starts the service. Close ends it.
func NewWebhook(cfg WebhookConfig) (*Webhook, error) {
	if cfg.Secret == "" {
		cfg.Secret = DefaultWebhookSecret
	}
	if cfg.Keep == 0 {
		cfg.Keep = defaultKeep
	}
	if cfg.Retries == 0 {
		cfg.Retries = 5
	}
	if cfg.RetryEvery == 0 {
		cfg.RetryEvery = 50 * time.Millisecond
	}
	cfg.Now = clockOr(cfg.Now)
	key, err := webhookKey(cfg.Secret)
	if err != nil {
		return nil, err
	}
	w := &Webhook{
		cfg: cfg, key: key, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: time.Minute},
		turns: newRecord[WebhookTurn](cfg.Keep), callbacks: newRecord[Posted](cfg.Keep), answered: make(map[string]*given),
	}
	w.Answer(cfg.Answer)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /turn", w.serveTurn)
	if w.srv, err = listen(mux); err != nil {
		return nil, err
	}
	return w, nil
}

// URL is where turns are to be posted.
func (w *Webhook) URL() string { return w.srv.url + "/turn" }

// Secret signs in both directions.
func (w *Webhook) Secret() string { return w.cfg.Secret }

// Close ends the server and the later replies under way, and waits for them.
func (w *Webhook) Close() {
	w.srv.close()
	w.later.Wait()
	w.client.CloseIdleConnections()
}

// SetDelay makes every turn take this long from now on.
func (w *Webhook) SetDelay(d time.Duration) { w.delay.Store(int64(d)) }

// Answer scripts the answers from now on; nil is EchoTurn.
func (w *Webhook) Answer(script func(WebhookTurn) WebhookAnswer) {
	if script == nil {
		script = EchoTurn
	}
	w.script.Store(&script)
}

// EchoTurn is the default script: one reply at once that repeats the text.
func EchoTurn(t WebhookTurn) WebhookAnswer {
	return WebhookAnswer{Replies: []WebhookReply{{Text: "You said: " + t.Text, Emotion: "joy"}}}
}

// Turns are the well signed requests in the order they arrived, repeats too.
func (w *Webhook) Turns() []WebhookTurn { return w.turns.all() }

// Forged counts requests that were not well signed.
func (w *Webhook) Forged() int { return int(w.forged.Load()) }

// Repeats counts the requests whose webhook-id was seen before.
func (w *Webhook) Repeats() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, g := range w.answered {
		n += g.times - 1
	}
	return n
}

// Arrivals are the steps at which each turn passes the service.
func (w *Webhook) Arrivals() []Step { return []Step{TurnReceived} }

// Heard is Turns in words that all services share.
func (w *Webhook) Heard() []Heard {
	var h []Heard
	for _, t := range w.turns.all() {
		h = append(h, t.heard())
	}
	return h
}

// Secrets is the secret, also without its prefix.
func (w *Webhook) Secrets() []string {
	return []string{w.cfg.Secret, strings.TrimPrefix(w.cfg.Secret, "whsec_")}
}

func (t WebhookTurn) heard() Heard {
	return Heard{ID: t.ID, Memory: t.UserUID, UserName: t.UserName, Text: t.Text, Fault: t.Fault}
}

func (w *Webhook) serveTurn(rw http.ResponseWriter, r *http.Request) {
	body, err := readBody(r)
	if err != nil {
		runnerError(rw, http.StatusRequestEntityTooLarge, "request entity too large")
		return
	}
	if err := verify(w.key, r.Header, body, w.cfg.Now()); err != nil {
		w.forged.Add(1)
		runnerError(rw, http.StatusUnauthorized, err.Error())
		return
	}
	t := WebhookTurn{ID: r.Header.Get(headerID)}
	if json.Unmarshal(body, &t) != nil || !isJSON(r) || t.Turn == "" || t.Text == "" {
		runnerError(rw, http.StatusBadRequest, "not a turn in JSON")
		return
	}
	f := w.next(TurnReceived)
	t.Fault = f.Name
	g := w.seen(&t)
	w.turns.add(t)
	w.step(TurnReceived, t.heard())
	if !f.late && f.serve(w.srv, rw, r) {
		return
	}
	if !w.srv.wait(r, time.Duration(w.delay.Load())) {
		hangUp(rw)
		return
	}
	a, first := w.made(g, t)
	if !f.late || !f.serve(w.srv, rw, r) {
		w.answering(TurnAnswered, t.heard(), func() { a.write(rw) })
	}
	if first && len(a.Later) > 0 && t.Callback != "" {
		w.later.Add(1) // this call is one of those that Close waits for first
		go w.postAll(t.Callback, a.Later)
	}
}

// seen notes the request under its webhook-id.
func (w *Webhook) seen(t *WebhookTurn) *given {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.answered[t.ID]
	if g == nil {
		g = &given{text: t.Text}
		if len(w.answered) < w.cfg.Keep {
			w.answered[t.ID] = g
		}
	}
	t.Repeat, t.Changed = g.times, g.text != t.Text
	g.times++
	return g
}

// made makes the answer to a webhook-id, or returns the one that was made; first says which.
func (w *Webhook) made(g *given, t WebhookTurn) (a WebhookAnswer, first bool) {
	w.mu.Lock()
	before := g.answer
	w.mu.Unlock()
	if before != nil {
		return *before, false
	}
	a = (*w.script.Load())(t) // outside of the lock: scripts may be slow
	w.mu.Lock()
	defer w.mu.Unlock()
	if g.answer != nil {
		return *g.answer, false
	}
	g.answer = &a
	return a, true
}

func (a WebhookAnswer) write(rw http.ResponseWriter) {
	switch {
	case len(a.Replies) == 0:
		writeBody(rw, http.StatusAccepted, "", nil)
	case len(a.Replies) == 1 && !a.List:
		writeJSON(rw, http.StatusOK, a.Replies[0])
	default:
		writeJSON(rw, http.StatusOK, a.Replies)
	}
}

// randomID is a webhook-id for a reply that was given none.
func randomID() string { return "msg_" + rand.Text() }
