//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package transport

import (
	"syscall"
	"time"
)

// quiet says whether a connection that was left at some time has neither ended nor brought anything since.
func quiet(raw syscall.RawConn, _ time.Time) bool {
	open := false
	err := raw.Read(func(fd uintptr) bool {
		var one [1]byte
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK) // the runtime's sockets never block
		open = err == syscall.EAGAIN
		return true
	})
	return open && err == nil
}
