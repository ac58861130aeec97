package server

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestAProxyThatIsNotTrustedIsToldOnce(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32")}
	for peer, want := range map[string]int{
		"127.0.0.1:1234": 1, "172.17.0.1:1234": 1, "[fd00::1]:1234": 1,
		"10.0.0.1:1234":    0,
		"203.0.113.9:1234": 0, // a stranger's own header
		"@":                0,
	} {
		var log bytes.Buffer
		h := Wary(trusted, slog.New(slog.NewTextHandler(&log, nil)), http.NotFoundHandler())
		for _, forwarded := range []string{"", "198.51.100.7", "198.51.100.8"} {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = peer
			if forwarded != "" {
				r.Header.Set("X-Forwarded-For", forwarded)
			}
			h.ServeHTTP(httptest.NewRecorder(), r)
		}
		if got := strings.Count(log.String(), "trusted_proxies"); got != want || strings.Contains(log.String(), "198.51") {
			t.Errorf("%s: told %d times, want %d: %s", peer, got, want, log.String())
		}
	}
}
