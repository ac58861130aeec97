package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges/relay"
)

func request(t *testing.T, h http.Handler, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

// named answers with its name and the path values.
func named(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, name+" "+r.PathValue("name")+" "+r.PathValue("token"))
	})
}

func public(ready *bool) http.Handler {
	return Public(PublicParts{
		Webhooks: map[string]http.Handler{"my-telegram": named("webhook")},
		Callback: named("callback"), Media: named("media"),
		Status: func() relay.Status {
			return relay.Status{Store: "S3CRET", Bridges: []relay.BridgeStatus{
				{Name: "my-telegram", Platform: "telegram", Account: "telegram:S3CRET", Connected: true},
				{Name: "<b>site</b>", Platform: "web", Reason: "S3CRET"},
			}}
		},
		Ready: func() bool { return *ready },
	})
}

func TestThePublicSideLeadsToItsParts(t *testing.T) {
	ready := true
	h := public(&ready)
	for path, want := range map[string]string{
		"/bridges/my-telegram/webhook": "webhook  ", "/avatars/luna/callback/abc": "callback luna abc", "/media/xyz": "media  xyz", "/livez": "ok\n",
	} {
		if w := request(t, h, "GET", path); w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: %d %q", path, w.Code, w.Body)
		}
	}
	for _, path := range []string{"/x", "/bridges/other/webhook", "/bridges/my-telegram", "/metrics", "/admin/status", "/readyz", "/media/", "/index.html"} {
		if w := request(t, h, "GET", path); w.Code != 404 {
			t.Errorf("%s: status %d", path, w.Code)
		}
	}
	if w := request(t, h, "POST", "/"); w.Code != 405 {
		t.Errorf("POST /: status %d", w.Code)
	}
}

func TestUntilReadyOnlyThePageAndLivezAnswer(t *testing.T) {
	ready := false
	h := public(&ready)
	for _, path := range []string{"/bridges/my-telegram/webhook", "/avatars/luna/callback/abc", "/media/xyz"} {
		w := request(t, h, "POST", path)
		if w.Code != 503 || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: status %d, Retry-After %q", path, w.Code, w.Header().Get("Retry-After"))
		}
	}
	for _, path := range []string{"/", "/livez"} {
		if w := request(t, h, "GET", path); w.Code != 200 {
			t.Errorf("%s: status %d", path, w.Code)
		}
	}
	ready = true
	if w := request(t, h, "GET", "/media/xyz"); w.Code != 200 {
		t.Errorf("when it is ready: status %d", w.Code)
	}
}

func TestThePageTellsStrangersNoMoreThanWhichBridgesAreUp(t *testing.T) {
	ready := true
	w := request(t, public(&ready), "GET", "/")
	page := w.Body.String()
	if strings.Contains(page, "S3CRET") {
		t.Error("the page shows internals")
	}
	if strings.Contains(page, "<b>site") || !strings.Contains(page, "&lt;b&gt;site") {
		t.Error("a name is not escaped")
	}
	for _, want := range []string{"my-telegram", "Telegram", "connected", "not connected"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	policy := w.Header().Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	if !strings.Contains(page, "<style>"+style+"</style>") {
		t.Error("the style differs from the one that the policy allows by its hash")
	}
	if w.Header().Get("X-Content-Type-Options") != "nosniff" || strings.Contains(page, "<script") {
		t.Error("the page is not as closed as it should be")
	}
}

func TestThePageOfAProgramWithoutBridgesTellsVisitorsNothingOfItsConfiguration(t *testing.T) {
	h := Public(PublicParts{Status: func() relay.Status { return relay.Status{} }, Ready: func() bool { return true }})
	w := request(t, h, "GET", "/")
	if page := w.Body.String(); !strings.Contains(page, "There is nobody to talk to here yet.") || strings.Contains(page, "config.toml") || strings.Contains(page, "operator") {
		t.Errorf("page %s", w.Body)
	}
}

func readyz(t *testing.T, st relay.Status, writable func(context.Context) error) (int, Readiness) {
	t.Helper()
	w := request(t, Admin(AdminParts{Status: func() relay.Status { return st }, Writable: writable}), "GET", "/readyz")
	var r Readiness
	if err := json.Unmarshal(w.Body.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	return w.Code, r
}

func TestReadyzIsReadyWhenAllIsWell(t *testing.T) {
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	code, r := readyz(t, relay.Status{Running: true, Paused: []string{"tg"}, Bridges: []relay.BridgeStatus{
		{Name: "tg", Platform: "telegram", Connected: true, LastEvent: at},
	}}, func(ctx context.Context) error {
		if _, bounded := ctx.Deadline(); !bounded {
			t.Error("the store is asked without a deadline")
		}
		return nil
	})
	if code != 200 || !r.Ready || len(r.Reasons) != 0 || len(r.Paused) != 1 {
		t.Errorf("%d %+v", code, r)
	}
	if len(r.Bridges) != 1 || r.Bridges[0].LastEvent == nil || !r.Bridges[0].LastEvent.Equal(at) {
		t.Errorf("bridges %+v", r.Bridges)
	}
}

func TestReadyzSaysWhatIsWrong(t *testing.T) {
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	fine := func(context.Context) error { return nil }
	tests := map[string]struct {
		status   relay.Status
		writable func(context.Context) error
		want     string
	}{
		"the store refuses":  {relay.Status{Running: true, Store: "no space left"}, fine, "the store takes no messages: no space left"},
		"the disk is full":   {relay.Status{Running: true}, func(context.Context) error { return errors.New("disk is full") }, "the store cannot write: disk is full"},
		"it has not started": {relay.Status{}, fine, "the relay does not run"},
		"a bridge is lost": {relay.Status{Running: true, Bridges: []relay.BridgeStatus{{Name: "tg", Reason: "connection refused", LastEvent: at}}}, fine,
			"bridge tg is not connected (last event 2026-11-01T12:00:00Z): connection refused"},
		"a bridge gave up": {relay.Status{Running: true, Bridges: []relay.BridgeStatus{{Name: "tg", Reason: "token refused", Stopped: true}}}, nil,
			"bridge tg is not connected (no event since the start): token refused; it does not try again before a restart"},
		"a bridge has not begun": {relay.Status{Running: true, Bridges: []relay.BridgeStatus{{Name: "tg"}}}, fine,
			"bridge tg is not connected (no event since the start): it has not heard from its platform yet"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			code, r := readyz(t, test.status, test.writable)
			if code != 503 || r.Ready || len(r.Reasons) != 1 || r.Reasons[0] != test.want {
				t.Errorf("%d %+v, want %q", code, r, test.want)
			}
		})
	}
}

func TestTheOperatorsSideLeadsToItsParts(t *testing.T) {
	h := Admin(AdminParts{Status: func() relay.Status { return relay.Status{} }, Metrics: named("metrics"), Control: named("control")})
	for path, want := range map[string]string{"/metrics": "metrics  ", "/admin/dead/retry": "control  ", "/livez": "ok\n"} {
		if w := request(t, h, "GET", path); w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: %d %q", path, w.Code, w.Body)
		}
	}
}

