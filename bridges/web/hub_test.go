package web

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"avatarbridge/bridges"
)

// stuck opens a stream for a visitor and does not read it.
func (w *world) stuck(token string) net.Conn {
	w.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.srv.URL, "http://"))
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = conn.Close() })
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(4096)
	}
	if _, err := fmt.Fprintf(conn, "GET /chat/site/events HTTP/1.1\r\nHost: x\r\nCookie: avatarbridge-site=%s\r\n\r\n", token); err != nil {
		w.Fatal(err)
	}
	return conn
}

// clog fills a stream that nobody reads until its writes wait.
func (w *world) clog(v visitor) {
	w.Helper()
	text := strings.Repeat("x", 1<<20)
	for id := range int64(16) {
		w.put(v, w.reply(id+1, text))
	}
}

func TestAPageThatDoesNotReadHoldsUpNobodyAndIsLeft(t *testing.T) {
	w := stillWorld(t)
	w.b.patience = 300 * time.Millisecond
	w.run()
	token := tokens.issue()
	w.stuck(token)
	w.waitOpen(1)
	anna := w.visitor()
	tap := anna.listen("/chat/site/events")
	tap.want("ready")
	w.clog(visitorOf(token))
	for id := range int64(50) {
		w.b.News(w.b.place(visitorOf(token)))
		_, _ = w.b.Draft(w.waiting(), bridges.Draft{Place: w.b.place(visitorOf(token)), Text: "x"})
		w.put(anna.id(), w.reply(id+1, "x"))
		tap.item()
	}
	w.waitOpen(1) // Anna's
}

func TestAPageThatDoesNotReadDoesNotHoldUpTheEnd(t *testing.T) {
	w := newWorld(t) // with a patience of 20 s
	token := tokens.issue()
	w.stuck(token)
	w.waitOpen(1)
	w.clog(visitorOf(token))
	begun := time.Now()
	if err := w.stop(); err != nil {
		t.Errorf("Run returned %v", err)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("the end took %v", took)
	}
}

// waitOpen waits until so many streams are open.
func (w *world) waitOpen(n int) {
	w.Helper()
	for end := time.Now().Add(patience); ; {
		w.b.hub.mu.Lock()
		open := w.b.hub.open
		w.b.hub.mu.Unlock()
		if open == n {
			return
		}
		if time.Now().After(end) {
			w.Fatalf("%d streams are open, want %d", open, n)
		}
		<-time.After(5 * time.Millisecond)
	}
}

func TestOnlySoManyPagesMayBeOpen(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		same   bool // pages of one visitor
	}{
		"in all":         {func(c *Config) { c.MaxOpen = 3 }, false},
		"of an address":  {func(c *Config) { c.MaxPerAddress = 3 }, false},
		"of one visitor": {func(c *Config) { c.MaxPerVisitor = 3 }, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c.change)
			br := w.visitor()
			var taps []*tap
			for range 3 {
				taps = append(taps, br.listen("/chat/site/events"))
				if !c.same {
					br = w.visitor()
				}
			}
			got := read(w, br.do(http.MethodGet, "/chat/site/events", nil))
			if got.status != http.StatusTooManyRequests || got.code != "too_many" || got.header.Get("Retry-After") == "" {
				t.Errorf("answered with %+v", got)
			}
			taps[0].close()
			w.waitOpen(2)
			br.listen("/chat/site/events").want("ready")
		})
	}
}

// A phone that changes its network leaves connections behind that look alive.
func TestAnOldPageGivesWayToANewOneOfTheSameVisitor(t *testing.T) {
	w := stillWorld(t, func(c *Config) { c.MaxPerVisitor = 2 })
	var mu sync.Mutex
	now := time.Now()
	w.b.now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	w.run()
	anna := w.visitor()
	oldest, second := anna.listen("/chat/site/events"), anna.listen("/chat/site/events")
	mu.Lock()
	now = now.Add(settled)
	mu.Unlock()
	newest := anna.listen("/chat/site/events")
	oldest.ended()
	w.put(anna.id(), w.reply(1, "x"))
	second.want("ready")
	newest.want("ready")
	second.item()
	newest.item()
	w.b.hub.mu.Lock()
	defer w.b.hub.mu.Unlock()
	if w.b.hub.open != 2 {
		t.Errorf("%d pages are open", w.b.hub.open)
	}
}
