package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"avatarbridge/cmd/avatarbridge-load/internal/child"
	"avatarbridge/cmd/avatarbridge-load/internal/figure"
	"avatarbridge/cmd/avatarbridge-load/internal/trial"
)

// A report is all that a run found out, as it is written with --json.
type report struct {
	Machine figure.Machine  `json:"machine"`
	Seed    uint64          `json:"seed"`
	Avatar  string          `json:"avatar"`
	Bridges []string        `json:"bridges"`
	Binary  int64           `json:"binary_bytes"`
	Results []figure.Result `json:"results"`
}

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
	rep := &report{Seed: o.Seed, Avatar: o.Avatar, Bridges: b.Bridges}
	if rep.Machine, err = figure.Describe(o.Dir); err != nil {
		return err
	}
	if rep.Machine.FileSystem == "tmpfs" {
		fmt.Fprintln(errs, "The databases are in memory, where nothing is durable and nothing waits for a disk: name a folder on a disk with --dir.")
	}
	info, err := os.Stat(o.Binary)
	if err != nil {
		return err
	}
	rep.Binary = info.Size()
	p := newProgress(errs)
	defer p.close()
	if err := o.passes(ctx, b, modes, rep, p); err != nil {
		return err
	}
	p.close()
	if err := o.tell(out, rep); err != nil {
		return err
	}
	return judge(errs, rep.Results)
}

// build builds what is not given.
func (o *options) build(ctx context.Context) (err error) {
	const pkg = "avatarbridge/cmd/avatarbridge"
	if o.Binary == "" {
		if o.Binary, err = child.Build(ctx, o.Dir, pkg, "-trimpath"); err != nil {
			return err
		}
	}
	if o.Against == "baseline" && o.Other == "" {
		o.Other, err = child.Build(ctx, o.Dir, pkg+"-load/baseline", "-trimpath")
	}
	return err
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
	b := &trial.Bench{Avatar: o.Avatar, Bridges: bridges, NoMounts: o.NoMounts, Patience: o.Patience, Rest: o.Rest, Size: o.size()}
	if why := b.Comparable(); why != "" && o.Against != "none" {
		return nil, nil, errors.New(why)
	}
	modes, err := o.modes(b, errs)
	return b, modes, err
}

// passes runs every mode in every pass, the contestants in turn: each is first as often as the other.
func (o *options) passes(ctx context.Context, b *trial.Bench, modes []trial.Mode, rep *report, p *progress) error {
	b.Program, b.Baseline, b.Dir = o.Binary, o.Other, o.Dir
	b.Rand, b.Watch = rand.New(rand.NewPCG(o.Seed, o.Seed)), p.watch
	for pass := range o.Passes {
		p.pass(pass+1, o.Passes)
		for _, m := range modes {
			for _, who := range o.contestants(m, pass) {
				r, err := b.Run(ctx, m, who, pass+1)
				if err != nil {
					return err
				}
				p.done(r)
				rep.Results = append(rep.Results, r)
			}
		}
	}
	return nil
}

func (o *options) contestants(m trial.Mode, pass int) []string {
	switch {
	case o.Against == "none" || !m.Baseline:
		return []string{trial.Ours}
	case pass%2 == 0:
		return []string{trial.Ours, trial.Baseline}
	}
	return []string{trial.Baseline, trial.Ours}
}

// tell writes the figures.
func (o *options) tell(out io.Writer, rep *report) error {
	if o.JSON != "" {
		b, err := json.MarshalIndent(rep, "", "  ")
		if err != nil {
			return err
		}
		if o.JSON == "-" {
			_, err = out.Write(append(b, '\n'))
			return err
		}
		if err := os.WriteFile(o.JSON, append(b, '\n'), 0o666); err != nil {
			return err
		}
	}
	theirs := ""
	if o.Against == "baseline" {
		theirs = trial.Baseline
	}
	m := rep.Machine
	fmt.Fprintf(out, "%d processors, Linux %s, %s, databases on %s, fdatasync of 4 KiB p50 %.2f ms and p99 %.2f ms.\n",
		m.CPUs, m.Kernel, m.Go, m.FileSystem, m.SyncP50, m.SyncP99)
	fmt.Fprintf(out, "The binary has %.1f MB; avatar %s; bridges to %s; medians of %d passes; seed %d.\n\n", float64(rep.Binary)/(1<<20), rep.Avatar,
		strings.Join(rep.Bridges, ", "), o.Passes, rep.Seed)
	rows := figure.Rows(rep.Results, trial.Ours, trial.Baseline)
	if o.Markdown {
		return figure.WriteMarkdown(out, rows, trial.Ours, theirs)
	}
	return figure.Write(out, rows, trial.Ours, theirs)
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
