package bridgetest

import (
	"bytes"
	"compress/zlib"
	"encoding/json"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// compressOver is the size from which payloads are compressed for a client that takes that; smaller ones need not be.
const compressOver = 8 << 10

// gatewayFrame is something to be written to a connection.
type gatewayFrame struct {
	raw   []byte // as it is; nil for an event
	event string
	seq   int64
	data  []byte
	close int // close code; the connection ends
}

// gatewayConn is one WebSocket. Its queue is without bound, so that nothing waits for a slow client.
type gatewayConn struct {
	d  *Discord
	ws *websocket.Conn

	url      string       // as it was asked for
	muted    atomic.Bool  // nothing is written any more: a zombie
	noAcks   atomic.Bool  // heartbeats are not acknowledged
	beats    atomic.Int64 // heartbeats so far
	compress atomic.Bool

	bot     *DiscordBot     // guarded by d.mu, as session; nil before Identify or Resume
	session *gatewaySession // nil when it is invalid
	resumed bool
	commands

	mu    sync.Mutex
	queue []gatewayFrame
	wake  chan struct{} // holds a token when the queue has something
	ended chan struct{} // closed by the reader
}

// commands counts what a client sends, for the limit of 120 in 60 seconds. Heartbeats do not count, so that a test may have short ones.
type commands struct {
	since time.Time
	n     int
}

func (c *commands) tooMany(now time.Time) bool {
	if now.Sub(c.since) > time.Minute {
		c.since, c.n = now, 0
	}
	c.n++
	return c.n > 120
}

func newGatewayConn(d *Discord, ws *websocket.Conn, url string) *gatewayConn {
	return &gatewayConn{d: d, ws: ws, url: url, wake: make(chan struct{}, 1), ended: make(chan struct{})}
}

// send queues a frame.
func (c *gatewayConn) send(f gatewayFrame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = append(c.queue, f)
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// say queues a payload without a sequence number.
func (c *gatewayConn) say(op int, data string) {
	c.send(gatewayFrame{raw: []byte(`{"t":null,"s":null,"op":` + strconv.Itoa(op) + `,"d":` + data + `}`)})
}

// closeWith queues the end of the connection.
func (c *gatewayConn) closeWith(code int) { c.send(gatewayFrame{close: code}) }

// cut breaks the connection without a close frame.
func (c *gatewayConn) cut() { _ = c.ws.NetConn().Close() }

// write writes the queue until the connection ends.
func (c *gatewayConn) write() {
	for {
		select {
		case <-c.wake:
		case <-c.ended:
			return
		}
		c.mu.Lock()
		frames := c.queue
		c.queue = nil
		c.mu.Unlock()
		for _, f := range frames {
			if !c.writeFrame(f) {
				return
			}
		}
	}
}

// writeFrame writes one frame; false means that there is nothing more to write.
func (c *gatewayConn) writeFrame(f gatewayFrame) bool {
	if f.close != 0 {
		text := websocket.FormatCloseMessage(f.close, closeReason(f.close))
		_ = c.ws.WriteControl(websocket.CloseMessage, text, time.Now().Add(time.Second))
		c.endSoon()
		return false
	}
	if c.muted.Load() {
		return true
	}
	raw := f.raw
	if raw == nil {
		raw = f.encode()
	}
	kind := websocket.TextMessage
	if c.compress.Load() && f.raw == nil && len(raw) > compressOver {
		kind, raw = websocket.BinaryMessage, deflate(raw)
	}
	if c.ws.WriteMessage(kind, raw) != nil {
		c.cut()
		return false
	}
	if f.event != "" {
		c.d.eventWritten(c, f)
	}
	return true
}

// endSoon waits for the client's close frame for a while, as RFC 6455 has it, and then breaks the connection.
func (c *gatewayConn) endSoon() {
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-c.ended:
	case <-timer.C:
	case <-c.d.ctx.Done():
	}
	c.cut()
}

func (f gatewayFrame) encode() []byte {
	b := make([]byte, 0, len(f.data)+80)
	b = append(b, `{"t":`...)
	b = strconv.AppendQuote(b, f.event)
	b = append(b, `,"s":`...)
	b = strconv.AppendInt(b, f.seq, 10)
	b = append(b, `,"op":0,"d":`...)
	b = append(b, f.data...)
	return append(b, '}')
}

func deflate(raw []byte) []byte {
	var buf bytes.Buffer
	w, err := zlib.NewWriterLevel(&buf, zlib.BestSpeed)
	if err != nil {
		return raw // the level is a valid one
	}
	_, _ = w.Write(raw) // neither fails on a buffer
	_ = w.Close()
	return buf.Bytes()
}

// mustJSON encodes what the simulator has made itself.
func mustJSON(v any) []byte {
	if raw, ok := v.([]byte); ok {
		return raw
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return []byte("null")
	}
	return raw
}

// numbersAsStrings puts quotation marks around all numbers, as some compatible servers do.
func numbersAsStrings(raw []byte) []byte {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return raw
	}
	return mustJSON(quoteNumbers(v))
}

func quoteNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		return v.String()
	case []any:
		for i := range v {
			v[i] = quoteNumbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = quoteNumbers(v[k])
		}
	}
	return v
}