// deadlined notes the deadline of a request's body.
type deadlined struct {
	*httptest.ResponseRecorder
	at time.Time
}

func (d *deadlined) SetReadDeadline(at time.Time) error { d.at = at; return nil }

func TestAMessageThatIsSentForEverIsCutOff(t *testing.T) {
	ready := true
	for path, h := range map[string]http.Handler{
		"/bridges/my-telegram/webhook": public(&ready), "/avatars/luna/callback/abc": public(&ready), "/chat/site/messages": sites("site"),
		"/livez": public(&ready), "/media/abc": public(&ready), "/nowhere": public(&ready),
	} {
		w := &deadlined{ResponseRecorder: httptest.NewRecorder()}
		h.ServeHTTP(w, httptest.NewRequest("POST", path, strings.NewReader("{")))
		if in := time.Until(w.at); in <= 0 || in > bodyTimeout {
			t.Errorf("%s may be sent for %v", path, in)
		}
	}
}

// running is a server on a free port; stop ends it and returns what Serve returned.
func running(t *testing.T, h http.Handler, log *slog.Logger) (url string, stop func() error) {
	t.Helper()
	ln, err := Listen(t.Context(), "server.listen", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, ln, h, log) }()
	return "http://" + ln.Addr().String(), func() error { cancel(); return <-served }
}

func TestStoppingWaitsForRequestsUnderWay(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	url, stop := running(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-leave
		io.WriteString(w, "done")
	}), slog.New(slog.DiscardHandler))
	answer := make(chan string, 1)
	go func() {
		resp, err := http.Get(url)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		answer <- string(b)
	}()
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	deadline := time.Now().Add(5 * time.Second)
	for { // the listener closes first
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			break
		}
		c.Close()
		if time.Now().After(deadline) {
			t.Fatal("the server still takes connections")
		}
	}
	select {
	case err := <-stopped:
		t.Fatalf("it stopped with a request under way: %v", err)
	default:
	}
	close(leave)
	if got := <-answer; got != "done" {
		t.Errorf("answer %q", got)
	}
	if err := <-stopped; err != nil {
		t.Errorf("stopped with %v", err)
	}
}

func TestAListenerThatFailsIsAnError(t *testing.T) {
	ln, err := Listen(t.Context(), "server.listen", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if err := Serve(t.Context(), ln, http.NotFoundHandler(), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("no error")
	}
}

func TestAPortInUseNamesTheSetting(t *testing.T) {
	ln, err := Listen(t.Context(), "server.listen", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	addr := ln.Addr().String()
	for addr, want := range map[string]string{addr: "in use", "203.0.113.1:0": "no such address", "nonsense": "nonsense"} {
		_, err := Listen(t.Context(), "server.admin_listen", addr)
		if err == nil || !strings.HasPrefix(err.Error(), `server.admin_listen = "`+addr+`"`) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

func TestAHandlerThatPanicsIsLoggedWithoutThePath(t *testing.T) {
	var logged bytes.Buffer
	ready := true
	h := Public(PublicParts{
		Callback: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(fmt.Sprint("S3", "CRET")) }),
		Status:   func() relay.Status { return relay.Status{} }, Ready: func() bool { return ready },
	})
	url, stop := running(t, h, slog.New(slog.NewTextHandler(&logged, nil)))
	resp, err := http.Get(url + "/avatars/luna/callback/S3CRET")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 500 || !strings.Contains(logged.String(), "/avatars/{name}/callback/{token}") || strings.Contains(logged.String(), "S3CRET") {
		t.Errorf("status %d, log %s", resp.StatusCode, &logged)
	}
}

func TestAHandlerMayCutItsConnection(t *testing.T) {
	url, stop := running(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), slog.New(slog.DiscardHandler))
	if resp, err := http.Get(url); err == nil {
		resp.Body.Close()
		t.Errorf("status %d", resp.StatusCode)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}
