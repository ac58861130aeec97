package transport

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"time"
)

const bufferSize = 4 << 10 // of each call for what comes, and for what goes

var (
	// errUnsent is the error of a call of which nothing reached the network.
	errUnsent = errors.New("the connection was closed before the request was sent")
	errHeader = errors.New("the header of the answer is larger than 64 KiB")
	errSwitch = errors.New("the server switches to another protocol")
	errStatus = errors.New("the status of the answer is below 100")
)

// A conn is a connection. It belongs to one call, from take or connect to the end of the answer's body.
type conn struct {
	net.Conn
	wire *wire // of Conn when that is TLS, else the same
	idle *idle
	key  key

	r      *bufio.Reader   // of the call: a connection that waits for its next one needs no buffers
	ctx    context.Context // of the call
	stop   func() bool     // no longer end with ctx
	budget int             // bytes that the header may still have
}

// source reads for a conn's buffer.
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

var past = time.Unix(1, 0)

// interrupt ends reads and writes under way. Those that the buffers can serve go on.
func (c *conn) interrupt() { _ = c.SetDeadline(past) } // an error says that it is closed already

// exchange makes a call. After an error the connection is closed; else it ends with the body of the answer.
func (c *conn) exchange(req *http.Request) (*http.Response, error) {
	c.ctx, c.r = req.Context(), c.idle.reader(source{c})
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
	if err := c.ctx.Err(); err != nil { // while it was connected; what is written now would reach the server
		closeBody(req)
		return nil, err
	}
	c.budget, c.wire.written = maxHeader, 0
	w := c.idle.writer(c.Conn)
	err := write(w, req)
	_, broken := w.Write(nil) // the connection; an error without one is the body's
	c.idle.writers.Put(w)
	if err == nil {
		if t := httptrace.ContextClientTrace(c.ctx); t != nil && t.WroteRequest != nil {
			t.WroteRequest(httptrace.WroteRequestInfo{})
		}
		return c.answer(req)
	}
	switch {
	case broken == nil:
		return nil, err // neither another connection helps nor an answer
	case c.wire.written == 0:
		return nil, fmt.Errorf("%w: %w", errUnsent, err)
	}
	return c.refusal(req, err)
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

// answer reads the header of the answer. Informational ones come before it, as many as the largest header has place for.
func (c *conn) answer(req *http.Request) (*http.Response, error) {
	for {
		if _, err := c.r.Peek(1); err != nil {
			return nil, err
		}
		res, err := http.ReadResponse(c.r, req)
		switch {
		case err != nil:
			return nil, err
		case res.StatusCode == http.StatusSwitchingProtocols:
			return nil, errSwitch
		case res.StatusCode < 100:
			return nil, errStatus
		case res.StatusCode >= 200:
			c.budget = -1
			return res, nil
		}
	}
}

// end ends the call. The connection is kept if keep says that nothing of the call is left on it, and closed otherwise.
func (c *conn) end(keep bool) {
	unbroken := c.stop()
	keep = keep && unbroken && c.r.Buffered() == 0
	c.idle.readers.Put(c.r)
	c.ctx, c.stop, c.r = nil, nil, nil
	if !keep || !c.idle.put(c) {
		c.drop()
	}
}

// drop closes the connection without a farewell, for which TLS would wait for seconds when the other side takes nothing.
func (c *conn) drop() { _ = c.wire.Close() } // nobody needs what it may still say

// alive says whether the other side has neither closed the connection nor answered anything on it. What TLS tells itself is taken in, and what
// it took in behind the last answer is seen.
func (c *conn) alive() bool {
	c.wire.looking = true
	_, err := c.Read(c.wire.one[:])
	c.wire.looking = false
	return errors.Is(err, os.ErrDeadlineExceeded)
}
