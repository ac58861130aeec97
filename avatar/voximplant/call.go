package voximplant

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"avatarbridge/bridges/fault"
)

const maxBody = 1 << 20 // of an answer and of a callback

// answer is what came back from one call.
type answer struct {
	host   string
	status int
	header http.Header
	body   []byte
}

// asJSON makes a request's body.
func asJSON(v any) (io.Reader, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fault.Kill("metadata holds something that JSON cannot: use texts, numbers, booleans, lists and tables", nil)
	}
	return bytes.NewReader(data), nil
}

// post makes one call and reads the whole answer, whatever its status. Its errors are outcomes; they name the host and nothing else of the request.
func post(ctx context.Context, client *http.Client, u *url.URL, bearer, contentType string, body io.Reader) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), body)
	if err != nil {
		return nil, errNoURL
	}
	req.Header.Set("Content-Type", contentType)
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	return do(client, req)
}

func do(client *http.Client, req *http.Request) (*answer, error) {
	req.Header.Set("Accept", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return nil, &unreached{fault.NoAnswer(req.URL.Host, err)}
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	a := &answer{host: req.URL.Host, status: res.StatusCode, header: res.Header, body: data}
	if err != nil && !a.ok() {
		err = nil // the status says enough
	}
	if err != nil {
		return nil, &unreached{fault.NoAnswer(req.URL.Host, err)}
	}
	return a, nil
}

func (a *answer) ok() bool { return a.status >= 200 && a.status < 300 }

// unreached is the error of a call that got no whole answer, or was not made because its address is refused.
type unreached struct{ outcome *fault.Outcome }

// Error is the outcome's.
func (u *unreached) Error() string { return u.outcome.Error() }

// Unwrap returns the outcome.
func (u *unreached) Unwrap() error { return u.outcome }

// elsewhere says that another address may do better: this one did not answer, answered that it is broken, or is refused.
func elsewhere(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false
	}
	_, silent := errors.AsType[*unreached](err)
	return silent || fault.Of(err).Kind == fault.Retry
}

// unsent says that a call surely did not reach the service: no connection was made, or none that may be used.
func unsent(err error) bool {
	u, silent := errors.AsType[*unreached](err)
	if !silent {
		return false
	}
	if e, ok := errors.AsType[*net.OpError](u.outcome.Err); ok && e.Op == "dial" {
		return true
	}
	_, distrusted := errors.AsType[*tls.CertificateVerificationError](u.outcome.Err)
	return distrusted || u.outcome.Kind == fault.Dead
}

// tooLarge is the outcome of an answer that must be understood and was not read to its end.
func (a *answer) tooLarge() error {
	if len(a.body) <= maxBody {
		return nil
	}
	return &fault.Outcome{Reason: fmt.Sprintf("the answer of %s is larger than 1 MiB", a.host)}
}

// html says that the answer is a page, which the service never writes.
func (a *answer) html() bool {
	return bytes.HasPrefix(bytes.TrimSpace(a.body), []byte("<")) || strings.HasPrefix(a.header.Get("Content-Type"), "text/html")
}

// form names an answer that is not the service's own.
func (a *answer) form() string {
	switch {
	case len(a.body) == 0:
		return " with an empty body"
	case a.html():
		return " with an HTML page"
	case !json.Valid(a.body):
		return " with something that is not JSON"
	}
	return ""
}
