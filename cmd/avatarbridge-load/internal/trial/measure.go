package trial

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/figure"
)

// settled is how long a process may rest before its memory is looked at.
const settled = 500 * time.Millisecond

// A meter measures what a stretch of a trial costs.
type meter struct {
	t         *trial
	began     time.Time
	cpu, self time.Duration
}

// measure begins.
func (t *trial) measure() (*meter, error) {
	cpu, err := t.process().CPU()
	return &meter{t: t, began: time.Now(), cpu: cpu, self: own()}, err
}

// own is the processor time of this process: the simulators and whoever drives them.
func own() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0 // cannot fail
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// cost adds what messages cost of the processor, and the simulators' share of it.
func (m *meter) cost(r *figure.Result, messages int) error {
	cpu, err := m.t.process().CPU()
	if err != nil {
		return err
	}
	used, self := cpu-m.cpu, own()-m.self
	r.Add("CPU for 1,000 messages", "s", used.Seconds()*1000/float64(messages))
	r.Add("simulators' share of the CPU", "%", 100*self.Seconds()/(used+self).Seconds())
	return nil
}

// throughput adds the throughput between the first message and the last reply.
func (t *trial) throughput(r *figure.Result) {
	s := t.ledger.Sum()
	r.Add("throughput", "msg/s", float64(s.Answered)/(s.Last-s.First).Seconds())
}

// latency adds what was added to the avatar's own time.
func (t *trial) latency(r *figure.Result, prefix string, keep func(chat, n int) bool) {
	l := t.ledger.Latencies(keep)
	for _, p := range []struct {
		name string
		of   float64
	}{{"p50", 50}, {"p90", 90}, {"p99", 99}, {"max", 100}} {
		r.Milliseconds(prefix+"added latency "+p.name, figure.Percentile(l, p.of))
	}
}

// memory adds what the process has in memory.
func (t *trial) memory(r *figure.Result, when string) error {
	m, err := t.process().Memory()
	if err != nil {
		return err
	}
	r.Megabytes("RSS "+when, m.RSS)
	return nil
}

// peak adds the most that the process had in memory since it started.
func (t *trial) peak(r *figure.Result) error {
	m, err := t.process().Memory()
	if err != nil {
		return err
	}
	r.Megabytes("RSS peak", m.Peak)
	return nil
}

// settle lets the process rest, then adds its memory.
func (t *trial) settle(ctx context.Context, r *figure.Result, when string) error {
	if err := rest(ctx, settled); err != nil {
		return err
	}
	return t.memory(r, when)
}

// may is how often a promise may be broken for a reason that the mode knows.
type may struct {
	double, ask int // -1: any number
	held        int // messages without a reply of which it is known why: they are not lost
}

// promises adds what became of the messages.
func (t *trial) promises(r *figure.Result, m may) {
	s := t.ledger.Sum()
	for _, p := range []struct {
		name   string
		n, may int
	}{
		{"lost", s.Lost - m.held, 0}, {"doubled", s.Doubled, m.double}, {"out of order", s.Disordered, 0}, {"asked twice", s.AskedTwice, m.ask},
		{"strange", s.Strange, 0},
	} {
		if p.name != "strange" || p.n > 0 {
			r.Add(p.name, "", float64(p.n))
		}
		if p.may >= 0 && p.n > p.may && t.who == Ours {
			r.Broken = append(r.Broken, fmt.Sprintf("%d of %d %s, where %d may be", p.n, s.Written, p.name, p.may))
		}
	}
	if s.Lost > m.held && t.who == Ours {
		r.Notes = append(r.Notes, fmt.Sprintf("without a reply, as chat and number: %v", t.ledger.Lost(10)))
	}
}
