package avatar

import (
	"context"
	"fmt"

	"avatarbridge/cmd/avatarbridge-load/internal/wire"
)

// secret signs the calls, which the simulator does not look at.
const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// Webhook is an HTTP service of the operator's own.
type Webhook struct {
	player *Player
	http   *wire.Server
}

var _ Service = (*Webhook)(nil)

// NewWebhook starts the service. Close must be called.
func NewWebhook(p *Player) (*Webhook, error) {
	w := &Webhook{player: p}
	var err error
	if w.http, err = wire.Listen(); err != nil {
		return nil, err
	}
	w.http.Serve(func(c *wire.Conn, r wire.Request) error {
		return p.play(c, r, w.http.Done(), `{"text":"`, `"}`)
	})
	return w, nil
}

// Section implements Service.
func (w *Webhook) Section(name string) string {
	return fmt.Sprintf("[avatars.%s]\nbackend = \"webhook\"\nurl = %q\nsecret = %q\n", name, w.URL(), secret)
}

// URL implements Service.
func (w *Webhook) URL() string { return w.http.URL() + "/turn" }

// Player implements Service.
func (w *Webhook) Player() *Player { return w.player }

// Quiet implements Service.
func (w *Webhook) Quiet(ctx context.Context) error { return w.http.Quiet(ctx) }

// Close implements Service.
func (w *Webhook) Close() { w.http.Close() }
