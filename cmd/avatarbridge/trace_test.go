package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// A call is a system call on a file or a socket that has succeeded.
type call struct {
	name, file   string // the file's path, or "socket:[123]"
	args         string
	data         []byte // that it has read or written
	began, ended int    // the lines of the trace
}

// on reports whether the call is on a file of this name.
func (c *call) on(file string) bool { return strings.HasSuffix(c.file, file) }

func (c *call) writes() bool { return c.name == "write" || c.name == "pwrite64" }
func (c *call) syncs() bool  { return c.name == "fdatasync" || c.name == "fsync" }

// A tracing is all calls of a program, in the order of their ends, and what came and went over its connections.
type tracing struct {
	calls    []*call
	in, out  map[string]*stream // by socket
	lastLine int
}

// A stream is what went over a socket in one direction.
type stream struct {
	data  []byte
	calls []*call
	ends  []int // in data, of each call
}

// at is the call that the byte belongs to.
func (s *stream) at(offset int) *call {
	for i, end := range s.ends {
		if offset < end {
			return s.calls[i]
		}
	}
	return nil
}

// carries returns each call that ends an appearance of the text.
func (s *stream) carries(text string) (all []*call) {
	for from := 0; ; {
		i := bytes.Index(s.data[from:], []byte(text))
		if i < 0 {
			return all
		}
		from += i + len(text)
		all = append(all, s.at(from-1))
	}
}

// trace starts the program under strace. The returned function kills it and returns its calls.
func (r *rig) trace(calls string) (stop func() *tracing) {
	r.t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		if os.Getenv("AVATARBRIDGE_TEST_ALL") != "" {
			r.t.Fatal("strace is not installed, and AVATARBRIDGE_TEST_ALL wants all tests")
		}
		r.t.Skip("strace is not installed")
	}
	file := filepath.Join(r.dir, "calls")
	r.under = []string{strace, "-f", "-y", "-x", "-s", "65536", "-e", "trace=" + calls, "-o", file}
	r.start()
	r.t.Cleanup(r.killTraced)
	return func() *tracing {
		r.t.Helper()
		r.killTraced()
		text, err := os.ReadFile(file)
		if err != nil {
			r.t.Fatal(err)
		}
		return readTrace(string(text))
	}
}

