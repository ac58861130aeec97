package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	slackapi "github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"avatarbridge/bridges/fault"
)

const (
	sockets   = 2                // that share the events, so that one is there while the other is renewed
	maxFrame  = 4 << 20          // bytes of an envelope
	helloWait = 15 * time.Second // for the first frame
	ackWait   = 5 * time.Second  // for writing a frame
	drain     = 30 * time.Second // for what is under way on a socket that was replaced
	hasty     = 5 * time.Second  // a socket that is to be replaced before that is not replaced at once
)

var errSocketAddress = errors.New("apps.connections.open: the answer has no address of a socket")

// A socket is one connection of Socket Mode. The library's own client acknowledges nothing that it cannot parse, so frames are read here.
type socket struct {
	l        *listener
	ws       *websocket.Conn
	mu       sync.Mutex    // one writer at a time
	replaced chan struct{} // closed when Slack wants another socket in its place
	once     sync.Once
}

// keepSocket keeps one socket open until ctx ends. An error means that going on is pointless.
func (l *listener) keepSocket(ctx context.Context) error {
	pause := fault.Backoff{Least: min(300*time.Millisecond, l.longest), Most: l.longest}
	for ctx.Err() == nil {
		s, err := l.open(ctx)
		if err == nil {
			began := time.Now()
			err = l.serve(ctx, s)
			if err == nil && time.Since(began) > hasty {
				continue // it was replaced
			}
			if time.Since(began) > time.Minute {
				pause.Reset()
			}
		}
		if refused(err) {
			return hopeless(err)
		}
		if err != nil && l.deaf() && ctx.Err() == nil {
			l.lost(err)
		}
		l.log.Debug("a socket has ended", "err", err)
		if pause.Wait(ctx, err) != nil {
			break
		}
	}
	return nil
}

// open asks for a socket's address and connects to it.
func (l *listener) open(ctx context.Context) (*socket, error) {
	x, err := l.call(ctx, "apps.connections.open", func(ctx context.Context, api *slackapi.Client) error {
		_, _, err := api.StartSocketModeContext(ctx)
		return err
	})
	if err != nil {
		return nil, appTokenError(err)
	}
	var at struct {
		URL string `json:"url"`
	}
	if decode(x.body, &at) != nil {
		return nil, errSocketAddress
	}
	u, err := url.Parse(at.URL)
	if err != nil || u.Host == "" || u.Scheme != "wss" && (u.Scheme != "ws" || l.api().Scheme != "http") {
		return nil, errSocketAddress
	}
	dialer := websocket.Dialer{Proxy: http.ProxyFromEnvironment, HandshakeTimeout: helloWait}
	ws, resp, err := dialer.DialContext(ctx, at.URL, nil)
	if err != nil {
		if resp != nil {
			_ = resp.Body.Close() // what a refused handshake says is nothing to act on
			return nil, fmt.Errorf("open a socket: status %d", resp.StatusCode)
		}
		return nil, fmt.Errorf("open a socket: %w", fault.Cause(err))
	}
	ws.SetReadLimit(maxFrame)
	return &socket{l: l, ws: ws, replaced: make(chan struct{})}, nil
}

// appTokenError says of a refusal that it is about the app-level token.
func appTokenError(err error) error {
	if named(err) == "missing_scope" {
		return &fault.Outcome{Kind: fault.Retry, Err: &apiError{method: "apps.connections.open", name: "not_allowed_token_type"},
			Reason: "the app-level token lacks the scope connections:write: make a new one on the app's page Basic Information"}
	}
	if named(err) == "access_denied" {
		return errSocketModeOff()
	}
	if o, ok := errors.AsType[*fault.Outcome](err); ok && refused(err) {
		return &fault.Outcome{Kind: o.Kind, Reason: "app_token: " + o.Reason, Err: o.Err}
	}
	return err
}

// errSocketModeOff ends Run.
func errSocketModeOff() error {
	const name = "socket_mode_not_enabled"
	return &fault.Outcome{Kind: fault.Retry, Reason: hopelessNames[name], Err: &apiError{method: "Socket Mode", name: name}}
}

// serve reads s until it ends, or until it is to be replaced: then it returns nil, and what comes on it is still read for a while.
func (l *listener) serve(ctx context.Context, s *socket) error {
	ended := make(chan error, 1)
	l.lanes.work.Go(func() { ended <- s.run(ctx) }) // Run waits for its callers first
	select {
	case err := <-ended:
		return err
	case <-s.replaced:
		return nil
	}
}

