package relay

import (
	"context"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/store"
)

// A ticket is what a callback token says: where a late reply belongs. The token is the ticket, encrypted and authenticated with the
// store's secret: it cannot be guessed, tells the service nothing about the person, and a wrong one is found out without asking the
// store.
type ticket struct {
	Avatar       string   `json:"a"`
	Bridge       string   `json:"b"`
	Account      string   `json:"o"`
	Conversation int64    `json:"c"`
	UID          string   `json:"i"`
	Generation   int      `json:"g"`
	Turn         string   `json:"t"`
	Direct       bool     `json:"d"`
	Channel      string   `json:"h"`
	Within       []string `json:"w,omitempty"`
	Message      string   `json:"m,omitempty"`
	User         string   `json:"u,omitempty"`
	Answer       string   `json:"r,omitempty"`
}

// ticket is the one of a turn that is asked now.
func (p *player) ticket(l *line, t *store.Turn, b *turnBody) ticket {
	c := &t.Conversation
	return ticket{Avatar: p.cfg.Name, Bridge: l.cfg.Name, Account: c.Account, Conversation: c.ID, UID: c.UID, Generation: c.Generation, Turn: t.ID, Direct: c.Direct,
		Channel: c.Channel, Within: b.Within, Message: b.replyTo(c), User: b.User, Answer: b.Answer}
}

func (k ticket) seal(key cipher.AEAD) string {
	return base64.RawURLEncoding.EncodeToString(key.Seal(nil, nil, encode(k), nil))
}

// unseal reports whether token is genuine.
func unseal(token string, key cipher.AEAD) (k ticket, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return k, false
	}
	payload, err := key.Open(nil, nil, raw, nil)
	return k, err == nil && json.Unmarshal(payload, &k) == nil
}

// callbackURL is where later replies to the turn may be sent, the same address each time that it is asked, "" when the avatar hears none or there is no public URL.
func (p *player) callbackURL(l *line, t *store.Turn, b *turnBody) string {
	key := p.r.key.Load()
	if _, hears := p.cfg.Backend.(avatar.Listener); !hears || p.r.cfg.CallbackURL == nil || key == nil {
		return ""
	}
	return p.r.cfg.CallbackURL(p.cfg.Name, p.ticket(l, t, b).seal(*key))
}

// Callback serves /avatars/{name}/callback/{token}, reading both path values. It answers 404 for an unknown avatar, one that hears no
// callbacks, a token that is not genuine or of an older generation, and an account that no bridge has any more; 503 before Run has started and while
// it is not known which bridge has the account.
func (r *Relay) Callback() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		key := r.key.Load()
		if key == nil || !r.enter() {
			w.Header().Set("Retry-After", "5")
			http.Error(w, "starting or stopping", http.StatusServiceUnavailable)
			return
		}
		defer r.work.Done()
		k, ok := unseal(req.PathValue("token"), *key)
		p := r.players[k.Avatar]
		if !ok || k.Avatar != req.PathValue("name") || p == nil || r.spent.has(k) {
			http.NotFound(w, req)
			return
		}
		listener, ok := p.cfg.Backend.(avatar.Listener)
		l, soon := r.lineOf(k)
		switch {
		case ok && l == nil && soon:
			w.Header().Set("Retry-After", "5")
			http.Error(w, "starting", http.StatusServiceUnavailable)
			return
		case !ok || l == nil:
			http.NotFound(w, req)
			return
		}
		listener.Handler(&lateSpeaker{p: p, l: l, k: k}).ServeHTTP(w, req)
	})
}

// lineOf finds the bridge that has the ticket's account, whatever it is called now. Without one, soon says that it may still show itself: a
// bridge learns its account when it has reached its platform, and until then the one with the old name stands for it.
func (r *Relay) lineOf(k ticket) (l *line, soon bool) {
	r.mu.Lock()
	l = r.accounts[k.Account]
	r.mu.Unlock()
	if l != nil {
		return l, false
	}
	if l = r.byName[k.Bridge]; l != nil && l.accountID() == "" {
		return l, false
	}
	for _, l := range r.lines {
		soon = soon || l.accountID() == ""
	}
	return nil, soon
}

// A lateSpeaker says replies that come outside of Ask, over a callback or a connection that the backend keeps.
type lateSpeaker struct {
	p *player
	l *line
	k ticket
}

// Draft shows nothing: what comes late is whole.
func (s *lateSpeaker) Draft(string) {}

// Say stores the reply; avatar.ErrGone when the conversation has ended.
func (s *lateSpeaker) Say(_ context.Context, r avatar.Reply) error {
	c := &store.Conversation{ID: s.k.Conversation, Generation: s.k.Generation,
		Address: store.Address{Channel: s.k.Channel, Direct: s.k.Direct, Avatar: s.k.Avatar}}
	settings, _ := s.l.route(place(c), s.k.Within)
	said := store.Said{Conversation: c.ID, UID: s.k.UID, Generation: c.Generation, Turn: s.k.Turn, Now: time.Now(),
		Reply: s.p.posts(s.l, settings, c, &turnBody{Channel: s.k.Channel, Message: s.k.Message, User: s.k.User, Answer: s.k.Answer}, &r, true), Preface: s.l.preface(c.Direct)}
	// Whether the conversation is held is not known here by its account; deliver asks again.
	said.Send = !s.p.r.isStopping() && s.l.accountID() != "" && s.l.reserve()
	claims, err := s.p.r.store.Say(s.p.r.calls, said)
	if err == nil || !errors.Is(err, store.ErrStale) {
		s.p.r.health.report(err)
	}
	if err != nil {
		s.l.take(store.Claims{}, said.Send)
		if errors.Is(err, store.ErrStale) {
			s.p.r.spent.add(s.k)
			return avatar.ErrGone
		}
		return err
	}
	s.p.r.cfg.Meter.Count(Replied, s.l.cfg.Name, s.p.cfg.Name)
	s.l.take(claims, said.Send)
	return nil
}
