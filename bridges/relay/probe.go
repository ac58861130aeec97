package relay

import (
	"sync"
	"time"
)

const (
	// probeSlow is how long a probe may take before others may try as well.
	probeSlow = breakerOpen / 2
	// maxProbes is how many calls an avatar gets at most before one of them is answered: it may hang, and each may cost money.
	maxProbes = 16
)

// probes are the calls that find out whether an avatar is back.
type probes struct {
	mu    sync.Mutex
	done  func(error) // of the breaker, for the first; nil when it was told
	spare int         // how many more may start
	begun int
}

// first begins a round of probes with the one that the breaker has let through.
func (p *probes) first(done func(error)) (report func(error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done, p.spare, p.begun = done, 0, 1
	return p.probe(true)
}

// more begins another probe of the round; nil when none may begin.
func (p *probes) more() (report func(error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.spare == 0 || p.done == nil {
		return nil
	}
	p.spare--
	p.begun++
	return p.probe(false)
}

// probe watches one. Its success ends the round, and so does the failure of the first.
func (p *probes) probe(first bool) (report func(error)) {
	slow := time.AfterFunc(probeSlow, p.grant)
	return func(err error) {
		slow.Stop()
		if first || err == nil {
			p.tell(err)
		}
	}
}

// grant lets two more try, since one is slow.
func (p *probes) grant() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spare = min(p.spare+2, max(maxProbes-p.begun, 0))
}

func (p *probes) tell(err error) {
	p.mu.Lock()
	done := p.done
	p.done, p.spare = nil, 0
	p.mu.Unlock()
	if done != nil {
		done(err)
	}
}
