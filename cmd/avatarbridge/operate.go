package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"avatarbridge/cmd/avatarbridge/internal/config"
	"avatarbridge/cmd/avatarbridge/internal/control"
	"avatarbridge/cmd/avatarbridge/internal/wording"
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
		before, err := hand.Paused(ctx)
		if err != nil {
			return err
		}
		if err := hand.Resume(ctx, c.Target); err != nil {
			return err
		}
		after, err := hand.Paused(ctx)
		if err != nil {
			return err
		}
		switch {
		case !slices.Contains(before, c.Target):
			fmt.Fprintf(p.out, "There was no pause of %s.\n", everything(c.Target))
		case len(after) == 0:
			fmt.Fprintf(p.out, "Resumed %s.\n", everything(c.Target))
		default:
			fmt.Fprintf(p.out, "The pause of %s is over.\n", everything(c.Target))
		}
		if len(after) > 0 {
			fmt.Fprintf(p.out, "Another holds on: %s\n", pauses(after))
		}
		return nil
	})
}

func everything(target string) string { return cmp.Or(target, "everything") }

// pauses says what is paused and how to go on; "" when nothing is.
func pauses(targets []string) string {
	var all []string
	for _, t := range targets {
		all = append(all, fmt.Sprintf("%s is paused: %s", everything(t), strings.TrimSpace("avatarbridge resume "+t)))
	}
	return strings.Join(all, "; ")
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
		fmt.Fprintln(w, "ID\tWHEN (UTC)\tWHAT\tACCOUNT\tROOM\tAVATAR\tATTEMPTS\tWHY")
		for _, l := range letters {
			fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n",
				l.ID, stamp(l.At), what(l), l.Account, l.Channel, l.Avatar, l.Attempts, wording.Plain(l.Reason))
		}
		return w.Flush()
	})
}

func what(l control.Letter) string {
	switch {
	case l.Unclear && l.Post:
		return "reply, perhaps sent"
	case l.Unclear:
		return "message, perhaps answered"
	case l.Post:
		return "reply, not sent"
	}
	return "message, not answered"
}

func stamp(t time.Time) string { return t.UTC().Format(time.DateTime) }

type deadRetry struct {
	IDs []int64 `arg:"" optional:"" name:"id" help:"From dead list; all without it."`
}

// Run puts back what a bridge would post, and leaves the rest where it is: elsewhere it would wait for ever.
func (c *deadRetry) Run(ctx context.Context, p *program) error {
	return p.reachConfigured(ctx, func(cfg *config.Config, hand control.Control, running bool) error {
		served, left, err := split(ctx, hand, cfg, running, c.IDs)
		if err != nil {
			return err
		}
		if len(left) == 0 {
			return p.settle(ctx, hand, c.IDs, hand.DeadRetry, "Put back")
		}
		if len(served) > 0 {
			if err := p.settle(ctx, hand, served, hand.DeadRetry, "Put back"); err != nil {
				return err
			}
		}
		problem := "left as dead letters, since no bridge of the configuration would post the answer: " + wording.List(left)
		if len(c.IDs) > 0 {
			return errors.New(problem)
		}
		fmt.Fprintf(p.out, "%s. avatarbridge dead drop deletes them.\n", strings.ToUpper(problem[:1])+problem[1:])
		return nil
	})
}

// settle does something to dead letters, to all of them without ids. Ids that no dead letter has are an error; the others are done.
func (p *program) settle(ctx context.Context, hand control.Control, ids []int64, do func(context.Context, ...int64) (int, error), done string) error {
	var known []int64
	var unknown []string
	for _, id := range ids {
		found, err := hand.DeadList(ctx, id+1, 1)
		if err != nil {
			return err
		}
		if len(found) == 1 && found[0].ID == id {
			known = append(known, id)
		} else {
			unknown = append(unknown, strconv.FormatInt(id, 10))
		}
	}
	if len(known) > 0 || len(ids) == 0 { // no ids mean all
		n, err := do(ctx, known...)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.out, "%s %s.\n", done, wording.Count(n, "dead letter"))
	}
	if len(unknown) > 0 {
		return fmt.Errorf("no dead letter has the id %s: see avatarbridge dead list", strings.Join(unknown, " or "))
	}
	return nil
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
		return p.settle(ctx, hand, c.IDs, hand.DeadDrop, "Dropped")
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
	cfg, err := p.loadBasics()
	if err != nil {
		return err
	}
	done, err := sqlite.Restore(ctx, c.File, cfg.Store.Path)
	switch _, broken := errors.AsType[*fs.PathError](err); {
	case errors.Is(err, store.ErrLocked):
		return fmt.Errorf("the program runs on %s: stop it first", cfg.Store.Path)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission) && broken:
		return fmt.Errorf("nothing was restored: %w", wording.File(c.File, err))
	case err != nil:
		return fmt.Errorf("nothing was restored: %w", err)
	}
	fmt.Fprintf(p.out, "Restored %s to %s.", c.File, cfg.Store.Path)
	if done.Aside != "" {
		fmt.Fprintf(p.out, " The database that was there is %s now.", done.Aside)
	}
	fmt.Fprintln(p.out)
	if done.Pending > 0 {
		fmt.Fprintf(p.out, "What waited in it may have been answered or sent since, and is not repeated blindly: %s (avatarbridge dead list, dead retry).\n",
			wording.Count(done.Pending, "new dead letter"))
	}
	return nil
}
