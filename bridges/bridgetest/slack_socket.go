package bridgetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

const (
	maxSlackSockets  = 10               // of an app
	slackTicketLasts = 30 * time.Second // for which the URL of a socket is good
	slackDrain       = 10 * time.Second // between the request to refresh and the end of the socket
)

type slackTicket struct {
	app   *SlackApp
	until time.Time
}

// SlackConnection is an open socket of an app.
type SlackConnection struct {
	Number int // sockets of the simulator are counted from 1

	s        *Slack
	app      *SlackApp
	ws       *websocket.Conn
	silent   atomic.Bool
	draining bool // guarded by slackOutbox.mu: it gets no more events

	mu    sync.Mutex // guards queue and gone
	queue []slackFrame
	gone  bool
	wake  chan struct{} // holds a token when there is something to write
	ended chan struct{} // closed when the socket is closed
}

// slackFrame is a text frame to write.
type slackFrame struct {
	body    []byte
	written func() // may be nil
	last    bool   // the socket is closed after it
}

// openConnection is apps.connections.open.
func (s *Slack) openConnection(c *slackCall) *slackAnswer {
	s.out.mu.Lock()
	on := c.app.socketMode
	s.out.mu.Unlock()
	if !on {
		return slackFailure("access_denied")
	}
	ticket := randomText(40)
	s.tickets[ticket] = &slackTicket{app: c.app, until: s.clock.now().Add(slackTicketLasts)}
	return slackGood(map[string]any{"url": fmt.Sprintf("ws://%s/link/?ticket=%s&app_id=%s", s.addr, ticket, c.app.ID)})
}

// redeem returns the app of a ticket, which is good once, nil for none.
func (s *Slack) redeem(ticket string) *SlackApp {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tickets[ticket]
	delete(s.tickets, ticket)
	if t == nil || s.clock.now().After(t.until) {
		return nil
	}
	return t.app
}

// serveSocket opens a socket. Any Origin is accepted.
func (s *Slack) serveSocket(w http.ResponseWriter, r *http.Request) {
	if f := s.faults.take(slackWireCall{method: "socket"}); f != nil {
		if !pause(r, f.Delay) {
			return
		}
		if f.Effect != Slow {
			f.show(s, w, r)
			return
		}
	}
	app := s.redeem(r.URL.Query().Get("ticket"))
	if app == nil {
		http.Error(w, "invalid ticket", http.StatusForbidden)
		return
	}
	up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	ws, err := up.Upgrade(w, r, nil)
	if err != nil {
		return // it has answered
	}
	c := &SlackConnection{s: s, app: app, ws: ws, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	ws.SetPingHandler(c.pinged)
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	if s.out.closed || s.out.offline {
		_ = ws.Close()
		return
	}
	n := len(s.out.of(app)) + 1
	s.out.sockets++
	c.Number = s.out.sockets
	if n > maxSlackSockets {
		c.draining = true
		c.send(slackFrame{body: c.goodbye("too_many_websockets"), last: true})
	} else {
		c.send(slackFrame{body: c.hello(n), written: s.log.signal})
		s.out.conns = append(s.out.conns, c)
	}
	s.work.Go(c.write)
	s.work.Go(c.read)
}

// of are the sockets of an app, of all for nil.
func (o *slackOutbox) of(a *SlackApp) []*SlackConnection {
	var list []*SlackConnection
	for _, c := range o.conns {
		if a == nil || c.app == a {
			list = append(list, c)
		}
	}
	return list
}

func (o *slackOutbox) connections(a *SlackApp) []*SlackConnection {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.of(a)
}

// Connections are the open sockets of an app, the oldest first; those of all apps for nil.
func (s *Slack) Connections(a *SlackApp) []*SlackConnection { return s.out.connections(a) }

// Opened is how many sockets were opened so far.
func (s *Slack) Opened() int {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	return s.out.sockets
}

func (c *SlackConnection) hello(n int) []byte {
	return slackJSON(map[string]any{
		"type": "hello", "num_connections": n, "connection_info": map[string]any{"app_id": c.app.ID},
		"debug_info": map[string]any{"host": "applink-simulated", "started": c.s.clock.now().UTC().Format("2006-01-02 15:04:05.000"),
			"build_number": 54, "approximate_connection_time": 3600},
	})
}

func (c *SlackConnection) goodbye(reason string) []byte {
	return slackJSON(map[string]any{"type": "disconnect", "reason": reason, "debug_info": map[string]any{"host": "applink-simulated"}})
}

func slackJSON(v map[string]any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte("{}") // cannot happen: texts and numbers
	}
	return b
}

