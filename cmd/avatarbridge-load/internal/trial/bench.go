// Package trial puts a contestant between simulators, drives it in one of several modes, and tells what it did as figures.
package trial

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
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
	Program  string   // the built avatarbridge
	Baseline string   // the built baseline; "" when nothing is measured against it
	Dir      string   // where trials keep their databases
	Avatars  []string // "webhook", "virtuals" or "voximplant", of which the bridges have one each in turn; nil is a webhook
	Bridges  []string // of each bridge its name among Bridges, among which the chats are shared out; nil is one to Telegram
	NoMounts bool     // programs get no file system of their own, as where none can be had
	Patience time.Duration
	// Rest is how long a contestant may rest after its work before its memory is measured.
	Rest time.Duration
	Size Size
	Rand *rand.Rand
	// Watch is called when a trial has begun, and says how far it is from then on: for a display. Nil is not called.
	Watch func(mode, who string, progress func() (answered, written int))
}

// Run drives one contestant once. An error means that nothing was measured; broken promises are part of the result.
func (b *Bench) Run(ctx context.Context, m Mode, who string, pass int) (figure.Result, error) {
	r := figure.Result{Mode: m.Name, Who: who, Pass: pass}
	if why := m.Unfit(b); why != "" {
		return r, fmt.Errorf("%s: %s", m.Name, why)
	}
	if err := m.run(ctx, b, who, &r); err != nil {
		return r, fmt.Errorf("%s, %s: %w", m.Name, who, err)
	}
	return r, nil
}

// avatars are the kinds of the avatars.
func (b *Bench) avatars() []string {
	if len(b.Avatars) == 0 {
		return []string{"webhook"}
	}
	return b.Avatars
}

// has reports whether there is a bridge to a platform.
func (b *Bench) has(kind string) bool {
	return slices.ContainsFunc(b.Bridges, func(name string) bool { return kindOf(name) == kind }) || kind == Telegram && len(b.Bridges) == 0
}

// hasBridge reports whether there is a bridge of this name.
func (b *Bench) hasBridge(name string) bool {
	return slices.Contains(b.Bridges, name) || name == Telegram && len(b.Bridges) == 0
}

// Comparable reports why the baseline cannot stand beside these bridges, "" when it can.
func (b *Bench) Comparable() string {
	if b.has(Discord) || b.has(Slack) || b.has(Web) {
		return "the baseline is a bot on Telegram: measure it with bridges to Telegram alone"
	}
	return ""
}
