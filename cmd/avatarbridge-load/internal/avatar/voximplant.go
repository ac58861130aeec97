package avatar

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"sync"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/ledger"
	"avatarbridge/cmd/avatarbridge-load/internal/wire"
)

// Voximplant is the platform API, which names the address of the avatar API, and the avatar API, which takes what people say at once and calls
// back with the replies.
type Voximplant struct {
	player *Player
	http   *wire.Server
	client *wire.Client
	done   chan struct{}
	work   sync.WaitGroup
}

var _ Service = (*Voximplant)(nil)

// maxCalls is how many callbacks are made at once.
const maxCalls = 64

// callAgain is how soon a callback is made again that was not taken.
const callAgain = 100 * time.Millisecond

// NewVoximplant starts the service. Close must be called.
func NewVoximplant(p *Player) (*Voximplant, error) {
	v := &Voximplant{player: p, client: wire.NewClient(maxCalls), done: make(chan struct{})}
	var err error
	if v.http, err = wire.Listen(); err != nil {
		return nil, err
	}
	v.http.Serve(v.serve)
	return v, nil
}

// chats is what the paths of the avatar API begin with.
const chats = "/api/v1/chats/"

func (v *Voximplant) serve(c *wire.Conn, r wire.Request) error {
	path, _, _ := bytes.Cut(r.Path, []byte("?"))
	rest, ok := bytes.CutPrefix(path, []byte(chats))
	switch {
	case string(path) == "/platform_api/Logon":
		return c.Answer(200, fmt.Appendf(nil, `{"result":"load-session","account_id":1234567,"nlu_addresses":[%q]}`, v.URL()))
	case string(rest) == "login":
		v.player.step(TokenAsked)
		return c.Answer(200, token(time.Now().Add(time.Hour)))
	case ok && bytes.HasSuffix(rest, []byte("/stop")):
		return c.Answer(200, []byte("{}"))
	case ok && bytes.Count(rest, []byte("/")) == 1:
		_, conversation, _ := bytes.Cut(rest, []byte("/"))
		return v.utterance(c, r, string(conversation))
	}
	return c.Answer(404, []byte(`{"error":{"code":404,"msg":"no such path"}}`))
}

// token is the answer to a login.
func token(until time.Time) []byte {
	e := base64.RawURLEncoding
	return fmt.Appendf(nil, `{"jwt":"%s.%s.%s"}`, e.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)),
		e.EncodeToString(fmt.Appendf(nil, `{"aud":["chats"],"sub":"1234567","iat":%d,"exp":%d}`, time.Now().Unix(), until.Unix())), e.EncodeToString(make([]byte, 32)))
}

// utterance takes what a person says. The reply goes to the callback that came with it.
func (v *Voximplant) utterance(c *wire.Conn, r wire.Request, conversation string) error {
	began := time.Now()
	chat, n, q, err := v.player.hear(c, r, `"utterance":"`)
	if q == nil {
		return err
	}
	uri := string(wire.Between(r.Body, `"callbackUri":"`, `"`))
	err = q.reply(c, []byte("{}"))
	v.player.step(Answered)
	v.work.Go(func() {
		v.player.think(chat, n, v.done)
		v.player.ledger.Spent(chat, n, time.Since(began))
		v.deliver(uri, conversation, chat, n)
	})
	return err
}

// deliver calls back until the reply is taken, or the conversation has ended.
func (v *Voximplant) deliver(uri, conversation string, chat, n int) {
	body := ledger.AppendText([]byte(`{"isFinal":false,"response":"`), 'r', chat, n)
	body = fmt.Appendf(body, `","customData":null,"conversationId":%q}`, conversation)
	for {
		v.player.step(Called)
		status, err := v.client.Post(uri, body)
		if err == nil {
			v.player.step(Taken)
		}
		if err == nil && (status/100 == 2 || status == 404) {
			return
		}
		select {
		case <-time.After(callAgain):
		case <-v.done:
			return
		}
	}
}

// Section implements Service.
func (v *Voximplant) Section(name string) string {
	return fmt.Sprintf(`[avatars.%s]
backend = "voximplant"
account_id = "1234567"
api_key = "load-key"
avatar_id = "9b0f0d0c-0000-4000-8000-000000000001"
api_url = %q
allow_private = true
`, name, v.URL())
}

// URL implements Service.
func (v *Voximplant) URL() string { return v.http.URL() }

// Player implements Service.
func (v *Voximplant) Player() *Player { return v.player }

// Quiet implements Service.
func (v *Voximplant) Quiet(ctx context.Context) error { return v.http.Quiet(ctx) }

// Close implements Service.
func (v *Voximplant) Close() {
	v.http.Close()
	close(v.done)
	v.client.Close()
	v.work.Wait()
}
