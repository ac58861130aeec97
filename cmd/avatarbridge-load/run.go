package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/child"
	"avatarbridge/cmd/avatarbridge-load/internal/figure"
	"avatarbridge/cmd/avatarbridge-load/internal/trial"
)

// run measures what the command line asks for.
func (o *options) run(ctx context.Context, out, errs io.Writer) error {
	b, modes, err := o.bench(errs)
	if err != nil {
		return err
	}
	if o.Dir == "" {
		if o.Dir, err = os.MkdirTemp(".", "load-"); err != nil {
			return err
		}
		defer os.RemoveAll(o.Dir)
	}
	if o.Dir, err = filepath.Abs(o.Dir); err != nil { // children have working directories of their own
		return err
	}
	if _, err := os.Stat(o.Dir); err != nil {
		return fmt.Errorf("where databases are to be kept: %w", err)
	}
	if o.Seed == 0 {
		o.Seed = rand.Uint64()
	}
	if err := errors.Join(o.build(ctx), o.absolute()); err != nil {
		return err
	}
	rep, err := o.report(modes, b)
	if err != nil {
		return err
	}
	if rep.Machine.FileSystem == "tmpfs" {
		fmt.Fprintln(errs, "The databases are in memory, where nothing is durable and nothing waits for a disk: name a folder on a disk with --dir.")
	}
	p := newProgress(errs)
	defer p.close()
	failed := o.passes(ctx, b, modes, rep, p)
	p.close()
	// What was measured before a trial failed took its time, and is told all the same.
	rep.conclude(failed)
	return errors.Join(o.tell(out, rep), judge(errs, rep.Results), failed)
}

// build builds what is not given.
func (o *options) build(ctx context.Context) (err error) {
	const pkg = "avatarbridge/cmd/avatarbridge"
	if o.Binary == "" {
		if o.Binary, err = o.stamped(ctx, pkg); err != nil {
			return err
		}
	}
	if o.Against == "baseline" && o.Other == "" {
		o.Other, err = o.stamped(ctx, pkg+"-load/baseline")
	}
	return err
}

// stamped builds a package so that the program knows its commit, also where the environment is set up for other builds. Where that cannot be, as in
// a repository that git does not trust, it is built without.
func (o *options) stamped(ctx context.Context, pkg string) (string, error) {
	if file, err := child.Build(ctx, o.Dir, pkg, "-trimpath", "-buildvcs=auto"); err == nil {
		return file, nil
	}
	return child.Build(ctx, o.Dir, pkg, "-trimpath")
}

// absolute makes the names of programs hold in every folder.
func (o *options) absolute() (err error) {
	for _, file := range []*string{&o.Binary, &o.Other} {
		if *file == "" {
			continue
		}
		if *file, err = filepath.Abs(*file); err != nil {
			return err
		}
	}
	return nil
}

// bench is what the command line names, but for the programs.
func (o *options) bench(errs io.Writer) (*trial.Bench, []trial.Mode, error) {
	bridges, err := o.bridges()
	if err != nil {
		return nil, nil, err
	}
	avatars, err := o.avatars(len(bridges))
	if err != nil {
		return nil, nil, err
	}
	b := &trial.Bench{Avatars: avatars, Bridges: bridges, NoMounts: o.NoMounts, Patience: o.Patience, Rest: o.Rest, Size: o.size()}
	if why := b.Comparable(); why != "" && o.Against != "none" {
		return nil, nil, errors.New(why)
	}
	modes, err := o.modes(b, errs)
	return b, modes, err
}

// passes runs every mode in every pass, the contestants in turn: each is first as often as the other. An error is of the trial that ended it.
func (o *options) passes(ctx context.Context, b *trial.Bench, modes []trial.Mode, rep *report, p *progress) error {
	b.Program, b.Baseline, b.Dir = o.Binary, o.Other, o.Dir
	b.Rand, b.Watch = rand.New(rand.NewPCG(o.Seed, o.Seed)), p.watch
	for pass := range o.Passes {
		p.pass(pass+1, o.Passes)
		for _, m := range modes {
			for _, who := range o.contestants(m, pass) {
				took, err := figure.MeasureSync(o.Dir, syncs, syncFor)
				if err != nil {
					return err
				}
				r, err := b.Run(ctx, m, who, pass+1)
				if err != nil {
					return err
				}
				p.done(r)
				rep.add(r, took)
			}
		}
	}
	return nil
}

// Before each trial the disk is measured so often, and no longer than this.
const (
	syncs   = 500
	syncFor = 500 * time.Millisecond
)

func (o *options) contestants(m trial.Mode, pass int) []string {
	switch {
	case o.Against == "none" || !m.Baseline:
		return []string{trial.Ours}
	case pass%2 == 0:
		return []string{trial.Ours, trial.Baseline}
	}
	return []string{trial.Baseline, trial.Ours}
}

// judge writes which promises were not kept, and returns an error when there are any.
func judge(errs io.Writer, results []figure.Result) error {
	bad := false
	for _, r := range results {
		for _, n := range r.Notes {
			fmt.Fprintf(errs, "%s, pass %d: %s\n", r.Mode, r.Pass, n)
		}
		for _, b := range r.Broken {
			bad = true
			fmt.Fprintf(errs, "BROKEN: %s, pass %d: %s\n", r.Mode, r.Pass, b)
		}
	}
	if bad {
		return errBroken
	}
	return nil
}
