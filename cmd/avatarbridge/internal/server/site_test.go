package server

import (
	"bufio"
	"context"
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

// sites is a public side that is not ready, with pages that tell their name and the path.
func sites(names ...string) http.Handler {
	parts := PublicParts{Status: func() relay.Status { return relay.Status{} }, Ready: func() bool { return false }}
	for _, name := range names {
		parts.Sites = append(parts.Sites, Site{name, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, r.Method+" "+name+" "+r.URL.Path)
		})})
	}
	return Public(parts)
}

func TestEachSiteHasItsPathsAndTheFirstOneTheRootToo(t *testing.T) {
	h := sites("site", "shop")
	for request, want := range map[string]string{
		"GET /": "GET site /", "HEAD /": "HEAD site /", "GET /chat/site": "GET site /chat/site", "GET /chat/site/events": "GET site /chat/site/events",
		"POST /chat/site/messages": "POST site /chat/site/messages", "GET /chat/shop": "GET shop /chat/shop", "GET /chat/shop/static/h/page.css": "GET shop /chat/shop/static/h/page.css",
		"GET /chat/shop/": "GET shop /chat/shop/",
	} {
		method, path, _ := strings.Cut(request, " ")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		if w.Code != http.StatusOK || w.Body.String() != want {
			t.Errorf("%s: %d %q, want %q, also before anything is ready", request, w.Code, w.Body, want)
		}
	}
	for _, path := range []string{"/chat", "/chat/", "/chat/other", "/chat/sites", "/events", "/static/h/page.css"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != http.StatusNotFound {
			t.Errorf("%s: status %d", path, w.Code)
		}
	}
}

func TestWithoutASiteTheRootSaysWhatRunsHere(t *testing.T) {
	w := httptest.NewRecorder()
	sites().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "avatarbridge") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestAStreamHasNoDeadline(t *testing.T) {
	w := &deadlined{ResponseRecorder: httptest.NewRecorder()}
	sites("site").ServeHTTP(w, httptest.NewRequest("GET", "/chat/site/events", nil))
	if !w.at.IsZero() {
		t.Errorf("it is cut in %v", time.Until(w.at))
	}
}

func TestStoppingIsNotHeldUpByStreamsThatEndWithTheProgram(t *testing.T) {
	ln, err := Listen(t.Context(), "server.listen", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stream := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, ": open\n\n")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		select {
		case <-ctx.Done(): // as a site does when its Run ends
		case <-r.Context().Done():
		}
	})
	served := make(chan error, 1)
	go func() {
		served <- Serve(ctx, ln, Behind(nil, Public(PublicParts{Sites: []Site{{"site", stream}}})), slog.New(slog.DiscardHandler))
	}()
	const streams = 20
	var open []net.Conn
	for range streams {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		io.WriteString(c, "GET /chat/site/events HTTP/1.1\r\nHost: a\r\n\r\n")
		if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || line != "HTTP/1.1 200 OK\r\n" {
			t.Fatalf("%q, %v", line, err)
		}
		open = append(open, c)
	}
	began := time.Now()
	stop()
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > shutdownGrace/2 {
		t.Errorf("it took %v with %d open streams", took, len(open))
	}
}
