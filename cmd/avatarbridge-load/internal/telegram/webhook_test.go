package telegram

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"avatarbridge/cmd/avatarbridge-load/internal/ledger"
	"avatarbridge/cmd/avatarbridge-load/internal/wire"
)

// bot takes updates and answers each with a status that the test sends.
func bot(t *testing.T) (url string, updates <-chan string, answers chan<- int) {
	heard, status := make(chan string, 10), make(chan int)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("X-Telegram-Bot-Api-Secret-Token") != "load-secret-0" {
			t.Errorf("%v, headers %v", err, r.Header)
		}
		heard <- string(body)
		select {
		case code := <-status:
			w.WriteHeader(code)
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(s.Close)
	return s.URL + "/hook", heard, status
}

func TestAWebhookIsCalledUntilAnUpdateIsTakenAndAChatsNextWaits(t *testing.T) {
	steps := make(chan string, 100)
	heard := make(chan struct{}, 1)
	s, err := NewWebhook(0, ledger.New(2, 2), wire.Hooks{Step: func(step string) { steps <- step }, Polled: func() { heard <- struct{}{} }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	if section := s.Section("a", "b", ""); !strings.Contains(section, "mode = \"webhook\"\nwebhook_secret = \"load-secret-0\"\n") {
		t.Errorf("the section is\n%s", section)
	}
	s.Write(0, 0) // waits until there is a webhook
	s.Write(0, 1)
	address, updates, answers := bot(t)
	call(t, s, "setWebhook", url.Values{"url": {address}})
	<-heard
	if _, info := call(t, s, "getWebhookInfo", nil); !strings.Contains(string(info), fmt.Sprintf(`"url":%q`, address)) {
		t.Errorf("the webhook is %s", info)
	}
	first := <-updates
	if !strings.Contains(first, `"text":"m0.0. `) {
		t.Errorf("the first update is %s", first)
	}
	answers <- 503
	if again := <-updates; again != first {
		t.Errorf("after a refusal came %s", again)
	}
	s.Write(1, 0) // another chat does not wait
	if other := <-updates; !strings.Contains(other, `"text":"m1.0. `) || s.Unconfirmed() != 3 {
		t.Errorf("the other chat's is %s, and %d are unconfirmed", other, s.Unconfirmed())
	}
	answers <- 200
	answers <- 200
	if next := <-updates; !strings.Contains(next, `"text":"m0.1. `) {
		t.Errorf("the chat's next is %s", next)
	}
	answers <- 200
	count := map[string]int{}
	for count[OffsetConfirmed] < 3 {
		count[<-steps]++
	}
	if count[HookSet] != 1 || count[UpdateHandedOut] != 4 || s.Unconfirmed() != 0 {
		t.Errorf("the steps are %v, and %d updates unconfirmed", count, s.Unconfirmed())
	}
}

func TestUpdatesForABotThatIsGoneEndWithTheServer(t *testing.T) {
	s, err := NewWebhook(0, ledger.New(1, 2), wire.Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	call(t, s, "setWebhook", url.Values{"url": {gone.URL + "/hook"}})
	s.Write(0, 0)
	s.Close() // returns
	s.Write(0, 1)
	if n := s.Unconfirmed(); n != 2 {
		t.Errorf("%d are unconfirmed", n)
	}
}
