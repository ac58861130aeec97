package guard

import (
	"context"
	"errors"
	"net"

	"code.dny.dev/ssrf"
)

var errNoAddress = errors.New("no host and port to connect to")

// Dial returns a function that connects to a host and port that a service named, for what is no HTTP client: public addresses only unless
// allowPrivate, without a proxy, in ten seconds at most. What it refuses is a *Refusal in the error's chain.
func Dial(allowPrivate bool) func(ctx context.Context, address string) (net.Conn, error) {
	return dial(dialer(), allowPrivate, publicOnly)
}

// dial is Dial with its own dialer, and its own idea of what is public.
func dial(d *net.Dialer, allowPrivate bool, public *ssrf.Guardian) func(context.Context, string) (net.Conn, error) {
	if !allowPrivate {
		d.Control = control(public)
	}
	return func(ctx context.Context, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, errNoAddress
		}
		if !allowPrivate {
			if err := vetHost(host); err != nil {
				return nil, err
			}
		}
		return d.DialContext(ctx, "tcp", address)
	}
}
