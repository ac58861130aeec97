//go:build unix

package server

import "syscall"

// openFiles is how many files the program may have open. Go's runtime has raised the soft limit to the hard one.
func openFiles() int {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) != nil {
		return filesUnknown
	}
	return int(min(uint64(l.Cur), 1<<20))
}
