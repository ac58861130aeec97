package fault

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// MaxHold is the longest pause that RetryAfter returns: a hold is durable, and a mistyped header must not silence an avatar for ever.
const MaxHold = time.Hour

var errBroken = errors.New("the connection broke")

// RetryAfter reads the header of that name as seconds, which may be a fraction, or as a date. It returns at most MaxHold. ok is false
// when there is no such header or none that makes sense.
func RetryAfter(h http.Header, now time.Time) (d time.Duration, ok bool) {
	s := h.Get("Retry-After")
	if n, err := strconv.ParseFloat(s, 64); err == nil && n >= 0 {
		return time.Duration(min(n, MaxHold.Seconds()) * float64(time.Second)), true
	}
	if at, err := http.ParseTime(s); err == nil {
		return min(max(at.Sub(now), 0), MaxHold), true
	}
	return 0, false
}

// Cause keeps of the error of an HTTP client, or of reading an answer, what cannot hold the URL, a header or bytes of the answer: the end
// of the context, an end that came too early, the network's own error, a certificate that was refused. Any other one becomes an
// error that only says that the connection broke. It never returns nil.
func Cause(err error) error {
	for _, known := range []error{context.Canceled, context.DeadlineExceeded, io.ErrUnexpectedEOF, io.EOF} {
		if errors.Is(err, known) {
			return known
		}
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return e
	}
	return errBroken
}

// NoAnswer is the outcome of a call to host that ended with err and without a whole answer: Retry, so a caller whose call must not be
// repeated says Unsure instead. An outcome in err's chain (of a transport that refuses the address) stays as it is.
func NoAnswer(host string, err error) *Outcome {
	if o, ok := errors.AsType[*Outcome](err); ok {
		return o
	}
	return &Outcome{Reason: host + " did not answer", Err: Cause(err)}
}

// Direct returns a copy of client that follows no redirect, which would carry credentials and messages to another address: the
// redirect itself is the answer. The two share their connections.
func Direct(client *http.Client) *http.Client {
	c := *client
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}
