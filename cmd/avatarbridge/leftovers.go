package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"avatarbridge/bridges/relay"
	"avatarbridge/cmd/avatarbridge/internal/config"
	"avatarbridge/cmd/avatarbridge/internal/control"
	"avatarbridge/cmd/avatarbridge/internal/terminal"
	"avatarbridge/store"
)

// endTerminal ends what a chat in the terminal left waiting when it was interrupted: who asked has gone, and no bridge of a running program would ever
// take it up, so that it would count as waiting for ever. The store must be fresh: what somebody has claimed is not seen.
func endTerminal(ctx context.Context, st store.Store) error {
	avatars, err := st.Waiting(ctx, terminal.Account)
	if err != nil {
		return fmt.Errorf("look for what an earlier chat left: %w", err)
	}
	now := time.Now()
	ever := now.AddDate(100, 0, 0) // also what waits for its next try
	for _, name := range avatars {
		for {
			turns, _, err := st.ClaimTurns(ctx, terminal.Account, name, ever, 64)
			if err != nil {
				return fmt.Errorf("end what an earlier chat left: %w", err)
			}
			if len(turns) == 0 {
				break
			}
			for i := range turns {
				if _, err := st.Finish(ctx, store.Finished{Turn: turns[i].Row, Now: now}); err != nil {
					return fmt.Errorf("end what an earlier chat left: %w", err)
				}
			}
		}
	}
	for {
		posts, _, err := st.ClaimPosts(ctx, terminal.Account, ever, 64)
		if err != nil || len(posts) == 0 {
			return err
		}
		for i := range posts {
			if _, err := st.Settle(ctx, store.Settled{Post: posts[i].ID, Now: now, As: store.Withheld}); err != nil {
				return fmt.Errorf("end what an earlier chat left: %w", err)
			}
		}
	}
}

// unserved says of an account that no bridge would post what is put back for it. The bridges of a running program know their accounts once they have
// been connected; before that, and without one, any bridge of the account's platform may be the one.
func unserved(account string, running []relay.BridgeStatus, configured []config.Bridge) bool {
	platform, _, _ := strings.Cut(account, ":")
	if running != nil {
		return !slices.ContainsFunc(running, func(b relay.BridgeStatus) bool {
			return b.Account == account || b.Account == "" && b.Platform == platform
		})
	}
	return !slices.ContainsFunc(configured, func(b config.Bridge) bool { return b.Platform == platform })
}

// split looks which dead letters, of all without ids, a bridge would post. Left are those that none would, in words.
func split(ctx context.Context, hand control.Control, c *config.Config, running bool, ids []int64) (served []int64, left []string, err error) {
	var lines []relay.BridgeStatus
	if running {
		status, err := hand.Status(ctx)
		if err != nil {
			return nil, nil, err
		}
		lines = append([]relay.BridgeStatus{}, status.Relay.Bridges...)
	}
	const page = 200
	for before, more := int64(0), true; more; {
		letters, err := hand.DeadList(ctx, before, page)
		if err != nil {
			return nil, nil, err
		}
		for _, l := range letters {
			before = l.ID
			switch {
			case len(ids) > 0 && !slices.Contains(ids, l.ID):
			case unserved(l.Account, lines, c.Bridges):
				left = append(left, fmt.Sprintf("%d (%s)", l.ID, l.Account))
			default:
				served = append(served, l.ID)
			}
		}
		more = len(letters) > 0 // a running program may hand out fewer at once
	}
	return served, left, nil
}
