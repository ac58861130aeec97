package bridgetest

import (
	"encoding/json"
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
