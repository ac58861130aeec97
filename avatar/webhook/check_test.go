package webhook

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestCheckSaysWhetherTheServiceCanBeReachedAndSendsNothing(t *testing.T) {
	requests := 0
	count := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests++ })
	plain, secure := httptest.NewServer(count), httptest.NewUnstartedServer(count)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer plain.Close()
	defer secure.Close()
	for _, c := range []struct {
		url    string
		client *http.Client
		want   string
	}{
		{plain.URL, plain.Client(), "true 127.0.0.1"},
		{secure.URL, secure.Client(), "true 127.0.0.1"},
		{secure.URL, &http.Client{}, "false 127.0.0.1"}, // a certificate that nobody vouches for
		{"http://127.0.0.1:1", &http.Client{}, "false 127.0.0.1:1"},
	} {
		b, err := New(Config{URL: c.url + "/turn?token=canary"}, c.client)
		if err != nil {
			t.Fatal(err)
		}
		f := b.Check(t.Context())
		got := fmt.Sprintf("%v %s", f[0].OK, f[0].What)
		if !strings.HasPrefix(got, c.want) || strings.Contains(got, "canary") || f[0].OK != (f[0].Fix == "") || !strings.Contains(f[1].What, "unsigned") {
			t.Errorf("%s: %+v", c.url, f)
		}
	}
	if requests != 0 {
		t.Errorf("%d requests were sent", requests)
	}
}

func TestConfigTellsAllItsFaults(t *testing.T) {
	const url, secret = "http://127.0.0.1:9000/turn", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	for _, c := range []struct{ url, secret, want string }{
		{url, "", ""}, {url, secret, ""}, {"https://user:pass@example.com/?token=x", secret, ""},
		{"", "", "url"}, {"127.0.0.1:9000", "", "url"}, {"ftp://example.com", "", "url"}, {"http://", "x", "url secret"},
		{url, strings.TrimPrefix(secret, secretPrefix), "secret"}, {url, "whsec_short", "secret"}, {url, "whsec_", "secret"}, {url, secret + "!", "secret"},
	} {
		cfg := Config{URL: c.url, Secret: c.secret}
		var keys []string
		for _, s := range cfg.Validate() {
			keys = append(keys, s.Key)
			if len(c.secret) > len(secretPrefix) && strings.Contains(s.Problem, c.secret) {
				t.Error("the secret is shown")
			}
		}
		if got := strings.Join(keys, " "); got != c.want {
			t.Errorf("%s %s: faults at %q, want %q", c.url, c.secret, got, c.want)
		}
		if _, err := New(cfg, &http.Client{}); (err == nil) != (c.want == "") {
			t.Errorf("%s %s: New says %v", c.url, c.secret, err)
		}
	}
	if _, err := New(Config{URL: url}, nil); err == nil {
		t.Error("New took no client")
	}
}
