package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"strings"

	"avatarbridge/cmd/avatarbridge/internal/config"
	"avatarbridge/cmd/avatarbridge/internal/wording"
)

// commands is the command line.
type commands struct {
	Config string `short:"c" placeholder:"config.toml" help:"The configuration file."`

	Run     runCommand     `cmd:"" default:"1" help:"Connect bridges and avatars until stopped (the default)."`
	Check   checkCommand   `cmd:"" help:"Connect to each bridge and avatar, and say what works and what to change."`
	Init    initCommand    `cmd:"" help:"Write a commented configuration file."`
	Chat    chatCommand    `cmd:"" help:"Talk to an avatar in the terminal."`
	Pause   pauseCommand   `cmd:"" help:"Stop asking avatars and posting; messages are still taken."`
	Resume  resumeCommand  `cmd:"" help:"End a pause."`
	Dead    deadCommands   `cmd:"" help:"Look after messages that were given up."`
	People  peopleCommands `cmd:"" help:"Look after what is kept of people."`
	Backup  backupCommand  `cmd:"" help:"Write a copy of the database while the program works on."`
	Restore restoreCommand `cmd:"" help:"Put a backup in the database's place; the program must not run."`
	Version versionCommand `cmd:"" help:"Say which version this is."`
}

// defaultFile is the configuration that is read when none is named.
const defaultFile = "config.toml"

// load reads the whole configuration.
func (p *program) load() (*config.Config, error) { return p.read(config.Load) }

// loadBasics reads what it takes to reach the database or the running program: an operator must be able to pause it while a token is unset.
func (p *program) loadBasics() (*config.Config, error) {
	c, err := p.read(config.LoadBasics)
	if err == nil && c.Elsewhere > 0 {
		fmt.Fprintf(p.err, "Note: the configuration has %s that this command can do without; avatarbridge check lists all.\n", wording.Count(c.Elsewhere, "fault"))
		c.Warnings = nil
	}
	return c, err
}

// loadOrBuiltIn is load, and without a file, and none named, the built-in configuration.
func (p *program) loadOrBuiltIn() (*config.Config, error) {
	c, err := p.load()
	if !errors.Is(err, errNoFile) {
		return c, err
	}
	fmt.Fprintln(p.err, "There is no config.toml here: a built-in one is used, with an avatar that echoes. (avatarbridge init writes a file to start from.)")
	return config.Parse("the built-in config.toml", ".", config.Default, kinds(), p.env)
}

// errNoFile means that there is no configuration and none was named.
var errNoFile = errors.New("there is no config.toml here: write one with avatarbridge init, or name one with --config")

func (p *program) read(load func(string, config.Kinds, config.Lookup) (*config.Config, error)) (*config.Config, error) {
	file := cmp.Or(p.file, defaultFile)
	c, err := load(file, kinds(), p.env)
	_, wrong := errors.AsType[config.Faults](err)
	switch {
	case err == nil:
		for _, w := range c.Warnings {
			fmt.Fprintf(p.err, "Warning: %s\n", w)
		}
		return c, nil
	case wrong:
		return nil, err
	case errors.Is(err, fs.ErrNotExist) && p.file == "":
		return nil, misconfigured{errNoFile}
	case errors.Is(err, fs.ErrNotExist):
		return nil, misconfigured{fmt.Errorf("there is no configuration file %s: write it with avatarbridge --config %s init", file, file)}
	}
	return nil, misconfigured{fmt.Errorf("read the configuration: %w", wording.File(file, errors.Unwrap(err)))}
}

type initCommand struct {
	Force bool `help:"Replace a file that exists, and keep a copy of it."`
}

// Run writes the file with mode 0600, since secrets will be put into it.
func (c *initCommand) Run(p *program) error {
	file := cmp.Or(p.file, defaultFile)
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if c.Force {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
		kept, err := keepBefore(file)
		if err != nil {
			return fmt.Errorf("%s was left as it is, since no copy of it can be kept: %w", file, err)
		}
		if kept != "" {
			fmt.Fprintf(p.out, "The file that was there is %s now.\n", kept)
		}
	}
	f, err := os.OpenFile(file, flags, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists already and was left as it is: add --force to replace it", file)
	}
	if err != nil {
		return wording.File(file, err)
	}
	if err = f.Chmod(0o600); err == nil { // one that was there may be readable by others
		_, err = f.Write(config.Default)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write a configuration: %w", err)
	}
	fmt.Fprintf(p.out, "Wrote %s. It works as it is: %s. What to change stands in it.\n", file, strings.Join(append([]string{"avatarbridge"}, c.with(p)...), " "))
	return nil
}

// beforeInit is added to the name of a configuration that init replaces.
const beforeInit = ".before-init"

// keepBefore copies a file that is to be replaced, and says where to; "" when nothing is lost with it. A copy that is there already is kept too.
func keepBefore(file string) (string, error) {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	old, err := os.ReadFile(file)
	if err != nil || bytes.Equal(old, config.Default) {
		return "", err
	}
	name := file + beforeInit
	for n := 2; ; n++ {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			name = fmt.Sprintf("%s%s-%d", file, beforeInit, n)
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = f.Write(old)
		return name, errors.Join(err, f.Sync(), f.Close())
	}
}

// with is what a command needs to find the file.
func (c *initCommand) with(p *program) []string {
	if p.file == "" {
		return []string{"run"}
	}
	return []string{"--config", p.file, "run"}
}

type versionCommand struct{}

// Run prints the version on one line.
func (versionCommand) Run(p *program) error {
	fmt.Fprintln(p.out, "avatarbridge", version())
	return nil
}

// version is what the build knows of itself: the module's version, or the commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown version)"
	}
	v, revision, changed := info.Main.Version, "", ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = " " + s.Value[:min(12, len(s.Value))]
		case "vcs.modified":
			if s.Value == "true" {
				changed = " with changes"
			}
		}
	}
	if v == "" {
		v = "(devel)"
	}
	return v + revision + changed + " " + info.GoVersion
}
