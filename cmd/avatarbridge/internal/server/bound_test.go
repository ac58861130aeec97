package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// serving runs the public side on a port of this machine with bounds, and returns its address.
func serving(t *testing.T, b Bounds, h http.Handler) string {
	t.Helper()
	ln, err := Listen(t.Context(), "server.listen", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, Bounded(ln, b), Shared(b, h), slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String()
}

// dial connects from one of this machine's addresses.
func dial(t *testing.T, from, to string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 5 * time.Second}
	c, err := d.DialContext(t.Context(), "tcp", to)
	if err != nil {
		t.Skipf("this machine has no address %s: %v", from, err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// alive says whether a request on c is answered.
func alive(t *testing.T, c net.Conn) bool {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		return false
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("a connection is neither served nor closed")
	}
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode == http.StatusOK
}

func TestAFloodOfConnectionsFromOneAddressLeavesRoomForOthers(t *testing.T) {
	at := serving(t, Bounds{Connections: 20, PerAddress: 5}, Public(PublicParts{}))
	var served []net.Conn
	for range 40 {
		if c := dial(t, "127.0.0.2", at); alive(t, c) {
			served = append(served, c)
		}
	}
	if len(served) != 5 {
		t.Errorf("%d connections of one address are served, want 5", len(served))
	}
	if !alive(t, dial(t, "127.0.0.3", at)) {
		t.Error("nobody else is served")
	}
	_ = served[0].Close()
	for deadline := time.Now().Add(10 * time.Second); !alive(t, dial(t, "127.0.0.2", at)); {
		if time.Now().After(deadline) {
			t.Fatal("a place that was left is not free")
		}
	}
}

func TestConnectionsAreBoundedInAll(t *testing.T) {
	at := serving(t, Bounds{Connections: 3, Exempt: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, PerAddress: 1}, Public(PublicParts{}))
	n := 0
	for range 10 {
		if alive(t, dial(t, "127.0.0.1", at)) {
			n++
		}
	}
	if n != 3 {
		t.Errorf("%d connections are served, want 3: an exempt address has no bound but that of all", n)
	}
}

func TestAClientBehindAProxyHasABoundOfItsOwn(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	hold, entered := make(chan struct{}), make(chan struct{}, 10)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hold" {
			entered <- struct{}{}
			<-hold
		}
	})
	all := Behind(proxies, Shared(Bounds{PerAddress: 2, Exempt: proxies}, h))
	get := func(path, client string) int {
		r := httptest.NewRequest("GET", path, nil)
		r.RemoteAddr = "127.0.0.1:9"
		r.Header.Set("X-Forwarded-For", client)
		w := httptest.NewRecorder()
		all.ServeHTTP(w, r)
		return w.Code
	}
	done := make(chan int, 2)
	for range 2 {
		go func() { done <- get("/hold", "2001:db8::1") }()
		<-entered
	}
	for client, want := range map[string]int{"2001:db8::1": 429, "2001:db8:0:ff::2": 429, "2001:db8:0:100::1": 200, "192.0.2.1": 200} {
		if got := get("/", client); got != want {
			t.Errorf("%s: %d, want %d", client, got, want)
		}
	}
	close(hold)
	for range 2 {
		if got := <-done; got != 200 {
			t.Errorf("a request under way ended with %d", got)
		}
	}
	if got := get("/", "2001:db8::1"); got != 200 {
		t.Errorf("with room again: %d", got)
	}
}

func TestTheDefaultBoundsLeaveRoom(t *testing.T) {
	b := DefaultBounds([]netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")})
	if b.Connections < 16 || b.Connections >= openFiles() || b.PerAddress < 16 || b.PerAddress > max(b.Connections/4, 16) {
		t.Errorf("%+v of %d files", b, openFiles())
	}
	c := newCrowd(b)
	for remote, want := range map[string]bool{"127.0.0.1:1": false, "[::1]:1": false, "192.0.2.1:1": false, "192.0.2.2:1": true, "@": false} {
		if got := c.address(remote).IsValid(); got != want {
			t.Errorf("%s has a bound: %v, want %v", remote, got, want)
		}
	}
}

// quick are patiences that a test can wait for.
var quick = patience{body: 300 * time.Millisecond, piece: 300 * time.Millisecond, whole: 3 * time.Second}

// gone waits until the server has closed a connection, reading what it still sends slowly or not at all.
func gone(t *testing.T, ended <-chan struct{}) {
	t.Helper()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the connection is held for ever")
	}
}

func TestASlowReaderIsCutOff(t *testing.T) {
	ended := make(chan struct{})
	big := []byte(strings.Repeat("x", 64<<20))
	h := quick.timed(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		defer close(ended)
		_, _ = w.Write(big)
	}))
	c := dial(t, "127.0.0.1", serving(t, Bounds{}, h))
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	gone(t, ended) // without a byte being read
}

func TestAReaderWhoReadsALittleNowAndThenIsCutOffInTheEnd(t *testing.T) {
	ended := make(chan struct{})
	h := quick.timed(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		defer close(ended)
		for {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	}))
	c := dial(t, "127.0.0.1", serving(t, Bounds{}, h))
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, c) }() // as fast as it can: the answer has no end
	gone(t, ended)
}

func TestAWholeAnswerIsReadByWhoReadsIt(t *testing.T) {
	const size = 5<<20 + 7
	h := quick.timed(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, size)) }))
	resp, err := http.Get("http://" + serving(t, Bounds{}, h))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if n, err := io.Copy(io.Discard, resp.Body); n != size || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// Whoever sends a body that nobody asked for holds the connection no longer than one that is read.
func TestASlowSenderIsCutOffWhateverTheRoute(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/read", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	mux.HandleFunc("GET /livez", livez)
	at := serving(t, Bounds{}, quick.timed(mux))
	for _, path := range []string{"/livez", "/nowhere", "/read"} {
		c := dial(t, "127.0.0.1", at)
		if _, err := fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nx", path); err != nil {
			t.Fatal(err)
		}
		if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: the connection is held for ever", path)
		}
	}
}

func TestAStreamOutlivesThePatienceForAnswersWithDeadlinesOfItsOwn(t *testing.T) {
	h := quick.timed(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := http.NewResponseController(w)
		for i := range 6 {
			if err := out.SetWriteDeadline(time.Now().Add(5 * time.Second)); err != nil {
				t.Error(err)
			}
			if _, err := fmt.Fprintln(w, i); err != nil {
				t.Error(err)
			}
			if err := out.Flush(); err != nil {
				t.Error(err)
			}
			select {
			case <-time.After(quick.whole / 5):
			case <-r.Context().Done():
				t.Error("the stream was cut off")
			}
		}
	}))
	resp, err := http.Get("http://" + serving(t, Bounds{}, h))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); err != nil || string(got) != "0\n1\n2\n3\n4\n5\n" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAConnectionIsGoodForAnotherRequestAfterAPause(t *testing.T) {
	c := dial(t, "127.0.0.1", serving(t, Bounds{}, quick.timed(http.HandlerFunc(livez))))
	if !alive(t, c) {
		t.Fatal("the first request is not answered")
	}
	<-time.After(2 * quick.piece)
	if !alive(t, c) {
		t.Error("the deadline of one request ends the next one")
	}
}

// A page's stream does so when the program stops while its handler returns.
func TestADeadlineMayBeSetWhileTheHandlerReturns(t *testing.T) {
	var late sync.WaitGroup
	h := forClients.timed(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c := http.NewResponseController(w)
		late.Go(func() { _ = c.SetWriteDeadline(time.Now().Add(time.Minute)) })
	}))
	for range 100 {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	}
	late.Wait()
}
