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
	round int // what is left of an earlier round has no say in this one
}

// first begins a round of probes with the one that the breaker has let through.
func (p *probes) first(done func(error)) (report func(error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done, p.spare, p.begun = done, 0, 1
	p.round++
	return p.probe(p.round, true)
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
	return p.probe(p.round, false)
}

// probe watches one. Its success ends the round, and so does the failure of the first.
func (p *probes) probe(round int, first bool) (report func(error)) {
	slow := time.AfterFunc(probeSlow, func() { p.grant(round) })
	return func(err error) {
		slow.Stop()
		if first || err == nil {
			p.tell(round, err)
		}
	}
}

// grant lets two more try, since one is slow.
func (p *probes) grant(round int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if round != p.round {
		return
	}
	p.spare = min(p.spare+2, max(maxProbes-p.begun, 0))
}

func (p *probes) tell(round int, err error) {
	p.mu.Lock()
	var done func(error)
	if round == p.round {
		done, p.done, p.spare = p.done, nil, 0
	}
	p.mu.Unlock()
	if done != nil {
		done(err)
	}
}
