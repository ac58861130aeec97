package web

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	"avatarbridge/cmd/avatarbridge-load/internal/ledger"
	"avatarbridge/cmd/avatarbridge-load/internal/wire"
)

// A visitor is a person with one page open.
type visitor struct {
	of     *Server
	chat   int
	cookie string        // may be read when known is closed
	known  chan struct{} // is closed when there is a cookie
	here   chan struct{} // is closed when the first stream is open
	last   int64         // id of the latest item; of the stream's goroutine
	queue  []int         // messages that are not taken; guarded by Server.mu
}

// stay keeps the page open until Close.
func (v *visitor) stay() {
	for {
		cookie, err := v.of.load()
		if err == nil && cookie != "" {
			v.cookie = cookie
			close(v.known)
			break
		}
		if !v.of.pause(again) {
			return
		}
	}
	v.of.hooks.Reach(PageLoaded)
	for {
		if err := v.listen(); err != nil && !v.of.pause(again) {
			return
		}
	}
}

// speak posts what waits until nothing does.
func (v *visitor) speak() {
	s := v.of
	select {
	case <-v.known:
	case <-s.ctx.Done():
		return
	}
	s.mu.Lock()
	url := "http://" + s.host + s.path + "/messages"
	s.mu.Unlock()
	for {
		s.mu.Lock()
		n := v.queue[0]
		s.mu.Unlock()
		body := ledger.AppendText(fmt.Appendf(nil, `{"id":"key-%d","text":"`, n), 'm', v.chat, n)
		if status, err := s.client.Post(url, append(body, `"}`...), "Cookie: "+v.cookie, "Sec-Fetch-Site: same-origin"); err != nil || status != 202 {
			if !s.pause(again) {
				return
			}
			continue
		}
		s.mu.Lock()
		s.waiting--
		v.queue = v.queue[1:]
		left := len(v.queue)
		s.mu.Unlock()
		s.hooks.Reach(MessageTaken)
		if left == 0 {
			return
		}
	}
}

var errStatus = errors.New("the answer is no 200")

// get asks for a path and returns the answer behind its status line. HTTP/1.0 has no chunks that would have to be read. stop must be called.
func (s *Server) get(path, cookie, more string) (in *bufio.Reader, stop func(), err error) {
	s.mu.Lock()
	host := s.host
	s.mu.Unlock()
	var d net.Dialer
	c, err := d.DialContext(s.ctx, "tcp", host)
	if err != nil {
		return nil, nil, err
	}
	after := context.AfterFunc(s.ctx, func() { c.Close() })
	stop = func() { after(); c.Close() }
	if _, err = fmt.Fprintf(c, "GET %s HTTP/1.0\r\nHost: %s\r\nCookie: %s\r\nSec-Fetch-Site: same-origin\r\n%s\r\n", path, host, cookie, more); err == nil {
		in = bufio.NewReaderSize(c, 2048)
		var line []byte
		if line, err = in.ReadSlice('\n'); err == nil && !bytes.Contains(line, []byte(" 200 ")) {
			err = errStatus
		}
	}
	if err != nil {
		stop()
		return nil, nil, err
	}
	return in, stop, nil
}

// load loads the page and returns the cookie that it gives, "" when it gives none.
func (s *Server) load() (string, error) {
	s.mu.Lock()
	path := s.path
	s.mu.Unlock()
	in, stop, err := s.get(path, "", "")
	if err != nil {
		return "", err
	}
	defer stop()
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return "", err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return "", nil
		}
		if v, ok := bytes.CutPrefix(line, []byte("Set-Cookie: ")); ok {
			v, _, _ = bytes.Cut(v, []byte(";"))
			return string(v), nil
		}
	}
}

// listen reads one stream until it ends, which is an error.
func (v *visitor) listen() error {
	s := v.of
	s.mu.Lock()
	path := s.path + "/events"
	s.mu.Unlock()
	more := ""
	if v.last > 0 {
		more = fmt.Sprintf("Last-Event-ID: %d\r\n", v.last)
	}
	in, stop, err := s.get(path, v.cookie, more)
	if err != nil {
		return err
	}
	defer stop()
	var event string
	var id int64
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		name, value, _ := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(": "))
		switch string(name) {
		case "event":
			event, id = string(value), 0
		case "id":
			id, _ = strconv.ParseInt(string(value), 10, 64) // none is 0, which is no item
		case "data":
			v.hear(event, id, value)
		}
	}
}

// hear takes one event. What comes although it was there before is seen twice.
func (v *visitor) hear(event string, id int64, data []byte) {
	s := v.of
	switch event {
	case "ready":
		select {
		case <-v.here:
		default:
			close(v.here)
		}
		s.hooks.Reach(StreamOpened)
	case "item":
		v.last = max(v.last, id)
		switch string(wire.Between(data, `"kind":"`, `"`)) {
		case "notice":
			s.ledger.Noticed()
		case "reply":
			chat, n, ok := ledger.Find(data, `"html":"<p>`, 'r')
			if !ok {
				s.ledger.Noticed()
				return
			}
			if s.ledger.Posted(v.chat, chat, n) {
				s.hooks.Answer(chat, n)
			}
			s.hooks.Reach(ReplyStreamed)
		}
	}
}
