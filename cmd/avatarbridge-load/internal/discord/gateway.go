package discord

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"avatarbridge/cmd/avatarbridge-load/internal/wire"
)

// Opcodes of the gateway.
const (
	opHeartbeat = 1
	opIdentify  = 2
	opResume    = 6
)

// A session is what a connection may go on with.
type session struct {
	id     string
	events [][]byte // all, the first of which has the sequence number 1
	conn   *conn    // nil while there is none
}

// head begins the session's next event, which add ends.
func (n *session) head(b []byte, kind string) []byte {
	b = strconv.AppendInt(append(b, `{"op":0,"s":`...), int64(len(n.events))+1, 10)
	return append(append(append(b, `,"t":"`...), kind...), `","d":`...)
}

// add adds an event.
func (n *session) add(event []byte) {
	n.events = append(n.events, event)
	if n.conn != nil {
		n.conn.wake()
	}
}

// A conn is a connection to the gateway.
type conn struct {
	socket *wire.Socket
	woken  chan struct{} // has room for one
	ended  chan struct{}
	sent   int // events of its session; guarded by Server.mu
}

func (c *conn) wake() {
	select {
	case c.woken <- struct{}{}:
	default:
	}
}

func (c *conn) say(payload string) error {
	return c.socket.Write(wire.AppendFrame(nil, []byte(payload)))
}

// gateway serves a connection until its end.
func (s *Server) gateway(hc *wire.Conn, r wire.Request) error {
	socket, err := hc.Upgrade(r)
	if err != nil {
		return err
	}
	c := &conn{socket: socket, woken: make(chan struct{}, 1), ended: make(chan struct{})}
	var pump sync.WaitGroup
	pump.Go(func() { s.pump(c) })
	defer pump.Wait()
	defer s.leave(c)
	defer close(c.ended)
	if err := c.say(`{"op":10,"s":null,"t":null,"d":{"heartbeat_interval":41250}}`); err != nil {
		return err
	}
	for {
		text, err := socket.Read()
		if err != nil {
			return err
		}
		if err := s.command(c, text); err != nil {
			return err
		}
	}
}

// leave keeps the session of a connection that has ended.
func (s *Server) leave(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session != nil && s.session.conn == c {
		s.session.conn = nil
	}
}

// command does what a client asks for.
func (s *Server) command(c *conn, text []byte) error {
	var p struct {
		Op   int             `json:"op"`
		Data json.RawMessage `json:"d"`
	}
	if err := json.Unmarshal(text, &p); err != nil {
		return err
	}
	if p.Op == opHeartbeat {
		return c.say(`{"op":11,"s":null,"t":null,"d":null}`)
	}
	var d struct {
		Token   string `json:"token"`
		Session string `json:"session_id"`
		Seq     int    `json:"seq"`
	}
	if err := json.Unmarshal(p.Data, &d); err != nil {
		return err
	}
	switch {
	case d.Token != s.token:
		return errors.New("another bot's token")
	case p.Op == opIdentify:
		s.begin(c)
		s.hooks.Reach(Identified)
	case p.Op == opResume && s.resume(c, d.Session, d.Seq):
		s.hooks.Reach(Resumed)
	case p.Op == opResume:
		return c.say(`{"op":9,"s":null,"t":null,"d":false}`)
	default:
		return fmt.Errorf("opcode %d", p.Op)
	}
	s.hooks.Hear()
	return nil
}

// begin begins a session with what a bot is told first.
func (s *Server) begin(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions++
	n := &session{id: fmt.Sprintf("%032x", s.sessions), conn: c}
	s.session = n
	ready := n.head(nil, "READY")
	ready = s.appendUser(append(ready, `{"v":10,"user":`...), s.bot)
	n.add(fmt.Appendf(ready, `,"guilds":[{"id":"%d","unavailable":true}],"session_id":"%s","resume_gateway_url":"%s","shard":[0,1],"application":{"id":"%d","flags":0}}}`,
		guild, n.id, s.gatewayURL(), s.bot))
	n.add(append(s.appendGuild(n.head(nil, "GUILD_CREATE")), '}'))
}

// appendGuild appends the server with its channels, and what was written last in each. It needs s.mu.
func (s *Server) appendGuild(b []byte) []byte {
	b = fmt.Appendf(b, `{"id":"%d","name":"Server","owner_id":"%d","roles":[{"id":"%d","name":"@everyone","permissions":"2251799813685247"}],"members":[],"threads":[],"channels":[`,
		guild, firstPerson, guild)
	for i := range rooms {
		if i > 0 {
			b = append(b, ',')
		}
		b = s.appendRoom(b, firstRoom+int64(i))
	}
	return append(b, "]}"...)
}

// appendRoom appends a channel of the server. It needs s.mu.
func (s *Server) appendRoom(b []byte, id int64) []byte {
	b = fmt.Appendf(b, `{"id":"%d","type":0,"guild_id":"%d","name":"room-%d","parent_id":null,"permission_overwrites":[],"last_message_id":`, id, guild, id-firstRoom)
	if all := s.at(id).all; len(all) > 0 {
		return fmt.Appendf(b, `"%d"}`, all[len(all)-1].id)
	}
	return append(b, "null}"...)
}

// resume goes on with a session behind its event seq, and reports whether there is such a one.
func (s *Server) resume(c *conn, id string, seq int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.session
	if n == nil || n.id != id || seq > len(n.events) {
		return false
	}
	c.sent, n.conn = max(seq, 0), c
	n.add(append(n.head(nil, "RESUMED"), "{}}"...))
	return true
}

// pump writes the events of the connection's session until the connection ends.
func (s *Server) pump(c *conn) {
	var frames []byte
	for {
		select {
		case <-c.woken:
		case <-c.ended:
			return
		}
		s.mu.Lock()
		frames = frames[:0]
		before := c.sent
		if n := s.session; n != nil && n.conn == c {
			for _, e := range n.events[c.sent:] {
				frames = wire.AppendFrame(frames, e)
			}
			c.sent = len(n.events)
		}
		s.mu.Unlock()
		if len(frames) == 0 {
			continue
		}
		if c.socket.Write(frames) != nil {
			c.socket.Close() // who reads ends it
			return
		}
		if before > 2 { // READY and GUILD_CREATE say nothing of anybody
			s.hooks.Reach(EventSent)
		}
	}
}
