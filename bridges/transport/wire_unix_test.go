//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

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
	"syscall"
	"testing"
)

// talkative is what TLS is to a wire: what comes may be for itself.
type talkative struct{ *wire }

func (t talkative) Read(p []byte) (int, error) {
	for {
		if n, err := t.wire.Read(p); err != nil || p[0] != 't' {
			return n, err
		}
	}
}

func TestATicketThatComesAfterAnAnswerCostsNoConnection(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	here, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	there, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	w := newWire(here)
	c := &conn{Conn: talkative{w}, wire: w}
	if !c.alive() {
		t.Error("a connection on which nothing came is not alive")
	}
	for _, step := range []struct {
		said  string
		alive bool
	}{{"ttt", true}, {"tH", false}} {
		if _, err := io.WriteString(there, step.said); err != nil {
			t.Fatal(err)
		}
		if err := arrived(here); err != nil {
			t.Fatal(err)
		}
		if got := c.alive(); got != step.alive {
			t.Errorf("after %q: alive is %t", step.said, got)
		}
	}
	_ = there.Close()
	if err := arrived(here); err != nil || c.alive() {
		t.Errorf("a connection that was closed is alive (%v)", err)
	}
}

// arrived waits until there is something to read, the end counting too.
func arrived(c net.Conn) error {
	socket, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	return socket.Read(func(fd uintptr) bool {
		var one [1]byte
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK)
		return err != syscall.EAGAIN
	})
}

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
