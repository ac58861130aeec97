package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"avatarbridge/bridges/fault"
	"avatarbridge/cmd/avatarbridge/internal/wording"
)

type checkCommand struct{}

// patience is how long one bridge or avatar may be looked at.
const patience = 10 * time.Second

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
	bridges, err := buildBridges(c, o, avatars)
	if err != nil {
		return err
	}
	r := report{out: p.out, watched: isTerminal(p.out), patience: patience}
	r.found("config", fault.Finding{OK: true, What: fmt.Sprintf("read without faults: %s, %s",
		wording.Count(len(avatars), "avatar"), wording.Count(len(bridges), "bridge"))})
	r.found("store", folder(c.Store.Path))
	r.service(ctx, c)
	for _, a := range avatars {
		r.look(ctx, "avatars."+a.Name, a.Backend)
	}
	for _, b := range bridges {
		r.look(ctx, "bridges."+b.Name, b.Bridge)
	}
	r.sites(c)
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
	out      io.Writer
	watched  bool // somebody looks at out, who wants to know what is waited for
	patience time.Duration
	failures int
}

func (r *report) look(ctx context.Context, name string, subject any) {
	c, can := subject.(checker)
	if !can {
		r.found(name, fault.Finding{OK: true, What: "nothing to connect to"})
		return
	}
	ctx, cancel := context.WithTimeout(ctx, r.patience)
	defer cancel()
	done := r.waiting(name)
	findings := c.Check(ctx)
	done()
	for _, f := range findings {
		f.What = strings.ReplaceAll(wording.Plain(f.What), wording.TooLate, "no answer within "+r.patience.String())
		r.found(name, f)
	}
}

// waiting says what is looked at, until done is called.
func (r *report) waiting(name string) (done func()) {
	if !r.watched {
		return func() {}
	}
	fmt.Fprintf(r.out, "… %s: waiting for an answer, at most %s", name, r.patience)
	return func() { fmt.Fprint(r.out, "\r\x1b[K") }
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
		if e, ok := errors.AsType[*fs.PathError](err); ok {
			err = e.Err // without the name of the probe
		}
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
