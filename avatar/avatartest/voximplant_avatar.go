package avatartest

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
)

// VoximplantUtterance is one call that brought a person's words.
type VoximplantUtterance struct {
	Address      int // which address of the avatar API took it
	Conversation string
	Text         string
	CallbackURI  string
	CustomData   map[string]any // nil when there was none
	AsObject     bool           // customData was an object, not a string
	Nth          int            // how many utterances the session remembers, with this one
	Woke         bool           // it woke a session that slept
	Over         bool           // the conversation had ended: nothing comes of it
	Fault        string
}

func (u VoximplantUtterance) heard() Heard {
	memory := word(u.CustomData["userUid"])
	if memory == "" {
		memory = u.Conversation
	}
	return Heard{Memory: memory, UserName: word(u.CustomData["userName"]), Text: u.Text, Callback: u.CallbackURI, Fault: u.Fault}
}

// VoximplantAnswer is what an utterance brings.
type VoximplantAnswer struct {
	Before []VoximplantCallback // posted, and answered, before the utterance is answered
	After  []VoximplantCallback // one after the other
}

// voximplantTalk is the session of a conversation.
type voximplantTalk struct {
	count  int
	asleep bool
	over   bool
}

// Sleep puts every session to sleep. What its scenario does not keep is lost.
func (v *Voximplant) Sleep() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, s := range v.sessions {
		s.asleep = true
		if v.cfg.Forgetful {
			s.count = 0
		}
	}
}

// Live says how many conversations have neither ended nor been stopped.
func (v *Voximplant) Live() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := 0
	for _, s := range v.sessions {
		if !s.over {
			n++
		}
	}
	return n
}

// avatarAPI is one address.
func (v *Voximplant) avatarAPI(n int) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/chats/login", func(w http.ResponseWriter, r *http.Request) { v.serveLogin(w, r, v.nlu[n]) })
	mux.HandleFunc("POST /api/v1/chats/{avatar}/{conversation}", v.known(func(w http.ResponseWriter, r *http.Request) { v.serveUtterance(w, r, n) }))
	mux.HandleFunc("POST /api/v1/chats/{avatar}/{conversation}/stop", v.known(func(w http.ResponseWriter, r *http.Request) { v.serveStop(w, r, n) }))
	return mux
}

// known lets through who has a good token and means the avatar.
func (v *Voximplant) known(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !v.tokens.good(r.Header.Get("Authorization")):
			v.step(TokenRefused, Heard{})
			apiError(w, http.StatusUnauthorized, "Unauthorized")
		case r.PathValue("avatar") != v.cfg.AvatarID:
			apiError(w, http.StatusNotFound, "no such avatar")
		default:
			h(w, r)
		}
	}
}

func (v *Voximplant) serveUtterance(w http.ResponseWriter, r *http.Request, n int) {
	body, err := readBody(r)
	if err != nil {
		apiError(w, http.StatusRequestEntityTooLarge, "request entity too large")
		return
	}
	u := VoximplantUtterance{Address: n, Conversation: r.PathValue("conversation")}
	bad := u.read(r, body)
	f := v.next(UtteranceReceived, u.heard())
	u.Fault = f.Name
	if bad == nil && (f.late || f.status == 0 && !f.cut && !f.stall) {
		v.enter(&u)
	}
	v.utterances.add(u)
	v.step(UtteranceReceived, u.heard())
	if !f.late && f.serve(v.nlu[n], w, r) {
		return
	}
	if bad != nil {
		apiError(w, http.StatusBadRequest, bad.Error())
		return
	}
	a := v.answer(u)
	v.postAll(u, a.Before)
	if !f.late || !f.serve(v.nlu[n], w, r) {
		v.answering(UtteranceAnswered, u.heard(), func() { writeJSON(w, http.StatusOK, map[string]any{}) })
	}
	if len(a.After) > 0 {
		v.later.Add(1) // this call is one of those that Close waits for first
		go func() {
			defer v.later.Done()
			v.postAll(u, a.After)
		}()
	}
}

// answer is what the script makes of the utterance, outside of all locks.
func (v *Voximplant) answer(u VoximplantUtterance) VoximplantAnswer {
	if u.Over {
		return VoximplantAnswer{}
	}
	return (*v.script.Load())(u)
}

// enter lets the utterance into its session.
func (v *Voximplant) enter(u *VoximplantUtterance) {
	v.mu.Lock()
	s := v.sessions[u.Conversation]
	if s == nil {
		s = &voximplantTalk{}
		v.sessions[u.Conversation] = s
	}
	u.Woke, u.Over = s.asleep, s.over
	s.asleep = false
	s.count++
	u.Nth = s.count
	v.mu.Unlock()
	if u.Woke {
		v.step(SessionWoken, u.heard())
	}
}

// ends notes that a conversation takes no more input.
func (v *Voximplant) ends(conversation string) (known bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.sessions[conversation]
	if s == nil {
		return false
	}
	s.over = true
	return true
}

func (v *Voximplant) serveStop(w http.ResponseWriter, r *http.Request, n int) {
	conversation := r.PathValue("conversation")
	f := v.next(StopReceived, Heard{})
	v.stops.add(conversation)
	v.step(StopReceived, Heard{Fault: f.Name})
	if f.serve(v.nlu[n], w, r) {
		return
	}
	if !v.ends(conversation) {
		apiError(w, http.StatusNotFound, "no such conversation")
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{})
}

// read reads an utterance's body. customData comes as a string that holds JSON, or as an object.
func (u *VoximplantUtterance) read(r *http.Request, body []byte) error {
	var b struct {
		CallbackURI string          `json:"callbackUri"`
		Utterance   *string         `json:"utterance"`
		CustomData  json.RawMessage `json:"customData"`
	}
	if json.Unmarshal(body, &b) != nil || !isJSON(r) {
		return errors.New("invalid JSON body")
	}
	u.CallbackURI = b.CallbackURI
	if to, err := url.Parse(b.CallbackURI); err != nil || to.Host == "" {
		return errors.New("callbackUri must be an absolute URI")
	}
	if b.Utterance == nil {
		return errors.New("utterance is required")
	}
	u.Text = *b.Utterance
	data := []byte(b.CustomData)
	var text string
	if len(data) > 0 && json.Unmarshal(data, &text) == nil {
		data = []byte(text)
	} else {
		u.AsObject = len(data) > 0
	}
	if len(data) > 0 && json.Unmarshal(data, &u.CustomData) != nil {
		return errors.New("customData holds no JSON object")
	}
	return nil
}
