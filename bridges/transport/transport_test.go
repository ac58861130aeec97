package transport

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// counted is a transport that counts its connections.
func counted(t *testing.T, c Config) (*Transport, *atomic.Int64) {
	t.Helper()
	var n atomic.Int64
	c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		n.Add(1)
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	tr := New(c)
	t.Cleanup(tr.CloseIdleConnections)
	return tr, &n
}

// call posts text and returns the answer's status and text.
func call(ctx context.Context, rt http.RoundTripper, url, text string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(text))
	if err != nil {
		return 0, "", err
	}
	res, err := rt.RoundTrip(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, string(b), err
}

// echo answers with the request's body, in the way that its path names.
func echo(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	switch r.URL.Path {
	case "/none":
		w.WriteHeader(http.StatusNoContent)
		return
	case "/pieces": // of unknown length
		for len(b) > 0 {
			n := min(len(b), 700)
			_, _ = w.Write(b[:n])
			_ = http.NewResponseController(w).Flush()
			b = b[n:]
		}
		return
	case "/last":
		w.Header().Set("Connection", "close")
	case "/hints":
		w.WriteHeader(http.StatusEarlyHints)
	}
	_, _ = w.Write(b)
}

func TestAConnectionIsUsedAgainWhateverTheAnswerIsMadeOf(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(echo))
	defer srv.Close()
	tr, dialled := counted(t, Config{})
	for range 3 {
		for _, path := range []string{"/", "/none", "/pieces", "/hints"} {
			text := strings.Repeat(path+"…", 1500)
			status, got, err := call(t.Context(), tr, srv.URL+path, text)
			if path == "/none" {
				text = ""
			}
			if err != nil || status/100 != 2 || got != text {
				t.Fatalf("%s: %d, %d bytes, %v", path, status, len(got), err)
			}
		}
	}
	if n := dialled.Load(); n != 1 {
		t.Errorf("12 calls took %d connections", n)
	}
	if _, got, err := call(t.Context(), tr, srv.URL+"/last", "bye"); err != nil || got != "bye" {
		t.Fatal(got, err)
	}
	if _, _, err := call(t.Context(), tr, srv.URL+"/", "again"); err != nil || dialled.Load() != 2 {
		t.Errorf("after the server's last answer on a connection: %v, %d connections", err, dialled.Load())
	}
}

func TestManyCallsAtOnceGetTheirOwnAnswers(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(echo))
	defer srv.Close()
	tr, dialled := counted(t, Config{MaxIdle: 8})
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			for range 50 {
				text := strings.Repeat(string(rune('a'+i)), 1+i*300)
				if _, got, err := call(t.Context(), tr, srv.URL, text); err != nil || got != text {
					t.Errorf("call %d: %d bytes, %v", i, len(got), err)
				}
			}
		})
	}
	all.Wait()
	if n := dialled.Load(); n < 1 || n > 1600 {
		t.Errorf("%d connections", n)
	}
	tr.idle.mu.Lock()
	defer tr.idle.mu.Unlock()
	for _, kept := range tr.idle.conns {
		if len(kept) > 8 {
			t.Errorf("%d connections are kept", len(kept))
		}
	}
}

// A server that closes kept connections must not make a post unclear: it was never sent.
func TestAConnectionThatTheServerHasClosedIsNotUsed(t *testing.T) {
	closed := make(chan struct{}, 100)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(echo))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed {
			closed <- struct{}{}
		}
	}
	srv.Start()
	defer srv.Close()
	tr, dialled := counted(t, Config{})
	for i := range 20 {
		if _, got, err := call(t.Context(), tr, srv.URL, "once"); err != nil || got != "once" {
			t.Fatalf("call %d: %q, %v", i, got, err)
		}
		srv.CloseClientConnections()
		<-closed
	}
	if n := dialled.Load(); n != 20 {
		t.Errorf("%d connections for 20 calls, each of whose was closed", n)
	}
}

func TestACallEndsWithItsContext(t *testing.T) {
	arrived := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that the other side goes
		if r.URL.Path == "/half" {
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
		}
		arrived <- struct{}{}
		<-r.Context().Done()
	}))
	defer srv.Close()
	tr, dialled := counted(t, Config{})
	for _, path := range []string{"/", "/half"} {
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-arrived; cancel() }()
		if _, got, err := call(ctx, tr, srv.URL+path, "?"); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	go func() { <-arrived }()
	if _, _, err := call(ctx, tr, srv.URL, "?"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if dialled.Load() != 3 {
		t.Errorf("%d connections: those of calls that were given up were used again", dialled.Load())
	}
}