// Disconnect tells the app that the socket ends: "warning" and "refresh_requested" some seconds before it does (on the simulator's clock;
// no more events come on it), "link_disabled" and anything else at once.
func (c *SlackConnection) Disconnect(reason string) {
	soon := reason == "warning" || reason == "refresh_requested"
	c.s.out.mu.Lock()
	c.draining = true
	c.s.out.mu.Unlock()
	c.send(slackFrame{body: c.goodbye(reason), last: !soon})
	if soon {
		c.s.clock.after(slackDrain, c.Cut)
	}
}

// Cut breaks the connection without a word.
func (c *SlackConnection) Cut() { _ = c.ws.NetConn().Close() }

// Silence makes the socket dead without closing it: nothing is written to it any more, no ping, no pong, and what comes is ignored. It
// still gets its share of events, which are lost until they are sent again.
func (c *SlackConnection) Silence() { c.silent.Store(true) }

// SendRaw writes a text frame as it stands, valid or not.
func (c *SlackConnection) SendRaw(frame string) { c.send(slackFrame{body: []byte(frame)}) }

// SendPing writes a ping now.
func (c *SlackConnection) SendPing() {
	_ = c.ws.WriteControl(websocket.PingMessage, []byte("Ping from applink-simulated"), time.Now().Add(time.Second))
}

func (c *SlackConnection) pinged(data string) error {
	if c.silent.Load() {
		return nil
	}
	_ = c.ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(time.Second))
	return nil
}

func (c *SlackConnection) send(f slackFrame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return
	}
	c.queue = append(c.queue, f)
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *SlackConnection) take() []slackFrame {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.queue
	c.queue = nil
	return list
}

// write writes what is queued, and pings, until the socket is closed.
func (c *SlackConnection) write() {
	var pings <-chan time.Time
	if c.s.opt.Ping > 0 {
		ticker := time.NewTicker(c.s.opt.Ping)
		defer ticker.Stop()
		pings = ticker.C
	}
	for {
		select {
		case <-c.wake:
			for _, f := range c.take() {
				c.writeFrame(f)
			}
		case <-pings:
			if !c.silent.Load() {
				c.SendPing()
			}
		case <-c.ended:
			return
		case <-c.s.ctx.Done():
			c.Cut()
			return
		}
	}
}

func (c *SlackConnection) writeFrame(f slackFrame) {
	if c.silent.Load() {
		return
	}
	_ = c.ws.SetWriteDeadline(time.Now().Add(10 * time.Second))
	if err := c.ws.WriteMessage(websocket.TextMessage, f.body); err != nil {
		c.Cut()
		return
	}
	if f.written != nil {
		f.written()
	}
	if f.last {
		_ = c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
		c.Cut()
	}
}

// read takes acknowledgements until the socket is closed.
func (c *SlackConnection) read() {
	for {
		_, body, err := c.ws.ReadMessage()
		if err != nil {
			break
		}
		if !c.silent.Load() {
			c.heard(body)
		}
	}
	_ = c.ws.Close()
	c.mu.Lock()
	c.gone = true
	c.queue = nil
	c.mu.Unlock()
	close(c.ended)
	c.s.out.forget(c)
	c.s.log.signal()
}

func (o *slackOutbox) forget(c *SlackConnection) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, have := range o.conns {
		if have == c {
			o.conns = append(o.conns[:i:i], o.conns[i+1:]...)
			return
		}
	}
}

// heard takes one frame of the app.
func (c *SlackConnection) heard(body []byte) {
	var ack struct {
		Envelope string          `json:"envelope_id"`
		Payload  json.RawMessage `json:"payload"`
	}
	_ = json.Unmarshal(body, &ack) // what is no acknowledgement acknowledges nothing, which is counted
	c.s.acknowledged(ack.Envelope, ack.Payload)
}

// newEnvelopeID makes an id in the form of a UUID.
func newEnvelopeID() string {
	t := strings.ToLower(randomText(32))
	return t[:8] + "-" + t[8:12] + "-" + t[12:16] + "-" + t[16:20] + "-" + t[20:]
}

// DisableSocketMode switches Socket Mode off: the app's sockets get link_disabled, and no new one is opened until EnableSocketMode.
func (s *Slack) DisableSocketMode(a *SlackApp) {
	s.out.mu.Lock()
	a.socketMode = false
	list := s.out.of(a)
	s.out.mu.Unlock()
	for _, c := range list {
		c.Disconnect("link_disabled")
	}
}

// EnableSocketMode switches Socket Mode on; events go to the sockets then, whatever URL was set.
func (s *Slack) EnableSocketMode(a *SlackApp) {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	a.socketMode, a.requestURL = true, ""
}
