package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/figure"
	"avatarbridge/cmd/avatarbridge-load/internal/trial"
)

// A report is all that a run found out, as it is written with --json.
type report struct {
	Machine  figure.Machine   `json:"machine"`
	Program  figure.Program   `json:"program"`
	Baseline *figure.Program  `json:"baseline,omitempty"`
	Options  chosen           `json:"options"`
	Error    string           `json:"error,omitempty"` // of the trial that ended the run before it was over
	Medians  []figure.Summary `json:"medians"`         // ours is avatarbridge, theirs the baseline
	Results  []figure.Result  `json:"results"`

	syncs map[int][]time.Duration // by pass
}

// chosen is what a run was asked for. How large each mode was is beside its results.
type chosen struct {
	Modes    []string `json:"modes"`
	Against  string   `json:"against"`
	Passes   int      `json:"passes"`
	Avatars  []string `json:"avatars"`
	Bridges  []string `json:"bridges"`
	Seed     uint64   `json:"seed"`
	NoMounts bool     `json:"no_mounts,omitempty"`
	Patience float64  `json:"patience_s"`
	Rest     float64  `json:"rest_s"`
	// Sizes are those of the command line, in place of the modes' own.
	Sizes map[string]float64 `json:"sizes,omitempty"`
}

// report begins a report of what is about to be measured.
func (o *options) report(modes []trial.Mode, b *trial.Bench) (*report, error) {
	rep := &report{syncs: map[int][]time.Duration{}, Results: []figure.Result{}, Options: chosen{
		Against: o.Against, Passes: o.Passes, Avatars: b.Avatars, Bridges: b.Bridges, Seed: o.Seed, NoMounts: o.NoMounts,
		Patience: o.Patience.Seconds(), Rest: o.Rest.Seconds(), Sizes: b.Size.Values(),
	}}
	for _, m := range modes {
		rep.Options.Modes = append(rep.Options.Modes, m.Name)
	}
	var err error
	if rep.Machine, err = figure.Describe(o.Dir); err != nil {
		return nil, err
	}
	if rep.Program, err = figure.Identify(o.Binary); err != nil {
		return nil, err
	}
	if o.Against == "baseline" {
		other, err := figure.Identify(o.Other)
		if err != nil {
			return nil, err
		}
		rep.Baseline = &other
	}
	return rep, nil
}

// add adds the result of a trial, before which calls of fdatasync took so long.
func (r *report) add(res figure.Result, took []time.Duration) {
	before := figure.SyncOf(0, took)
	res.Sync = &before
	r.Results = append(r.Results, res)
	r.syncs[res.Pass] = append(r.syncs[res.Pass], took...)
}

// conclude adds what follows from the results, and why there are no more.
func (r *report) conclude(failed error) {
	if failed != nil {
		r.Error = failed.Error()
	}
	var passes []figure.Sync
	for pass := range r.Options.Passes {
		if took := r.syncs[pass+1]; len(took) > 0 {
			passes = append(passes, figure.SyncOf(pass+1, took))
		}
	}
	r.Machine.Synced(passes)
	r.Medians = figure.Summaries(r.rows())
}

func (r *report) rows() []figure.Row { return figure.Rows(r.Results, trial.Ours, trial.Baseline) }

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
	rep.head(out)
	theirs := ""
	if o.Against == "baseline" {
		theirs = trial.Baseline
	}
	if o.Markdown {
		return figure.WriteMarkdown(out, rep.rows(), trial.Ours, theirs)
	}
	return figure.Write(out, rep.rows(), trial.Ours, theirs)
}

// head writes what the figures depend on.
func (r *report) head(out io.Writer) {
	m, samples := r.Machine, 0
	for _, s := range m.Syncs {
		samples += s.Samples
	}
	fmt.Fprintf(out, "%d processors, Linux %s, %s, databases on %s, fdatasync of 4 KiB p50 %.2f ms and p99 %.2f ms (medians of the passes; %d samples).\n",
		m.CPUs, m.Kernel, m.Go, m.FileSystem, m.SyncP50, m.SyncP99, samples)
	fmt.Fprintf(out, "The binary has %s; avatar %s; bridges to %s; medians of %d passes; seed %d.\n", r.Program, strings.Join(r.Options.Avatars, ", "),
		strings.Join(r.Options.Bridges, ", "), r.Options.Passes, r.Options.Seed)
	if r.Error != "" {
		why, _, _ := strings.Cut(r.Error, "\n") // behind it there may be a log
		fmt.Fprintf(out, "It ended before all was measured, after %d trials: %s\n", len(r.Results), why)
	}
	fmt.Fprintln(out)
}
