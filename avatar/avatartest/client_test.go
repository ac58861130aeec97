package avatartest_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"avatarbridge/avatar/avatartest"
)

// client has connections of its own, so that none outlives its test.
func client(t *testing.T) *http.Client {
	t.Helper()
	tr := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 10 * time.Second}
}

func virtuals(t *testing.T, cfg avatartest.VirtualsConfig) *avatartest.Virtuals {
	t.Helper()
	v, err := avatartest.NewVirtuals(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

// answer is what came back from a call.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) field(t *testing.T, name string) any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatalf("status %d, not a JSON object: %q", a.status, a.body)
	}
	return m[name]
}

func do(t *testing.T, c *http.Client, method, url, token, contentType, body string) (answer, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := c.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(b)}, err
}

func must(t *testing.T) func(answer, error) answer {
	return func(a answer, err error) answer {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
}

// token asks for an access token as the JavaScript client does.
func token(t *testing.T, c *http.Client, v *avatartest.Virtuals, virtual any, uid string) answer {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"virtualId": virtual, "userUid": uid, "userName": "Ann"},
		"apiKey":   v.APIKey(), "apiSecret": v.APISecret(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return must(t)(do(t, c, "POST", v.URL()+"/api/access/token", "", "application/json", string(body)))
}

func claims(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("no JWT: %q", token)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func access(t *testing.T, c *http.Client, v *avatartest.Virtuals, virtual any, uid string) (jwt, runner string) {
	t.Helper()
	jwt, _ = token(t, c, v, virtual, uid).field(t, "accessToken").(string)
	runner, _ = claims(t, jwt)["runner"].(string)
	return jwt, runner
}

func prompt(t *testing.T, c *http.Client, runner, jwt, text string) answer {
	t.Helper()
	body := fmt.Sprintf(`{"text":%q,"skipTTS":false,"userName":"Ann","botName":"Luna","mood":"calm"}`, text)
	return must(t)(do(t, c, "POST", runner+"/prompts", jwt, "application/json", body))
}
