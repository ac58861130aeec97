package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"avatarbridge/cmd/avatarbridge-load/internal/figure"
)

// progress shows how far a run is: on a terminal in one line that changes, elsewhere in a line for each trial.
type progress struct {
	out      io.Writer
	terminal bool
	stop     chan struct{}
	once     sync.Once
	work     sync.WaitGroup

	mu    sync.Mutex
	began time.Time
	round string
	what  string
	far   func() (answered, written int)
}

func newProgress(out io.Writer) *progress {
	p := &progress{out: out, stop: make(chan struct{}), began: time.Now()}
	if f, ok := out.(*os.File); ok {
		_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
		p.terminal = err == nil
	}
	if p.terminal {
		p.work.Go(p.show)
	}
	return p
}

func (p *progress) pass(n, of int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.round = fmt.Sprintf("pass %d of %d", n, of)
}

// watch notes that a trial has begun.
func (p *progress) watch(mode, who string, far func() (answered, written int)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.what, p.far = mode+", "+who, far
}

// done notes that a trial has ended.
func (p *progress) done(r figure.Result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.far = nil
	if p.terminal {
		return
	}
	verdict := "done"
	if len(r.Broken) > 0 {
		verdict = "BROKEN"
	}
	fmt.Fprintf(p.out, "%6.1fs  %s: %s, %s: %s\n", time.Since(p.began).Seconds(), p.round, r.Mode, r.Who, verdict)
}

// line clears the terminal's line.
const line = "\r\x1b[K"

func (p *progress) show() {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			fmt.Fprint(p.out, line)
			return
		case <-tick.C:
		}
		p.mu.Lock()
		if p.far != nil {
			answered, written := p.far()
			fmt.Fprintf(p.out, "%s%.0fs  %s: %s: %d of %d answered", line, time.Since(p.began).Seconds(), p.round, p.what, answered, written)
		}
		p.mu.Unlock()
	}
}

func (p *progress) close() {
	p.once.Do(func() { close(p.stop) })
	p.work.Wait()
}
