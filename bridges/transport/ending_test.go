package transport

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// kept is how many connections wait for calls.
func kept(tr *Transport) int {
	tr.idle.mu.Lock()
	defer tr.idle.mu.Unlock()
	n := 0
	for _, all := range tr.idle.conns {
		n += len(all)
	}
	return n
}

// begin makes a call and leaves its answer's body.
func begin(ctx context.Context, t *testing.T, tr http.RoundTripper, url string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestACallThatNobodyWaitsForIsNotSent(t *testing.T) {
	heard := make(chan string, 4)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { heard <- r.URL.Path }))
	defer srv.Close()
	tr, dialled := counted(t, Config{})
	ctx, cancel := context.WithCancel(t.Context())
	sent := 0
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { sent++ }})
	if _, _, err := call(ctx, tr, srv.URL+"/wanted", ""); err != nil || sent != 1 {
		t.Fatal(err, sent)
	}
	cancel()
	if _, _, err := call(ctx, tr, srv.URL+"/late", ""); !errors.Is(err, context.Canceled) || sent != 1 {
		t.Errorf("%v, sent %d", err, sent)
	}
	if _, _, err := call(t.Context(), tr, srv.URL+"/next", ""); err != nil || dialled.Load() != 1 {
		t.Errorf("%v, %d connections: that of before is as good as it was", err, dialled.Load())
	}

	ctx, cancel = context.WithCancel(t.Context()) // while it is connected
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { sent++ }})
	slow := New(Config{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		defer cancel()
		return new(net.Dialer).DialContext(ctx, network, address)
	}})
	if _, _, err := call(ctx, slow, srv.URL+"/late", ""); !errors.Is(err, context.Canceled) || sent != 1 || kept(slow) != 0 {
		t.Errorf("%v, sent %d", err, sent)
	}
	srv.Close() // which waits until its connections are idle
	close(heard)
	for path := range heard {
		if path == "/late" {
			t.Error("a call was sent after its context had ended")
		}
	}
}

func TestABodyThatIsNotWhatItSaysCostsNoOtherConnection(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "text") }))
	defer srv.Close()
	tr, dialled := counted(t, Config{})
	first, second := begin(t.Context(), t, tr, srv.URL), begin(t.Context(), t, tr, srv.URL)
	for _, res := range []*http.Response{first, second} {
		_, _ = io.Copy(io.Discard, res.Body)
	}
	for _, length := range []int64{3, 5} {
		before := dialled.Load()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL, strings.NewReader("text"))
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = length
		if _, err := tr.RoundTrip(req); !errors.Is(err, errBody) || dialled.Load() != before {
			t.Errorf("of %d bytes: %v, %d connections more", length, err, dialled.Load()-before)
		}
	}
}

func TestAnAnswerThatWasClosedIsNotTakenForAWholeOne(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "begin end") }))
	defer srv.Close()
	tr, _ := counted(t, Config{})
	res := begin(t.Context(), t, tr, srv.URL)
	if err := errors.Join(res.Body.Close(), res.Body.Close()); err != nil || kept(tr) != 1 {
		t.Errorf("%v, %d connections are kept", err, kept(tr))
	}
	if got, err := io.ReadAll(res.Body); err == nil || len(got) != 0 {
		t.Errorf("%q, %v", got, err)
	}
}

// The connections and their buffers go from call to call: who closes while somebody reads must leave nobody reading another call's.
func TestAnAnswerThatIsClosedWhileItIsReadTouchesNoOtherCall(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat(r.URL.Query().Get("c"), 20_000))
		if r.URL.Path == "/endless" {
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}
	}))
	defer srv.Close()
	tr, _ := counted(t, Config{})
	var all sync.WaitGroup
	for i := range 4 {
		c := string(rune('a' + i))
		all.Go(func() {
			for n := range 60 {
				path := []string{"/endless?c=", "/?c="}[n%2]
				res := begin(t.Context(), t, tr, srv.URL+path+c)
				var reading sync.WaitGroup
				first := make(chan struct{}, 2)
				for range 2 {
					reading.Go(func() {
						some := make([]byte, 1+n*100)
						had, _ := res.Body.Read(some)
						first <- struct{}{}
						rest, err := io.ReadAll(res.Body)
						if strings.Trim(string(some[:had])+string(rest), c) != "" {
							t.Error("another call's answer was read")
						}
						if path == "/endless?c=" && err == nil {
							t.Error("an answer without an end was read to its end")
						}
					})
				}
				<-first
				_ = res.Body.Close()
				reading.Wait()
			}
		})
	}
	all.Wait()
}

func TestConnectionsOfCallsUnderWayAreClosedAfterAllOthersWere(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "text") }))
	defer srv.Close()
	tr, _ := counted(t, Config{})
	res := begin(t.Context(), t, tr, srv.URL)
	tr.CloseIdleConnections()
	if _, err := io.ReadAll(res.Body); err != nil || kept(tr) != 0 {
		t.Errorf("%v, %d connections are kept", err, kept(tr))
	}
	if _, _, err := call(t.Context(), tr, srv.URL, "again"); err != nil || kept(tr) != 1 {
		t.Errorf("%v, %d connections are kept", err, kept(tr))
	}
	tr.CloseIdleConnections()
	tr.idle.mu.Lock()
	defer tr.idle.mu.Unlock()
	if tr.idle.timer != nil {
		t.Error("something is looked after still")
	}
}

// A configured address may have a space in its query; behind one a request line has the version.
func TestASpaceInAQueryDoesNotEndTheAddress(t *testing.T) {
	lines := make(chan string, 1)
	to := raw(t, func(c net.Conn, r *bufio.Reader) {
		line, _ := r.ReadString('\n')
		lines <- line
		_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
	})
	tr, _ := counted(t, Config{})
	u, err := url.Parse(to + "/a b?name=Ann Lee HTTP/1.1")
	if err != nil {
		t.Fatal(err)
	}
	res, err := tr.RoundTrip(Request(t.Context(), http.MethodGet, u, nil, ""))
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if line := <-lines; line != "GET /a%20b?name=Ann%20Lee%20HTTP/1.1 HTTP/1.1\r\n" {
		t.Errorf("%q", line)
	}
}

// watched is an answer's body that sees whether somebody else may read while it is read, and with what the connection goes.
type watched struct {
	*testing.T
	b       *body
	entered chan struct{}
}

func (w *watched) Read([]byte) (int, error) {
	if w.b.reading.TryLock() {
		w.Error("two may read at once, of whom one may go on when the buffer is another call's")
		w.b.reading.Unlock()
	}
	select {
	case w.entered <- struct{}{}:
	default:
	}
	return w.b.conn.Read(nil)
}

func TestNobodyReadsAnAnswerAfterItsBufferWasGivenAway(t *testing.T) {
	here, there := net.Pipe()
	defer there.Close()
	tr := New(Config{})
	defer tr.CloseIdleConnections()
	w := newWire(here)
	c := &conn{Conn: w, wire: w, idle: &tr.idle, r: tr.idle.reader(here), stop: func() bool { return true }}
	b := &body{conn: c, ctx: t.Context(), keep: true}
	answer := &watched{t, b, make(chan struct{}, 1)} // it may be entered before anybody waits for it
	b.Reader = answer
	read := make(chan error)
	go func() { _, err := b.Read(make([]byte, 1)); read <- err }()
	<-answer.entered
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if err := <-read; !errors.Is(err, errReadClosed) {
		t.Errorf("who read got %v", err)
	}
	if kept(tr) != 0 || c.r != nil {
		t.Error("a connection on which an answer is still coming was kept")
	}
}
