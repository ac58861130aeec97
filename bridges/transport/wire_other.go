//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package transport

import (
	"io"
	"os"
	"time"
)

// glance says whether a connection has probably not ended: here it cannot be looked at, and servers let a connection be for some seconds
// at least.
func (w *wire) glance([]byte) (int, error) {
	if time.Since(w.left) < 2*time.Second {
		return 0, os.ErrDeadlineExceeded
	}
	return 0, io.EOF
}
