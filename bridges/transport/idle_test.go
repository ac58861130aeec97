package transport

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// An answer that may have no body may be followed by one all the same.
func TestABodyWhereNoneBelongsIsNotTakenForTheNextAnswer(t *testing.T) {
	const other = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother"
	for name, c := range map[string]struct{ method, header string }{
		"204":  {http.MethodGet, "204 No Content"},
		"304":  {http.MethodGet, "304 Not Modified"},
		"HEAD": {http.MethodHead, "200 OK"},
	} {
		s := newScript("HTTP/1.1 "+c.header+"\r\nContent-Length: 43\r\n\r\n"+other, 4096)
		tr := New(Config{Dial: dialling(s)})
		if got, err := read(t.Context(), tr, c.method); err != nil || !strings.HasPrefix(got, c.header) || kept(tr) != 0 {
			t.Errorf("%s: %s, %v, %d connections are kept", name, got, err, kept(tr))
		}
	}
}

// ending counts when it is closed.
type ending struct {
	*script
	closed *atomic.Int64
}

func (e ending) Close() error {
	e.closed.Add(1)
	return e.script.Close()
}

func TestConnectionsThatNobodyNeedsGrowOldAndAreClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var closed atomic.Int64
		tr := New(Config{Dial: func(context.Context, string, string) (net.Conn, error) {
			return ending{newScript("HTTP/1.1 204 No Content\r\n\r\n", 4096), &closed}, nil
		}})
		for _, later := range []time.Duration{0, idleTimeout / 2} {
			time.Sleep(later)
			if _, err := read(t.Context(), tr, http.MethodGet); err != nil {
				t.Fatal(err)
			}
		}
		if kept(tr)+int(closed.Load()) != 2 {
			t.Fatalf("%d kept, %d closed", kept(tr), closed.Load())
		}
		time.Sleep(2 * idleTimeout)
		if kept(tr) != 0 || closed.Load() != 2 {
			t.Errorf("%d kept, %d closed", kept(tr), closed.Load())
		}
		synctest.Wait()
		if tr.idle.timer != nil {
			t.Error("there is nothing to look after, and it goes on")
		}
	})
}
