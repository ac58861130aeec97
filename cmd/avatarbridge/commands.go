package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"

	"avatarbridge/cmd/avatarbridge/internal/config"
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

// load reads the configuration. Without a file, and none named, the built-in one holds.
func (p *program) load() (*config.Config, error) {
	file := p.file
	if file == "" {
		file = defaultFile
	}
	c, err := config.Load(file, kinds(), p.env)
	switch {
	case err == nil:
		for _, w := range c.Warnings {
			fmt.Fprintf(p.err, "Warning: %s\n", w)
		}
		return c, nil
	case errors.Is(err, fs.ErrNotExist) && p.file == "":
		fmt.Fprintln(p.err, "There is no config.toml here: a built-in one is used, with an avatar that echoes. (avatarbridge init writes a file to start from.)")
		return config.Parse("the built-in config.toml", ".", config.Default, kinds(), p.env)
	case errors.Is(err, fs.ErrNotExist):
		return nil, usage{fmt.Errorf("there is no configuration file %s (avatarbridge init writes one)", file)}
	}
	if _, wrong := errors.AsType[config.Faults](err); !wrong {
		err = usage{err}
	}
	return nil, err
}

type initCommand struct {
	Force bool `help:"Replace a file that exists."`
}

// Run writes the file with mode 0600, since secrets will be put into it.
func (c *initCommand) Run(p *program) error {
	file := p.file
	if file == "" {
		file = defaultFile
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if c.Force {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(file, flags, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists already and was left as it is: add --force to replace it", file)
	}
	if err != nil {
		return fmt.Errorf("write a configuration: %w", err)
	}
	_, err = f.Write(config.Default)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write a configuration: %w", err)
	}
	fmt.Fprintf(p.out, "Wrote %s. It starts as it is: avatarbridge run. What to change stands in it.\n", file)
	return nil
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
