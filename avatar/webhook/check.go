package webhook

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"avatarbridge/bridges/fault"
)

const checkTimeout = 10 * time.Second

// Check connects to the service's address and, for https, looks at its certificate. It sends no request, so the service works on nothing.
func (b *Backend) Check(ctx context.Context) []fault.Finding {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	found := fault.Finding{OK: true, What: b.url.Host + " can be reached; no turn was sent"}
	if err := b.connect(ctx); err != nil {
		found = fault.Finding{What: b.url.Host + " cannot be reached: " + fault.Cause(err).Error(),
			Fix: "start your service, and check the host, the port and http or https in url"}
	}
	signed := fault.Finding{OK: true, What: "requests and callbacks are signed"}
	if b.signer == nil {
		signed.What = "requests and callbacks are unsigned, as secret is not set"
	}
	return []fault.Finding{found, signed}
}

func (b *Backend) connect(ctx context.Context) error {
	dial, secure := (&net.Dialer{}).DialContext, &tls.Config{}
	if t, ok := b.transport.(*http.Transport); ok {
		if t.DialContext != nil {
			dial = t.DialContext
		}
		if t.TLSClientConfig != nil {
			secure = t.TLSClientConfig.Clone()
		}
	}
	port := b.url.Port()
	if port == "" {
		port = b.url.Scheme // a name of a port that every dialer knows
	}
	conn, err := dial(ctx, "tcp", net.JoinHostPort(b.url.Hostname(), port))
	if err != nil {
		return err
	}
	defer conn.Close()
	if b.url.Scheme != "https" {
		return nil
	}
	if secure.ServerName == "" {
		secure.ServerName = b.url.Hostname()
	}
	return tls.Client(conn, secure).HandshakeContext(ctx)
}
