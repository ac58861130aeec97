package avatartest

import (
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
	// Retries is how often a later reply is posted again when it was not answered 2xx or 404; 0 is 5, each after RetryEvery (50ms).
	Retries    int
	RetryEvery time.Duration
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

// urlKey stands in the service's URL, as operators like to write it: what is configured as a URL can be a secret too.
const urlKey = "canary-key-in-the-url"

// URL is where turns are to be posted. It holds one of Secrets.
func (w *Webhook) URL() string { return w.srv.url + "/turn?key=" + urlKey }

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

// Secrets are the secret, also without its prefix, and the key in the URL.
func (w *Webhook) Secrets() []string {
	return []string{w.cfg.Secret, strings.TrimPrefix(w.cfg.Secret, "whsec_"), urlKey}
}

func (t WebhookTurn) heard() Heard {
	return Heard{ID: t.ID, Memory: t.UserUID, UserName: t.UserName, Text: t.Text, Callback: t.Callback, Fault: t.Fault}
}
