package transport

import (
	"bufio"
	"bytes"
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
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// certified is a certificate for example.com and 127.0.0.1, and who vouches for it.
func certified(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	srv := httptest.NewTLSServer(nil)
	defer srv.Close()
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	return srv.TLS.Certificates[0], roots
}

// parcel is a connection that sends what was written when it is told to, so that it arrives at once.
type parcel struct {
	net.Conn
	held bytes.Buffer
}

func (p *parcel) Write(b []byte) (int, error) { return p.held.Write(b) }

func (p *parcel) Read(b []byte) (int, error) {
	if err := p.send(); err != nil {
		return 0, err
	}
	return p.Conn.Read(b)
}

func (p *parcel) send() error {
	_, err := p.held.WriteTo(p.Conn)
	return err
}

// What TLS has read along with an answer is neither in the kernel nor in the transport's own buffer.
func TestWhatComesBehindAnAnswerOverTLSIsNotTakenForTheNextOne(t *testing.T) {
	cert, roots := certified(t)
	const other = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother"
	long := "HTTP/1.1 200 OK\r\nContent-Length: 4025\r\nX: " // fills the transport's buffer to its end
	long += strings.Repeat("x", bufferSize-4025-len(long)-4) + "\r\n\r\n" + strings.Repeat("1", 4025)
	for name, records := range map[string][]string{
		"a record of its own": {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none", other},
		"the same record":     {long + other},
	} {
		t.Run(name, func(t *testing.T) {
			url := raw(t, func(c net.Conn, _ *bufio.Reader) {
				p := &parcel{Conn: c}
				s := tls.Server(p, &tls.Config{Certificates: []tls.Certificate{cert}})
				r := bufio.NewReader(s)
				for {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, req.Body)
					for _, record := range records {
						_, _ = io.WriteString(s, record)
					}
				}
			})
			tr, dialled := counted(t, Config{TLS: &tls.Config{RootCAs: roots}})
			for range 3 {
				if _, got, err := call(t.Context(), tr, strings.Replace(url, "http:", "https:", 1), "?"); err != nil || got == "other" {
					t.Errorf("%.20q, %v", got, err)
				}
			}
			if dialled.Load() != 3 {
				t.Errorf("%d connections for 3 answers with something behind them", dialled.Load())
			}
		})
	}
}

// failing is a connection whose next write fails when it is told so, when the kernel has taken some of it.
type failing struct {
	*net.TCPConn
	fail *atomic.Bool
	take int
}

func (f failing) Write(p []byte) (int, error) {
	if !f.fail.CompareAndSwap(true, false) {
		return f.TCPConn.Write(p)
	}
	n, _ := f.TCPConn.Write(p[:f.take])
	return n, syscall.ECONNRESET
}

func TestACallIsMadeAgainOnlyIfTheKernelTookNothingOfIt(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(echo))
	defer srv.Close()
	secure := httptest.NewTLSServer(http.HandlerFunc(echo))
	defer secure.Close()
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	for _, url := range []string{srv.URL, secure.URL} {
		for _, take := range []int{0, 1} {
			var dialled, sent int
			fail := new(atomic.Bool)
			tr := New(Config{TLS: &tls.Config{RootCAs: roots}, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				dialled++
				c, err := new(net.Dialer).DialContext(ctx, network, address)
				if err != nil {
					return nil, err
				}
				return failing{c.(*net.TCPConn), fail, take}, nil
			}})
			defer tr.CloseIdleConnections()
			if _, _, err := call(t.Context(), tr, url, "one"); err != nil {
				t.Fatal(err)
			}
			fail.Store(true)
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { sent++ }})
			_, got, err := call(ctx, tr, url, "two")
			if take == 0 && (err != nil || got != "two" || dialled != 2 || sent != 1) {
				t.Errorf("%s: nothing was taken: %q, %v, %d connections, sent %d", url, got, err, dialled, sent)
			}
			if take == 1 && (!errors.Is(err, syscall.ECONNRESET) || dialled != 1 || sent != 0) {
				t.Errorf("%s: a byte was taken: %q, %v, %d connections, sent %d", url, got, err, dialled, sent)
			}
		}
	}
}

// stuck is a connection that takes nothing more when the handshake is done, until its deadline is over.
type stuck struct {
	net.Conn
	full   *atomic.Bool
	began  chan struct{} // a write waits
	ended  chan struct{} // closed when the deadline is over
	writes *atomic.Int64
}

func (s stuck) Write(p []byte) (int, error) {
	if !s.full.Load() {
		return s.Conn.Write(p)
	}
	if s.writes.Add(1) == 1 {
		close(s.began)
		<-s.ended
	}
	return 0, syscall.ETIMEDOUT
}

func (s stuck) SetDeadline(t time.Time) error {
	if s.full.Load() && t.Equal(past) {
		close(s.ended)
	}
	return s.Conn.SetDeadline(t)
}

// TLS says farewell when it is closed, and waits for five seconds until the other side takes that.
func TestACallThatIsGivenUpDoesNotWaitForAServerThatTakesNothing(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(echo))
	defer srv.Close()
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	s := stuck{full: new(atomic.Bool), began: make(chan struct{}), ended: make(chan struct{}), writes: new(atomic.Int64)}
	tr := New(Config{TLS: &tls.Config{RootCAs: roots}, Dial: func(ctx context.Context, network, address string) (_ net.Conn, err error) {
		s.Conn, err = new(net.Dialer).DialContext(ctx, network, address)
		return s, err
	}})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-s.began; cancel() }()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, srv.URL, strings.NewReader("?"))
	if err != nil {
		t.Fatal(err)
	}
	req.Body = &signal{req.Body, func() { s.full.Store(true) }}
	if _, err := tr.RoundTrip(req); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if s.writes.Load() != 1 {
		t.Errorf("%d writes to a connection that was given up", s.writes.Load())
	}
}

// signal is a request's body that tells when it is read: the connection is made then.
type signal struct {
	io.ReadCloser
	read func()
}

func (s *signal) Read(p []byte) (int, error) {
	s.read()
	return s.ReadCloser.Read(p)
}

// The caller's own deadline is another thing: it says that nobody waits any more.
func TestAServerThatIsSlowWithTLSIsNoDeadlineOfTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		defer there.Close()
		go func() { _, _ = io.Copy(io.Discard, there) }()
		tr := New(Config{Dial: func(context.Context, string, string) (net.Conn, error) { return here, nil }})
		began := time.Now()
		_, _, err := call(t.Context(), tr, "https://example.com/", "?")
		if slow, ok := errors.AsType[net.Error](err); !ok || !slow.Timeout() || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if waited := time.Since(began); waited != dialTimeout {
			t.Errorf("after %v", waited)
		}
		if _, err := here.Write([]byte{0}); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("the connection is open still: %v", err)
		}
	})
}
