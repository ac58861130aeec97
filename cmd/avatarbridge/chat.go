package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"sync"

	"avatarbridge/bridges/relay"
	"avatarbridge/cmd/avatarbridge/internal/config"
	"avatarbridge/cmd/avatarbridge/internal/control"
	"avatarbridge/cmd/avatarbridge/internal/terminal"
	"avatarbridge/cmd/avatarbridge/internal/wording"
	"avatarbridge/store"
)

type chatCommand struct {
	Avatar string `arg:"" optional:"" help:"Whom to talk to; the first one of the configuration without it."`
}

// Run goes the whole way of a message, with the terminal in a platform's place.
func (c *chatCommand) Run(ctx context.Context, p *program) (err error) {
	cfg, err := p.loadOrBuiltIn()
	if err != nil {
		return err
	}
	name, err := c.choose(cfg)
	if err != nil {
		return err
	}
	t := p.terminal(cfg, name)
	log := slog.New(newRemarks(t.Remark, cfg.Secrets)) // the conversation is what is looked at; what fails shows in it
	st, done, err := p.chatStore(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close(), done()) }()
	if err := endTerminal(ctx, st); err != nil {
		return err
	}
	talk, err := conversation(cfg, name, t, log)
	if err != nil {
		return err
	}
	talk.Store = st
	if isTerminal(p.in) {
		fmt.Fprintf(p.out, "You talk to %s. /reset starts over, /quit leaves.\n", talk.Avatars[0].Display)
	}
	if err := p.tellPause(ctx, st); err != nil {
		return err
	}
	return converse(ctx, talk, t)
}

// choose returns the avatar's name.
func (c *chatCommand) choose(cfg *config.Config) (string, error) {
	if c.Avatar == "" {
		return cfg.Avatars[0].Name, nil
	}
	var names []string
	for _, a := range cfg.Avatars {
		names = append(names, a.Name)
	}
	if !slices.Contains(names, c.Avatar) {
		return "", usage{fmt.Errorf("there is no avatar %q: the configuration has %s", c.Avatar, wording.List(names))}
	}
	return c.Avatar, nil
}

// chatStore opens the configured store or, while the program runs on that, one that done throws away; cfg then says where it is.
func (p *program) chatStore(ctx context.Context, cfg *config.Config, log *slog.Logger) (st store.Store, done func() error, err error) {
	st, err = openStore(ctx, cfg, log)
	if err == nil || !errors.Is(err, store.ErrLocked) {
		return st, func() error { return nil }, err
	}
	dir, err := os.MkdirTemp("", "avatarbridge-chat")
	if err != nil {
		return nil, nil, fmt.Errorf("make a store for this chat: %w", err)
	}
	fmt.Fprintln(p.err, "The database is in use by the running program: this chat has one of its own, which is forgotten at its end.")
	cfg.Store.Path = filepath.Join(dir, "chat.db")
	cfg.Media.Dir = filepath.Join(dir, "media")
	st, err = openStore(ctx, cfg, log)
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	return st, func() error { return os.RemoveAll(dir) }, nil
}

// tellPause says why no answer comes: the pause of a platform's bridge does not concern the terminal.
func (p *program) tellPause(ctx context.Context, st store.Store) error {
	paused, err := control.Local{Store: st}.Paused(ctx)
	if err != nil {
		return err
	}
	if slices.Contains(paused, "") {
		fmt.Fprintf(p.err, "No answer comes before the pause is over: %s\n", pauses([]string{""}))
	}
	return nil
}

// terminal is where the conversation with an avatar is shown.
func (p *program) terminal(cfg *config.Config, name string) *terminal.Terminal {
	display := name
	for _, a := range cfg.Avatars {
		if a.Name == name {
			display = cmp.Or(a.Display, name)
		}
	}
	return terminal.New(terminal.Config{
		In: p.in, Out: p.out, Err: p.err, Name: userName(), Avatar: display, Color: isTerminal(p.out) && isTerminal(p.in),
	})
}

// conversation makes a relay's configuration with the terminal as its only bridge, and one avatar.
func conversation(cfg *config.Config, name string, t *terminal.Terminal, log *slog.Logger) (relay.Config, error) {
	only := *cfg
	only.Avatars = slices.DeleteFunc(slices.Clone(cfg.Avatars), func(a config.Avatar) bool { return a.Name != name })
	o := newOutside(cfg, log)
	talk := relayConfig(cfg, o)
	var err error
	if talk.Avatars, err = buildAvatars(&only, o); err != nil {
		return relay.Config{}, err
	}
	who := &talk.Avatars[0]
	who.Display = cmp.Or(who.Display, name)
	talk.CallbackURL = nil // nobody listens for later replies here
	talk.Bridges = []relay.Bridge{{
		Name: "terminal", Platform: "terminal", Bridge: t,
		Default: relay.Settings{Avatar: name, ShowEmotion: true, ShowAnimation: true},
	}}
	return talk, nil
}

// converse runs a relay until the person leaves.
func converse(ctx context.Context, talk relay.Config, t *terminal.Terminal) error {
	r, err := relay.New(talk)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	var leaving sync.WaitGroup
	leaving.Go(func() {
		select {
		case <-t.Done():
		case <-ctx.Done():
		}
		stop()
	})
	err = r.Run(ctx)
	stop()
	leaving.Wait()
	return err
}

// userName is how the system calls whoever sits here, "" when it does not say.
func userName() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username
}