// run reads frames until the socket or ctx ends.
func (s *socket) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, s.close)
	defer stop()
	defer s.close()
	done := make(chan struct{})
	defer close(done)
	s.l.lanes.work.Go(func() { s.pings(done) })
	s.ws.SetPingHandler(func(data string) error {
		s.lives()
		return s.control(websocket.PongMessage, data)
	})
	s.ws.SetPongHandler(func(string) error { s.lives(); return nil })
	_ = s.ws.SetReadDeadline(time.Now().Add(helloWait))
	greeted := false
	for {
		_, body, err := s.ws.ReadMessage()
		if err != nil {
			err = fmt.Errorf("the socket has ended: %w", fault.Cause(err))
			if greeted {
				s.l.down(err)
			}
			return err
		}
		s.lives()
		hello, end := s.frame(ctx, body)
		if hello && !greeted {
			greeted = true
			s.l.up(ctx)
		}
		if end != nil {
			if greeted {
				s.l.down(end)
			}
			return end
		}
	}
}

func (s *socket) close() { _ = s.ws.Close() }

// lives notes a sign of life.
func (s *socket) lives() {
	s.l.sign.Store(time.Now().Unix())
	select {
	case <-s.replaced: // what is left to come has its time
	default:
		_ = s.ws.SetReadDeadline(time.Now().Add(s.l.silence))
	}
}

// pings asks for a sign of life until done: Slack's own pings may stop without the connection's end.
func (s *socket) pings(done <-chan struct{}) {
	ticker := time.NewTicker(s.l.silence / 3)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
			_ = s.control(websocket.PingMessage, "") // a connection that is dead is noticed by who reads
		}
	}
}

func (s *socket) control(kind int, data string) error {
	return s.ws.WriteControl(kind, []byte(data), time.Now().Add(ackWait))
}

// acknowledge tells Slack that an envelope was taken. When it cannot be told, the envelope comes again.
func (s *socket) acknowledge(envelope string) {
	body, err := json.Marshal(socketmode.Response{EnvelopeID: envelope})
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.ws.SetWriteDeadline(time.Now().Add(ackWait))
	if err := s.ws.WriteMessage(websocket.TextMessage, body); err != nil {
		s.close()
	}
}

// replace has another socket opened. This one ends when Slack closes it, or some time later.
func (s *socket) replace() {
	s.once.Do(func() {
		_ = s.ws.SetReadDeadline(time.Now().Add(drain))
		close(s.replaced)
	})
}

// frame takes one frame. hello says that the socket works; an error ends the socket.
func (s *socket) frame(ctx context.Context, body []byte) (hello bool, err error) {
	env := readEnvelope(body)
	switch env.Type {
	case socketmode.RequestTypeHello:
		return true, nil
	case socketmode.RequestTypeDisconnect:
		return false, s.disconnected(env.Reason)
	}
	if env.ID == "" {
		s.l.log.Debug("left out a frame that is no envelope", "type", harmless(env.Type))
		return false, nil
	}
	s.l.take(ctx, env, func(stored bool) {
		if stored {
			s.acknowledge(env.ID)
		}
	})
	return false, nil
}

// disconnected does what Slack asks for before it closes a socket.
func (s *socket) disconnected(reason string) error {
	switch reason {
	case "warning", "refresh_requested":
		s.replace()
		return nil
	case "link_disabled":
		return errSocketModeOff()
	}
	return fmt.Errorf("the socket was closed by Slack: %s", harmless(reason))
}

// An envelope is a frame with something in it that is to be acknowledged.
type envelope struct {
	Type    string
	ID      string
	Reason  string
	Payload json.RawMessage
}

// readEnvelope reads field by field: an envelope whose id can be read can be acknowledged, whatever else is wrong with it.
func readEnvelope(body []byte) (e envelope) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return e
	}
	for name, to := range map[string]*string{"type": &e.Type, "envelope_id": &e.ID, "reason": &e.Reason} {
		if raw := fields[name]; raw != nil && json.Unmarshal(raw, to) != nil {
			*to = ""
		}
	}
	e.Payload = fields["payload"]
	return e
}

// harmless is a name as it may stand in a log.
func harmless(name string) string {
	if !nameForm.MatchString(name) {
		return "…"
	}
	return name
}
