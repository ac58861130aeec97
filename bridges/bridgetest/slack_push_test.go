package bridgetest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"avatarbridge/bridges/bridgetest"
)

// slackHit is a request that the app's server got.
type slackHit struct {
	header http.Header
	body   string
}

// slackServer is an app's server, which echoes challenges and answers all else with the function.
type slackServer struct {
	*httptest.Server
	hits   chan slackHit
	answer func(w http.ResponseWriter, n int) // the n-th request, from 0
}

func newSlackServer(t *testing.T, answer func(w http.ResponseWriter, n int)) *slackServer {
	t.Helper()
	s := &slackServer{hits: make(chan slackHit, 20), answer: answer}
	var n atomic.Int64
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		var c struct{ Type, Challenge string }
		if json.Unmarshal(body, &c) == nil && c.Type == "url_verification" {
			_, _ = io.WriteString(w, c.Challenge)
			return
		}
		s.hits <- slackHit{r.Header.Clone(), string(body)}
		s.answer(w, int(n.Add(1))-1)
	}))
	t.Cleanup(s.Close)
	return s
}

// pushed is a world whose app hears over HTTP.
func pushed(t *testing.T, o bridgetest.SlackOptions, answer func(w http.ResponseWriter, n int)) (*slackWorld, *slackServer) {
	t.Helper()
	srv := newSlackServer(t, answer) // closed after the simulator, which is waiting for its answers
	w := newSlackWorld(t, o)
	if err := w.s.SetRequestURL(t.Context(), w.app, srv.URL); err != nil {
		t.Fatal(err)
	}
	return w, srv
}

func TestSlackSignsEventsOverHTTP(t *testing.T) {
	w, srv := pushed(t, slackPatient, func(w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusNoContent) })
	event := w.write(w.direct, "hello").Events[0]
	hit := <-srv.hits
	timestamp := hit.header.Get("X-Slack-Request-Timestamp")
	if want := bridgetest.SlackSignature(w.app.SigningSecret, timestamp, hit.body); hit.header.Get("X-Slack-Signature") != want {
		t.Errorf("signature %q, want %q", hit.header.Get("X-Slack-Signature"), want)
	}
	if hit.header.Get("X-Slack-Retry-Num") != "" || hit.header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", hit.header)
	}
	var p slackPayload
	if err := json.Unmarshal([]byte(hit.body), &p); err != nil || p.EventID != event || p.Event.Text != "hello" {
		t.Errorf("body %s, %v", hit.body, err)
	}
	w.until(func() bool { return w.s.Unacknowledged(w.app) == 0 }, "waiting for the 2xx to count")
}

