package wire

import (
	"context"
	"net"
	"time"
)

// Waits tells, by a handler, that all is noted that its request says, and that what it does until it returns is to wait and to answer. Quiet
// does not wait for it.
func (c *Conn) Waits() {
	if c.waits {
		return
	}
	c.waits = true
	c.server.mu.Lock()
	c.server.waiting++
	c.server.mu.Unlock()
}

// handle has a request answered.
func (s *Server) handle(c *Conn, r Request) error {
	err := s.handler(c, r)
	if c.waits {
		c.waits = false
		s.mu.Lock()
		s.waiting--
		s.mu.Unlock()
	}
	return err
}

// Quiet returns when all is noted that a client sent which is dead by now: no connection is left but those whose handlers wait. It returns an
// error when ctx ends before.
func (s *Server) Quiet(ctx context.Context) error {
	if err := s.knock(ctx); err != nil {
		return err
	}
	return s.until(ctx, func() bool { return len(s.conns) <= s.waiting })
}

// HangUp ends all connections, each as soon as what was asked on it is answered. A client has to make new ones.
func (s *Server) HangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		c.leaves.Store(true)
		if c.busy.CompareAndSwap(false, true) {
			c.conn.Close()
		}
	}
}

// knocks are connections that Quiet has made, by their addresses: what was to be accepted before them has been when they are heard.
type knocks map[string]bool

// hear notes a connection that was accepted.
func (k knocks) hear(c net.Conn) {
	if len(k) > 0 {
		delete(k, c.RemoteAddr().String())
	}
}

// knock returns when all connections are accepted that others have made before.
func (s *Server) knock(ctx context.Context) error {
	s.mu.Lock() // so that it is not accepted before it is among the knocks
	c, err := net.Dial("tcp", s.l.Addr().String())
	if err != nil {
		s.mu.Unlock()
		return err
	}
	if s.knocks == nil {
		s.knocks = knocks{}
	}
	own := c.LocalAddr().String()
	s.knocks[own] = true
	s.mu.Unlock()
	defer c.Close()
	return s.until(ctx, func() bool { return !s.knocks[own] })
}

// until waits for a condition, which is looked at under s.mu.
func (s *Server) until(ctx context.Context, is func() bool) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		s.mu.Lock()
		ok := is()
		s.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
