package slack

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/ledger"
	"avatarbridge/cmd/avatarbridge-load/internal/wire"
)

// A push is the Events API: a call of the app for each event, signed.
type push struct {
	client  *wire.Client
	knocker *wire.Client // of the calls that are no step of the wire
	secret  string

	// Guarded by Server.mu.
	url      string
	knocking bool
	over     bool
}

// maxCalls is how many calls are made at once. Slack names no such number.
const maxCalls = 100

// callAgain is how soon an event is posted again that was not taken. Slack's own pauses grow to minutes, for which nobody here waits.
const callAgain = 100 * time.Millisecond

// NewEvents starts Slack like New for an app with the Events API. CallAt must be called before somebody writes, and Close in the end.
func NewEvents(number int, l *ledger.Ledger, h wire.Hooks) (*Server, error) {
	p := &push{client: wire.NewClient(maxCalls), knocker: wire.NewClient(1), secret: fmt.Sprintf("load-signing-secret-%d", number)}
	p.client.Sent = func() { h.Reach(EnvelopeSent) }
	return listen(number, l, h, p)
}

// CallAt says where the app takes events, as its settings do at Slack: at which address the program listens, and the bridge's name.
func (s *Server) CallAt(address, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.push.url = address + "/bridges/" + name + "/events"
}

// call has the first event of a conversation posted until it is taken. It needs s.mu.
func (s *Server) call(t *talk) {
	if s.push.over { // nobody would wait for it
		return
	}
	s.work.Go(func() {
		for {
			s.mu.Lock()
			body, url, offers := s.appendCallback(nil, t), s.push.url, t.offers
			s.mu.Unlock()
			if s.push.post(s.push.client, url, body, offers) {
				break
			}
			if !s.pause(callAgain) {
				return
			}
			s.mu.Lock()
			t.offers++
			s.mu.Unlock()
		}
		s.mu.Lock()
		s.taken(t)
		s.mu.Unlock()
		s.hooks.Reach(Acknowledged)
	})
}

// pause waits for d and reports whether the server goes on.
func (s *Server) pause(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-s.http.Done():
		return false
	}
}

// post makes one call and reports whether it was taken. again is how often it was made before.
func (p *push) post(client *wire.Client, url string, body []byte, again int) bool {
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	mac := hmac.New(sha256.New, []byte(p.secret))
	fmt.Fprintf(mac, "v0:%s:%s", stamp, body)
	headers := []string{"X-Slack-Request-Timestamp: " + stamp, "X-Slack-Signature: v0=" + hex.EncodeToString(mac.Sum(nil))}
	if again > 0 {
		headers = append(headers, fmt.Sprint("X-Slack-Retry-Num: ", again), "X-Slack-Retry-Reason: http_error")
	}
	status, err := client.Post(url, body, headers...)
	return err == nil && status/100 == 2
}

// patience is how soon it is tried again whether the app hears.
const patience = time.Millisecond

// knock finds out from when on an app that has introduced itself hears what is written: nothing tells Slack. It posts an event with nothing in it
// until that is taken.
func (s *Server) knock() {
	if s.push == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.push.over || s.push.knocking {
		return
	}
	s.push.knocking = true
	url := s.push.url
	body := fmt.Appendf(nil, `{"token":"x","team_id":%q,"api_app_id":%q,"type":"event_callback","event_id":"Ev0","event_time":1,"event":{"type":"app_home_opened"}}`, team, app)
	s.work.Go(func() {
		for !s.push.post(s.push.knocker, url, body, 0) {
			if !s.pause(patience) {
				return
			}
		}
		s.mu.Lock()
		s.push.knocking = false
		s.mu.Unlock()
		s.hooks.Hear()
	})
}