// killTraced kills the program that runs under another one, which then ends too: killed itself, it would leave the program behind.
func (r *rig) killTraced() {
	r.mu.Lock()
	tracer, dead := r.child.Process.Pid, r.dead
	r.mu.Unlock()
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", tracer, tracer))
	if err != nil {
		return // it is dead already
	}
	for child := range strings.FieldsSeq(string(children)) {
		if pid, err := strconv.Atoi(child); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	<-dead
}

var callForm = regexp.MustCompile(`^(\w+)\(\d+<([^>]*)>(.*)\) += (\d+)(?: |$)`)

// readTrace reads what strace has written. A call that has not ended, or not well, is left out.
func readTrace(text string) *tracing {
	tr := &tracing{in: map[string]*stream{}, out: map[string]*stream{}}
	type opened struct {
		head string
		line int
	}
	under := map[string]opened{} // by thread
	for line := range strings.Lines(text) {
		tr.lastLine++
		thread, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		rest = strings.TrimLeft(rest, " ")
		began := tr.lastLine
		if head, ok := strings.CutSuffix(rest, "<unfinished ...>"); ok {
			under[thread] = opened{head, began}
			continue
		}
		if tail, ok := strings.CutPrefix(rest, "<... "); ok {
			_, tail, _ = strings.Cut(tail, " resumed>")
			rest, began = under[thread].head+tail, under[thread].line
		}
		if m := callForm.FindStringSubmatch(rest); m != nil {
			tr.add(&call{name: m[1], file: m[2], args: m[3], data: quoted(m[3]), began: began, ended: tr.lastLine})
		}
	}
	return tr
}

// quoted is the first string among a call's arguments.
func quoted(args string) []byte {
	i := strings.IndexByte(args, '"')
	if i < 0 {
		return nil
	}
	prefix, err := strconv.QuotedPrefix(args[i:])
	if err != nil {
		return nil
	}
	data, err := strconv.Unquote(prefix)
	if err != nil {
		return nil
	}
	return []byte(data)
}

func (tr *tracing) add(c *call) {
	tr.calls = append(tr.calls, c)
	way := tr.in
	switch {
	case !strings.HasPrefix(c.file, "socket:"):
		return
	case c.writes():
		way = tr.out
	case c.name != "read":
		return
	}
	s := way[c.file]
	if s == nil {
		s = &stream{}
		way[c.file] = s
	}
	s.data = append(s.data, c.data...)
	s.calls, s.ends = append(s.calls, c), append(s.ends, len(s.data))
}

// stored is the first time that the text was written to the log of the database, nil if it never was.
func (tr *tracing) stored(text string) *call {
	for _, c := range tr.calls {
		if c.writes() && c.on(walName) && bytes.Contains(c.data, []byte(text)) {
			return c
		}
	}
	return nil
}

// synced is the first sync of the database's log that began when a call had ended, nil if none did.
func (tr *tracing) synced(after *call) *call {
	for _, c := range tr.calls {
		if c.syncs() && c.on(walName) && c.began > after.ended {
			return c
		}
	}
	return nil
}

const walName = "/a.db-wal"

// unproven says what is wrong with an acknowledgement of the event that has the text in it; "" says that the event had been written to the
// database's log, and that synced, before the acknowledgement began to be written.
func (tr *tracing) unproven(text string, ack *call) string {
	if ack == nil {
		return "it was never acknowledged"
	}
	stored := tr.stored(text)
	if stored == nil || stored.began > ack.began {
		return fmt.Sprintf("line %d acknowledges what is not yet in the database", ack.began)
	}
	if s := tr.synced(stored); s == nil || s.ended > ack.began {
		return fmt.Sprintf("line %d acknowledges what line %d has written and nothing has synced", ack.began, stored.began)
	}
	return ""
}

func TestTheOffsetOfAPollIsSeenWhereverItStands(t *testing.T) {
	const head = "POST /bot1:x/getUpdates HTTP/1.1\r\nContent-Length: 9\r\n\r\n"
	for request, want := range map[string]int64{
		head + "offset=7&limit=100": 7, head + "limit=100&timeout=50&offset=8": 8, head + "limit=100&offset=9&timeout=50": 9,
		head + "limit=100": 0, "POST /bot1:x/sendMessage HTTP/1.1\r\n\r\noffset=7": 0,
	} {
		if got := offsetOf(&call{data: []byte(request)}); got != want {
			t.Errorf("%d, want %d, in\n%s", got, want, request)
		}
	}
}

func TestAnAcknowledgementBeforeItsSyncIsSeenInATrace(t *testing.T) {
	const (
		arrives = "1 read(9<socket:[1]>, \"POST /hook HTTP/1.1\\r\\n\\r\\nm0\", 4096) = 26\n"
		empty   = "1 read(9<socket:[1]>, 0xc000, 4096) = -1 EAGAIN (Resource temporarily unavailable)\n"
		rest    = "1 read(9<socket:[1]>, \".1.\", 4096) = 3\n"
		stores  = "2 pwrite64(5</d/a.db-wal>, \"\\x00\\x6d\\x30\\x2e\\x31\\x2e\", 6, 32) = 6\n"
		sync    = "2 fdatasync(5</d/a.db-wal>) = 0\n"
		syncing = "2 fdatasync(5</d/a.db-wal> <unfinished ...>\n"
		synced  = "2 <... fdatasync resumed>) = 0\n"
		answers = "1 write(9<socket:[1]>, \"HTTP/1.1 200 OK\\r\\n\\r\\n\", 19 <unfinished ...>\n1 <... write resumed>) = 19\n"
		refuses = "1 write(9<socket:[1]>, \"HTTP/1.1 503 Service Unavailable\\r\\n\\r\\n\", 36) = 36\n"
	)
	for trace, want := range map[string]string{
		arrives + empty + rest + stores + sync + answers:                                                  "",
		arrives + rest + stores + syncing + synced + answers:                                              "",
		arrives + rest + refuses + stores + arrives + rest + sync + answers:                               "",
		arrives + rest + answers + stores + sync:                                                          "line 3 acknowledges what is not yet in the database",
		arrives + rest + sync + stores + answers:                                                          "line 5 acknowledges what line 4 has written and nothing has synced",
		arrives + rest + syncing + stores + synced + answers:                                              "line 6 acknowledges what line 4 has written and nothing has synced",
		arrives + rest + stores + syncing + answers + synced:                                              "line 5 acknowledges what line 3 has written and nothing has synced",
		arrives + rest + stores + "2 fdatasync(5</d/a.db-wal>) = -1 EIO (Input/output error)\n" + answers: "line 5 acknowledges what line 3 has written and nothing has synced",
		arrives + rest + stores + "2 fdatasync(5</d/other>) = 0\n" + answers:                              "line 5 acknowledges what line 3 has written and nothing has synced",
		arrives + rest + stores + sync + refuses:                                                          "it was never acknowledged",
	} {
		tr := readTrace(trace)
		if got := tr.unproven("m0.1.", overHTTP("/hook")(tr, "m0.1.")); got != want {
			t.Errorf("%q, want %q, in\n%s", got, want, trace)
		}
	}
}
