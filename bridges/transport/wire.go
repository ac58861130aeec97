package transport

import (
	"io"
	"net"
	"syscall"
	"time"
)

// A wire is a connection as the network has it, below TLS: it knows what was really given to the kernel, and can be read without waiting.
type wire struct {
	net.Conn
	socket  syscall.RawConn // nil: it cannot be looked at
	written int64           // since somebody set it to 0

	left    time.Time // when the last call ended
	looking bool      // Read takes what has come, and os.ErrDeadlineExceeded says that nothing has

	one  [1]byte            // to look with
	look func(uintptr) bool // reads what has come into p; made once, since each call looks
	p    []byte
	n    int
	err  error
}

func newWire(c net.Conn) *wire {
	w := &wire{Conn: c}
	if s, ok := c.(syscall.Conn); ok {
		if socket, err := s.SyscallConn(); err == nil {
			w.socket = socket
		}
	}
	return w
}

// Read implements net.Conn.
func (w *wire) Read(p []byte) (int, error) {
	switch {
	case !w.looking:
		return w.Conn.Read(p)
	case w.socket == nil:
		return 0, io.EOF
	}
	return w.glance(p)
}

// Write implements net.Conn.
func (w *wire) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p)
	w.written += int64(n)
	return n, err
}
