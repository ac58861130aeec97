// Package wire is an HTTP/1.1 server for simulators under load. It knows no more than a keep-alive client with a Content-Length needs, and
// an answer is one write: on a machine with two cores the standard server would take a third of what is to be measured.
package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// A Request is what came. It is valid until the handler returns.
type Request struct {
	Method []byte
	Path   []byte // with its query
	Body   []byte
	Key    []byte // of a client that wants a WebSocket, else empty
}

// A Handler answers a request by calling one of c's methods once. An error closes the connection.
type Handler func(c *Conn, r Request) error

// A Server listens at a port of this machine.
type Server struct {
	handler Handler
	l       net.Listener
	done    chan struct{}
	work    sync.WaitGroup

	mu      sync.Mutex
	conns   map[net.Conn]*Conn
	waiting int    // handlers that wait
	knocks  knocks // of Quiet
}

// Listen makes a server that has its address and serves nothing yet. Close must be called.
func Listen() (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for a simulator: %w", err)
	}
	return &Server{l: l, done: make(chan struct{}), conns: map[net.Conn]*Conn{}}, nil
}

// Serve begins to serve, and returns. It is called once.
func (s *Server) Serve(h Handler) {
	s.handler = h
	s.work.Go(s.accept)
}

// URL is where the server listens, without a slash at its end.
func (s *Server) URL() string { return "http://" + s.l.Addr().String() }

// Done is closed by Close. Handlers that wait return then.
func (s *Server) Done() <-chan struct{} { return s.done }

// Close ends all connections and returns when no handler runs any more.
func (s *Server) Close() {
	s.mu.Lock()
	select {
	case <-s.done:
		s.mu.Unlock()
		return
	default:
	}
	close(s.done)
	s.l.Close()
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.work.Wait()
}

func (s *Server) accept() {
	for {
		c, err := s.l.Accept()
		if err != nil {
			select {
			case <-s.done:
				return
			case <-time.After(10 * time.Millisecond): // out of file descriptors
				continue
			}
		}
		s.mu.Lock()
		s.knocks.hear(c)
		select {
		case <-s.done:
			c.Close()
		default:
			conn := &Conn{conn: c, in: bufio.NewReaderSize(c, 4096), done: s.done, server: s}
			s.conns[c] = conn
			s.work.Go(func() { s.serve(conn) })
		}
		s.mu.Unlock()
	}
}

func (s *Server) serve(c *Conn) {
	defer func() {
		c.conn.Close()
		s.mu.Lock()
		delete(s.conns, c.conn)
		s.mu.Unlock()
	}()
	for {
		r, err := c.read()
		if err != nil || !c.busy.CompareAndSwap(false, true) || s.handle(c, r) != nil {
			return
		}
		c.busy.Store(false)
		if c.leaves.Load() {
			return
		}
	}
}

// A Conn is a client's connection.
type Conn struct {
	conn   net.Conn
	in     *bufio.Reader
	done   chan struct{}
	head   []byte // method, path and key of the latest request
	body   []byte
	out    []byte
	server *Server     // nil of a client
	waits  bool        // the handler does
	busy   atomic.Bool // a handler runs, or none will any more
	leaves atomic.Bool // the connection ends when no handler runs
}

const maxBody = 1 << 20

var (
	errMalformed = errors.New("a request that cannot be read")
	errChunked   = errors.New("a request without a Content-Length, which this server does not know")
	lengthName   = []byte("content-length:")
	encodingName = []byte("transfer-encoding:")
	keyName      = []byte("sec-websocket-key:")
)

// read reads one request.
func (c *Conn) read() (Request, error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return Request{}, err
	}
	method, rest, ok := bytes.Cut(line, []byte(" "))
	path, _, ok2 := bytes.Cut(rest, []byte(" "))
	if !ok || !ok2 {
		return Request{}, errMalformed
	}
	c.head = append(append(c.head[:0], method...), path...)
	m, p := len(method), len(method)+len(path)
	length := 0
	for {
		if line, err = c.in.ReadSlice('\n'); err != nil {
			return Request{}, err
		}
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case len(line) == 0:
			body, err := c.readBody(length)
			return Request{Method: c.head[:m], Path: c.head[m:p], Key: c.head[p:], Body: body}, err
		case hasName(line, lengthName):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(lengthName):]))); err != nil || length < 0 || length > maxBody {
				return Request{}, errMalformed
			}
		case hasName(line, encodingName):
			return Request{}, errChunked
		case hasName(line, keyName):
			c.head = append(c.head[:p], bytes.TrimSpace(line[len(keyName):])...)
		}
	}
}

func hasName(line, name []byte) bool {
	return len(line) >= len(name) && bytes.EqualFold(line[:len(name)], name)
}

func (c *Conn) readBody(length int) ([]byte, error) {
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	c.body = c.body[:length]
	_, err := io.ReadFull(c.in, c.body)
	return c.body, err
}

// Answer sends a JSON body with a status, in one write. With 204 there is none.
func (c *Conn) Answer(status int, body []byte) error {
	_, err := c.conn.Write(c.answer(status, body))
	return err
}

// Drip sends the same as Answer, a byte at a time and spread over d: several at a time where more than a thousand are due in a second.
func (c *Conn) Drip(status int, body []byte, d time.Duration) error {
	all := c.answer(status, body)
	tick := time.NewTicker(max(d/time.Duration(len(all)), time.Millisecond))
	defer tick.Stop()
	began := time.Now()
	for sent := 0; sent < len(all); {
		select {
		case <-tick.C:
		case <-c.done:
			return net.ErrClosed
		}
		due := len(all)
		if gone := time.Since(began); gone < d {
			due = max(int(int64(len(all))*int64(gone)/int64(d)), sent+1)
		}
		if _, err := c.conn.Write(all[sent:due]); err != nil {
			return err
		}
		sent = due
	}
	return nil
}

func (c *Conn) answer(status int, body []byte) []byte {
	switch status {
	case 200:
		c.out = append(c.out[:0], "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "...)
	case 204:
		return append(c.out[:0], "HTTP/1.1 204 No Content\r\n\r\n"...)
	default:
		c.out = strconv.AppendInt(append(c.out[:0], "HTTP/1.1 "...), int64(status), 10)
		c.out = append(c.out, " Fault\r\nContent-Type: application/json\r\nContent-Length: "...)
	}
	c.out = append(strconv.AppendInt(c.out, int64(len(body)), 10), "\r\n\r\n"...)
	c.out = append(c.out, body...)
	return c.out
}
