package avatartest_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"avatarbridge/avatar/avatartest"
)

func webhook(t *testing.T, cfg avatartest.WebhookConfig) *avatartest.Webhook {
	t.Helper()
	w, err := avatartest.NewWebhook(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

// sign signs as the specification has it, written apart from the simulator.
func sign(t testing.TB, secret, id string, at time.Time, body string) string {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	m := hmac.New(sha256.New, key)
	m.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "." + body))
	return "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil))
}

// turn posts a well signed turn.
func turn(t *testing.T, c *http.Client, w *avatartest.Webhook, id, text, callback string) answer {
	t.Helper()
	body := fmt.Sprintf(`{"turn":%q,"conversation":"c","user_uid":"u","user_name":"Ann","text":%q,"callback":%q}`, id, text, callback)
	return signed(t, c, w, id, time.Now(), body, sign(t, w.Secret(), id, time.Now(), body))
}

func signed(t *testing.T, c *http.Client, w *avatartest.Webhook, id string, at time.Time, body, signature string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", w.URL(), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Webhook-Id", id)
	req.Header.Set("Webhook-Timestamp", strconv.FormatInt(at.Unix(), 10))
	req.Header.Set("Webhook-Signature", signature)
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

func TestTheSignatureOfTheSpecificationsExample(t *testing.T) {
	// From the test vectors of the Standard Webhooks libraries.
	const secret, id, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", `{"test": 2432232314}`
	at := time.Unix(1614265330, 0)
	w, c := webhook(t, avatartest.WebhookConfig{Secret: secret, Now: func() time.Time { return at }}), client(t)
	const right = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	if a := signed(t, c, w, id, at, body, "v1,AAAA "+right); a.status != 400 || w.Forged() != 0 {
		t.Errorf("status %d, forged %d: the signature is right and the body is no turn", a.status, w.Forged())
	}
	req, err := w.CallbackRequest(t.Context(), "http://127.0.0.1/", avatartest.Callback{ID: id, Raw: body})
	if err != nil {
		t.Fatal(err)
	}
	if got := req.Header.Get("Webhook-Signature"); got != right {
		t.Errorf("signed as %s", got)
	}
}

func TestWhatIsNotWellSignedIsRefused(t *testing.T) {
	w, c := webhook(t, avatartest.WebhookConfig{}), client(t)
	now, body := time.Now(), `{"turn":"t","text":"hi"}`
	old := now.Add(-10 * time.Minute)
	for what, a := range map[string]answer{
		"no signature":      signed(t, c, w, "t", now, body, ""),
		"another secret":    signed(t, c, w, "t", now, body, sign(t, "whsec_AAAA", "t", now, body)),
		"another body":      signed(t, c, w, "t", now, body, sign(t, w.Secret(), "t", now, body+" ")),
		"an old timestamp":  signed(t, c, w, "t", old, body, sign(t, w.Secret(), "t", old, body)),
		"a missing id":      signed(t, c, w, "", now, body, sign(t, w.Secret(), "", now, body)),
		"another timestamp": signed(t, c, w, "t", now, body, sign(t, w.Secret(), "t", old, body)),
	} {
		if a.status != 401 {
			t.Errorf("%s: status %d", what, a.status)
		}
	}
	if w.Forged() != 6 || len(w.Turns()) != 0 {
		t.Errorf("%d forged, %d turns", w.Forged(), len(w.Turns()))
	}
}

func TestARepeatedTurnGetsTheSameAnswer(t *testing.T) {
	var asked int
	w, c := webhook(t, avatartest.WebhookConfig{Answer: func(avatartest.WebhookTurn) avatartest.WebhookAnswer {
		asked++
		return avatartest.WebhookAnswer{Replies: []avatartest.WebhookReply{{Text: strconv.Itoa(asked)}}}
	}}), client(t)
	first, again, changed := turn(t, c, w, "t1", "hi", ""), turn(t, c, w, "t1", "hi", ""), turn(t, c, w, "t1", "ho", "")
	if first.body != `{"text":"1"}` || again.body != first.body || changed.body != first.body {
		t.Errorf("%q, %q, %q", first.body, again.body, changed.body)
	}
	turns := w.Turns()
	if w.Repeats() != 2 || turns[1].Repeat != 1 || turns[1].Changed || !turns[2].Changed {
		t.Errorf("%d repeats of %+v", w.Repeats(), turns)
	}
}

func TestAnswersAsOneAsAListAndLater(t *testing.T) {
	w, c := webhook(t, avatartest.WebhookConfig{}), client(t)
	for want, a := range map[string]avatartest.WebhookAnswer{
		`{"text":"a","end":true}`:      {Replies: []avatartest.WebhookReply{{Text: "a", End: true}}},
		`[{"text":"a"}]`:               {Replies: []avatartest.WebhookReply{{Text: "a"}}, List: true},
		`[{"text":"a"},{"text":"bb"}]`: {Replies: []avatartest.WebhookReply{{Text: "a"}, {Text: "bb"}}},
		`[]`:                           {List: true},
		"":                             {},
	} {
		w.Answer(func(avatartest.WebhookTurn) avatartest.WebhookAnswer { return a })
		got := turn(t, c, w, "turn"+want, "hi", "")
		if got.body != want || (got.status == 202) != (want == "") {
			t.Errorf("%d %q, not %q", got.status, got.body, want)
		}
	}
}

func TestLaterRepliesArePostedInOrderUntilTheyAreTaken(t *testing.T) {
	var mu sync.Mutex
	var got []string
	refuse := 2
	receiver := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		at, _ := strconv.ParseInt(r.Header.Get("webhook-timestamp"), 10, 64)
		id := r.Header.Get("webhook-id")
		good := r.Header.Get("webhook-signature") == sign(t, avatartest.DefaultWebhookSecret, id, time.Unix(at, 0), string(body))
		mu.Lock()
		defer mu.Unlock()
		got = append(got, fmt.Sprintf("%s %v %s", id, good, body))
		if refuse--; refuse >= 0 {
			rw.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer receiver.Close()
	w, c := webhook(t, avatartest.WebhookConfig{RetryEvery: time.Millisecond, Answer: func(avatartest.WebhookTurn) avatartest.WebhookAnswer {
		return avatartest.WebhookAnswer{Later: []avatartest.Callback{
			{ID: "m1", Reply: avatartest.WebhookReply{Text: "one"}}, {ID: "m2", Reply: avatartest.WebhookReply{Text: "two"}, Forged: true},
		}}
	}}), client(t)
	if a := turn(t, c, w, "t", "hi", receiver.URL); a.status != 202 || a.body != "" {
		t.Errorf("%d %q", a.status, a.body)
	}
	turn(t, c, w, "t", "hi", receiver.URL) // a repeat posts nothing anew
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := w.Await(ctx, avatartest.CallbackAnswered, 4); err != nil {
		t.Fatal(err)
	}
	w.Close()
	mu.Lock()
	defer mu.Unlock()
	one := `m1 true {"text":"one"}`
	if want := strings.Join([]string{one, one, one, `m2 false {"text":"two"}`}, "\n"); strings.Join(got, "\n") != want {
		t.Errorf("posted:\n%s\nnot\n%s", strings.Join(got, "\n"), want)
	}
	if p := w.Callbacks(); p[0].Status != 503 || p[3].Status != 200 || p[3].ID != "m2" {
		t.Errorf("noted: %+v", p)
	}
}
