package bridgetest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"avatarbridge/bridges/bridgetest"
)

func TestAnUpdateStaysUntilAHigherOffsetConfirmsIt(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{})
	a, b, c := w.write("a"), w.write("b"), w.write("c")
	for range 2 {
		if got := w.call("getUpdates").ids(t); !slices.Equal(got, []int64{a, b, c}) {
			t.Fatalf("got %v, want all three", got)
		}
	}
	if got := w.call("getUpdates", "limit", 1).ids(t); !slices.Equal(got, []int64{a}) {
		t.Errorf("limit 1 gave %v", got)
	}
	if got := w.call("getUpdates", "offset", b).ids(t); !slices.Equal(got, []int64{b, c}) {
		t.Errorf("offset b gave %v", got)
	}
	if got := w.call("getUpdates", "offset", a).ids(t); !slices.Equal(got, []int64{b, c}) {
		t.Errorf("what was confirmed came back: %v", got)
	}
	if got := w.call("getUpdates", "offset", c+1).ids(t); len(got) != 0 || len(w.bot.Pending()) != 0 {
		t.Errorf("offset after the last gave %v, pending %v", got, w.bot.Pending())
	}
}

func TestANegativeOffsetForgetsAllButTheLast(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{})
	w.write("a")
	b, c := w.write("b"), w.write("c")
	if got := w.call("getUpdates", "offset", -2).ids(t); !slices.Equal(got, []int64{b, c}) {
		t.Errorf("offset -2 gave %v, want %v", got, []int64{b, c})
	}
	if got := w.call("getUpdates").ids(t); !slices.Equal(got, []int64{b, c}) {
		t.Errorf("afterwards %v are left", got)
	}
}

func TestAnOffsetOfAnEarlierSequenceConfirmsNothing(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{})
	old := w.write("before the idle week")
	w.bot.RestartUpdateIDs()
	fresh := w.write("after it")
	if fresh >= old {
		t.Fatalf("the new id %d is not lower than %d", fresh, old)
	}
	if got := w.call("getUpdates", "offset", old+1).ids(t); !slices.Equal(got, []int64{fresh}) {
		t.Errorf("the old offset gave %v, want %d", got, fresh)
	}
}

func TestALongPollAnswersWhenSomethingComes(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{})
	got := w.poll(t, 50)
	id := w.write("hello")
	if ids := (<-got).ids(t); !slices.Equal(ids, []int64{id}) {
		t.Errorf("the poll got %v, want %d", ids, id)
	}
	start := time.Now()
	if ids := w.call("getUpdates", "offset", id+1, "timeout", 1).ids(t); len(ids) != 0 || time.Since(start) < time.Second {
		t.Errorf("an empty poll of 1 s gave %v after %v", ids, time.Since(start))
	}
}

// poll starts a long poll and returns when the server has it.
func (w *world) poll(t *testing.T, seconds int, pairs ...any) <-chan reply {
	t.Helper()
	before := w.tg.Polling(w.bot)
	got := make(chan reply, 1)
	go func() { got <- w.call("getUpdates", append(pairs, "timeout", seconds)...) }()
	w.waiting(t, before+1)
	return got
}

// waiting returns when n long polls have begun to wait.
func (w *world) waiting(t *testing.T, n int) {
	t.Helper()
	if err := w.tg.WaitFor(soon(t), func() bool { return w.tg.Polling(w.bot) >= n }); err != nil {
		t.Fatalf("the long poll does not wait: %v", err)
	}
}

func TestASecondPollerEndsTheFirst(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{})
	first := w.poll(t, 50)
	second := w.poll(t, 50)
	(<-first).wants(t, 409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running")
	w.write("x")
	if ids := (<-second).ids(t); len(ids) != 1 {
		t.Errorf("the second poller got %v", ids)
	}
}

func TestNothingIsHandedOutToAClientThatHasGone(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url("getUpdates?timeout=50"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var handed atomic.Int32
	w.tg.OnStep(func(s bridgetest.Step) {
		if s.Name == bridgetest.UpdateHandedOut {
			handed.Add(1)
		}
	})
	gone := make(chan error, 1)
	go func() {
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		gone <- err
	}()
	w.waiting(t, 1)
	cancel()
	if err := <-gone; err == nil {
		t.Fatal("the request did not fail")
	}
	next := w.poll(t, 50) // in its place, or after it
	id := w.write("x")
	if ids := (<-next).ids(t); !slices.Equal(ids, []int64{id}) || handed.Load() > 1 {
		t.Errorf("got %v, want %d; handed out %d times", ids, id, handed.Load())
	}
}

func TestOnlyAllowedUpdatesCome(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{})
	w.call("getUpdates", "allowed_updates", `["edited_message"]`).ids(t)
	m := w.tg.Write(bridgetest.Line{Chat: w.chat, From: w.anna, Text: "new"})
	if m.Update(w.bot) != 0 {
		t.Error("a message came though only edits are allowed")
	}
	edit := w.tg.Edit(w.chat, m.Message, "newer").Update(w.bot)
	if ids := w.call("getUpdates").ids(t); !slices.Equal(ids, []int64{edit}) {
		t.Errorf("got %v, want the edit; the list must stay for later calls", ids)
	}
	w.call("getUpdates", "allowed_updates", `[]`)
	if w.write("again") == 0 {
		t.Error("an empty list does not allow messages again")
	}
}

