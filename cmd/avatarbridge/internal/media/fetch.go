package media

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
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

// Fetch returns kept audio, or gets it over HTTP from where the avatar said it is, once: the copy is kept. Only network trouble and a
// failing server are fault.Retry, and for a minute at most: then the link has to do. For want "audio/ogg" the result is Ogg with Opus,
// converted by ffmpeg where that is installed; "audio/mpeg" can be had too. A Fetch takes at most 30 seconds. Nobody may write in the data.
func (s *Store) Fetch(ctx context.Context, a bridges.Audio, want string) (*bridges.File, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	f, err := s.fetch(ctx, a, want)
	return f, s.patience.judge(a.Source, err, s.now())
}

func (s *Store) fetch(ctx context.Context, a bridges.Audio, want string) (*bridges.File, error) {
	got, err := s.sound(ctx, a)
	if err != nil {
		return nil, err
	}
	data, f := got.data, got.format
	if want != "" && want != f.mime || want == ogg.mime && f != opus {
		if data, f, err = s.converted(ctx, data, f, want); err != nil {
			return nil, err
		}
	}
	return &bridges.File{Name: "audio." + f.ext, Type: f.mime, Data: data}, nil
}

// ownToken returns the token in the source of audio that Keep stored.
func ownToken(source string) (token string, ok bool) { return strings.CutPrefix(source, scheme) }

func (s *Store) sound(ctx context.Context, a bridges.Audio) (*sound, error) {
	token, own := ownToken(a.Source)
	if !own {
		return s.copied(ctx, a)
	}
	data, err := s.sounds.read(token, s.cfg.MaxBytes)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.Reject("the kept audio has expired", nil)
	case errors.Is(err, errTooLarge):
		return nil, s.checkSize(s.cfg.MaxBytes + 1)
	case err != nil:
		return nil, &fault.Outcome{Reason: "kept audio cannot be read from " + s.cfg.Dir, Err: err}
	}
	f := sniff(data)
	if f == nil {
		return nil, fault.Reject("the kept audio is broken", nil)
	}
	return &sound{token: token, data: data, format: f}, nil
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
