package slack

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges/bridgetest"
)

// pushed is a bridge that hears events over HTTP, and its address.
func (w *world) pushed() (*Bridge, string) {
	w.Helper()
	b := w.bridge(nil, func(c *Config) { c.AppToken, c.SigningSecret = "", w.app.SigningSecret })
	srv := httptest.NewServer(b.Handler())
	w.Cleanup(srv.Close)
	return b, srv.URL
}

// request posts what spoil makes of a signed request and returns the answer.
func (w *world) request(to, contentType, body string, spoil func(*http.Request)) (status int, answer string) {
	w.Helper()
	req, err := w.slack.SignedRequest(w.ctx, w.app, to, contentType, body)
	if err != nil {
		w.Fatal(err)
	}
	if spoil != nil {
		spoil(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Fatal(err)
	}
	return resp.StatusCode, string(said)
}

const jsonType = "application/json"

func event(inner string) string {
	return `{"type":"event_callback","team_id":"T1","event_id":"Ev1","event":` + inner + `}`
}

func TestOnlySlacksOwnRequestsOfNowAreTaken(t *testing.T) {
	w := newWorld(t)
	b, url := w.pushed()
	w.connected(b)
	body := event(`{"type":"message","channel":"` + w.chat.ID + `","channel_type":"im","ts":"1600000000.000001","user":"` + w.anna.ID + `","text":"x"}`)
	sign := func(secret string, at time.Time) func(*http.Request) {
		return func(r *http.Request) {
			ts := strconv.FormatInt(at.Unix(), 10)
			r.Header.Set("X-Slack-Request-Timestamp", ts)
			r.Header.Set("X-Slack-Signature", bridgetest.SlackSignature(secret, ts, body))
		}
	}
	for name, c := range map[string]struct {
		spoil func(*http.Request)
		want  int
	}{
		"as it is":         {nil, http.StatusOK},
		"four minutes ago": {sign(w.app.SigningSecret, time.Now().Add(-4*time.Minute)), http.StatusOK},
		"six minutes ago":  {sign(w.app.SigningSecret, time.Now().Add(-6*time.Minute)), http.StatusUnauthorized},
		"in six minutes":   {sign(w.app.SigningSecret, time.Now().Add(6*time.Minute)), http.StatusUnauthorized},
		"another secret":   {sign("another", time.Now()), http.StatusUnauthorized},
		"no signature":     {func(r *http.Request) { r.Header.Del("X-Slack-Signature") }, http.StatusUnauthorized},
		"no time":          {func(r *http.Request) { r.Header.Del("X-Slack-Request-Timestamp") }, http.StatusUnauthorized},
		"half a signature": {func(r *http.Request) { r.Header.Set("X-Slack-Signature", "v0=abcd") }, http.StatusUnauthorized},
		"another method":   {func(r *http.Request) { r.Method = http.MethodPut }, http.StatusMethodNotAllowed},
		"another body":     {func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader("{}")), 2 }, http.StatusUnauthorized},
		"larger than anything": {func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(strings.Repeat(" ", 5<<20))), 5<<20
		}, http.StatusRequestEntityTooLarge},
	} {
		if got, _ := w.request(url, jsonType, body, c.spoil); got != c.want {
			t.Errorf("%s: status %d, want %d", name, got, c.want)
		}
	}
	if n := len(w.rx.Stored()); n != 2 {
		t.Errorf("%d events were stored, want the two of right requests", n)
	}
}

func TestTheChallengeIsAnsweredBeforeTheBridgeRunsAndNothingElse(t *testing.T) {
	w := newWorld(t)
	_, url := w.pushed()
	if status, said := w.request(url, jsonType, `{"type":"url_verification","challenge":"c h<a>"}`, nil); status != http.StatusOK || said != "c h<a>" {
		t.Errorf("%d %q", status, said)
	}
	if status, _ := w.request(url, jsonType, `{"type":"url_verification","challenge":"c"}`, func(r *http.Request) { r.Header.Del("X-Slack-Signature") }); status != http.StatusUnauthorized {
		t.Errorf("unsigned: %d", status)
	}
	if status, _ := w.request(url, jsonType, event(`{"type":"message"}`), nil); status != http.StatusServiceUnavailable {
		t.Errorf("an event: %d", status)
	}
}

func TestARequestIsAnsweredInTimeAndItsRepeatsAreOneEvent(t *testing.T) {
	w := newWorld(t, func(o *bridgetest.SlackOptions, _ *bridgetest.SlackAppOptions) {
		o.Retries = []time.Duration{0, time.Millisecond, time.Millisecond}
	})
	b, url := w.pushed()
	b.soon = 20 * time.Millisecond
	w.connected(b)
	if err := w.slack.SetRequestURL(w.ctx, w.app, url); err != nil {
		t.Fatal(err)
	}
	release := w.rx.Hold()
	began := time.Now()
	w.writes(bridgetest.SlackLine{Text: "slow"})
	w.until("it to be given up", func() bool { return w.slack.GivenUp() == 1 })
	if d := time.Since(began); d > 10*time.Second {
		t.Errorf("four refusals took %v", d)
	}
	release()
	got, err := w.rx.WaitUnique(w.ctx, 1) // what Slack has given up is stored all the same
	if err != nil || got[0].Text != "slow" {
		t.Errorf("%+v, %v", got, err)
	}
	if err := w.rx.WaitFor(w.ctx, func() bool { return len(w.rx.Stored()) == 4 }); err != nil {
		t.Error(err)
	}
	if n := len(w.rx.Unique()); n != 1 {
		t.Errorf("%d keys for one event", n)
	}
}

func TestCommandsAndInteractionsComeAsForms(t *testing.T) {
	w := newWorld(t)
	b, to := w.pushed()
	w.connected(b)
	if err := w.slack.SetRequestURL(w.ctx, w.app, to); err != nil {
		t.Fatal(err)
	}
	inv := w.slack.Command(bridgetest.SlackCommand{App: w.app, Channel: w.chat, User: w.anna, Name: "/ask", Text: "a & b = c?"})
	e := w.hears(1)[0]
	if e.Text != "a & b = c?" || e.Answer != inv.ResponseURL || !e.Place.Direct {
		t.Errorf("%+v", e)
	}
	click := w.slack.Click(w.app, w.chat, w.anna, "1600000000.000001", "a", "b")
	w.until("acknowledgement", func() bool { return inv.Outcome() == "acknowledged" && click.Outcome() == "acknowledged" })
	form := url.Values{"payload": {"{"}}.Encode()
	if status, said := w.request(to, "application/x-www-form-urlencoded", form, nil); status != http.StatusOK || said != "" {
		t.Errorf("%d %q", status, said)
	}
}

func TestAnAPIThatIsAwayIsToldAlsoWithoutSockets(t *testing.T) {
	w := newWorld(t)
	b, _ := w.pushed()
	b.watch = 5 * time.Millisecond
	w.connected(b)
	w.slack.Offline()
	if err := w.rx.WaitHealth(w.ctx, true); err != nil {
		t.Fatal(err)
	}
	if err := w.slack.Online(); err != nil {
		t.Fatal(err)
	}
	if err := w.rx.WaitHealth(w.ctx, false); err != nil {
		t.Error(err)
	}
}
