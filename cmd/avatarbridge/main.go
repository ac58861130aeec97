// Command avatarbridge lets people talk to avatars where they already are.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"avatarbridge/cmd/avatarbridge/internal/config"
	"avatarbridge/cmd/avatarbridge/internal/wording"
)

// stopWithin is how long a stop may take before the process ends as it is: everything that matters is in the store by then.
const stopWithin = 9 * time.Second

func main() {
	p := &program{in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.LookupEnv}
	p.cutShort.Store(1)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, func() {
		stop() // the next signal ends the process at once
		time.AfterFunc(stopWithin, func() { os.Exit(int(p.cutShort.Load())) })
	})
	os.Exit(p.main(ctx, os.Args[1:]))
}

// program is what the commands have in common.
type program struct {
	in       io.Reader
	out, err io.Writer
	env      config.Lookup
	file     string // as given with --config, "" when it was not

	cutShort atomic.Int32 // the exit status when a stop takes too long: 1 for commands, whose work is then undone
}

// The exit codes.
const (
	ok     = 0
	failed = 1
	misuse = 2 // a wrong command line or a wrong configuration
)

// main runs one command line and returns its exit code.
func (p *program) main(ctx context.Context, args []string) int {
	var cmd commands
	exit := -1
	parser, err := kong.New(&cmd, kong.Name("avatarbridge"), kong.Writers(p.out, p.err), kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Description("People talk to an avatar where they already are."),
		kong.Exit(func(code int) { exit = code }), kong.Vars{"who": whoHelp}, kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		return p.fail(err)
	}
	parsed, err := parser.Parse(args)
	switch {
	case exit >= 0: // --help was answered
		return exit
	case err != nil:
		return p.fail(usage{err})
	}
	p.file = cmd.Config
	return p.fail(parsed.Run(p))
}

// usage marks an error of the command line, misconfigured one of the configuration as a whole.
type (
	usage         struct{ error }
	misconfigured struct{ error }
)

func (m misconfigured) Unwrap() error { return m.error }

// errTold is a failure that the command has told of already.
var errTold = errors.New("failed")

// fail tells what went wrong, if anything did, and returns the exit code.
func (p *program) fail(err error) int {
	if err == nil {
		return ok
	}
	if faults, is := errors.AsType[config.Faults](err); is {
		fmt.Fprintf(p.err, "The configuration has %s:\n%v\n", wording.Count(len(faults), "fault"), faults)
		return misuse
	}
	if wrong, is := errors.AsType[usage](err); is {
		fmt.Fprintf(p.err, "avatarbridge: %s\nTry: avatarbridge --help\n", wording.Usage(wrong.Error()))
		return misuse
	}
	if _, is := errors.AsType[misconfigured](err); is {
		fmt.Fprintf(p.err, "avatarbridge: %v\n", err)
		return misuse
	}
	if !errors.Is(err, errTold) {
		fmt.Fprintf(p.err, "avatarbridge: %v\n", err)
	}
	return failed
}
