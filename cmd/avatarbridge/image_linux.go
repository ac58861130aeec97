package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// imagePiece is how much of the program's file one access may bring into the process. Since 6.18 Linux maps the whole folio of the page cache
	// that has the page asked for, up to 2 MiB where pages have 4 KiB (filemap_map_pages, finish_fault in mm), so that a few accesses bring all of the file.
	imagePiece = 256 << 10
	// imageKept is how much of files may stay mapped when nothing happens: less is not worth the work.
	imageKept = 12 << 20
)

// An image is the program's own file as the process has it mapped. The pages are the page cache's, and stay there: what lets go of them lets
// the system decide who needs the memory, and an access brings them back without reading a disk as long as they are cached.
type image struct{ cut bool }

// letGo unmaps the pages of the file if there are many of them. Where the system shows no mappings nothing happens.
func (i *image) letGo() {
	if fileBytes(os.Getpid()) <= imageKept {
		return
	}
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer f.Close()
	name, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	for _, s := range untouched(f, name) {
		if !i.cut {
			s.cut()
		}
		s.advise(unix.MADV_DONTNEED)
	}
	i.cut = true
}

// fileBytes is how much memory of a process is mapped from files, 0 where that is not known.
func fileBytes(pid int) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	var size, resident, shared int
	if _, err := fmt.Sscan(string(b), &size, &resident, &shared); err != nil {
		return 0
	}
	return shared * os.Getpagesize()
}

// A span is a range of addresses.
type span struct{ from, to uintptr }

// untouched are the mappings of a file that cannot be written and of which the process has no page of its own, in memory or swapped out, as it
// has after relocations or in a debugger: only what is the file's comes back as it was. smaps is what proc_pid_smaps(5) describes.
func untouched(smaps io.Reader, file string) []span {
	var found []span
	var last span
	ours := false
	for lines := bufio.NewScanner(smaps); lines.Scan(); {
		first, rest, _ := strings.Cut(lines.Text(), " ")
		switch {
		case first == "Anonymous:":
			ours = ours && strings.TrimSpace(rest) == "0 kB"
		case first == "Swap:":
			if ours && strings.TrimSpace(rest) == "0 kB" {
				found = append(found, last)
			}
		case !strings.HasSuffix(first, ":"): // it begins a mapping: addresses, mode, offset, device, inode and name
			n, _ := fmt.Sscanf(first, "%x-%x", &last.from, &last.to)
			ours = n == 2 && (strings.HasPrefix(rest, "r-xp ") || strings.HasPrefix(rest, "r--p ")) && strings.HasSuffix(rest, " "+file)
		}
	}
	return found
}

// cut makes mappings of one piece each of a mapping, over whose ends no access reaches. Every second one gets a flag that keeps it apart from
// its neighbours and is for core dumps, in which pages that are as they are in a file are not anyway, but for a file's first (core(5), unless
// coredump_filter says otherwise).
func (s span) cut() {
	for from := s.from + imagePiece; from < s.to; from += 2 * imagePiece {
		span{from, min(from+imagePiece, s.to)}.advise(unix.MADV_DONTDUMP)
	}
}

// advise tells the system something about the span. That it may refuse (locked memory, a seccomp filter) costs memory and nothing else.
func (s span) advise(what int) {
	_, _, _ = unix.Syscall(unix.SYS_MADVISE, s.from, s.to-s.from, uintptr(what))
}
