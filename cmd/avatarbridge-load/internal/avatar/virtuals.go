package avatar

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/wire"
)

// Virtuals is the Virtual Protocol: access tokens that name a runner, and the runner.
type Virtuals struct {
	player *Player
	http   *wire.Server
	lost   atomic.Bool
	host   atomic.Pointer[string] // of the runner, nil for the server's address
	life   time.Duration          // of tokens
}

var _ Service = (*Virtuals)(nil)

// NewVirtuals starts the service with tokens of this life. Close must be called.
func NewVirtuals(p *Player, life time.Duration) (*Virtuals, error) {
	v := &Virtuals{player: p, life: life}
	var err error
	if v.http, err = wire.Listen(); err != nil {
		return nil, err
	}
	v.http.Serve(v.serve)
	return v, nil
}

func (v *Virtuals) serve(c *wire.Conn, r wire.Request) error {
	switch {
	case bytes.HasSuffix(r.Path, []byte("/api/access/token")):
		v.player.step(TokenAsked)
		return c.Answer(200, v.token(time.Now()))
	case bytes.HasSuffix(r.Path, []byte("/prompts")):
		return v.player.play(c, r, v.http.Done(), `{"text":"`,
			`","prompt":"","audioUid":"","body":{"uid":"Smile_1","sentiment":"joy","url":"https://example.com/vmds/Smile_1.vmd"}}`)
	case bytes.HasSuffix(r.Path, []byte("/cores")):
		return c.Answer(200, []byte(`{"data":["llm"]}`))
	}
	return c.Answer(404, []byte(`{"error":{"message":"no such path"}}`))
}

// Lose lets tokens name a runner whose name nobody can resolve, or the right one again.
func (v *Virtuals) Lose(lost bool) { v.lost.Store(lost) }

// Name gives the runner another name for this machine.
func (v *Virtuals) Name(host string) { v.host.Store(&host) }

func (v *Virtuals) token(now time.Time) []byte {
	runner := v.http.URL() + "/runner"
	if host := v.host.Load(); host != nil {
		runner = strings.Replace(runner, "127.0.0.1", *host, 1)
	}
	if v.lost.Load() {
		runner = strings.Replace(runner, "127.0.0.1", "runner.invalid", 1) // RFC 6761: never resolves
	}
	// Milliseconds, since a token may live for less than a second.
	claims := fmt.Sprintf(`{"runner":%q,"exp":%.3f}`, runner, float64(now.Add(v.life).UnixMilli())/1000)
	e := base64.RawURLEncoding
	return fmt.Appendf(nil, `{"accessToken":"%s.%s.%s"}`,
		e.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)), e.EncodeToString([]byte(claims)), e.EncodeToString(make([]byte, 32)))
}

// HangUp ends all connections, each as soon as what was asked on it is answered.
func (v *Virtuals) HangUp() { v.http.HangUp() }

// Section implements Service.
func (v *Virtuals) Section(name string) string {
	return fmt.Sprintf(`[avatars.%s]
backend = "virtuals"
api_key = "load"
api_secret = "load-secret"
virtual_id = "1"
speech = false
api_url = %q
allow_private = true
`, name, v.http.URL())
}

// URL implements Service.
func (v *Virtuals) URL() string { return v.http.URL() }

// Player implements Service.
func (v *Virtuals) Player() *Player { return v.player }

// Quiet implements Service.
func (v *Virtuals) Quiet(ctx context.Context) error { return v.http.Quiet(ctx) }

// Close implements Service.
func (v *Virtuals) Close() { v.http.Close() }
