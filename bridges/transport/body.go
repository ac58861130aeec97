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

	mu   sync.Mutex
	over error // how the call ended; nil: it has not, and the connection is its own
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
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
	b.end(err)
	return n, err
}

func (b *body) ended() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.over
}

// end lets go of the connection, once.
func (b *body) end(err error) {
	if b.over == nil {
		b.over = err
		b.conn.end(err == io.EOF && b.keep)
	}
}

// Close takes in what has come of the rest, and does not wait for more. A Read under way ends.
func (b *body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over != nil {
		return nil
	}
	b.conn.interrupt()
	if _, err := io.CopyN(io.Discard, b.Reader, bufferSize); err == io.EOF && b.conn.SetDeadline(time.Time{}) == nil {
		b.end(io.EOF)
		return nil
	}
	b.end(errReadClosed)
	return nil
}
