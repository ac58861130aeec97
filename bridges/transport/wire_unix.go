//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package transport

import (
	"io"
	"os"
	"syscall"
)

// glance reads what has come already.
func (w *wire) glance(p []byte) (int, error) {
	if w.look == nil {
		w.look = func(fd uintptr) bool {
			for w.n, w.err = syscall.Read(int(fd), w.p); w.err == syscall.EINTR; { // the runtime's sockets never block
				w.n, w.err = syscall.Read(int(fd), w.p)
			}
			return true
		}
	}
	w.p = p
	err := w.socket.Read(w.look)
	w.p = nil
	switch {
	case err != nil: // which may be a deadline that is over, and says nothing of the other side
		return 0, io.EOF
	case w.err == syscall.EAGAIN:
		return 0, os.ErrDeadlineExceeded
	case w.err != nil:
		return 0, w.err
	case w.n == 0:
		return 0, io.EOF
	}
	return w.n, nil
}
