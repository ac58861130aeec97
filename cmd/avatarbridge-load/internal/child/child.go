// Package child runs the program that is measured as a process of its own, and reads what the kernel knows of it.
package child

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A Command says how the program is started.
type Command struct {
	Path string
	Args []string
	Dir  string // the working directory, where its log goes too
	Env  []string
	// Tmpfs, when it is not 0, gives the process a file system of so many bytes of its own at Dir. That takes a mount namespace: Start fails
	// where there is none to be had.
	Tmpfs int64
	// Etc are files of Dir that the process finds in /etc, in place of those that are there. That takes a mount namespace too.
	Etc []string
}

// LogFile is the name of the file to which the process's output is appended.
const LogFile = "child.log"

// A Process is a running program. Its methods may be called by several goroutines.
type Process struct {
	Started time.Time
	cmd     *exec.Cmd
	dead    chan struct{}
	mu      sync.Mutex
	err     error
}

// Start starts the program. Kill or Stop must be called.
func Start(c Command) (*Process, error) {
	out, err := os.OpenFile(filepath.Join(c.Dir, LogFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = c.Dir, out, out
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if c.Tmpfs > 0 || len(c.Etc) > 0 {
		if err := confine(cmd, c); err != nil {
			return nil, err
		}
	}
	p := &Process{cmd: cmd, dead: make(chan struct{}), Started: time.Now()}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	go func() {
		err := cmd.Wait()
		p.mu.Lock()
		p.err = err
		p.mu.Unlock()
		close(p.dead)
	}()
	return p, nil
}

// Dead is closed when the process has ended.
func (p *Process) Dead() <-chan struct{} { return p.dead }

// Kill ends the process with SIGKILL, if it runs, and returns when it is dead.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // an error says that it is dead already
	<-p.dead
}

// Stop asks the process to end. After a while it is killed, which is an error.
func (p *Process) Stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // an error says that it is dead already
	select {
	case <-p.dead:
	case <-time.After(20 * time.Second):
		p.Kill()
		return errors.New("the program did not stop within 20 s of SIGTERM")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// Pause stops the process where it is, Resume lets it go on.
func (p *Process) Pause() error { return p.cmd.Process.Signal(syscall.SIGSTOP) }

// Resume lets a paused process go on.
func (p *Process) Resume() error { return p.cmd.Process.Signal(syscall.SIGCONT) }

// PID is the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// CPU is the time that the process's threads have run so far, in user and kernel mode. It is also known when the process has ended.
func (p *Process) CPU() (time.Duration, error) {
	select {
	case <-p.dead:
		return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime(), nil
	default:
	}
	// The clock of another process: ~pid in the upper bits, and 2 for all of the time that the scheduler gave it (clock_getcpuclockid(3)).
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^p.PID()<<3|2), &t); err != nil {
		return 0, fmt.Errorf("read the processor time of process %d: %w", p.PID(), err)
	}
	return time.Duration(t.Nano()), nil
}

// Memory is what of a process is in memory, in bytes.
type Memory struct {
	RSS  int64
	Peak int64 // since the start
	Anon int64 // of RSS, what is the process's own: no page of a file, which others may have in memory too
}

// Memory reads what of the process is in memory now.
func (p *Process) Memory() (Memory, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		return Memory{}, err
	}
	var m Memory
	for line := range bytes.SplitSeq(b, []byte("\n")) {
		name, rest, _ := strings.Cut(string(line), ":")
		kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		if err != nil {
			continue
		}
		switch name {
		case "VmRSS":
			m.RSS = kib << 10
		case "VmHWM":
			m.Peak = kib << 10
		case "RssAnon":
			m.Anon = kib << 10
		}
	}
	return m, nil
}

// ResetPeak lets Peak begin anew.
func (p *Process) ResetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.PID()), []byte("5"), 0)
}

// LimitFiles lets no file of the process grow beyond so many bytes, -1 any: the next write fails.
func (p *Process) LimitFiles(bytes int64) error {
	var l unix.Rlimit
	if err := unix.Prlimit(p.PID(), unix.RLIMIT_FSIZE, nil, &l); err != nil {
		return err
	}
	l.Cur = uint64(bytes)
	if bytes < 0 {
		l.Cur = l.Max
	}
	return unix.Prlimit(p.PID(), unix.RLIMIT_FSIZE, &l, nil)
}

// Log returns the last n bytes of what processes in the folder wrote.
func Log(dir string, n int) string {
	b, err := os.ReadFile(filepath.Join(dir, LogFile))
	if err != nil {
		return err.Error()
	}
	return string(b[max(len(b)-n, 0):])
}
