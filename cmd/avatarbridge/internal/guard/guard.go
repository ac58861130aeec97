// Package guard makes the program's HTTP clients, and keeps those for addresses that a service named out of private networks.
//
// An address is judged twice. Vet looks at the URL alone, for links that are shown to people and as a clear early refusal. The
// client's dialer looks at the IP address that is really dialled, after name resolution and at every redirect, so that no name can
// be made to point inwards between the check and the use.
package guard

import (
	"errors"
	"net"
	"net/http"
	"syscall"
	"time"

	"avatarbridge/bridges/fault"
	"avatarbridge/bridges/transport"
	"code.dny.dev/ssrf"
)

const maxRedirects = 3

// Refusal is the error for an address that must not be used. Its text says why, and which setting would allow it. It counts as
// fault.Dead: no repeat helps before the operator or the service changes something.
type Refusal struct {
	Reason string
}

// Error returns the reason.
func (r *Refusal) Error() string { return r.Reason }

// Unwrap returns the refusal as a fault.Outcome.
func (r *Refusal) Unwrap() error { return fault.Kill(r.Reason, nil) }

// Client returns a client for URLs that a service named: https and public addresses only unless allowPrivate, at most three
// redirects, each judged like the first URL, no proxy. What it refuses is a *Refusal in the error's chain. It has time-outs for
// connecting and for the header, none for the whole: the request's context bounds that. Errors of the client hold the URL.
//
// Each call makes a pool of its own: make one client for each value of allowPrivate and share it.
func Client(allowPrivate bool) *http.Client {
	return client(allowPrivate, publicOnly)
}

// client is Client with its own idea of what is public.
func client(allowPrivate bool, public *ssrf.Guardian) *http.Client {
	d := dialer()
	if !allowPrivate {
		d.Control = control(public)
	}
	return &http.Client{
		Transport: &vetted{Transport: pooled(d), dialer: d, allowPrivate: allowPrivate},
		CheckRedirect: func(_ *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return &Refusal{Reason: "the address redirects more than 3 times"}
			}
			return nil
		},
	}
}

// Trusted returns a client for URLs that the operator wrote: any address, through the proxy that the environment names, if any. It
// follows redirects within one host only, so that no credential in a header or body travels to another one; the answer to any
// other redirect is the redirect itself. It keeps connections for about a thousand calls at once to one host, each of which may take minutes.
func Trusted() *http.Client {
	return &http.Client{Transport: transport.New(transport.Config{MaxIdle: 1024}), CheckRedirect: sameHost}
}

func sameHost(req *http.Request, via []*http.Request) error {
	first := via[0].URL
	if len(via) > maxRedirects || req.URL.Host != first.Host || req.URL.Scheme != first.Scheme {
		return http.ErrUseLastResponse
	}
	return nil
}

func dialer() *net.Dialer {
	return &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
}

// pooled is shaped for files and answers from many hosts.
func pooled(d *net.Dialer) *http.Transport {
	return &http.Transport{
		DialContext:           d.DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          4096,
		MaxIdleConnsPerHost:   1024,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		// This is only the net below the context's deadline.
		ResponseHeaderTimeout:  10 * time.Minute,
		MaxResponseHeaderBytes: 64 << 10,
		// A dead HTTP/2 connection carries many calls: notice it.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
	}
}

// control returns a Dialer.Control that refuses every address that g does not let pass.
func control(g *ssrf.Guardian) func(network, address string, c syscall.RawConn) error {
	return func(network, address string, c syscall.RawConn) error {
		if err := g.Safe(network, address, c); err != nil {
			return notPublic("its address " + address + " is not public")
		}
		return nil
	}
}

// vetted judges each request's URL, redirects included.
type vetted struct {
	*http.Transport
	dialer       *net.Dialer // the transport's
	allowPrivate bool
}

// RoundTrip returns a *Refusal for a URL that Vet refuses.
func (v *vetted) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := vet(req.URL, v.allowPrivate); err != nil {
		return nil, errors.Join(err, closeBody(req))
	}
	return v.Transport.RoundTrip(req)
}

// closeBody keeps the promise of a RoundTripper to close the body also when it fails.
func closeBody(req *http.Request) error {
	if req.Body == nil {
		return nil
	}
	return req.Body.Close()
}
