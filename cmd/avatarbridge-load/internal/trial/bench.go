// Package trial puts a contestant between simulators, drives it in one of several modes, and tells what it did as figures.
package trial

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/figure"
)

// The contestants.
const (
	Ours     = "avatarbridge"
	Baseline = "baseline"
)

// A Bench is what all trials of a run have in common.
type Bench struct {
	Program  string // the built avatarbridge
	Baseline string // the built baseline; "" when nothing is measured against it
	Dir      string // where trials keep their databases
	Avatar   string // "webhook" or "virtuals"
	Bots     int    // Telegram bots among which the chats are shared out
	NoMounts bool   // programs get no file system of their own, as where none can be had
	Patience time.Duration
	Size     Size
	Rand     *rand.Rand
	// Watch is called when a trial has begun, and says how far it is from then on: for a display. Nil is not called.
	Watch func(mode, who string, progress func() (answered, written int))
}

// Size is how large the modes are. Zero values are those that the README speaks of.
type Size struct {
	Messages  int           // closed: 5,000
	Chats     int           // closed, order, faults: 500, 100, 100
	Rate      int           // open and what goes on beside others: 50 messages a second
	Duration  time.Duration // open, idle, and the faults: 10 s
	Burst     int           // 1,000 chats
	Stuck     time.Duration // 3 s
	Slow      int           // 300 avatar calls
	SlowFor   time.Duration // 10 s each
	People    int           // conversations: 10,000
	Kills     int           // crash: 25; crashloop: 20
	InFlight  int           // crash, start: 1,000 messages
	AvatarFor time.Duration // closed, open: 0
}

// Or fills what is 0.
func (s Size) Or(d Size) Size {
	or := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	orD := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	or(&s.Messages, d.Messages)
	or(&s.Chats, d.Chats)
	or(&s.Rate, d.Rate)
	or(&s.Burst, d.Burst)
	or(&s.Slow, d.Slow)
	or(&s.People, d.People)
	or(&s.Kills, d.Kills)
	or(&s.InFlight, d.InFlight)
	orD(&s.Duration, d.Duration)
	orD(&s.Stuck, d.Stuck)
	orD(&s.SlowFor, d.SlowFor)
	return s
}

// A Mode is one way to be driven.
type Mode struct {
	Name     string
	About    string
	Baseline bool // it says something about the baseline too
	Fault    bool // something fails while it runs
	run      func(ctx context.Context, b *Bench, who string, r *figure.Result) error
}

// Modes returns all modes, in the order of the table.
func Modes() []Mode {
	return []Mode{
		{"closed", "messages over chats, each person writes on when the reply has come", true, false, closed},
		{"open", "messages at a steady rate, whatever comes back", true, false, open},
		{"burst", "everybody writes in the same instant, the avatar takes 50 ms", true, false, burst},
		{"stuck", "one avatar call is stuck for 3 s while the others go on", true, false, stuckFor(0)},
		{"stuck60", "the same for 60 s", true, false, stuckFor(time.Minute)},
		{"slow", "300 avatar calls of 10 s at once, and others beside", true, false, slow},
		{"overload", "people write more than their limit", false, false, overload},
		{"idle", "nobody writes", true, false, idle},
		{"conversations", "10,000 people write once", true, false, conversations},
		{"start", "from the start to the first poll: a new database, an old one, one with messages that wait", true, false, start},
		{"order", "three messages back to back in each chat, the avatar takes 0 to 20 ms", true, false, order},
		{"crash", "SIGKILL at random moments of the whole run", true, false, crash("repeat")},
		{"crash-hold", "the same with on_unclear = \"hold\"", false, false, crash("hold")},
		{"crash-steps", "SIGKILL at each step of the wire", false, false, crashSteps},
		{"crash-loop", "SIGKILL again and again before it has finished starting", false, false, crashLoop},
		{"telegram-down", "Telegram answers 502 for a while", false, true, telegramDown},
		{"avatar-down", "the avatar answers 503 for a while", false, true, avatarDown},
		{"names", "the name of the avatar's runner cannot be resolved for a while", false, true, names},
		{"loris", "every answer comes a byte at a time for a while", false, true, loris},
		{"disk", "the disk is full for a while", false, true, disk},
		{"pause", "SIGSTOP for a while", false, true, pause},
	}
}

// Run drives one contestant once. An error means that nothing was measured; broken promises are part of the result.
func (b *Bench) Run(ctx context.Context, m Mode, who string, pass int) (figure.Result, error) {
	r := figure.Result{Mode: m.Name, Who: who, Pass: pass}
	if err := m.run(ctx, b, who, &r); err != nil {
		return r, fmt.Errorf("%s, %s: %w", m.Name, who, err)
	}
	return r, nil
}
