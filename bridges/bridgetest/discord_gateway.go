package bridgetest

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// maxCommand is the size over which what a client sends is refused.
const maxCommand = 4096

// Opcodes of the gateway.
const (
	opDispatch       = 0
	opHeartbeat      = 1
	opIdentify       = 2
	opResume         = 6
	opReconnect      = 7
	opInvalidSession = 9
	opHello          = 10
	opHeartbeatAck   = 11
)

// serveGateway accepts a WebSocket and serves it until its end.
func (d *Discord) serveGateway(w http.ResponseWriter, r *http.Request) {
	fault := d.wires.take()
	if fault.effect() == GatewayRefused {
		w.WriteHeader(orElse(fault.Code, http.StatusServiceUnavailable))
		return
	}
	query := r.URL.Query()
	if e := query.Get("encoding"); e != "" && e != "json" || query.Has("compress") {
		w.WriteHeader(http.StatusBadRequest) // the simulator speaks plain JSON only
		return
	}
	up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	ws, err := up.Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	c := newGatewayConn(d, ws, r.URL.Path)
	d.mu.Lock()
	d.connections[c] = struct{}{}
	d.mu.Unlock()
	d.log.signal()
	if !d.online() {
		c.cut() // Offline may have looked before
	}
	d.work.Go(c.write)
	c.greet(fault, query.Get("v"))
	c.read(fault)
	close(c.ended)
	c.cut()
	d.log.signal()
}

// greet says Hello, or what a fault puts in its place.
func (c *gatewayConn) greet(fault *DiscordGatewayFault, version string) {
	switch {
	case fault.effect() == GatewaySilent:
		c.muted.Store(true)
	case fault.effect() == GatewayFrame:
		c.send(gatewayFrame{raw: []byte(fault.Frame)})
	case version != "" && version != "10" && version != "9" && version != "8":
		c.closeWith(closeInvalidVersion)
	default:
		c.say(opHello, `{"heartbeat_interval":`+strconv.FormatInt(c.d.opt.Heartbeat.Milliseconds(), 10)+`}`)
		c.noAcks.Store(fault.effect() == GatewayMute)
	}
}

// read processes what the client sends until the connection ends, and then lets go of the session.
func (c *gatewayConn) read(fault *DiscordGatewayFault) {
	patience := 2*c.d.opt.Heartbeat + time.Second // Hello's interval has some tolerance already, a busy test machine needs more
	code := 0
	for {
		if c.muted.Load() || c.noAcks.Load() {
			_ = c.ws.SetReadDeadline(time.Time{})
		} else {
			_ = c.ws.SetReadDeadline(time.Now().Add(patience))
		}
		_, msg, err := c.ws.ReadMessage()
		var timeout net.Error
		var closed *websocket.CloseError
		switch {
		case errors.As(err, &closed):
			code = closed.Code
		case errors.As(err, &timeout) && timeout.Timeout():
			_ = c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(closeUnknownError, "Heartbeat missed."),
				time.Now().Add(time.Second))
		}
		if err != nil {
			break
		}
		if code != 0 {
			continue // it is being closed: only the client's close frame is waited for
		}
		if code = c.command(msg, fault); code != 0 {
			c.closeWith(code)
		}
	}
	c.d.leave(c, code)
}

// command processes one payload and returns the code to close the connection with, 0 for none.
func (c *gatewayConn) command(msg []byte, fault *DiscordGatewayFault) int {
	var p struct {
		Op   *int            `json:"op"`
		Data json.RawMessage `json:"d"`
	}
	if len(msg) > maxCommand || json.Unmarshal(msg, &p) != nil || p.Op == nil {
		return closeDecodeError
	}
	if *p.Op != opHeartbeat && c.tooMany(c.d.Now()) {
		return closeRateLimited
	}
	switch *p.Op {
	case opHeartbeat:
		return c.heartbeat(p.Data)
	case opIdentify, opResume:
		if done, code := c.troubled(fault); done {
			return code
		}
		if *p.Op == opIdentify {
			return c.d.identify(c, p.Data)
		}
		return c.d.resume(c, p.Data)
	case 3, 4, 8, 31, 43: // presence, voice, members, sounds, channels: taken and not answered
		c.d.mu.Lock()
		defer c.d.mu.Unlock()
		if c.session == nil {
			return closeNotAuthenticated
		}
		return 0
	}
	return closeUnknownOpcode
}

// heartbeat acknowledges, and notices a client that counts wrongly.
func (c *gatewayConn) heartbeat(data json.RawMessage) int {
	var seq *int64
	if json.Unmarshal(data, &seq) != nil && len(data) > 0 {
		return closeDecodeError
	}
	c.beats.Add(1)
	if !c.noAcks.Load() {
		c.say(opHeartbeatAck, "null")
	}
	c.d.log.signal()
	return 0
}

// troubled lets a fault answer an Identify or Resume; done says that it did.
func (c *gatewayConn) troubled(fault *DiscordGatewayFault) (done bool, code int) {
	switch fault.effect() {
	case GatewayClosed:
		return true, orElse(fault.Code, closeUnknownError)
	case GatewayInvalid:
		c.say(opInvalidSession, strconv.FormatBool(fault.Resumable))
		return true, 0
	case GatewayCut:
		c.cut()
		return true, 0
	case GatewayMute:
		return true, 0
	}
	return false, 0
}

// upgrade says whether a request wants a WebSocket.
func upgrade(r *http.Request) bool {
	return websocket.IsWebSocketUpgrade(r) && !strings.HasPrefix(r.URL.Path, "/api/")
}

// allConnections returns the open connections.
func (d *Discord) allConnections() []*gatewayConn {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]*gatewayConn, 0, len(d.connections))
	for c := range d.connections {
		list = append(list, c)
	}
	return list
}
