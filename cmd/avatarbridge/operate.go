package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"avatarbridge/cmd/avatarbridge/internal/control"
	"avatarbridge/store"
	"avatarbridge/store/sqlite"
)

type pauseCommand struct {
	Target string `arg:"" optional:"" help:"A bridge, or a room as bridge/room; everything without it."`
}

// Run pauses durably: also a program that starts later.
func (c *pauseCommand) Run(ctx context.Context, p *program) error {
	return p.reach(ctx, func(hand control.Control, running bool) error {
		if err := hand.Pause(ctx, c.Target); err != nil {
			return err
		}
		when := ""
		if !running {
			when = " from the next start on"
		}
		fmt.Fprintf(p.out, "Paused %s%s. Messages are still taken, and answered after: avatarbridge %s\n",
			everything(c.Target), when, strings.TrimSpace("resume "+c.Target))
		return nil
	})
}

type resumeCommand struct {
	Target string `arg:"" optional:"" help:"What was paused."`
}

// Run also says what stays paused, since a pause of everything and one of a bridge are two.
func (c *resumeCommand) Run(ctx context.Context, p *program) error {
	return p.reach(ctx, func(hand control.Control, _ bool) error {
		if err := hand.Resume(ctx, c.Target); err != nil {
			return err
		}
		fmt.Fprintf(p.out, "Resumed %s.\n", everything(c.Target))
		paused, err := hand.Paused(ctx)
		if err != nil {
			return err
		}
		for _, target := range paused {
			fmt.Fprintf(p.out, "Still paused: %s\n", everything(target))
		}
		return nil
	})
}

func everything(target string) string {
	if target == "" {
		return "everything"
	}
	return target
}

type deadCommands struct {
	List  deadList  `cmd:"" help:"Show the latest messages that were given up."`
	Retry deadRetry `cmd:"" help:"Try them again, all or some."`
	Drop  deadDrop  `cmd:"" help:"Delete them for good, all or some."`
}

type deadList struct {
	Limit int `short:"n" default:"50" help:"How many."`
}

// Run prints a line for each.
func (c *deadList) Run(ctx context.Context, p *program) error {
	return p.reach(ctx, func(hand control.Control, _ bool) error {
		letters, err := hand.DeadList(ctx, 0, c.Limit)
		if err != nil {
			return err
		}
		if len(letters) == 0 {
			fmt.Fprintln(p.out, "There are none.")
			return nil
		}
		w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tWHEN\tWHAT\tACCOUNT\tROOM\tAVATAR\tATTEMPTS\tWHY")
		for _, l := range letters {
			fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n",
				l.ID, stamp(l.At), what(l), l.Account, l.Channel, l.Avatar, l.Attempts, l.Reason)
		}
		return w.Flush()
	})
}

func what(l control.Letter) string {
	switch {
	case l.Unclear:
		return "reply, perhaps sent"
	case l.Post:
		return "reply, not sent"
	}
	return "message, not answered"
}

func stamp(t time.Time) string { return t.Local().Format(time.DateTime) }

type deadRetry struct {
	IDs []int64 `arg:"" optional:"" name:"id" help:"From dead list; all without it."`
}

// Run puts them back.
func (c *deadRetry) Run(ctx context.Context, p *program) error {
	return p.reach(ctx, func(hand control.Control, _ bool) error {
		n, err := hand.DeadRetry(ctx, c.IDs...)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.out, "Put back %d.\n", n)
		return nil
	})
}

type deadDrop struct {
	IDs []int64 `arg:"" optional:"" name:"id" help:"From dead list."`
	All bool    `help:"Drop all of them."`
}

// Run wants --all where no id is named: what is dropped is gone.
func (c *deadDrop) Run(ctx context.Context, p *program) error {
	if len(c.IDs) == 0 && !c.All {
		return usage{errors.New("name the ids to drop, or say --all")}
	}
	if len(c.IDs) > 0 && c.All {
		return usage{errors.New("name ids or say --all, not both")}
	}
	return p.reach(ctx, func(hand control.Control, _ bool) error {
		n, err := hand.DeadDrop(ctx, c.IDs...)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.out, "Dropped %d.\n", n)
		return nil
	})
}

type backupCommand struct {
	File string `arg:"" help:"The file to write; it must not exist."`
}

// Run writes the copy where the program runs.
func (c *backupCommand) Run(ctx context.Context, p *program) error {
	file, err := filepath.Abs(c.File)
	if err != nil {
		return fmt.Errorf("find %s: %w", c.File, err)
	}
	return p.reach(ctx, func(hand control.Control, _ bool) error {
		if err := hand.Backup(ctx, file); err != nil {
			return err
		}
		fmt.Fprintf(p.out, "Wrote %s. It holds messages, and what people are known by: keep it as safe as the database.\n", file)
		return nil
	})
}

type restoreCommand struct {
	File string `arg:"" help:"A file that backup wrote."`
}

// Run needs the database for itself. What waited in the copy to be posted may have been posted since: it is not sent again blindly.
func (c *restoreCommand) Run(ctx context.Context, p *program) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	if _, err := os.Stat(c.File); err != nil {
		return fmt.Errorf("read the backup: %w", err)
	}
	pending, err := sqlite.Restore(ctx, c.File, cfg.Store.Path)
	if errors.Is(err, store.ErrLocked) {
		return fmt.Errorf("the program runs on %s: stop it first", cfg.Store.Path)
	}
	if err != nil {
		return fmt.Errorf("restore %s: %w", c.File, err)
	}
	fmt.Fprintf(p.out, "Restored %s to %s. A database that was there has .before-restore at the end of its name now.\n", c.File, cfg.Store.Path)
	if pending > 0 {
		fmt.Fprintf(p.out, "%d messages and replies waited in it, and may have been answered or sent since: they are dead letters now (avatarbridge dead list, dead retry).\n", pending)
	}
	return nil
}
