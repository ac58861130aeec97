package child

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// shell runs a script as a child.
func shell(t *testing.T, script string) *Process {
	t.Helper()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Start(Command{Path: sh, Args: []string{"-c", script}, Dir: t.TempDir(), Env: []string{"LOAD_TEST=1"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

func TestTheKernelsFiguresAreRead(t *testing.T) {
	p := shell(t, "while :; do :; done")
	deadline := time.Now().Add(20 * time.Second)
	for {
		cpu, err := p.CPU()
		if err != nil {
			t.Fatal(err)
		}
		if cpu > 20*time.Millisecond {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it has run for %v only", cpu)
		}
	}
	m, err := p.Memory()
	if err != nil || m.RSS <= 0 || m.Peak < m.RSS || m.Anon <= 0 || m.Anon > m.RSS {
		t.Errorf("the memory is %+v, %v", m, err)
	}
	p.Kill()
	p.Kill()                                                          // is harmless
	if cpu, err := p.CPU(); err != nil || cpu < 10*time.Millisecond { // the kernel rounds this one
		t.Errorf("dead, it has run for %v, %v", cpu, err)
	}
}

func TestAPausedProcessDoesNotRun(t *testing.T) {
	p := shell(t, "while :; do :; done")
	if err := p.Pause(); err != nil {
		t.Fatal(err)
	}
	state := func() string {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Fields(string(b))[2]
	}
	for deadline := time.Now().Add(20 * time.Second); state() != "T"; {
		if time.Now().After(deadline) {
			t.Fatal("it is not stopped")
		}
	}
	if err := p.Resume(); err != nil {
		t.Fatal(err)
	}
}

func TestAProgramEndsAndItsOutputIsKept(t *testing.T) {
	p := shell(t, `echo "$LOAD_TEST, started"`)
	<-p.Dead()
	if got := Log(p.cmd.Dir, 100); got != "1, started\n" {
		t.Errorf("the log is %q", got)
	}
	if got := Log(p.cmd.Dir, 3); got != "ed\n" {
		t.Errorf("the log's end is %q", got)
	}
	if err := p.Stop(); err != nil {
		t.Errorf("a program that ended by itself: %v", err)
	}
	if p := shell(t, "sleep 60"); p.Stop() == nil {
		t.Error("a program that a signal ended has stopped well")
	}
}

func TestFilesThatMayNotGrow(t *testing.T) {
	p := shell(t, "trap '' XFSZ; while :; do echo grow >> grown; done 2> /dev/null")
	size := func() int64 {
		info, err := os.Stat(p.Inside("grown"))
		if err != nil {
			return 0 // not yet
		}
		return info.Size()
	}
	await := func(what string, done func() bool) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); !done(); {
			if time.Now().After(deadline) {
				t.Fatalf("%s: %d bytes", what, size())
			}
		}
	}
	await("it does not grow", func() bool { return size() > 0 })
	limit := size() + 1000
	if err := p.LimitFiles(limit); err != nil {
		t.Fatal(err)
	}
	await("it does not grow up to the limit, or beyond it", func() bool { return size() == limit })
	if err := p.LimitFiles(-1); err != nil {
		t.Fatal(err)
	}
	await("it grows no more without a limit", func() bool { return size() > limit })
}
