package transport

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// halfClosed is a connection that can end in one direction.
type halfClosed interface {
	net.Conn
	CloseWrite() error
}

// Whatever a server does on a connection that waits, the next call is made on another one, once, and gets its own answer.
func TestAConnectionOnWhichSomethingHappensWhileItWaitsIsNotUsed(t *testing.T) {
	cert, roots := certified(t)
	for name, happens := range map[string]func(c halfClosed, under *net.TCPConn) error{
		"an answer that nobody asked for": func(c halfClosed, _ *net.TCPConn) error {
			_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly")
			return err
		},
		"a time-out": func(c halfClosed, _ *net.TCPConn) error {
			_, err := io.WriteString(c, "HTTP/1.0 408 Request Time-out\r\nConnection: close\r\n\r\n")
			return err
		},
		"a part of an answer": func(c halfClosed, _ *net.TCPConn) error { _, err := io.WriteString(c, "H"); return err },
		"an empty line":       func(c halfClosed, _ *net.TCPConn) error { _, err := io.WriteString(c, "\r\n"); return err },
		"its end":             func(_ halfClosed, under *net.TCPConn) error { return under.Close() },
		"the end of one half": func(c halfClosed, _ *net.TCPConn) error { return c.CloseWrite() }, // TLS says so in a record
		"a reset":             func(_ halfClosed, under *net.TCPConn) error { return reset(under) },
	} {
		for _, scheme := range []string{"http", "https"} {
			t.Run(name+" over "+scheme, func(t *testing.T) {
				waits := make(chan struct{}, 1)
				defer close(waits)
				url := raw(t, func(c net.Conn, _ *bufio.Reader) {
					under := c.(*net.TCPConn)
					s := halfClosed(under)
					if scheme == "https" {
						s = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}})
					}
					r := bufio.NewReader(s)
					for range 2 {
						req, err := http.ReadRequest(r)
						if err != nil {
							return
						}
						body, _ := io.ReadAll(req.Body)
						_, _ = io.WriteString(s, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"+string(body))
						if string(body) == "one" {
							<-waits
							if happens(s, under) != nil {
								return
							}
						}
					}
				})
				var dials []net.Conn
				tr := New(Config{TLS: &tls.Config{RootCAs: roots}, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
					c, err := new(net.Dialer).DialContext(ctx, network, address)
					dials = append(dials, c)
					return c, err
				}})
				defer tr.CloseIdleConnections()
				url = strings.Replace(url, "http", scheme, 1)
				sent := 0
				ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { sent++ }})
				if _, got, err := call(ctx, tr, url, "one"); got != "one" || err != nil {
					t.Fatal(got, err)
				}
				waits <- struct{}{}
				if err := arrived(dials[0]); err != nil {
					t.Fatal(err)
				}
				if _, got, err := call(ctx, tr, url, "two"); got != "two" || err != nil || sent != 2 || len(dials) != 2 {
					t.Errorf("%q, %v, sent %d, %d connections", got, err, sent, len(dials))
				}
			})
		}
	}
}

// reset ends a connection without a farewell.
func reset(c *net.TCPConn) error {
	if err := c.SetLinger(0); err != nil {
		return err
	}
	return c.Close()
}

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
