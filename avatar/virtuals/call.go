package virtuals

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
	"strconv"
	"time"

	"avatarbridge/bridges/fault"
)

const (
	maxBody = 1 << 20   // of an answer
	maxHold = time.Hour // the longest pause that is obeyed: a hold is durable, and a mistyped header must not silence an avatar for ever
)

var (
	errNoURL  = errors.New("no absolute http or https address")
	errBroken = errors.New("the connection broke")
)

// answer is what came back from one call.
type answer struct {
	host   string
	status int
	header http.Header
	body   []byte
}

// do makes one call and reads the whole answer, whatever its status. Its errors are outcomes; they name the host and nothing else of the
// request. A nil body makes it a GET.
func do(ctx context.Context, client *http.Client, u *url.URL, bearer string, body any) (*answer, error) {
	req, err := request(ctx, u, bearer, body)
	if err != nil {
		return nil, err
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, broken(u.Host, err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	if err != nil {
		return nil, broken(u.Host, err)
	}
	if len(data) > maxBody {
		return nil, fault.Kill(fmt.Sprintf("the answer of %s is larger than 1 MiB: see that the address is right", u.Host), nil)
	}
	return &answer{host: u.Host, status: res.StatusCode, header: res.Header, body: data}, nil
}

func request(ctx context.Context, u *url.URL, bearer string, body any) (*http.Request, error) {
	method, content := http.MethodGet, io.Reader(nil)
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, fault.Kill("metadata or overrides hold something that JSON cannot: use texts, numbers, booleans, lists and tables", nil)
		}
		method, content = http.MethodPost, bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), content)
	if err != nil {
		return nil, errNoURL
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	return req, nil
}

// broken is the outcome of a call without an answer. An outcome that the client's transport made (an address that it refuses) stays
// as it is.
func broken(host string, err error) error {
	if o, ok := errors.AsType[*fault.Outcome](err); ok {
		return o
	}
	return &fault.Outcome{Reason: host + " did not answer", Err: cause(err)}
}

// cause keeps of a transport error what cannot hold an address with secrets in it, or bytes of the answer.
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
	return errBroken
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
