package web

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
)

// maxPageBytes is what an open page may cost, apart from stacks, whose size depends on how the test was built. About 18 kB are used, 10 kB of
// them by the buffers of net/http. With stacks it is 27 kB, so that 2,000 pages take 54 MB.
const maxPageBytes = 24 << 10

// crowd opens n streams, each of a visitor of its own, and returns what reads them.
func crowd(tb testing.TB, address string, n int) (visitors []visitor, conns []net.Conn) {
	tb.Helper()
	for range n {
		token := tokens.issue()
		conn, err := net.Dial("tcp", address)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = conn.Close() })
		_, err = fmt.Fprintf(conn, "GET /chat/site/events HTTP/1.1\r\nHost: x\r\nUser-Agent: Mozilla/5.0\r\nAccept: text/event-stream\r\nAccept-Language: de\r\n"+
			"Accept-Encoding: gzip\r\nReferer: http://x/chat/site\r\nCookie: avatarbridge-site=%s\r\n\r\n", token)
		if err != nil {
			tb.Fatal(err)
		}
		visitors, conns = append(visitors, visitorOf(token)), append(conns, conn)
	}
	return visitors, conns
}

// pageBytes is what a page costs that is open and quiet, after it has had its backlog. The client's side is in it: a socket each.
func pageBytes(tb testing.TB, n int) (heap, stacks int) {
	tb.Helper()
	b, err := New(settings(func(c *Config) { c.MaxPerAddress = 0 }), nil, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	rx := &bridgetest.Receiver{}
	go func() { done <- b.Run(ctx, rx) }()
	defer func() { cancel(); <-done }()
	if err := rx.WaitFor(ctx, func() bool { return len(rx.Healths()) > 0 }); err != nil {
		tb.Fatal(err)
	}
	srv := httptest.NewServer(b.Site())
	defer srv.Close()
	defer srv.CloseClientConnections()
	heapBefore, stacksBefore := inUse()
	visitors, conns := crowd(tb, strings.TrimPrefix(srv.URL, "http://"), n)
	text := strings.Repeat("A sentence that an avatar said. ", 20)
	for i, v := range visitors {
		rx.Put(string(v), bridges.Item{ID: 1, Form: b.Fit(bridges.Message{Text: text})[0].Forms[0]})
		b.News(b.place(v))
		untilItem(tb, conns[i])
	}
	heap, stacks = inUse()
	return (heap - heapBefore) / n, (stacks - stacksBefore) / n
}

// untilItem reads a stream up to its first item. Its buffer is let go of.
func untilItem(tb testing.TB, conn net.Conn) {
	tb.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		tb.Fatal(err)
	}
	lines := bufio.NewReader(conn)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			tb.Fatal(err)
		}
		if strings.HasPrefix(line, "id: 1") {
			return
		}
	}
}

// inUse is the memory of what lives.
func inUse() (heap, stacks int) {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc), int(m.StackInuse)
}

func TestAnOpenPageCostsLittleMemory(t *testing.T) {
	if heap, stacks := pageBytes(t, 300); heap > maxPageBytes {
		t.Errorf("an open page costs %d bytes, and %d of stacks; want at most %d", heap, stacks, maxPageBytes)
	}
}

func BenchmarkOpenPage(b *testing.B) {
	for b.Loop() {
		heap, stacks := pageBytes(b, 1000)
		b.ReportMetric(float64(heap), "heap-bytes/page")
		b.ReportMetric(float64(stacks), "stack-bytes/page")
	}
}

func BenchmarkDraft(b *testing.B) {
	text := strings.Repeat("A sentence with **bold** and `code` that an avatar said. ", 40)
	for b.Loop() {
		if toHTML(text) == "" {
			b.Fatal("no HTML")
		}
	}
}

// What a page asks for must not cost much either: the page itself, without a browser's cache.
func BenchmarkPage(b *testing.B) {
	bridge, err := New(settings(), nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	site := bridge.Site()
	for b.Loop() {
		w := httptest.NewRecorder()
		site.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/chat/site", nil))
		if _, err := io.Copy(io.Discard, w.Body); err != nil || w.Code != http.StatusOK {
			b.Fatal(w.Code, err)
		}
	}
}
