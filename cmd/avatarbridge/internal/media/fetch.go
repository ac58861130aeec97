package media

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
	"avatarbridge/cmd/avatarbridge/internal/guard"
)

// fetchTimeout bounds a Fetch, its conversion included.
const fetchTimeout = 30 * time.Second

// Fetch returns kept audio, or gets it over HTTP from where the avatar said it is. Only network trouble and a failing server are
// fault.Retry, and for a minute at most: then the link has to do. For want "audio/ogg" the result is Ogg with Opus, converted by ffmpeg where that is installed; "audio/mpeg" can be had
// too. A Fetch takes at most 30 seconds.
func (s *Store) Fetch(ctx context.Context, a bridges.Audio, want string) (*bridges.File, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	f, err := s.fetch(ctx, a, want)
	return f, s.patience.judge(a.Source, err, s.now())
}

func (s *Store) fetch(ctx context.Context, a bridges.Audio, want string) (*bridges.File, error) {
	data, err := s.data(ctx, a)
	if err != nil {
		return nil, err
	}
	f := sniff(data)
	if f == nil {
		return nil, fault.Reject("what the avatar's audio address gave is no audio that is known here", nil)
	}
	if want != "" && want != f.mime || want == ogg.mime && f != opus {
		if data, f, err = s.converted(ctx, data, f, want); err != nil {
			return nil, err
		}
	}
	return &bridges.File{Name: "audio." + f.ext, Type: f.mime, Data: data}, nil
}

func (s *Store) data(ctx context.Context, a bridges.Audio) ([]byte, error) {
	if token, ok := strings.CutPrefix(a.Source, scheme); ok {
		return s.read(token)
	}
	return s.download(ctx, a.Source, a.AllowPrivate)
}

func (s *Store) download(ctx context.Context, source string, allowPrivate bool) ([]byte, error) {
	if err := guard.Vet(source, allowPrivate); err != nil {
		return nil, fault.Reject("the avatar's audio is not fetched: "+err.Error(), nil)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, source, nil)
	if err != nil {
		return nil, fault.Reject("the avatar's audio has no valid address", nil) // the error would hold the URL
	}
	resp, err := s.cfg.Client(allowPrivate).Do(req)
	if err != nil {
		return nil, unreachable(err)
	}
	defer resp.Body.Close() // was only read
	if err := status(resp); err != nil {
		return nil, err
	}
	if err := s.checkSize(resp.ContentLength); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(io.LimitReader(resp.Body, s.cfg.MaxBytes+1)); err != nil {
		return nil, unreachable(err)
	}
	return b.Bytes(), s.checkSize(int64(b.Len()))
}

// unreachable says what a failed request means. Refused addresses, names that do not exist and bad certificates stay as they are for
// longer than a message waits. The URL, which may hold a key, is taken out of the error.
func unreachable(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if refusal, ok := errors.AsType[*guard.Refusal](err); ok {
		return fault.Reject("the avatar's audio is not fetched: "+refusal.Reason, nil)
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return fault.Reject("the host of the avatar's audio does not exist", nil)
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fault.Reject("the certificate of the avatar's audio host is not valid", err)
	}
	return &fault.Outcome{Reason: "the avatar's audio cannot be fetched now", Err: err}
}

func status(resp *http.Response) error {
	code := resp.StatusCode
	reason := fmt.Sprintf("the avatar's audio address answers with status %d", code)
	switch {
	case code == http.StatusOK:
		return nil
	case code >= 500 || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout || code == http.StatusTooEarly:
		return &fault.Outcome{Reason: reason}
	}
	return fault.Reject(reason, nil)
}
