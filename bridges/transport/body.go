package transport

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

var errReadClosed = errors.New("the answer's body was closed before it was read to its end")

// A body is an answer's. Its connection is kept when it was read to its end.
type body struct {
	io.Reader
	conn *conn
	ctx  context.Context // of the call
	keep bool            // the connection may be used again

	reading sync.Mutex // held by who reads: the buffer goes to another call with the end of this one
	mu      sync.Mutex
	over    error // how the call ended; nil: it has not, and the connection is its own
	closing bool  // who closes ends the call
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	b.reading.Lock()
	defer b.reading.Unlock()
	if err := b.ended(); err != nil {
		return 0, err
	}
	n, err := b.Reader.Read(p)
	if err == nil {
		return n, nil
	}
	if over := b.ctx.Err(); over != nil && err != io.EOF {
		err = over
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case !b.closing:
		b.end(err, err == io.EOF)
	case err != io.EOF:
		err = errReadClosed
	}
	return n, err
}

func (b *body) ended() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closing {
		return errReadClosed // and not the answer's own end: who reads on may not have got all
	}
	return b.over
}

// end lets go of the connection. whole says that nothing of the answer is left on it.
func (b *body) end(err error, whole bool) {
	b.over = err
	b.conn.end(whole && b.keep)
}

// Close takes in what has come of the rest, and does not wait for more. A Read under way ends.
func (b *body) Close() error {
	if !b.close() {
		return nil
	}
	b.reading.Lock()
	defer b.reading.Unlock()
	_, err := io.CopyN(io.Discard, b.Reader, bufferSize)
	whole := err == io.EOF && b.conn.SetDeadline(time.Time{}) == nil
	b.mu.Lock()
	defer b.mu.Unlock()
	b.end(errReadClosed, whole)
	return nil
}

// close interrupts who reads. false says that the call has ended, or that somebody else closes it.
func (b *body) close() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over != nil || b.closing {
		return false
	}
	b.closing = true
	b.conn.interrupt()
	return true
}
