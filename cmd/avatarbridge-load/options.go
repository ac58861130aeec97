package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/trial"
)

// options is the command line.
type options struct {
	Modes []string `arg:"" name:"mode" help:"Some of the modes above; figures: all but the faults; faults; all."`

	Against  string `enum:"none,baseline" default:"none" help:"Measure in turn with this: baseline, the bot that one writes by hand."`
	Passes   int    `default:"3" help:"How often each mode is run; the table has the medians."`
	Avatar   string `default:"webhook" help:"What the avatar is asked by: webhook, virtuals, voximplant; with commas between, the bridges have one each in turn."`
	Bridges  string `default:"telegram" help:"The bridges, among which the chats are shared out: telegram, telegram-webhook, discord, slack, slack-events, web with commas between, each as often as is wanted; or how many to Telegram."`
	Dir      string `placeholder:"DIR" help:"Where databases are measured, which should be on a disk (a new folder in the working directory)."`
	Binary   string `placeholder:"FILE" help:"The built avatarbridge; without it, it is built."`
	Other    string `name:"baseline" placeholder:"FILE" help:"The built baseline; without it, it is built."`
	JSON     string `name:"json" placeholder:"FILE" help:"Write all figures of all passes there too; - is standard output, without the table."`
	Markdown bool   `help:"Write the table in Markdown."`
	Seed     uint64 `help:"Of the moments at which the program is killed; without it a random one, which is told."`

	NoMounts  bool          `help:"disk: let files not grow, in place of a small file system in a mount namespace, which is filled."`
	Patience  time.Duration `default:"60s" help:"How long nothing may move before what is missing counts as lost."`
	Rest      time.Duration `default:"8s" help:"How long the program may rest after its work before its memory is measured."`
	Messages  int           `help:"closed: how many in all (5000)."`
	Chats     int           `help:"How many conversations (closed 500, overload 200, else 100)."`
	Rate      int           `help:"messages a second (stuck 200; open, slow and faults 50)."`
	Duration  time.Duration `help:"open, stuck, slow, idle, disk: for how long (10s); pause: 30s; the other faults: 1m."`
	Burst     int           `help:"burst: people (1000)."`
	Stuck     time.Duration `help:"stuck: for how long (3s)."`
	Slow      int           `help:"slow: avatar calls (300)."`
	SlowFor   time.Duration `help:"slow: how long each takes (10s)."`
	People    int           `help:"conversations: how many (10000)."`
	Kills     int           `help:"crash: how many (25); crash-loop: how many (20)."`
	InFlight  int           `help:"crash, crash-loop, start: messages at once (1000)."`
	AvatarFor time.Duration `help:"closed, open: how long the avatar thinks (0)."`
}

func (o *options) size() trial.Size {
	return trial.Size{Messages: o.Messages, Chats: o.Chats, Rate: o.Rate, Duration: o.Duration, Burst: o.Burst, Stuck: o.Stuck, Slow: o.Slow,
		SlowFor: o.SlowFor, People: o.People, Kills: o.Kills, InFlight: o.InFlight, AvatarFor: o.AvatarFor}
}

// groups are names for several modes.
func groups() map[string]func(trial.Mode) bool {
	return map[string]func(trial.Mode) bool{
		"all":     func(trial.Mode) bool { return true },
		"figures": func(m trial.Mode) bool { return !m.Fault },
		"faults":  func(m trial.Mode) bool { return m.Fault },
	}
}

// bridges are the names of the bridges.
func (o *options) bridges() ([]string, error) {
	if n, err := strconv.Atoi(o.Bridges); err == nil && n > 0 && n <= maxBridges {
		return slices.Repeat([]string{trial.Telegram}, n), nil
	}
	var all []string
	for name := range strings.SplitSeq(o.Bridges, ",") {
		name = strings.TrimSpace(name)
		if !slices.Contains(trial.Bridges(), name) || len(all) == maxBridges {
			return nil, fmt.Errorf("bridges are up to %d of %s, not %q", maxBridges, strings.Join(trial.Bridges(), ", "), o.Bridges)
		}
		all = append(all, name)
	}
	return all, nil
}

const maxBridges = 100

// avatars are the kinds of the avatars, for so many bridges.
func (o *options) avatars(bridges int) ([]string, error) {
	var all []string
	for kind := range strings.SplitSeq(o.Avatar, ",") {
		kind = strings.TrimSpace(kind)
		if !slices.Contains(trial.Avatars(), kind) {
			return nil, fmt.Errorf("avatars are %s, not %q", strings.Join(trial.Avatars(), ", "), o.Avatar)
		}
		all = append(all, kind)
	}
	if len(all) > bridges {
		return nil, fmt.Errorf("of %d avatars and %d bridges, each bridge with one, some would not be asked: name more bridges", len(all), bridges)
	}
	return all, nil
}

// modes are those that the command line names. What a group has and the mix of bridges makes no sense of is left out, and said.
func (o *options) modes(b *trial.Bench, errs io.Writer) ([]trial.Mode, error) {
	all := trial.Modes()
	var chosen []trial.Mode
	for _, name := range o.Modes {
		if in := groups()[name]; in != nil {
			for _, m := range all {
				if why := m.Unfit(b); in(m) && why != "" {
					fmt.Fprintf(errs, "%s is left out: %s\n", m.Name, why)
				} else if in(m) {
					chosen = append(chosen, m)
				}
			}
			continue
		}
		i := slices.IndexFunc(all, func(m trial.Mode) bool { return m.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no mode %q; --help names them", name)
		}
		if why := all[i].Unfit(b); why != "" {
			return nil, fmt.Errorf("%s makes no sense with these bridges: %s", name, why)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// modeHelp is a line for each mode.
func modeHelp() string {
	var b strings.Builder
	for _, m := range trial.Modes() {
		fmt.Fprintf(&b, "  %-14s %s\n", m.Name, m.About)
	}
	return b.String()
}
