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
	"avatarbridge/cmd/avatarbridge/internal/terminal"
	"avatarbridge/store"
)

type chatCommand struct {
	Avatar string `arg:"" optional:"" help:"Whom to talk to; the first one of the configuration without it."`
}

// Run goes the whole way of a message, with the terminal in a platform's place.
func (c *chatCommand) Run(ctx context.Context, p *program) (err error) {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	name, err := c.choose(cfg)
	if err != nil {
		return err
	}
	cfg.Log.Level = "error" // the conversation is what is looked at; what fails shows in it
	log := newLog(p.err, cfg.Log, cfg.Secrets)
	st, done, err := p.chatStore(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close(), done()) }()
	talk, t, err := p.conversation(cfg, name, log)
	if err != nil {
		return err
	}
	talk.Store = st
	if isTerminal(p.in) {
		fmt.Fprintf(p.out, "You talk to %s. /reset starts over, /quit leaves.\n", talk.Avatars[0].Display)
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
		return "", usage{fmt.Errorf("there is no avatar %q: the configuration has %v", c.Avatar, names)}
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

// conversation makes a relay's configuration with the terminal as its only bridge, and one avatar.
func (p *program) conversation(cfg *config.Config, name string, log *slog.Logger) (relay.Config, *terminal.Terminal, error) {
	only := *cfg
	only.Avatars = slices.DeleteFunc(slices.Clone(cfg.Avatars), func(a config.Avatar) bool { return a.Name != name })
	o := newOutside(cfg, log)
	talk := relayConfig(cfg, o)
	var err error
	if talk.Avatars, err = buildAvatars(&only, o); err != nil {
		return relay.Config{}, nil, err
	}
	who := &talk.Avatars[0]
	who.Display = cmp.Or(who.Display, name)
	t := terminal.New(terminal.Config{
		In: p.in, Out: p.out, Name: userName(), Avatar: who.Display, Color: isTerminal(p.out) && isTerminal(p.in),
	})
	talk.CallbackURL = nil // nobody listens for later replies here
	talk.Bridges = []relay.Bridge{{
		Name: "terminal", Platform: "terminal", Bridge: t,
		Default: relay.Settings{Avatar: name, ShowEmotion: true, ShowAnimation: true},
	}}
	return talk, t, nil
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
