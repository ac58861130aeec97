package telegram

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

func batchWith(cursor string) bridges.Batch { return bridges.Batch{Cursor: cursor} }

// hooked is a bridge in webhook mode and where its handler is served.
func hooked(w *world) (*Bridge, string) {
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	w.Cleanup(srv.Close)
	b := w.bridge(nil, func(c *Config) { c.Mode, c.WebhookSecret, c.WebhookURL = Webhook, "the-secret", srv.URL+"/hook" })
	mux.Handle("/hook", b.Handler())
	return b, srv.URL + "/hook"
}

func (w *world) deliver(url, secret, body string) int {
	w.Helper()
	req, err := http.NewRequestWithContext(w.ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	req.Header.Set(secretHeader, secret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

const good = `{"update_id":1,"message":{"message_id":5,"date":1,` + anna + `,` + private + `,"text":"message body"}}`

func TestWebhookAnswers(t *testing.T) {
	w := newWorld(t)
	b, url := hooked(w)
	if got := w.deliver(url, "the-secret", good); got != 503 {
		t.Errorf("%d before Run has opened, want 503", got)
	}
	stop := w.run(b)
	if err := w.rx.WaitHealth(w.ctx, false); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, secret, body string
		want               int
	}{
		{"no secret", "", good, 401},
		{"a wrong secret", "the-secres", good, 401},
		{"a good update", "the-secret", good, 200},
		{"a cut off update", "the-secret", good[:50], 400},
		{"nothing", "the-secret", "", 400},
		{"a badly typed update", "the-secret", `{"update_id":2,"message":{"message_id":"x","text":"message body"}}`, 200},
		{"no object", "the-secret", `[1]`, 200},
		{"an unknown kind", "the-secret", `{"update_id":3,"future":{}}`, 200},
		{"5 MB", "the-secret", `{"update_id":4,"message":{"text":"` + strings.Repeat("a", 5<<20) + `"}}`, 413},
	} {
		if got := w.deliver(url, c.secret, c.body); got != c.want {
			t.Errorf("%s is answered %d, want %d", c.name, got, c.want)
		}
	}
	w.rx.FailReceive(1)
	if got := w.deliver(url, "the-secret", good); got != 503 {
		t.Errorf("%d for what is not stored, want 503", got)
	}
	if n := len(w.rx.Stored()); n != 1 {
		t.Errorf("%d events are stored, want 1", n)
	}
	if resp, err := http.Get(url); err != nil || resp.StatusCode != 405 {
		t.Errorf("GET: %v, %v", resp, err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if got := w.deliver(url, "the-secret", good); got != 503 {
		t.Errorf("%d after Run has ended, want 503", got)
	}
}

func TestWebhookDeliversWhatTelegramHas(t *testing.T) {
	w := newWorld(t)
	b, _ := hooked(w)
	w.rx.FailReceive(2)
	w.run(b)
	w.tg.Raw(w.bot, `{"update_id":$id,"message":{"message_id":"bad"}}`)
	if e := w.writes("message body"); e.Text != "message body" || !e.Addressed {
		t.Errorf("%+v", e)
	}
	if err := w.tg.WaitFor(w.ctx, func() bool { return len(w.bot.Pending()) == 0 }); err != nil {
		t.Error("the updates are not acknowledged")
	}
}

func TestALostWebhookIsSetAgain(t *testing.T) {
	w := newWorld(t)
	b, _ := hooked(w)
	b.watch = 20 * time.Millisecond
	w.run(b)
	w.writes("before")
	if _, err := b.call(w.ctx, "deleteWebhook", nil); err != nil {
		t.Fatal(err)
	}
	w.writes("after")
}

func TestAWebhookNeedsAnAddress(t *testing.T) {
	w := newWorld(t)
	b := w.bridge(nil, func(c *Config) { c.Mode, c.WebhookSecret = Webhook, "s" })
	w.outcome(b.Run(w.ctx, w.rx), fault.Dead, "public_url")
	if n := w.tg.Calls("getMe"); n != 0 {
		t.Errorf("Telegram was asked %d times", n)
	}
}
