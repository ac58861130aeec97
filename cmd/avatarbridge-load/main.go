// Command avatarbridge-load measures avatarbridge: it drives the built program as a child process between simulators of the platforms and
// of the avatars, and says what it did as figures, beside those of a bot that was written by hand.
//
//	go run ./cmd/avatarbridge-load -against baseline figures
//
// is the README's table; -help names the modes and what can be changed about them. It exits with 1 when a message was lost, out of order, or
// another promise was not kept.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/alecthomas/kong"

	"avatarbridge/cmd/avatarbridge-load/internal/child"
)

// The exit codes.
const (
	kept   = 0
	broken = 1 // a promise was not kept, or nothing could be measured
	misuse = 2
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == child.Confined {
		fmt.Fprintln(os.Stderr, "avatarbridge-load:", child.Confine(os.Args[2:]))
		os.Exit(broken)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// errBroken says that figures were measured and a promise was not kept.
var errBroken = errors.New("a promise was not kept")

// execute runs one command line and returns its exit code.
func execute(ctx context.Context, args []string, out, errs io.Writer) int {
	var o options
	exit := -1
	parser, err := kong.New(&o, kong.Name("avatarbridge-load"), kong.Writers(out, errs), kong.Exit(func(code int) { exit = code }),
		kong.Description("Measure avatarbridge as a child process between simulators. The modes are\n\n"+modeHelp()))
	if err != nil {
		fmt.Fprintln(errs, "avatarbridge-load:", err)
		return broken
	}
	_, err = parser.Parse(doubled(args))
	switch {
	case exit >= 0: // --help was answered
		return exit
	case err != nil:
		fmt.Fprintln(errs, "avatarbridge-load:", err)
		return misuse
	}
	if err := o.run(ctx, out, errs); err != nil {
		fmt.Fprintln(errs, "avatarbridge-load:", err)
		return broken
	}
	return kept
}

// doubled writes -name as --name, since both are usual and there are no short flags.
func doubled(args []string) []string {
	all := slices.Clone(args)
	for i, a := range all {
		if len(a) > 2 && a[0] == '-' && a[1] != '-' {
			all[i] = "-" + a
		}
	}
	return all
}
