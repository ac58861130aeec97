package avatartest_test

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"avatarbridge/avatar/avatartest"
)

// The simulators must not be what a load run measures: with the client in the same process they do more than 5,000 calls a second on two
// cores.

// load makes b.N calls, parallel at once on each core, all of which must be answered 200.
func load(b *testing.B, parallel int, request func(n int64) *http.Request) {
	b.Helper()
	tr := &http.Transport{MaxIdleConnsPerHost: 2000}
	defer tr.CloseIdleConnections()
	var failed, serial atomic.Int64
	b.SetParallelism(parallel)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			resp, err := tr.RoundTrip(request(serial.Add(1)))
			if err != nil {
				failed.Add(1)
				continue
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
				failed.Add(1)
			}
			_ = resp.Body.Close()
		}
	})
	if n := failed.Load(); n > 0 {
		b.Errorf("%d of %d failed", n, b.N)
	}
}

func BenchmarkPrompts(b *testing.B) {
	v, err := avatartest.NewVirtuals(avatartest.VirtualsConfig{})
	if err != nil {
		b.Fatal(err)
	}
	defer v.Close()
	resp, err := http.Post(v.URL()+"/api/access/token", "application/json",
		strings.NewReader(fmt.Sprintf(`{"metadata":{"virtualId":1,"userUid":"u"},"apiKey":%q,"apiSecret":%q}`, v.APIKey(), v.APISecret())))
	if err != nil {
		b.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		b.Fatal(err)
	}
	jwt := strings.TrimSuffix(strings.TrimPrefix(string(body), `{"accessToken":"`), `"}`)
	load(b, 32, func(int64) *http.Request {
		req, _ := http.NewRequest("POST", v.RunnerURL(0)+"/prompts", strings.NewReader(`{"text":"hi","userName":"Ann","botName":"Luna"}`))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+jwt)
		return req
	})
	if n := v.Count(avatartest.PromptAnswered); n != b.N {
		b.Errorf("%d of %d were answered", n, b.N)
	}
}

func BenchmarkTurns(b *testing.B) {
	for _, delay := range []time.Duration{0, 50 * time.Millisecond} {
		b.Run(delay.String(), func(b *testing.B) {
			w, err := avatartest.NewWebhook(avatartest.WebhookConfig{})
			if err != nil {
				b.Fatal(err)
			}
			defer w.Close()
			w.SetDelay(delay)
			load(b, 500, func(n int64) *http.Request {
				id, now := strconv.FormatInt(n, 10), time.Now()
				body := fmt.Sprintf(`{"turn":%q,"conversation":"c","user_uid":"u","text":"hi"}`, id)
				req, _ := http.NewRequest("POST", w.URL(), strings.NewReader(body))
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set("Webhook-Id", id)
				req.Header.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix(), 10))
				req.Header.Set("Webhook-Signature", sign(b, w.Secret(), id, now, body))
				return req
			})
			if w.Repeats() != 0 || w.Count(avatartest.TurnAnswered) != b.N {
				b.Errorf("%d answered, %d repeated, of %d", w.Count(avatartest.TurnAnswered), w.Repeats(), b.N)
			}
		})
	}
}
