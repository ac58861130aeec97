package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/cmd/avatarbridge/internal/config"
	"avatarbridge/store"
)

// endTimeout bounds one call that tells a service that a conversation is over.
const endTimeout = 20 * time.Second

// tellEnded tells the avatars' services that conversations are over, where they want to know: what the relay does in the running program. An
// avatar that is not configured any more is nobody to be told. One whose service fails is not tried for the rest of its conversations.
func tellEnded(ctx context.Context, c *config.Config, gone []store.Conversation) error {
	var failed []error
	for _, a := range c.Avatars {
		var over []string
		for _, one := range gone {
			if one.Avatar == a.Name {
				over = append(over, one.UID)
			}
		}
		if err := endAt(ctx, c, a, over); err != nil {
			failed = append(failed, fmt.Errorf("avatars.%s: %w", a.Name, err))
		}
	}
	return errors.Join(failed...)
}

// endAt ends conversations at the service of one avatar.
func endAt(ctx context.Context, c *config.Config, a config.Avatar, over []string) (err error) {
	i := slices.IndexFunc(backends(), func(b backend) bool { return b.Name == a.Backend })
	if i < 0 || len(over) == 0 {
		return nil
	}
	b, err := backends()[i].build(a, newOutside(c, slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	if k, ok := b.(avatar.Keeper); ok {
		defer func() { err = errors.Join(err, k.Close()) }()
	}
	ender, ok := b.(avatar.Ender)
	if !ok {
		return nil
	}
	for _, conversation := range over {
		if err := endOne(ctx, ender, conversation); err != nil {
			return err
		}
	}
	return nil
}

func endOne(ctx context.Context, e avatar.Ender, conversation string) error {
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	return e.End(ctx, conversation)
}
