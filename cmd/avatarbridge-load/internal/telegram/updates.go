package telegram

import (
	"strconv"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/wire"
)

// maxBatch is the most that Telegram hands out at once.
const maxBatch = 100

// getUpdates is a long poll.
func (s *Server) getUpdates(c *wire.Conn, body []byte) error {
	s.hooks.Hear()
	offset, _ := strconv.ParseInt(wire.Field(body, "offset="), 10, 64) // none is 0, which confirms nothing
	seconds, _ := strconv.Atoi(wire.Field(body, "timeout="))           // none is 0, which does not wait
	limit, err := strconv.Atoi(wire.Field(body, "limit="))
	if err != nil || limit < 1 || limit > maxBatch {
		limit = maxBatch
	}
	if f := s.fault.Load(); f.Refuses() {
		return f.Reply(c, nil)
	}
	p := s.begin(offset)
	c.Waits()
	timeout := time.NewTimer(time.Duration(seconds) * time.Second)
	defer timeout.Stop()
	for waiting := true; ; {
		if f := s.fault.Load(); f.Refuses() {
			return f.Reply(c, nil)
		}
		batch, over := s.batch(p, limit)
		switch {
		case over:
			return c.Answer(409, []byte(`{"ok":false,"error_code":409,"description":"Conflict: terminated by other getUpdates request"}`))
		case len(batch) > 0 || !waiting:
			return s.handOut(c, batch)
		}
		select {
		case <-p.woken:
		case <-timeout.C:
			waiting = false
		case <-s.http.Done():
			return nil
		}
	}
}

// begin confirms what is below offset, and ends the poll that another call waits in.
func (s *Server) begin(offset int64) *poll {
	p := &poll{woken: make(chan struct{}, 1)}
	s.mu.Lock()
	n := max(min(offset-s.first, int64(len(s.pending))), 0)
	clear(s.pending[:n])
	s.pending, s.first = s.pending[n:], s.first+n
	if s.poll != nil {
		s.poll.over = true
		s.poll.wake()
	}
	s.poll = p
	s.mu.Unlock()
	if n > 0 {
		s.hooks.Reach(OffsetConfirmed)
	}
	return p
}

// batch returns what waits; over reports that another poll began. A poll that got something is done.
func (s *Server) batch(p *poll, limit int) (updates [][]byte, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.over {
		return nil, true
	}
	n := min(len(s.pending), limit)
	if n > 0 {
		s.poll = nil
	}
	return s.pending[:n:n], false
}

func (s *Server) handOut(c *wire.Conn, updates [][]byte) error {
	size := 64
	for _, u := range updates {
		size += len(u) + 1
	}
	answer := append(make([]byte, 0, size), `{"ok":true,"result":[`...)
	for i, u := range updates {
		if i > 0 {
			answer = append(answer, ',')
		}
		answer = append(answer, u...)
	}
	answer = append(answer, "]}"...)
	err := s.fault.Load().Reply(c, answer)
	if len(updates) > 0 {
		s.hooks.Reach(UpdateHandedOut)
	}
	return err
}
