package transport

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"syscall"
	"time"
)

const bufferSize = 4 << 10 // of each call for what comes, and for what goes

var (
	// errUnsent is the error of a call of which nothing reached the network.
	errUnsent = errors.New("the connection was closed before the request was sent")
	errHeader = errors.New("the header of the answer is larger than 64 KiB")
	errSwitch = errors.New("the server switches to another protocol")
)

// A conn is a connection. It belongs to one call, from take or connect to the end of the answer's body.
type conn struct {
	net.Conn
	raw  net.Conn // of Conn when that is TLS, else the same
	idle *idle
	key  key
	left time.Time // when its last call ended

	r       *bufio.Reader   // of the call: a connection that waits for its next one needs no buffers
	ctx     context.Context // of the call
	stop    func() bool     // no longer end with ctx
	written int64           // by the call
	budget  int             // bytes that the header may still have
}

func newConn(in *idle, k key, c, raw net.Conn) *conn {
	return &conn{Conn: c, raw: raw, idle: in, key: k}
}

// source reads for a conn's buffer, sink writes from it.
type source struct{ c *conn }

func (s source) Read(p []byte) (int, error) {
	if s.c.budget == 0 {
		return 0, errHeader
	}
	n, err := s.c.Conn.Read(p)
	if s.c.budget > 0 {
		s.c.budget = max(s.c.budget-n, 0)
	}
	return n, err
}

type sink struct{ c *conn }

func (s sink) Write(p []byte) (int, error) {
	n, err := s.c.Conn.Write(p)
	s.c.written += int64(n)
	return n, err
}

var past = time.Unix(1, 0)

// interrupt ends reads and writes under way. Those that the buffers can serve go on.
func (c *conn) interrupt() { _ = c.SetDeadline(past) } // an error says that it is closed already

// exchange makes a call. After an error the connection is closed; else it ends with the body of the answer.
func (c *conn) exchange(req *http.Request) (*http.Response, error) {
	c.ctx, c.written, c.r = req.Context(), 0, c.idle.reader(source{c})
	c.stop = context.AfterFunc(c.ctx, c.interrupt)
	res, err := c.call(req)
	if err != nil {
		c.end(false)
		return nil, err
	}
	keep := !res.Close && !req.Close
	if res.Body == http.NoBody {
		c.end(keep)
		return res, nil
	}
	res.Body = &body{Reader: res.Body, conn: c, ctx: c.ctx, keep: keep}
	return res, nil
}

// call writes the request and reads the header of the answer.
func (c *conn) call(req *http.Request) (*http.Response, error) {
	c.budget = maxHeader
	w := c.idle.writer(sink{c})
	err := write(w, req)
	c.idle.writers.Put(w)
	switch {
	case err == nil:
		if t := httptrace.ContextClientTrace(c.ctx); t != nil && t.WroteRequest != nil {
			t.WroteRequest(httptrace.WroteRequestInfo{})
		}
	case c.written == 0:
		return nil, errors.Join(errUnsent, err)
	default:
		return c.refusal(req, err)
	}
	return c.answer(req)
}

// refusal is the answer of a server that took only a part of the request, if there is one; err is what ended the writing.
func (c *conn) refusal(req *http.Request, err error) (*http.Response, error) {
	_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)) // an error says that it is closed
	res, e := c.answer(req)
	if e != nil {
		return nil, err
	}
	res.Close = true
	return res, nil
}

// answer reads the header of the answer. Informational ones come before it.
func (c *conn) answer(req *http.Request) (*http.Response, error) {
	for range 5 {
		if _, err := c.r.Peek(1); err != nil {
			return nil, err
		}
		res, err := http.ReadResponse(c.r, req)
		switch {
		case err != nil:
			return nil, err
		case res.StatusCode == http.StatusSwitchingProtocols:
			return nil, errSwitch
		case res.StatusCode >= 200:
			c.budget = -1
			return res, nil
		}
	}
	return nil, errHeader
}

// end ends the call. The connection is kept if keep says that nothing of the call is left on it, and closed otherwise.
func (c *conn) end(keep bool) {
	unbroken := c.stop()
	keep = keep && unbroken && c.r.Buffered() == 0
	c.idle.readers.Put(c.r)
	c.ctx, c.stop, c.r = nil, nil, nil
	if !keep || !c.idle.put(c) {
		_ = c.Close() // nobody needs what it may still say
	}
}

// alive says whether the other side has neither closed the connection nor said anything on it.
func (c *conn) alive() bool {
	s, ok := c.raw.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return false
	}
	return quiet(raw, c.left)
}
