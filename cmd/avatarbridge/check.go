package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"avatarbridge/bridges/fault"
)

type checkCommand struct{}

// checkTimeout is how long one bridge or avatar may be looked at.
const checkTimeout = 30 * time.Second

// checker is a bridge or an avatar that can look at its own setup.
type checker interface {
	Check(ctx context.Context) []fault.Finding
}

// Run prints a line for each finding, and fails when one of them is a failure.
func (checkCommand) Run(ctx context.Context, p *program) error {
	c, err := p.load()
	if err != nil {
		return err
	}
	o := newOutside(c, slog.New(slog.DiscardHandler))
	avatars, err := buildAvatars(c, o)
	if err != nil {
		return err
	}
	bridges, err := buildBridges(c, o)
	if err != nil {
		return err
	}
	r := report{program: p}
	r.found("config", fault.Finding{OK: true, What: fmt.Sprintf("read without faults: %d avatars, %d bridges", len(avatars), len(bridges))})
	r.found("store", folder(c.Store.Path))
	for _, a := range avatars {
		r.look(ctx, "avatars."+a.Name, a.Backend)
	}
	for _, b := range bridges {
		r.look(ctx, "bridges."+b.Name, b.Bridge)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if r.failures > 0 {
		return errTold
	}
	return nil
}

// A report prints findings as they come.
type report struct {
	*program
	failures int
}

func (r *report) look(ctx context.Context, name string, subject any) {
	c, can := subject.(checker)
	if !can {
		r.found(name, fault.Finding{OK: true, What: "nothing to connect to"})
		return
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	for _, f := range c.Check(ctx) {
		r.found(name, f)
	}
}

func (r *report) found(name string, f fault.Finding) {
	mark := "✓"
	if !f.OK {
		mark = "✗"
		r.failures++
	}
	fmt.Fprintf(r.out, "%s %s: %s\n", mark, name, f.What)
	if f.Fix != "" {
		fmt.Fprintf(r.out, "  → %s\n", f.Fix)
	}
}

// folder says whether the database can be kept where it is configured.
func folder(database string) fault.Finding {
	dir := filepath.Dir(database)
	probe, err := os.CreateTemp(dir, ".avatarbridge-check")
	if err != nil {
		return fault.Finding{What: "cannot write beside " + database + ": " + err.Error(),
			Fix: "make the folder, and let the user that runs avatarbridge write in it; or set another store.url"}
	}
	name := probe.Name()
	if err := probe.Close(); err != nil {
		return fault.Finding{What: "cannot write beside " + database + ": " + err.Error(), Fix: "look at the disk"}
	}
	if err := os.Remove(name); err != nil {
		return fault.Finding{What: "cannot delete beside " + database + ": " + err.Error(), Fix: "let the user that runs avatarbridge write in the folder"}
	}
	return fault.Finding{OK: true, What: "the database is kept at " + database}
}
