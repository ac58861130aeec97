package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"avatarbridge/bridges/fault"
)

// maxHold is the longest pause that is obeyed: a hold is durable, and a mistyped header must not silence an avatar for ever.
const maxHold = time.Hour

var reasons = map[int]string{
	http.StatusUnauthorized:     "url refuses the request as unauthorised: check that secret is the same on both sides, and any token in url",
	http.StatusForbidden:        "url refuses the request as forbidden: check that secret is the same on both sides, and any token in url",
	http.StatusNotFound:         "url answers that nothing is there: check the path in url",
	http.StatusMethodNotAllowed: "url does not take POST: check the path in url",
	http.StatusGone:             "url answers that it is gone for good: check url",
}

// outcome says how a call that got an answer ended: nil when it succeeded.
func (b *Backend) outcome(res *http.Response) error {
	status := res.StatusCode
	if status >= 200 && status < 300 {
		return nil
	}
	err := fmt.Errorf("%s answered HTTP %d", b.url.Host, status)
	wait, asked := retryAfter(res.Header, b.now())
	switch reason := reasons[status]; {
	case reason != "":
		return fault.Kill(reason, err)
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable && asked:
		return fault.Throttle(fault.Avatar, wait, err)
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status >= 500:
		return &fault.Outcome{Err: err}
	case status >= 400:
		return fault.Kill("url refused this turn: the log of your service says why", err)
	case status >= 300:
		return fault.Kill("url answers with a redirect, which is not followed: write the address where it leads", err)
	}
	return &fault.Outcome{Err: err}
}

// broken is the outcome of a call without a whole answer. The turn's id makes a repeat harmless.
func (b *Backend) broken(err error) error {
	if o, ok := errors.AsType[*fault.Outcome](err); ok {
		return o
	}
	return &fault.Outcome{Reason: b.url.Host + " did not answer", Err: cause(err)}
}

// cause keeps of a transport error what cannot hold the URL or bytes of the answer.
func cause(err error) error {
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
	return errors.New("the connection broke")
}

// retryAfter reads the header as seconds or as a date. ok is false when there is none that makes sense.
func retryAfter(h http.Header, now time.Time) (d time.Duration, ok bool) {
	s := h.Get("Retry-After")
	if n, err := strconv.ParseFloat(s, 64); err == nil && n >= 0 {
		return time.Duration(min(n, maxHold.Seconds()) * float64(time.Second)), true
	}
	if at, err := http.ParseTime(s); err == nil {
		return min(max(at.Sub(now), 0), maxHold), true
	}
	return 0, false
}
