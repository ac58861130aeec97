// Package transport makes HTTP calls to few hosts with many calls at once: HTTP/1.1 over connections that are kept, so that one stuck
// connection holds up one call.
//
// A call is written and read by the goroutine that makes it. net/http's own transport has two more goroutines for each connection, which
// hand a call back and forth: with thousands of short calls a second that is half of what a call costs.
package transport

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

const (
	// maxBody is the largest body of a request that is written here: it fits into what the kernels on the way keep, so that a server which
	// answers before it has read all of it is heard. Larger ones go through net/http's transport, which reads while it writes.
	maxBody = 64 << 10
	// maxHeader is the largest header of an answer.
	maxHeader = 64 << 10

	dialTimeout = 10 * time.Second
	idleTimeout = 90 * time.Second // shorter than that of most servers and load balancers
)

// Config says how a Transport connects. The zero value is for calls to a public service.
type Config struct {
	// Dial connects; nil: a net.Dialer with a time-out of ten seconds.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// MaxIdle is how many unused connections are kept for a host; 0: 256.
	MaxIdle int
	// TLS is used for https; nil: the system's certificates.
	TLS *tls.Config
}

// Transport is an http.RoundTripper for calls with a body of known length, and uses a proxy that the environment names. It knows of httptrace
// WroteRequest alone, which it calls when all of a request was given to the kernel; asks for no compression; and follows the deadline of the
// request's context in whatever it does. A request of which the kernel has taken anything is never sent again, not even a GET. Its time-outs
// are 10 seconds for connecting and the same for TLS.
type Transport struct {
	dial  func(ctx context.Context, network, address string) (net.Conn, error)
	tls   *tls.Config
	idle  idle
	other *http.Transport // for proxies and large or unusual requests
}

var _ http.RoundTripper = (*Transport)(nil)

// New makes a Transport. CloseIdleConnections lets go of all that it keeps.
func New(c Config) *Transport {
	if c.Dial == nil {
		c.Dial = (&net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}).DialContext
	}
	if c.MaxIdle <= 0 {
		c.MaxIdle = 256
	}
	if c.TLS == nil {
		c.TLS = &tls.Config{}
	}
	t := &Transport{dial: c.Dial, tls: c.TLS.Clone(), other: &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: c.Dial, TLSClientConfig: c.TLS, TLSHandshakeTimeout: dialTimeout,
		MaxIdleConns: c.MaxIdle, MaxIdleConnsPerHost: c.MaxIdle, IdleConnTimeout: idleTimeout, MaxResponseHeaderBytes: maxHeader,
	}}
	t.tls.NextProtos = []string{"http/1.1"}
	if t.tls.ClientSessionCache == nil {
		t.tls.ClientSessionCache = tls.NewLRUClientSessionCache(16)
	}
	t.idle.max = c.MaxIdle
	return t
}

// CloseIdleConnections closes the connections that are not in use.
func (t *Transport) CloseIdleConnections() {
	t.idle.closeAll()
	t.other.CloseIdleConnections()
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if !simple(req) {
		return t.other.RoundTrip(req)
	}
	if err := check(req); err != nil {
		closeBody(req)
		return nil, err
	}
	if err := req.Context().Err(); err != nil {
		closeBody(req)
		return nil, err
	}
	res, err := t.exchange(req)
	if err == nil {
		res.Request = req // and not a copy with a body of its own
		return res, nil
	}
	if over := req.Context().Err(); over != nil {
		return nil, over
	}
	return nil, err
}

// exchange makes the call, on a new connection if the kept one turns out to be closed before anything of the request was sent on it.
func (t *Transport) exchange(req *http.Request) (*http.Response, error) {
	k := key{req.URL.Scheme, req.URL.Host}
	for c := t.idle.take(k); c != nil; c = t.idle.take(k) {
		res, err := c.exchange(req)
		if !errors.Is(err, errUnsent) || req.Context().Err() != nil {
			return res, err
		}
		if req, err = again(req); err != nil {
			return nil, err
		}
	}
	c, err := t.connect(req.Context(), req.URL, k)
	if err != nil {
		closeBody(req)
		return nil, err
	}
	return c.exchange(req)
}

// again is req with its body from the start.
func again(req *http.Request) (*http.Request, error) {
	if !bodied(req) {
		return req, nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	fresh := *req
	fresh.Body = body
	return &fresh, nil
}

// connect makes a connection.
func (t *Transport) connect(ctx context.Context, u *url.URL, k key) (*conn, error) {
	port := cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	raw, err := t.dial(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return nil, err
	}
	w := newWire(raw)
	if u.Scheme == "http" {
		return &conn{Conn: w, wire: w, idle: &t.idle, key: k}, nil
	}
	secure, err := t.secure(ctx, w, u.Hostname())
	if err != nil {
		_ = w.Close() // nothing was asked on it
		return nil, err
	}
	return &conn{Conn: secure, wire: w, idle: &t.idle, key: k}, nil
}

// secure makes TLS with a host.
func (t *Transport) secure(ctx context.Context, w *wire, host string) (net.Conn, error) {
	cfg := t.tls
	if cfg.ServerName == "" {
		cfg = cfg.Clone()
		cfg.ServerName = host
	}
	within, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	c := tls.Client(w, cfg)
	err := c.HandshakeContext(within)
	if err != nil && within.Err() != nil && ctx.Err() == nil { // it is not the caller's time that is over
		return nil, &net.OpError{Op: "TLS handshake", Net: "tcp", Addr: w.RemoteAddr(), Err: os.ErrDeadlineExceeded}
	}
	return c, err
}
