package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Client posts to the program, for simulators that call back. It keeps its connections, and knows no more than the Go server's answers to
// small requests need.
type Client struct {
	// Sent, when it is not nil, is called whenever a call is on its way and its answer not yet read. It must not change once calls are made.
	Sent func()

	slots chan struct{} // calls at once

	mu     sync.Mutex
	idle   []*Conn
	all    map[net.Conn]bool
	closed bool
}

// callTimeout is how long a call may take.
const callTimeout = 30 * time.Second

// NewClient makes a client that makes so many calls at once. Close must be called.
func NewClient(calls int) *Client {
	return &Client{slots: make(chan struct{}, calls), all: map[net.Conn]bool{}}
}

// Close ends all connections, and the calls on them.
func (cl *Client) Close() {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	cl.closed = true
	for c := range cl.all {
		c.Close()
	}
}

var errURL = errors.New("no http URL")

// Post posts JSON to an http URL, with more headers ("Name: value"), and returns the status of the answer. An error says that there was none; the
// call may have been heard.
func (cl *Client) Post(url string, body []byte, headers ...string) (status int, err error) {
	rest, ok := strings.CutPrefix(url, "http://")
	host, path, ok2 := strings.Cut(rest, "/")
	if !ok || !ok2 {
		return 0, errURL
	}
	cl.slots <- struct{}{}
	defer func() { <-cl.slots }()
	c, err := cl.take(host)
	if err != nil {
		return 0, err
	}
	if status, err = c.post(host, path, body, headers, cl.Sent); err != nil {
		cl.drop(c)
		return 0, err
	}
	cl.mu.Lock()
	defer cl.mu.Unlock()
	cl.idle = append(cl.idle, c)
	return status, nil
}

// take returns a connection that nobody uses, or a new one. All are to one host.
func (cl *Client) take(host string) (*Conn, error) {
	cl.mu.Lock()
	if n := len(cl.idle); n > 0 {
		defer cl.mu.Unlock()
		c := cl.idle[n-1]
		cl.idle = cl.idle[:n-1]
		return c, nil
	}
	cl.mu.Unlock()
	nc, err := net.DialTimeout("tcp", host, callTimeout)
	if err != nil {
		return nil, err
	}
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if cl.closed {
		nc.Close()
		return nil, net.ErrClosed
	}
	cl.all[nc] = true
	return &Conn{conn: nc, in: bufio.NewReader(nc)}, nil
}

// drop ends a connection, and those that nobody uses: the program may be another one by now.
func (cl *Client) drop(c *Conn) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	for _, c := range append(cl.idle, c) {
		c.conn.Close()
		delete(cl.all, c.conn)
	}
	cl.idle = cl.idle[:0]
}

// post makes one call.
func (c *Conn) post(host, path string, body []byte, headers []string, sent func()) (status int, err error) {
	if err := c.conn.SetDeadline(time.Now().Add(callTimeout)); err != nil {
		return 0, err
	}
	c.out = fmt.Appendf(c.out[:0], "POST /%s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", path, host, len(body))
	for _, h := range headers {
		c.out = append(append(c.out, h...), "\r\n"...)
	}
	c.out = append(append(c.out, "\r\n"...), body...)
	if _, err := c.conn.Write(c.out); err != nil {
		return 0, err
	}
	if sent != nil {
		sent()
	}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(line)
	if len(fields) < 2 {
		return 0, errMalformed
	}
	if status, err = strconv.Atoi(string(fields[1])); err != nil {
		return 0, errMalformed
	}
	return status, c.rest()
}

// rest reads the rest of an answer.
func (c *Conn) rest() error {
	length := 0
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case len(line) == 0:
			_, err := c.readBody(length)
			return err
		case hasName(line, lengthName):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(lengthName):]))); err != nil || length < 0 || length > maxBody {
				return errMalformed
			}
		case hasName(line, encodingName):
			return errChunked
		}
	}
}
