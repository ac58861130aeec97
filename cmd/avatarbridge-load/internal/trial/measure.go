package trial

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/figure"
	"avatarbridge/cmd/avatarbridge-load/internal/ledger"
)

// settled is how long a process may rest after its start before its memory is looked at.
const settled = 500 * time.Millisecond

// A meter measures what a stretch of a trial costs.
type meter struct {
	t         *trial
	cpu, self time.Duration // when it began
}

// measure begins.
func (t *trial) measure() (*meter, error) {
	cpu, err := t.cpu()
	return &meter{t: t, cpu: cpu, self: own()}, err
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
	cpu, err := m.t.cpu()
	if err != nil {
		return err
	}
	r.Add("CPU for 1,000 messages", "s", (cpu-m.cpu).Seconds()*1000/float64(messages))
	return m.share(r)
}

// share adds the simulators' share of what was used of the processor.
func (m *meter) share(r *figure.Result) error {
	cpu, err := m.t.cpu()
	if err != nil {
		return err
	}
	used, self := cpu-m.cpu, own()-m.self
	r.Add("simulators' share of the CPU", "%", 100*self.Seconds()/(used+self).Seconds())
	return nil
}

// throughput adds the throughput between the first message and the last reply.
func (t *trial) throughput(r *figure.Result) {
	add := func(prefix string, s ledger.Sum) {
		r.Add(prefix+"throughput", "msg/s", float64(s.Answered)/(s.Last-s.First).Seconds())
	}
	add("", t.ledger.Sum())
	t.each(func(prefix string, chats func(int) bool) { add(prefix, t.ledger.SumOf(chats)) })
}

// each calls f for each name among the bridges of a mix with a prefix for its rows, and never where there is but one.
func (t *trial) each(f func(prefix string, chats func(chat int) bool)) {
	names := t.names()
	if len(names) < 2 {
		return
	}
	for _, name := range names {
		f(name+": ", func(chat int) bool { return t.bots[chat%len(t.bots)].name == name })
	}
}

// latency adds what was added to the avatar's own time, in a mix also for each platform.
func (t *trial) latency(r *figure.Result, prefix string, keep func(chat, n int) bool) {
	t.latencies(r, prefix, keep)
	t.each(func(kind string, chats func(int) bool) {
		t.latencies(r, kind+prefix, func(chat, n int) bool { return chats(chat) && (keep == nil || keep(chat, n)) })
	})
}

func (t *trial) latencies(r *figure.Result, prefix string, keep func(chat, n int) bool) {
	l := t.ledger.Latencies(keep)
	for _, p := range []struct {
		name string
		of   float64
	}{{"p50", 50}, {"p90", 90}, {"p99", 99}, {"max", 100}} {
		r.Milliseconds(prefix+"added latency "+p.name, figure.Percentile(l, p.of))
	}
}

// memory adds what the process has in memory, and how much of that is its own: the rest are pages of files, above all of its program, which the
// system takes back when it needs them.
func (t *trial) memory(r *figure.Result, when string) error {
	m, err := t.process().Memory()
	if err != nil {
		return err
	}
	r.Megabytes("RSS "+when, m.RSS)
	r.Megabytes("RSS "+when+", of it its own", m.Anon)
	return nil
}

// peak adds the most that the process had in memory since it started. The system does not keep how much of that was its own.
func (t *trial) peak(r *figure.Result) error {
	m, err := t.process().Memory()
	if err != nil {
		return err
	}
	r.Megabytes("RSS peak", m.Peak)
	return nil
}

// settle lets the process rest for d, then adds its memory.
func (t *trial) settle(ctx context.Context, r *figure.Result, when string, d time.Duration) error {
	if err := rest(ctx, d); err != nil {
		return err
	}
	return t.memory(r, when)
}

// may is how often a promise may be broken for a reason that the mode knows.
type may struct {
	ask int // -1: any number
	// The program was killed, or kept from answers: what the ledger counts as due to that may come again, message by message.
	killed bool
	// On Telegram alone, which tells nobody whether a post is there: replies that come again, and messages without a reply of which it is
	// known why, so that they are not lost. Elsewhere there is neither.
	double, held int
}

// promises adds what became of the messages, and the simulators' share of what the whole trial took: for modes that measure no stretch of it.
func (t *trial) promises(r *figure.Result, m may) {
	if t.whole != nil {
		if err := t.whole.share(r); err != nil {
			r.Notes = append(r.Notes, err.Error())
		}
	}
	t.fates(r, m)
}

// fates adds what became of the messages, on each platform.
func (t *trial) fates(r *figure.Result, m may) {
	t.each(func(prefix string, chats func(int) bool) {
		limit := m
		if !strings.HasPrefix(prefix, Telegram) {
			limit.double, limit.held = 0, 0
		}
		t.kept(r, prefix, t.ledger.SumOf(chats), limit)
	})
	all := t.ledger.Sum()
	switch names := t.names(); {
	case len(names) > 1:
	case kindOf(names[0]) != Telegram:
		m.double, m.held = 0, 0
		fallthrough
	default:
		t.kept(r, "", all, m)
	}
	if all.Strange > 0 {
		r.Add("strange", "", float64(all.Strange))
		t.broken(r, fmt.Sprintf("%d strange posts or questions", all.Strange))
	}
	if all.Lost > m.held && t.who == Ours {
		r.Notes = append(r.Notes, fmt.Sprintf("without a reply, as chat and number: %v", t.ledger.Lost(10)))
	}
}

// kept adds what became of some messages.
func (t *trial) kept(r *figure.Result, prefix string, s ledger.Sum, m may) {
	if m.killed {
		m.double, m.ask = s.DoubledDue, s.AskedDue
	}
	for _, p := range []struct {
		name   string
		n, may int
	}{{"lost", s.Lost - m.held, 0}, {"doubled", s.Doubled, m.double}, {"out of order", s.Disordered, 0}, {"asked twice", s.AskedTwice, m.ask}} {
		r.Add(prefix+p.name, "", float64(p.n))
		if p.may >= 0 && p.n > p.may {
			t.broken(r, fmt.Sprintf("%s%d of %d %s, where %d may be", prefix, p.n, s.Written, p.name, p.may))
		}
	}
}

// broken notes a promise that was not kept. Only ours has made any.
func (t *trial) broken(r *figure.Result, what string) {
	if t.who == Ours {
		r.Broken = append(r.Broken, what)
	}
}
