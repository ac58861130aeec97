package voximplant

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"avatarbridge/bridges/fault"
)

const maxMessage = 1 << 20 // of what the avatar says at once

// A dialFunc connects to a host and port that the service named, and refuses what the operator did not allow.
type dialFunc func(ctx context.Context, address string) (net.Conn, error)

// link is the connection to one host, which all streams share. It connects when it is used.
type link struct {
	address string // host and port
	plain   bool
	conn    *grpc.ClientConn

	mu     sync.Mutex
	broken error // why the last attempt to connect failed, nil when it did not
	users  int   // guarded by the door
}

// linkAddress reads where an address of the service's leads: to port 443 with TLS. http, without TLS, is for what runs in the operator's own network.
func linkAddress(address string, allowPrivate bool) (hostPort string, plain bool, err error) {
	u, err := base(address)
	if err != nil {
		return "", false, &fault.Outcome{Reason: "the platform named no usable address of the avatar API", Err: errNoURL}
	}
	plain = u.Scheme == "http"
	if plain && !allowPrivate {
		return "", false, fault.Kill("the platform named an address of the avatar API that is http and not https: set allow_private = true for this avatar if that is meant", nil)
	}
	return net.JoinHostPort(u.Hostname(), port(u)), plain, nil
}

func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "http":
		return "80"
	}
	return "443"
}

// newLink makes a link without any I/O.
func newLink(address string, plain bool, dial dialFunc, trust *tls.Config) (*link, error) {
	l := &link{address: address, plain: plain}
	creds := insecure.NewCredentials()
	if !plain {
		creds = credentials.NewTLS(trust)
	}
	conn, err := grpc.NewClient("passthrough:///"+address,
		grpc.WithTransportCredentials(noted{creds, l}),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			c, err := dial(ctx, address)
			l.note(err)
			return c, err
		}),
		grpc.WithNoProxy(), grpc.WithDisableRetry(), grpc.WithDisableServiceConfig(), grpc.WithDisableHealthCheck(),
		grpc.WithUserAgent("avatarbridge"),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
		grpc.WithIdleTimeout(idleStream),
		grpc.WithConnectParams(grpc.ConnectParams{
			// The relay waits between attempts: what is waited here would be added to that.
			Backoff:           backoff.Config{BaseDelay: 200 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 5 * time.Second},
			MinConnectTimeout: 10 * time.Second,
		}),
		// Servers may hang up on who pings more often than every five minutes.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 6 * time.Minute, Timeout: 20 * time.Second}))
	if err != nil {
		return nil, &fault.Outcome{Reason: "the platform named no usable address of the avatar API", Err: errNoURL}
	}
	l.conn = conn
	return l, nil
}

// key is what tells links apart.
func (l *link) key() string { return linkKey(l.address, l.plain) }

func linkKey(address string, plain bool) string { return strconv.FormatBool(plain) + " " + address }

// note remembers how the last attempt to connect ended.
func (l *link) note(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = err
}

// unreachable returns why there is no connection, nil when that is not known.
func (l *link) unreachable() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.broken
}

// noted notes why a handshake failed, which gRPC would only tell in words.
type noted struct {
	credentials.TransportCredentials
	link *link
}

// ClientHandshake is that of the credentials.
func (n noted) ClientHandshake(ctx context.Context, authority string, c net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := n.TransportCredentials.ClientHandshake(ctx, authority, c)
	if err != nil {
		n.link.note(err)
	}
	return conn, info, err
}

// Clone keeps the link.
func (n noted) Clone() credentials.TransportCredentials {
	return noted{n.TransportCredentials.Clone(), n.link}
}
