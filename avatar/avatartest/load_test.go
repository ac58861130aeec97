package avatartest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"avatarbridge/avatar/avatartest"
)

// The simulators must not be what a load run measures: with the client in the same process, more than 5,000 calls a second on two cores.
func BenchmarkPrompts(b *testing.B) {
	v, err := avatartest.NewVirtuals(avatartest.VirtualsConfig{})
	if err != nil {
		b.Fatal(err)
	}
	defer v.Close()
	tr := &http.Transport{MaxIdleConnsPerHost: 1000}
	defer tr.CloseIdleConnections()
	c := &http.Client{Transport: tr, Timeout: time.Minute}
	resp, err := c.Post(v.URL()+"/api/access/token", "application/json",
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
	var failed atomic.Int64
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			req, _ := http.NewRequest("POST", v.RunnerURL(0)+"/prompts", strings.NewReader(`{"text":"hi","userName":"Ann","botName":"Luna"}`))
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Authorization", "Bearer "+jwt)
			resp, err := c.Do(req)
			if err != nil || resp.StatusCode != 200 {
				failed.Add(1)
				continue
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	})
	if failed.Load() > 0 || v.Count(avatartest.PromptAnswered) != b.N {
		b.Errorf("%d of %d failed, %d answered", failed.Load(), b.N, v.Count(avatartest.PromptAnswered))
	}
}
