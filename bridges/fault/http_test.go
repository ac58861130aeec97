package fault

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestPauseIsReadAsSecondsOrAsADateAndIsBounded(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for in, want := range map[string]time.Duration{
		"30": 30 * time.Second, "0": 0, "1.5": 1500 * time.Millisecond, "3600": MaxHold, "3601": MaxHold, "99999999999999999999": MaxHold, "Inf": MaxHold,
		"Fri, 02 Jan 2026 03:05:05 GMT": time.Minute, "Fri, 02 Jan 2026 03:00:00 GMT": 0, "Fri, 02 Jan 2099 03:00:00 GMT": MaxHold,
	} {
		if d, ok := RetryAfter(http.Header{"Retry-After": {in}}, now); !ok || d != want {
			t.Errorf("%q: %v, %v, want %v", in, d, ok, want)
		}
	}
}

func TestPauseThatMakesNoSenseIsNone(t *testing.T) {
	for _, h := range []http.Header{nil, {}, {"Retry-After": {""}}, {"Retry-After": {"later"}}, {"Retry-After": {"-3"}}, {"Retry-After": {"NaN"}}} {
		if d, ok := RetryAfter(h, time.Now()); ok || d != 0 {
			t.Errorf("%v: %v, %v", h, d, ok)
		}
	}
}

func TestCauseShowsNothingOfTheURLOrTheAnswer(t *testing.T) {
	odd := errors.New("malformed HTTP response \"canary\"")
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	cert := &tls.CertificateVerificationError{Err: errors.New("unknown authority")}
	for in, want := range map[error]error{
		context.Canceled: context.Canceled, context.DeadlineExceeded: context.DeadlineExceeded, io.EOF: io.EOF, io.ErrUnexpectedEOF: io.ErrUnexpectedEOF,
		dial: dial, cert: cert, odd: errBroken,
	} {
		got := Cause(&url.Error{Op: "Post", URL: "https://x.org/canary", Err: fmt.Errorf("canary: %w", in)})
		if got != want || strings.Contains(got.Error(), "canary") {
			t.Errorf("%v became %v, want %v", in, got, want)
		}
	}
}

func TestCallWithoutAnAnswerIsTriedAgainUnlessTheTransportSaysHowItEnded(t *testing.T) {
	o := NoAnswer("x.org", &url.Error{Op: "Post", URL: "https://x.org/canary", Err: io.EOF})
	if o.Kind != Retry || o.Error() != "x.org did not answer: EOF" {
		t.Errorf("%v %v", o.Kind, o)
	}
	refused := Kill("not this address", nil)
	if o := NoAnswer("x.org", fmt.Errorf("post: %w", refused)); o != refused {
		t.Errorf("%v", o)
	}
}

func TestDirectClientFollowsNoRedirectAndLeavesTheOtherOneAsItWas(t *testing.T) {
	reached := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/there" {
			reached++
			return
		}
		http.Redirect(w, r, "/there", http.StatusTemporaryRedirect)
	}))
	defer srv.Close()
	for c, want := range map[*http.Client]int{Direct(srv.Client()): http.StatusTemporaryRedirect, srv.Client(): http.StatusOK} {
		res, err := c.Get(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("status %d, want %d", res.StatusCode, want)
		}
	}
	if reached != 1 {
		t.Errorf("the other address was reached %d times", reached)
	}
}
