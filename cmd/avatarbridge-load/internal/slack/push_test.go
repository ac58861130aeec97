package slack

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"avatarbridge/cmd/avatarbridge-load/internal/ledger"
	"avatarbridge/cmd/avatarbridge-load/internal/wire"
)

// A posted event is one that an app was called with.
type posted struct {
	Type  string
	Event struct{ Type, Channel, Text string }
	again string
}

// events takes events whose signature is right, and answers each with a status that the test sends.
func events(t *testing.T) (url string, got <-chan posted, answers chan<- int) {
	heard, status := make(chan posted, 10), make(chan int)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		mac := hmac.New(sha256.New, []byte("load-signing-secret-0"))
		fmt.Fprintf(mac, "v0:%s:%s", r.Header.Get("X-Slack-Request-Timestamp"), body)
		if err != nil || r.URL.Path != "/bridges/slack0/events" || r.Header.Get("X-Slack-Signature") != "v0="+hex.EncodeToString(mac.Sum(nil)) {
			t.Errorf("%v, at %s, headers %v", err, r.URL.Path, r.Header)
		}
		p := posted{again: r.Header.Get("X-Slack-Retry-Num")}
		if err := json.Unmarshal(body, &p); err != nil || p.Type != "event_callback" {
			t.Errorf("%v: %s", err, body)
		}
		heard <- p
		select {
		case code := <-status:
			w.WriteHeader(code)
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, heard, status
}

func eventsServer(t *testing.T, url string, h wire.Hooks) *Server {
	t.Helper()
	s, err := NewEvents(0, ledger.New(8, 2), h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.CallAt(url, "slack0")
	return s
}

func TestEventsArePostedUntilTheyAreTakenAndAConversationsNextWaits(t *testing.T) {
	url, got, answers := events(t)
	taken := make(chan struct{}, 10)
	s := eventsServer(t, url, wire.Hooks{Step: func(step string) {
		if step == Acknowledged {
			taken <- struct{}{}
		}
	}})
	if section := s.Section("a", "b", ""); !strings.Contains(section, "signing_secret = ") || strings.Contains(section, "app_token") {
		t.Errorf("the section is\n%s", section)
	}
	s.Write(0, 0)
	s.Write(0, 1)
	first := <-got
	if first.Event.Type != "message" || first.Event.Channel != channelOf(0) || !strings.HasPrefix(first.Event.Text, "m0.0.") || first.again != "" {
		t.Errorf("the first is %+v", first)
	}
	answers <- 503
	if again := <-got; again.Event != first.Event || again.again != "1" {
		t.Errorf("after a refusal came %+v", again)
	}
	answers <- 200
	<-taken
	if next := <-got; !strings.HasPrefix(next.Event.Text, "m0.1.") || next.again != "" || s.Unconfirmed() != 1 {
		t.Errorf("the next is %+v, and %d are unconfirmed", next, s.Unconfirmed())
	}
	answers <- 200
	<-taken
	if n := s.Unconfirmed(); n != 0 {
		t.Errorf("%d are unconfirmed", n)
	}
}

func TestAnAppHearsWhenItTakesAnEventAfterItHasIntroducedItself(t *testing.T) {
	url, got, answers := events(t)
	heard := make(chan struct{}, 1)
	s := eventsServer(t, url, wire.Hooks{Polled: func() { heard <- struct{}{} }})
	res, err := http.Post(s.URL()+"/api/auth.test", "application/x-www-form-urlencoded", nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if p := <-got; p.Event.Type != "app_home_opened" {
		t.Errorf("it knocks with %+v", p)
	}
	answers <- 503
	<-got
	select {
	case <-heard:
		t.Error("an app that refuses hears")
	default:
	}
	answers <- 200
	<-heard
	s.Write(0, 0)
	<-got
	s.Close() // ends the call that is on its way
}