// The example of Slack's documentation on verifying requests.
func TestSlackSignatureIsTheDocumentedOne(t *testing.T) {
	body := "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA" +
		"&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554" +
		"%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
	got := bridgetest.SlackSignature("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body)
	if want := "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSlackSendsEventsOverHTTPAgainUntilA2xx(t *testing.T) {
	w, srv := pushed(t, slackPatient, func(w http.ResponseWriter, n int) {
		if n < 2 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	w.write(w.direct, "x")
	first, second := <-srv.hits, <-srv.hits // the first retry comes at once
	if second.body != first.body || second.header.Get("X-Slack-Retry-Num") != "1" || second.header.Get("X-Slack-Retry-Reason") != "http_error" {
		t.Errorf("the retry has the headers %v", second.header)
	}
	select {
	case <-srv.hits:
		t.Error("the second retry came before its minute")
	case <-time.After(50 * time.Millisecond):
	}
	w.s.Advance(time.Minute)
	if third := <-srv.hits; third.header.Get("X-Slack-Retry-Num") != "2" {
		t.Errorf("the second retry has the headers %v", third.header)
	}
	w.until(func() bool { return w.s.Unacknowledged(w.app) == 0 }, "waiting for the 2xx")
	if w.s.GivenUp() != 0 {
		t.Error("the event was given up")
	}
}

func TestSlackAnswersThatAreLateOrRedirectOrRefuseRetries(t *testing.T) {
	hold := make(chan struct{})
	defer close(hold)
	w, srv := pushed(t, bridgetest.SlackOptions{}, func(w http.ResponseWriter, n int) {
		if n == 0 {
			<-hold
		}
	})
	w.write(w.direct, "late")
	<-srv.hits
	w.s.Advance(3 * time.Second)
	if again := <-srv.hits; again.header.Get("X-Slack-Retry-Reason") != "http_timeout" {
		t.Errorf("after a late answer came %v", again.header)
	}

	w, srv = pushed(t, slackPatient, func(w http.ResponseWriter, n int) {
		if n <= 2 {
			w.Header().Set("Location", "/")
			w.WriteHeader(http.StatusTemporaryRedirect)
		}
	})
	w.write(w.direct, "redirect")
	for range 3 {
		<-srv.hits
	}
	if again := <-srv.hits; again.header.Get("X-Slack-Retry-Reason") != "too_many_redirects" {
		t.Errorf("after three redirects came %v", again.header)
	}

	w, _ = pushed(t, slackPatient, func(w http.ResponseWriter, _ int) {
		w.Header().Set("X-Slack-No-Retry", "1")
		w.WriteHeader(http.StatusInternalServerError)
	})
	w.write(w.direct, "no retry")
	w.until(func() bool { return w.s.GivenUp() == 1 && w.s.Unacknowledged(nil) == 0 }, "waiting for the event to be given up")
}

func TestSlackChecksTheRequestURL(t *testing.T) {
	deaf := httptest.NewServer(http.NotFoundHandler())
	defer deaf.Close()
	w := newSlackWorld(t, slackPatient)
	if err := w.s.SetRequestURL(t.Context(), w.app, deaf.URL); err == nil {
		t.Error("a URL that does not echo the challenge was taken")
	}
	c := w.connect()
	srv := newSlackServer(t, func(http.ResponseWriter, int) {})
	if err := w.s.SetRequestURL(t.Context(), w.app, srv.URL); err != nil {
		t.Fatal(err)
	}
	if e := c.read(); e.Why != "link_disabled" {
		t.Errorf("the socket got %+v, want link_disabled", e)
	}
}

func TestSlackCommandsAndClicksComeAsForms(t *testing.T) {
	w, srv := pushed(t, slackPatient, func(w http.ResponseWriter, n int) {
		if n == 0 {
			_, _ = io.WriteString(w, "One moment")
		}
	})
	inv := w.s.Command(bridgetest.SlackCommand{App: w.app, Channel: w.room, User: w.anna, Name: "/ask", Text: "why & <how>?"})
	hit := <-srv.hits
	form, err := url.ParseQuery(hit.body)
	if err != nil || form.Get("command") != "/ask" || form.Get("text") != "why & <how>?" || form.Get("response_url") != inv.ResponseURL || form.Get("user_id") != w.anna.ID {
		t.Errorf("form %v, %v", form, err)
	}
	if want := bridgetest.SlackSignature(w.app.SigningSecret, hit.header.Get("X-Slack-Request-Timestamp"), hit.body); hit.header.Get("X-Slack-Signature") != want {
		t.Error("the command is not signed")
	}
	w.until(func() bool { return inv.Outcome() == "acknowledged" }, "waiting for the command's acknowledgement")
	if p := w.last(); p.Text != "One moment" || p.Ephemeral != w.anna.ID || p.Via != "ack" {
		t.Errorf("the answer became %+v", p)
	}
	w.s.Click(w.app, w.room, w.anna, "1.1", "act", "v")
	form, err = url.ParseQuery((<-srv.hits).body)
	var p struct{ Type string }
	if err != nil || json.Unmarshal([]byte(form.Get("payload")), &p) != nil || p.Type != "block_actions" {
		t.Errorf("the click came as %v, %v", form, err)
	}
}
