package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"unicode"

	"avatarbridge/cmd/avatarbridge/internal/control"
	"avatarbridge/cmd/avatarbridge/internal/wording"
	"avatarbridge/store"
)

type peopleCommands struct {
	List   peopleList   `cmd:"" help:"Show who wrote lately."`
	Show   peopleShow   `cmd:"" help:"Show one person."`
	Export peopleExport `cmd:"" help:"Write all that is kept of a person as JSON."`
	Forget peopleForget `cmd:"" help:"Delete all that is kept of a person."`
}

const whoHelp = "A person's uid, or platform:user, such as telegram:12345."

type peopleList struct {
	Limit int `short:"n" default:"50" help:"How many."`
	Skip  int `default:"0" help:"How many to leave out."`
}

// Run prints a line for each person.
func (c *peopleList) Run(ctx context.Context, p *program) error {
	return p.reach(ctx, func(hand control.Control, _ bool) error {
		people, err := hand.People(ctx, c.Skip, c.Limit)
		if err != nil {
			return err
		}
		if len(people) == 0 {
			fmt.Fprintln(p.out, "Nobody has written.")
			return nil
		}
		w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "UID\tNAME\tIS\tLAST SEEN (UTC)\tCONVERSATIONS")
		for _, one := range people {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\n",
				one.UID, printable(one.Name), identities(one), stamp(one.LastSeen), one.Conversations)
		}
		return w.Flush()
	})
}

type peopleShow struct {
	Who string `arg:"" help:"${who}"`
}

// Run prints what is known of the person, without messages.
func (c *peopleShow) Run(ctx context.Context, p *program) error {
	return p.reach(ctx, func(hand control.Control, _ bool) error {
		one, err := hand.Person(ctx, c.Who)
		if err != nil {
			return unknown(c.Who, err)
		}
		fmt.Fprintf(p.out, "uid            %s\nname           %s\nis             %s\nfirst seen     %s UTC\nlast seen      %s UTC\nconversations  %d\n",
			one.UID, printable(one.Name), identities(one), stamp(one.FirstSeen), stamp(one.LastSeen), one.Conversations)
		return nil
	})
}

type peopleExport struct {
	Who string `arg:"" help:"${who}"`
	Out string `short:"o" placeholder:"FILE" help:"Where to write; standard output without it."`
}

// Run writes to a new file with mode 0600, which is removed again when the export breaks off.
func (c *peopleExport) Run(ctx context.Context, p *program) error {
	return p.reach(ctx, func(hand control.Control, _ bool) error {
		if c.Out == "" {
			return unknown(c.Who, hand.Export(ctx, c.Who, p.out))
		}
		f, err := os.OpenFile(c.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return wording.File(c.Out, err)
		}
		err = errors.Join(unknown(c.Who, hand.Export(ctx, c.Who, f)), f.Close())
		if err != nil {
			return errors.Join(err, os.Remove(c.Out))
		}
		fmt.Fprintf(p.out, "Wrote %s.\n", c.Out)
		return nil
	})
}

type peopleForget struct {
	Who string `arg:"" help:"${who}"`
}

// Run also says what this program cannot reach.
func (c *peopleForget) Run(ctx context.Context, p *program) error {
	return p.reach(ctx, func(hand control.Control, _ bool) error {
		n, err := hand.Forget(ctx, c.Who)
		if err != nil {
			return unknown(c.Who, err)
		}
		fmt.Fprintf(p.out, "Forgot %s, with %s. Not within reach: kept audio of replies, which goes after media.keep; backups, and copies of the database that were taken elsewhere; what the platform and the avatar's service keep.\n",
			c.Who, wording.Count(n, "conversation"))
		return nil
	})
}

// unknown explains a person who was not found.
func unknown(who string, err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("nobody is known as %q: name a uid from people list, or platform:user", who)
	}
	return err
}

func identities(p store.Person) string {
	var all []string
	for _, i := range p.Identities {
		s := i.Platform + ":" + i.User
		if i.Tenant != "" {
			s = i.Platform + ":" + i.Tenant + ":" + i.User
		}
		all = append(all, s)
	}
	return strings.Join(all, ", ")
}

// printable keeps a name that somebody chose from steering the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
}
