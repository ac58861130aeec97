package trial

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/avatar"
	"avatarbridge/cmd/avatarbridge-load/internal/figure"
	"avatarbridge/cmd/avatarbridge-load/internal/resolver"
)

// runner is whose name is lost beside those of the platforms.
const runner = "runner"

// hostsKept is for how long a program goes by the file of hosts as it was: Go's resolver looks at it again after 5 s.
const hostsKept = 6 * time.Second

// hostOf is the name of a platform, or of the runner.
func hostOf(what string) string { return what + resolver.Domain }

// A dialed platform is one with an API that the program calls, by a name.
type dialed interface {
	// HangUp ends the connections to the API, each as soon as what was asked on it is answered.
	HangUp()
}

// name gives the platforms and the avatar's runner names, if it is wanted.
func (t *trial) name() error {
	if !t.setup.named || t.who == Baseline {
		return nil
	}
	if v, ok := t.service.(*avatar.Virtuals); ok {
		v.Name(hostOf(runner))
	}
	var err error
	t.dns, err = resolver.New(t.dir, t.hosts()...)
	return err
}

// hosts are all names.
func (t *trial) hosts() []string {
	all := []string{hostOf(runner)}
	for _, bot := range t.bots {
		if _, ok := bot.platform.(dialed); ok && !slices.Contains(all, hostOf(bot.kind)) {
			all = append(all, hostOf(bot.kind))
		}
	}
	return all
}

// names lets the names of the platforms' APIs and of the avatar's runner be lost, and ends the connections, so that they are needed. Where the
// program cannot have an /etc of its own, only the runner's is lost.
func names(ctx context.Context, b *Bench, who string, r *figure.Result) error {
	var of *trial
	var written int // before
	d := disturbance{
		setup: setup{avatar: "virtuals", tokenLife: time.Second, named: true},
		begin: func(ctx context.Context, t *trial) error {
			of = t
			written, _, _ = t.ledger.Counts()
			if err := t.dns.Lose(t.hosts()...); err != nil {
				return err
			}
			if !t.dns.Serves() {
				if err := rest(ctx, hostsKept); err != nil {
					return err
				}
			}
			t.service.(*avatar.Virtuals).HangUp()
			for _, bot := range t.bots {
				if d, ok := bot.platform.(dialed); ok {
					d.HangUp()
				}
			}
			return nil
		},
		check: func(t *trial) { t.cutOff(r, written) },
		end:   func(t *trial) error { return t.find(ctx) },
		after: func(t *trial) { t.unresolved(r) },
	}
	if err := b.confinable(ctx, who, d.setup); err != nil {
		r.Notes = append(r.Notes, fmt.Sprintf("only the name of the avatar's runner was lost, since the program can have no name server of its own: %v", err))
		lose := func(t *trial, lost bool) error { t.service.(*avatar.Virtuals).Lose(lost); return nil }
		d = disturbance{
			setup: setup{avatar: "virtuals", tokenLife: time.Second},
			begin: func(_ context.Context, t *trial) error { return lose(t, true) },
			end:   func(t *trial) error { return lose(t, false) },
		}
	}
	err := b.disturbed(ctx, who, r, d)
	if of != nil && !of.dns.Serves() {
		r.Notes = append(r.Notes, "who asked for a name was refused: at the port of name servers nobody may listen here, so that none could fail in other ways")
	}
	return err
}

// find gives the platforms their names back once each was asked for, and then the runner its own, for which the program may have asked only when
// it heard again.
func (t *trial) find(ctx context.Context) error {
	inVain := func(hosts ...string) error {
		began := time.Now()
		return t.until(ctx, func() bool {
			missing := func(host string) bool { return len(t.dns.Failed(host)) == 0 }
			return !t.dns.Serves() || !slices.ContainsFunc(hosts, missing) || time.Since(began) > t.Patience
		})
	}
	platforms := slices.DeleteFunc(t.hosts(), func(host string) bool { return host == hostOf(runner) })
	return errors.Join(inVain(platforms...), t.dns.Lose(hostOf(runner)), inVain(hostOf(runner)), t.dns.Lose())
}

// cutOff checks that the program takes no messages from a platform that it polls and whose name it cannot resolve. Some had been written before.
func (t *trial) cutOff(r *figure.Result, before int) {
	written, _, _ := t.ledger.Counts()
	waiting := 0
	for _, b := range t.bots {
		if b.name == Telegram {
			waiting += b.Unconfirmed()
		}
	}
	// A poll that waited when the name was lost may have brought some. In a mix this is what a bridge has had of them.
	if least := (written - before) / len(t.bots) / 2; slices.Contains(t.names(), Telegram) && waiting < least {
		t.broken(r, fmt.Sprintf("%d messages waited at the end while the platform's name was lost, where at least %d should", waiting, least))
	}
}

// unresolved adds how often names were asked for in vain, and in which way.
func (t *trial) unresolved(r *figure.Result) {
	if !t.dns.Serves() {
		return
	}
	ways := map[resolver.Failure]int{}
	for _, host := range t.hosts() {
		all := 0
		for way, n := range t.dns.Failed(host) {
			ways[way] += n
			all += n
		}
		r.Add("not resolved: "+host, "", float64(all))
		if all == 0 {
			t.broken(r, fmt.Sprintf("%s was lost, and nobody asked for it", host))
		}
	}
	for _, way := range []resolver.Failure{resolver.NoSuchName, resolver.ServerFault, resolver.NoAnswer} {
		r.Add("of these by "+way.String(), "", float64(ways[way]))
	}
}

// confinable reports why a program cannot be set up like this, in a mount namespace of its own; nil when it can.
func (b *Bench) confinable(ctx context.Context, who string, with setup) error {
	if b.NoMounts {
		return errors.New("no mounts are wanted")
	}
	with.mode, with.chats, with.each = "confined", 1, 1
	t, err := b.newTrial(who, with)
	if err != nil {
		return err
	}
	defer t.close()
	_, err = t.start(ctx)
	return err
}
