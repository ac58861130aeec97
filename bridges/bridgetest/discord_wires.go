package bridgetest

import (
	"slices"
	"strings"
	"time"
)

// GatewayEffect is what goes wrong with a new gateway connection.
type GatewayEffect uint8

// The effects.
const (
	gatewayFine    GatewayEffect = iota
	GatewayRefused               // no WebSocket: the status Code (503 when 0)
	GatewaySilent                // it is accepted, and nothing is ever said
	GatewayFrame                 // Frame stands in Hello's place
	GatewayMute                  // Hello comes; Identify, Resume and heartbeats get no answer
	GatewayClosed                // Identify or Resume is answered with the close code Code (4000 when 0)
	GatewayInvalid               // Identify or Resume is answered with op 9 and Resumable
	GatewayCut                   // the connection breaks when Identify or Resume comes
)

// Frames for GatewayFrame and RawFrame.
const (
	FrameReconnect     = `{"t":null,"s":null,"op":7,"d":null}`
	FrameNull          = `null`
	FrameMalformed     = `{"t":"MESSAGE_CREATE","s":7,"op":0,"d":{"id":`
	FrameZeroHeartbeat = `{"t":null,"s":null,"op":10,"d":{"heartbeat_interval":0}}`
)

// DiscordGatewayFault is something that goes wrong on purpose with new connections.
type DiscordGatewayFault struct {
	Effect    GatewayEffect
	Times     int // how many connections it befalls; 0 until it is cleared
	Code      int
	Frame     string
	Resumable bool
}

func (f *DiscordGatewayFault) effect() GatewayEffect {
	if f == nil {
		return gatewayFine
	}
	return f.Effect
}

type gatewayFaults struct{ faultList[DiscordGatewayFault] }

// BreakGateway adds a fault for new connections; of several the oldest works. The returned function takes it away.
func (d *Discord) BreakGateway(f DiscordGatewayFault) (clear func()) { return d.wires.add(f, f.Times) }

// take returns the fault that befalls a new connection, nil for none.
func (w *gatewayFaults) take() *DiscordGatewayFault {
	return w.first(func(*DiscordGatewayFault) bool { return true })
}

// DiscordConnection is a gateway connection as it is now.
type DiscordConnection struct {
	Path       string // that was asked for: "/", or "/resume" of resume_gateway_url
	Session    string // "" before Identify or Resume and after an invalid session
	Shard      [2]int
	Intents    int64
	Resumed    bool
	Heartbeats int64
}

// Connections returns the bot's open connections; nil is for all, also those that have not identified.
func (d *Discord) Connections(b *DiscordBot) []DiscordConnection {
	d.mu.Lock()
	defer d.mu.Unlock()
	var list []DiscordConnection
	for c := range d.connections {
		if b != nil && c.bot != b {
			continue
		}
		v := DiscordConnection{Path: c.url, Resumed: c.resumed, Heartbeats: c.beats.Load()}
		if s := c.session; s != nil {
			v.Session, v.Shard, v.Intents = s.id, s.shard, s.intents
		}
		list = append(list, v)
	}
	slices.SortFunc(list, func(a, b DiscordConnection) int { return a.Shard[0] - b.Shard[0] })
	return list
}

// Identifies returns the bot's identifies so far, in order.
func (d *Discord) Identifies(b *DiscordBot) []DiscordIdentify {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(b.starts)
}

// EventsSent is how many events the bot's connections have taken so far.
func (d *Discord) EventsSent(b *DiscordBot) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return b.events
}

// connectionsOf returns the bot's connections; needs d.mu.
func (d *Discord) connectionsOf(b *DiscordBot) []*gatewayConn {
	var list []*gatewayConn
	for c := range d.connections {
		if c.bot == b {
			list = append(list, c)
		}
	}
	return list
}

func (d *Discord) eachConnection(b *DiscordBot, do func(c *gatewayConn)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.connectionsOf(b) {
		do(c)
	}
}

// AskReconnect sends op 7 to the bot's connections, which stay open.
func (d *Discord) AskReconnect(b *DiscordBot) {
	d.eachConnection(b, func(c *gatewayConn) { c.say(opReconnect, "null") })
}

// AskHeartbeat sends op 1 to the bot's connections.
func (d *Discord) AskHeartbeat(b *DiscordBot) {
	d.eachConnection(b, func(c *gatewayConn) { c.say(opHeartbeat, "null") })
}

// Invalidate ends the sessions of the bot's connections with op 9. Only a resumable one can be resumed.
func (d *Discord) Invalidate(b *DiscordBot, resumable bool) {
	d.eachConnection(b, func(c *gatewayConn) {
		if s := c.session; s != nil {
			s.conn, s.left, c.session = nil, d.Now(), nil
			if !resumable {
				delete(d.sessions, s.id)
			}
		}
		if resumable {
			c.say(opInvalidSession, "true")
		} else {
			c.say(opInvalidSession, "false")
		}
	})
}

// CloseGateways closes the bot's connections with a close code.
func (d *Discord) CloseGateways(b *DiscordBot, code int) {
	d.eachConnection(b, func(c *gatewayConn) { c.closeWith(code) })
}

// CutGateways breaks the bot's connections without a close code.
func (d *Discord) CutGateways(b *DiscordBot) {
	d.eachConnection(b, (*gatewayConn).cut)
}

// Zombify makes the bot's connections dead without closing them: they take what comes and say nothing more, heartbeats included. New
// connections are healthy, and the sessions can be resumed there.
func (d *Discord) Zombify(b *DiscordBot) {
	d.eachConnection(b, func(c *gatewayConn) { c.muted.Store(true) })
}

// StopAcks makes the bot's connections acknowledge no heartbeats; events still come.
func (d *Discord) StopAcks(b *DiscordBot) {
	d.eachConnection(b, func(c *gatewayConn) { c.noAcks.Store(true) })
}

// RawFrame sends a frame as it stands, valid or not, to the bot's connections.
func (d *Discord) RawFrame(b *DiscordBot, frame string) {
	d.eachConnection(b, func(c *gatewayConn) { c.send(gatewayFrame{raw: []byte(frame)}) })
}

// RawEvent sends an event with any payload to the bot's first shard, whatever its intents; "$id" in the payload becomes a new id, which
// is returned.
func (d *Discord) RawEvent(b *DiscordBot, event, payload string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	id := d.newID()
	d.dispatchTo(b, nil, 0, event, []byte(strings.ReplaceAll(payload, "$id", id)))
	return id
}

// SendNumbersAsStrings makes numbers in events (Ready apart) and in answers to requests strings, as some compatible servers send them.
func (d *Discord) SendNumbersAsStrings(on bool) { d.asStrings.Store(on) }

// sessionLimit is the session_start_limit of GET /gateway/bot; needs d.mu.
func (d *Discord) sessionLimit(b *DiscordBot) map[string]any {
	used, reset := 0, time.Duration(0)
	for _, s := range b.starts {
		if age := d.Now().Sub(s.At); !s.TooSoon && age <= 24*time.Hour {
			if used == 0 {
				reset = 24*time.Hour - age
			}
			used++
		}
	}
	return map[string]any{
		"total": d.opt.SessionStarts, "remaining": max(d.opt.SessionStarts-used, 0), "reset_after": reset.Milliseconds(),
		"max_concurrency": d.opt.MaxConcurrency,
	}
}
