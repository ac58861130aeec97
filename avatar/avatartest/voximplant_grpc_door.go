package avatartest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// grpcTokens issues sessions and tokens and knows which of them are good.
type grpcTokens struct {
	now func() time.Time
	key []byte

	mu       sync.Mutex
	sessions []string
	good     map[string]time.Time // until when a token is good
	all      []string
}

func newGRPCTokens(now func() time.Time) *grpcTokens {
	return &grpcTokens{now: now, key: []byte(uuid.NewString()), good: map[string]time.Time{}}
}

func (k *grpcTokens) session() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := "session-" + uuid.NewString()
	k.sessions = append(k.sessions, s)
	return s
}

func (k *grpcTokens) knows(session string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Contains(k.sessions, session)
}

// issue makes a token with the claims that the service's have.
func (k *grpcTokens) issue(life time.Duration) (string, error) {
	now := k.now()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"aud": []string{"avatar"}, "sub": "1234567", "iat": now.Unix(), "exp": now.Add(life).Unix(), "jti": uuid.NewString(),
	}).SignedString(k.key)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.good[token] = now.Add(life)
	k.all = append(k.all, token)
	return token, err
}

// check verifies the metadata of a conversation.
func (k *grpcTokens) check(authorization string) error {
	token, ok := strings.CutPrefix(authorization, "Bearer ")
	k.mu.Lock()
	defer k.mu.Unlock()
	if until, known := k.good[token]; !ok || !known || !k.now().Before(until) {
		return status.Error(codes.Unauthenticated, "the token is not good: "+token)
	}
	return nil
}

func (k *grpcTokens) revoke() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.good)
}

func (k *grpcTokens) issued() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Concat(k.all, k.sessions)
}

// perMinute bounds requests.
type perMinute struct {
	now func() time.Time
	max int

	mu    sync.Mutex
	since time.Time
	n     int
}

func (p *perMinute) take() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if now.Sub(p.since) >= time.Minute {
		p.since, p.n = now, 0
	}
	if p.n++; p.n > p.max {
		return exhausted("too many requests", p.since.Add(time.Minute).Sub(now))
	}
	return nil
}

// listenHTTP2 is listen with HTTP/2, with or without TLS. roots trust its certificate.
func listenHTTP2(h http.Handler, secure bool) (s *server, roots *x509.CertPool, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	s = &server{url: "http://" + l.Addr().String(), ended: make(chan struct{})}
	s.quit, s.stop = context.WithCancel(context.Background())
	s.http = &http.Server{Handler: s.counted(h), ReadHeaderTimeout: 10 * time.Second, Protocols: new(http.Protocols), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	s.http.Protocols.SetHTTP1(true)
	s.http.Protocols.SetHTTP2(true)
	s.http.Protocols.SetUnencryptedHTTP2(!secure)
	serve := s.http.Serve
	if secure {
		cert, leaf, err := selfSigned()
		if err != nil {
			_ = l.Close()
			return nil, nil, err
		}
		roots = x509.NewCertPool()
		roots.AddCert(leaf)
		s.url = "https://" + l.Addr().String()
		s.http.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
		serve = func(l net.Listener) error { return s.http.ServeTLS(l, "", "") }
	}
	go func() {
		defer close(s.ended)
		_ = serve(l) // ends with ErrServerClosed
	}()
	return s, roots, nil
}

// selfSigned makes a certificate for 127.0.0.1.
func selfSigned() (tls.Certificate, *x509.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, leaf, err
}
