package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"avatarbridge/bridges/relay"
	"avatarbridge/cmd/avatarbridge/internal/wording"
	"avatarbridge/store"
)

// Local is a Control of this process. Store must be set.
type Local struct {
	Store store.Store
	Relay *relay.Relay // nil: the program does not run, and pauses hold from its next start on
	// Bridges are the configured names, to refuse the pause of an unknown one without a Relay; nil: any name is taken.
	Bridges []string
}

var _ Control = Local{}

// Status asks the relay and the store.
func (l Local) Status(ctx context.Context) (Status, error) {
	var s Status
	if l.Relay != nil {
		s.Relay = l.Relay.Status()
	} else {
		paused, err := l.Paused(ctx)
		if err != nil {
			return Status{}, err
		}
		s.Relay.Paused = paused
	}
	depth, err := l.Store.Depth(ctx)
	if err != nil {
		return Status{}, fmt.Errorf("count what waits: %w", err)
	}
	s.Depth = depth
	return s, nil
}

// Pause goes through the relay where there is one, else straight to the store.
func (l Local) Pause(ctx context.Context, target string) error {
	if err := l.checkTarget(target); err != nil {
		return err
	}
	if l.Relay != nil {
		return l.Relay.Pause(ctx, target)
	}
	return l.Store.Hold(ctx, store.Hold{Scope: relay.PauseScope(target), Reason: "paused by the operator"})
}

// Resume goes the same way as Pause.
func (l Local) Resume(ctx context.Context, target string) error {
	if l.Relay != nil {
		return l.Relay.Resume(ctx, target)
	}
	return l.Store.Release(ctx, relay.PauseScope(target), time.Now())
}

func (l Local) checkTarget(target string) error {
	bridge, channel, room := strings.Cut(target, "/")
	switch {
	case target == "":
		return nil
	case bridge == "" || room && channel == "":
		return fmt.Errorf("%q is nothing that can be paused: name a bridge, or a room as bridge/channel", target)
	case l.Bridges != nil && !slices.Contains(l.Bridges, bridge):
		return fmt.Errorf("there is no bridge %q: the configuration has %s", bridge, wording.List(l.Bridges))
	}
	return nil
}

// Paused asks the relay where there is one, else the store.
func (l Local) Paused(ctx context.Context) ([]string, error) {
	if l.Relay != nil {
		return slices.Sorted(slices.Values(l.Relay.Status().Paused)), nil
	}
	holds, err := l.Store.Holds(ctx, time.Now())
	if err != nil {
		return nil, fmt.Errorf("read the pauses: %w", err)
	}
	var targets []string
	for _, h := range holds {
		if target, ok := pauseTarget(h.Scope); ok {
			targets = append(targets, target)
		}
	}
	slices.Sort(targets)
	return targets, nil
}

// pauseTarget is the inverse of relay.PauseScope; false for a hold that is no operator's pause.
func pauseTarget(s store.Scope) (string, bool) {
	target := strings.TrimPrefix(s.Account, "bridge:")
	if s.Channel != "" {
		target += "/" + s.Channel
	}
	return target, relay.PauseScope(target) == s
}

// DeadList leaves the letters' bodies in the store.
func (l Local) DeadList(ctx context.Context, before int64, n int) ([]Letter, error) {
	dead, err := l.Store.Dead(ctx, before, n)
	if err != nil {
		return nil, fmt.Errorf("list the dead letters: %w", err)
	}
	letters := make([]Letter, 0, len(dead))
	for _, d := range dead {
		letters = append(letters, Letter{
			ID: d.ID, Post: d.Post, Unclear: d.Unclear,
			Account: d.Conversation.Account, Channel: d.Conversation.Channel, Avatar: d.Conversation.Avatar,
			Reason: d.Reason, At: d.At, Attempts: d.Attempts,
		})
	}
	return letters, nil
}

// DeadRetry also tells the relay to look.
func (l Local) DeadRetry(ctx context.Context, ids ...int64) (int, error) {
	n, err := l.Store.Retry(ctx, time.Now(), ids...)
	if err != nil {
		return 0, fmt.Errorf("put the dead letters back: %w", err)
	}
	if l.Relay != nil && n > 0 {
		l.Relay.Wake()
	}
	return n, nil
}

// DeadDrop goes to the store.
func (l Local) DeadDrop(ctx context.Context, ids ...int64) (int, error) {
	n, err := l.Store.Drop(ctx, ids...)
	if err != nil {
		return 0, fmt.Errorf("drop the dead letters: %w", err)
	}
	return n, nil
}

// People goes to the store.
func (l Local) People(ctx context.Context, skip, n int) ([]store.Person, error) {
	people, err := l.Store.People(ctx, skip, n)
	if err != nil {
		return nil, fmt.Errorf("list the people: %w", err)
	}
	return people, nil
}

// Person goes to the store.
func (l Local) Person(ctx context.Context, ref string) (store.Person, error) {
	p, err := l.Store.Person(ctx, ref)
	if err != nil {
		return store.Person{}, fmt.Errorf("find the person %q: %w", ref, err)
	}
	return p, nil
}

// Export finds the person before it writes anything.
func (l Local) Export(ctx context.Context, ref string, w io.Writer) error {
	p, err := l.Person(ctx, ref)
	if err != nil {
		return err
	}
	if err := l.Store.Export(ctx, p.UID, w); err != nil {
		return fmt.Errorf("export the person: %w", err)
	}
	return nil
}

// Forget finds the person and deletes what is kept of them.
func (l Local) Forget(ctx context.Context, ref string) (int, error) {
	p, missing := l.Person(ctx, ref)
	if missing != nil && !errors.Is(missing, store.ErrNotFound) {
		return 0, missing
	}
	uid := p.UID
	if missing != nil {
		uid = ref // somebody of whom nothing is left but a rewriting of the files that failed: the store finishes it
	}
	gone, err := l.Store.Forget(ctx, uid)
	if err != nil {
		return 0, fmt.Errorf("forget the person: %w", err)
	}
	if l.Relay != nil {
		l.Relay.Forgotten(gone)
	}
	return len(gone), missing
}

// Backup refuses a relative path: it would mean another place to the running program than to its operator.
func (l Local) Backup(ctx context.Context, file string) error {
	if !filepath.IsAbs(file) {
		return fmt.Errorf("%q is no absolute path", file)
	}
	if err := l.Store.Backup(ctx, file); err != nil {
		return fmt.Errorf("nothing was backed up: %w", wording.File(file, err))
	}
	return nil
}
