package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"avatarbridge/store"
)

const maxAnswer = 16 << 20 // bytes of an answer that is not an export

// Dial returns a Control of the program that listens at addr, its admin_listen. It does no I/O: that nothing listens there
// (ErrNotRunning), or that the token is wrong (ErrRefused), is said by the first call.
func Dial(addr, token string) Control {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	return &remote{addr: Reachable(addr), token: token, client: &http.Client{
		Transport:     &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}, // no proxy: it is this machine
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Reachable turns an address to listen at into one to connect to: an address of all interfaces is that of the machine itself.
func Reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, port)
}

type remote struct {
	addr, token string
	client      *http.Client
}

func (r *remote) Status(ctx context.Context) (s Status, err error) {
	err = r.get(ctx, "status", nil, &s)
	return s, err
}

func (r *remote) Pause(ctx context.Context, target string) error {
	return r.post(ctx, "pause", targetBody{target}, nil)
}

func (r *remote) Resume(ctx context.Context, target string) error {
	return r.post(ctx, "resume", targetBody{target}, nil)
}

func (r *remote) Paused(ctx context.Context) (targets []string, err error) {
	err = r.get(ctx, "paused", nil, &targets)
	return targets, err
}

func (r *remote) DeadList(ctx context.Context, before int64, n int) (letters []Letter, err error) {
	err = r.get(ctx, "dead", url.Values{"before": {strconv.FormatInt(before, 10)}, "n": {strconv.Itoa(n)}}, &letters)
	return letters, err
}

func (r *remote) DeadRetry(ctx context.Context, ids ...int64) (int, error) {
	return r.count(ctx, "dead/retry", idsBody{IDs: ids, All: len(ids) == 0})
}

func (r *remote) DeadDrop(ctx context.Context, ids ...int64) (int, error) {
	return r.count(ctx, "dead/drop", idsBody{IDs: ids, All: len(ids) == 0})
}

func (r *remote) People(ctx context.Context, skip, n int) (people []store.Person, err error) {
	err = r.get(ctx, "people", url.Values{"skip": {strconv.Itoa(skip)}, "n": {strconv.Itoa(n)}}, &people)
	return people, err
}

func (r *remote) Person(ctx context.Context, ref string) (p store.Person, err error) {
	err = r.get(ctx, "person", url.Values{"ref": {ref}}, &p)
	return p, err
}

func (r *remote) Export(ctx context.Context, ref string, w io.Writer) error {
	resp, err := r.do(ctx, http.MethodGet, "export?"+url.Values{"ref": {ref}}.Encode(), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close() // was only read
	if _, err := io.Copy(w, resp.Body); err != nil {
		return fmt.Errorf("the export broke off: %w", err)
	}
	return nil
}

func (r *remote) Forget(ctx context.Context, ref string) (int, error) {
	return r.count(ctx, "forget", refBody{ref})
}

func (r *remote) Backup(ctx context.Context, file string) error {
	return r.post(ctx, "backup", fileBody{file}, nil)
}

func (r *remote) count(ctx context.Context, path string, body any) (int, error) {
	var n countBody
	err := r.post(ctx, path, body, &n)
	return n.Count, err
}

func (r *remote) get(ctx context.Context, path string, q url.Values, into any) error {
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	resp, err := r.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	return r.read(resp, into)
}

func (r *remote) post(ctx context.Context, path string, body, into any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	resp, err := r.do(ctx, http.MethodPost, path, bytes.NewReader(b))
	if err != nil {
		return err
	}
	return r.read(resp, into)
}

// do makes a call; the caller closes the body of an answer that is no error.
func (r *remote) do(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+r.addr+"/admin/"+path, body)
	if err != nil {
		return nil, fmt.Errorf("admin_listen = %q is no address", r.addr)
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	resp, err := r.client.Do(req)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("nothing listens at admin_listen = %q: %w", r.addr, ErrNotRunning)
	}
	if err != nil {
		return nil, fmt.Errorf("talk to the running program: %w", err)
	}
	if resp.StatusCode == http.StatusOK && isJSON(resp) {
		return resp, nil
	}
	defer resp.Body.Close() // was only read
	return nil, r.failure(resp)
}

func isJSON(resp *http.Response) bool { return resp.Header.Get("Content-Type") == "application/json" }

// failure reads the error that the other side wrote.
func (r *remote) failure(resp *http.Response) error {
	var body errorBody
	if !isJSON(resp) || json.NewDecoder(io.LimitReader(resp.Body, maxBody)).Decode(&body) != nil || body.Error == "" {
		return fmt.Errorf("what listens at admin_listen = %q is not this program, or another version of it (status %d)", r.addr, resp.StatusCode)
	}
	if known := codes[body.Code]; known != nil {
		return &remoteError{body.Error, known}
	}
	return errors.New(body.Error)
}

func (r *remote) read(resp *http.Response, into any) error {
	defer resp.Body.Close() // was only read
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(into); err != nil {
		return fmt.Errorf("the running program's answer makes no sense: %w", err)
	}
	return nil
}

// remoteError has the other side's text, and is the error that its code names.
type remoteError struct {
	text string
	is   error
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.is }
