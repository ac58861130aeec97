package slack

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/wire"
)

// ackWithin is how long Slack waits for an acknowledgement before it sends an event again. What was on a socket that has ended is sent again as
// soon as there is another one; Slack's own pauses grow to minutes, for which nobody here waits.
const ackWithin = 3 * time.Second

// A conn is a socket of the app.
type conn struct {
	socket *wire.Socket
	woken  chan struct{} // has room for one
	ended  chan struct{}
	out    map[*talk]bool // whose event it has; guarded by Server.mu
}

func (c *conn) wake() {
	select {
	case c.woken <- struct{}{}:
	default:
	}
}

// open serves a socket until its end.
func (s *Server) open(hc *wire.Conn, r wire.Request) error {
	socket, err := hc.Upgrade(r)
	if err != nil {
		return err
	}
	c := &conn{socket: socket, woken: make(chan struct{}, 1), ended: make(chan struct{}), out: map[*talk]bool{}}
	hello := fmt.Appendf(nil, `{"type":"hello","num_connections":1,"debug_info":{"host":"load","approximate_connection_time":3600},"connection_info":{"app_id":%q}}`, app)
	if err := socket.Write(wire.AppendFrame(nil, hello)); err != nil {
		return err
	}
	s.enter(c)
	var pump sync.WaitGroup
	pump.Go(func() { s.pump(c) })
	defer pump.Wait()
	defer s.leave(c)
	defer close(c.ended)
	s.hooks.Reach(SocketOpened)
	s.hooks.Hear()
	for {
		text, err := socket.Read()
		if err != nil {
			return err
		}
		if id := wire.Between(text, `"envelope_id":"`, `"`); s.acknowledge(string(id)) {
			s.hooks.Reach(Acknowledged)
		}
	}
}

func (s *Server) enter(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns = append(s.conns, c)
	c.wake()
}

// leave has what was on a socket sent again.
func (s *Server) leave(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns = slices.DeleteFunc(s.conns, func(o *conn) bool { return o == c })
	for t := range c.out {
		s.resend(t)
	}
	for _, o := range s.conns { // also what it was to send and has not
		o.wake()
	}
}

// resend offers again what is on a socket. It needs s.mu.
func (s *Server) resend(t *talk) {
	delete(t.on.out, t)
	t.on = nil
	t.offers++
	s.offer(t)
}

// acknowledge takes the acknowledgement of an envelope, and reports whether it was waited for.
func (s *Server) acknowledge(id string) bool {
	if len(id) != 36 {
		return false
	}
	chat, err := strconv.ParseInt(id[:8], 16, 32)
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.talks[int(chat)]
	if t == nil || len(t.queue) == 0 || t.envelope()[24:] != id[24:] || t.on == nil {
		return false
	}
	delete(t.on.out, t)
	s.taken(t)
	return true
}

// taken goes on with the next event of a conversation. It needs s.mu.
func (s *Server) taken(t *talk) {
	t.on, t.offers = nil, 0
	t.queue = t.queue[1:]
	s.waiting--
	if len(t.queue) > 0 {
		s.offer(t)
	}
}

// pump writes what is ready until the socket ends.
func (s *Server) pump(c *conn) {
	var frames, envelope []byte
	for {
		select {
		case <-c.woken:
		case <-c.ended:
			return
		}
		frames = frames[:0]
		s.mu.Lock()
		if slices.Contains(s.conns, c) {
			now := time.Now()
			for _, t := range s.ready {
				envelope = s.appendEnvelope(envelope[:0], t)
				frames = wire.AppendFrame(frames, envelope)
				t.on, t.sent, c.out[t] = c, now, true
			}
			clear(s.ready)
			s.ready = s.ready[:0]
		}
		s.mu.Unlock()
		if len(frames) == 0 {
			continue
		}
		if c.socket.Write(frames) != nil {
			c.socket.Close() // who reads ends it
			return
		}
		s.hooks.Reach(EnvelopeSent)
	}
}

// again has sent again what is not acknowledged in time, until the server ends.
func (s *Server) again() {
	tick := time.NewTicker(ackWithin / 6)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.http.Done():
			return
		}
		s.mu.Lock()
		for _, c := range s.conns {
			for t := range c.out {
				if time.Since(t.sent) > ackWithin {
					s.resend(t)
				}
			}
		}
		s.mu.Unlock()
	}
}