func TestSpinningClientsAreBraked(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{SpinGuard: true})
	w.write("a")
	w.write("b")
	if n := len(w.call("getUpdates").ids(t)); n != 2 {
		t.Errorf("the first call got %d updates", n)
	}
	if n := len(w.call("getUpdates").ids(t)); n != 1 {
		t.Errorf("the same offset at once got %d updates, want 1", n)
	}
}

// hook is a webhook's server.
type hook struct {
	answers chan int // the status of each delivery; 200 when empty
	got     chan string
}

func (h *hook) serve(addr chan<- string) *http.Server {
	return serveHTTP(addr, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var u struct {
			ID      int64 `json:"update_id"`
			Message struct{ Text string }
		}
		_ = json.NewDecoder(r.Body).Decode(&u)
		h.got <- fmt.Sprint(r.Method, " ", r.Header.Get("X-Telegram-Bot-Api-Secret-Token"), " ", u.Message.Text)
		select {
		case status := <-h.answers:
			rw.WriteHeader(status)
		default:
		}
	}))
}

func TestAWebhookGetsUpdatesInOrderUntilItAnswers2xx(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{WebhookRetry: time.Millisecond})
	h := &hook{answers: make(chan int, 3), got: make(chan string, 10)}
	h.answers <- 500
	h.answers <- 302
	h.answers <- 204
	addr := make(chan string, 1)
	srv := h.serve(addr)
	t.Cleanup(func() { _ = srv.Close() })
	w.write("one")
	if got := w.call("setWebhook", "url", <-addr, "secret_token", "s3cret").good(t).Description; got != "Webhook was set" {
		t.Errorf("setWebhook said %q", got)
	}
	w.write("two")
	for _, want := range []string{"one", "one", "one", "two"} {
		if got := <-h.got; got != "POST s3cret "+want {
			t.Errorf("delivered %q, want %q", got, want)
		}
	}
	if err := w.tg.WaitFor(soon(t), func() bool { return len(w.bot.Pending()) == 0 }); err != nil {
		t.Error(err)
	}
	if info := string(w.call("getWebhookInfo").good(t).Result); !strings.Contains(info, "Wrong response from the webhook: 302 Found") {
		t.Errorf("getWebhookInfo says %s", info)
	}
	w.call("getUpdates").wants(t, 409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first")
	w.call("deleteWebhook").good(t)
	id := w.write("three")
	if ids := w.call("getUpdates").ids(t); !slices.Equal(ids, []int64{id}) {
		t.Errorf("after deleteWebhook got %v", ids)
	}
	if info := string(w.call("getWebhookInfo").good(t).Result); !strings.Contains(info, `"url":"","has_custom_certificate":false,"pending_update_count":1`) {
		t.Errorf("getWebhookInfo says %s", info)
	}
}

func TestBadWebhooksAreRefused(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{})
	w.call("setWebhook", "url", "http://example.com/x").wants(t, 400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
	w.call("setWebhook", "url", "https://127.0.0.1:1/x", "secret_token", "not:allowed").wants(t, 400, "Bad Request: secret token contains unallowed characters")
	first := w.poll(t, 50)
	w.call("setWebhook", "url", "http://127.0.0.1:1/x").good(t)
	(<-first).wants(t, 409, "Conflict: terminated by setWebhook request")
	w.write("dropped")
	if got := w.call("deleteWebhook", "drop_pending_updates", true).good(t).Description; got != "Webhook was deleted" || len(w.bot.Pending()) != 0 {
		t.Errorf("deleteWebhook said %q, pending %v", got, w.bot.Pending())
	}
}

func TestAConflictSoonAfterAnotherIsToldLate(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{SpinGuard: true})
	start := time.Now()
	first := w.poll(t, 50, "offset", 1)
	second := w.poll(t, 50, "offset", 2)
	(<-first).wants(t, 409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running")
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("the first conflict was told after %v", d)
	}
	third := w.poll(t, 50, "offset", 3)
	(<-second).wants(t, 409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running")
	if d := time.Since(start); d < 3*time.Second {
		t.Errorf("the second conflict was told after %v already", d)
	}
	w.write("x")
	if ids := (<-third).ids(t); len(ids) != 1 {
		t.Errorf("the third poller got %v", ids)
	}
}
