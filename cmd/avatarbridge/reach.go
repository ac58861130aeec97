package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"avatarbridge/cmd/avatarbridge/internal/config"
	"avatarbridge/cmd/avatarbridge/internal/control"
	"avatarbridge/cmd/avatarbridge/internal/media"
	"avatarbridge/store"
)

// tokenFile holds the admin token where the configuration has none.
func tokenFile(c *config.Config) string { return c.Store.Path + ".admin-token" }

func adminToken(c *config.Config) (string, error) {
	if c.Server.AdminToken != "" {
		return c.Server.AdminToken, nil
	}
	return control.Token(tokenFile(c))
}

// reach gives do a hand on the program: on the running one through its admin address, else on the database. Running says which.
func (p *program) reach(ctx context.Context, do func(hand control.Control, running bool) error) error {
	return p.reachConfigured(ctx, func(_ *config.Config, hand control.Control, running bool) error { return do(hand, running) })
}

// reachConfigured is reach for who also wants to know what is configured, as far as it can be read.
func (p *program) reachConfigured(ctx context.Context, do func(c *config.Config, hand control.Control, running bool) error) (err error) {
	c, err := p.loadBasics()
	if err != nil {
		return err
	}
	if hand, err := running(ctx, c); err != nil || hand != nil {
		if err != nil {
			return err
		}
		return do(c, hand, true)
	}
	if _, err := os.Stat(c.Store.Path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the program does not run, and there is no database %s yet", c.Store.Path)
	}
	st, err := openStore(ctx, c, slog.New(slog.DiscardHandler))
	if errors.Is(err, store.ErrLocked) {
		return fmt.Errorf("another process has the database %s open, and nothing answers at server.admin_listen = %q: is that the address it was started with?",
			c.Store.Path, c.Server.AdminListen)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	return do(c, control.Local{
		Store: st, Bridges: bridgeNames(c), Recordings: media.New(media.Config{Dir: c.Media.Dir, Keep: c.Media.Keep}),
		Ended: func(ctx context.Context, gone []store.Conversation) error { return tellEnded(ctx, c, gone) },
	}, false)
}

// running returns a hand on the running program, nil when it does not run.
func running(ctx context.Context, c *config.Config) (control.Control, error) {
	token := c.Server.AdminToken
	if token == "" {
		if _, err := os.Stat(tokenFile(c)); errors.Is(err, fs.ErrNotExist) {
			return nil, nil // it has never run on this database
		}
		var err error
		if token, err = control.Token(tokenFile(c)); err != nil {
			return nil, err
		}
	}
	hand := control.Dial(c.Server.AdminListen, token)
	_, err := hand.Paused(ctx)
	switch {
	case errors.Is(err, control.ErrNotRunning):
		return nil, nil
	case errors.Is(err, control.ErrRefused):
		return nil, fmt.Errorf("what runs at server.admin_listen = %q refuses the admin token: is it another avatarbridge, with a database of its own?", c.Server.AdminListen)
	case err != nil:
		return nil, err
	}
	return hand, nil
}
