package avatartest

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"time"
)

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

// WebhookAnswer is how a turn is answered.
type WebhookAnswer struct {
	Replies []WebhookReply // one alone, several as a list; without any the answer is 202 and no body
	List    bool           // as a list, however many there are
	Later   []Callback     // posted to the turn's callback after the answer, one after the other
}

// given is the answer to a webhook-id.
type given struct {
	text   string
	times  int
	answer *WebhookAnswer // nil until one was made
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
	f := w.next(TurnReceived, t.heard())
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
	case len(a.Replies) == 0 && !a.List:
		writeBody(rw, http.StatusAccepted, "", nil)
	case len(a.Replies) == 1 && !a.List:
		writeJSON(rw, http.StatusOK, a.Replies[0])
	default:
		writeJSON(rw, http.StatusOK, append([]WebhookReply{}, a.Replies...))
	}
}

// randomID is a webhook-id for a reply that was given none.
func randomID() string { return "msg_" + rand.Text() }