// What was asked for and given up must not be taken for the answer to the next call.
func TestABodyThatIsClosedEarlyLeavesNothingBehind(t *testing.T) {
	more := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "begin ")
		if r.URL.Path == "/slow" {
			_ = http.NewResponseController(w).Flush()
			<-more
		}
		_, _ = io.WriteString(w, "end")
	}))
	defer srv.Close()
	defer close(more)
	tr, dialled := counted(t, Config{})
	for i, path := range []string{"/slow", "/", "/", "/slow", "/"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		first := make([]byte, 6)
		if _, err := io.ReadFull(res.Body, first); err != nil || string(first) != "begin " {
			t.Fatalf("call %d: %q, %v", i, first, err)
		}
		if err := res.Body.Close(); err != nil {
			t.Error(err)
		}
		if n, err := res.Body.Read(first); n != 0 || err == nil {
			t.Errorf("a closed body gave %d bytes, %v", n, err)
		}
	}
	if n := dialled.Load(); n != 3 {
		t.Errorf("%d connections: those whose answer had come whole are used again, the others not", n)
	}
}

func TestHTTPSIsHTTP11WithTheNameOfTheHost(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto+" "+r.TLS.ServerName)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	tr := New(Config{TLS: &tls.Config{RootCAs: roots}, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, srv.Listener.Addr().String())
	}})
	defer tr.CloseIdleConnections()
	for range 3 {
		if _, got, err := call(t.Context(), tr, "https://example.com/", "?"); err != nil || got != "HTTP/1.1 example.com" {
			t.Errorf("%q, %v", got, err)
		}
	}
	if _, _, err := call(t.Context(), New(Config{}), srv.URL, "?"); err == nil {
		t.Error("a certificate that nobody vouches for was taken")
	} else if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok {
		t.Errorf("%v", err)
	}
}

// raw serves each connection with f.
func raw(t *testing.T, f func(net.Conn, *bufio.Reader)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { defer c.Close(); f(c, bufio.NewReader(c)) })
		}
	})
	t.Cleanup(func() { ln.Close(); serving.Wait() })
	return "http://" + ln.Addr().String()
}

func TestAnAnswerThatIsNoneIsAnError(t *testing.T) {
	for name, answer := range map[string]string{
		"nothing":    "",
		"half":       "HTTP/1.1 200 OK\r\nContent-Le",
		"no HTTP":    "220 mail.example.com\r\n\r\n",
		"cut short":  "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
		"too large":  "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxHeader+bufferSize) + "\r\n\r\n",
		"switching":  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\n\r\n",
		"hints only": strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 10),
	} {
		url := raw(t, func(c net.Conn, r *bufio.Reader) {
			if _, err := http.ReadRequest(r); err == nil {
				_, _ = io.WriteString(c, answer)
			}
		})
		tr, _ := counted(t, Config{})
		if _, got, err := call(t.Context(), tr, url, ""); err == nil {
			t.Errorf("%s: taken for %q", name, got)
		}
	}
}

// A call that may have reached the server is never made again here: only the caller knows whether that is harmless.
func TestACallIsMadeOnce(t *testing.T) {
	var heard atomic.Int64
	url := raw(t, func(c net.Conn, r *bufio.Reader) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, req.Body)
			if heard.Add(1) == 2 {
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	tr, _ := counted(t, Config{})
	if _, got, err := call(t.Context(), tr, url, "one"); got != "ok" || err != nil {
		t.Fatal(got, err)
	}
	if _, got, err := call(t.Context(), tr, url, "two"); err == nil || heard.Load() != 2 {
		t.Errorf("%q, %v, heard %d times", got, err, heard.Load())
	}
}

func TestWhetherARequestWasSentIsTold(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(echo))
	tr, _ := counted(t, Config{})
	sent := 0
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { sent++ }})
	if _, _, err := call(ctx, tr, srv.URL, "one"); err != nil || sent != 1 {
		t.Errorf("%v, sent %d", err, sent)
	}
	srv.Close()
	if _, _, err := call(ctx, tr, srv.URL, "two"); err == nil || sent != 1 {
		t.Errorf("%v, sent %d", err, sent)
	}
}

func TestARefusalOfALargeRequestIsHeard(t *testing.T) {
	url := raw(t, func(c net.Conn, _ *bufio.Reader) {
		_, _ = io.WriteString(c, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		_, _ = io.Copy(io.Discard, c)
	})
	for _, size := range []int{1, 100, maxBody} {
		tr, _ := counted(t, Config{})
		if status, _, err := call(t.Context(), tr, url, strings.Repeat("x", size)); err != nil || status != http.StatusRequestEntityTooLarge {
			t.Errorf("%d bytes: %d, %v", size, status, err)
		}
		tr.CloseIdleConnections()
	}
}

func TestAHeaderCannotBringAnother(t *testing.T) {
	tr, dialled := counted(t, Config{})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:1/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header["X-Name"] = []string{"Ann\r\nX-Role: admin"}
	if _, err := tr.RoundTrip(req); err == nil || !strings.Contains(err.Error(), "X-Name") || dialled.Load() != 0 {
		t.Errorf("%v", err)
	}
}
