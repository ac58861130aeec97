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
	// Ended tells the avatars' services of conversations that were deleted with a person, where there is no Relay to do it; nil: nobody is told.
	Ended func(ctx context.Context, gone []store.Conversation) error
	// Recordings are what people said to bridges that keep it here; nil: none do.
	Recordings Recordings
	// Bridges are the configured names, to refuse the pause of an unknown one without a Relay; nil: any name is taken.
	Bridges []string
}

// Recordings are kept voice messages.
type Recordings interface {
	// Drop deletes one; a ref that is none of its own is left alone.
	Drop(ctx context.Context, ref string) error
	// Forget deletes all of one person.
	Forget(ctx context.Context, i store.Identity) error
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

// DeadDrop also deletes what was said in them.
func (l Local) DeadDrop(ctx context.Context, ids ...int64) (int, error) {
	said, err := l.saidIn(ctx, ids)
	if err != nil {
		return 0, err
	}
	n, err := l.Store.Drop(ctx, ids...)
	if err != nil {
		return 0, fmt.Errorf("drop the dead letters: %w", err)
	}
	for _, ref := range said {
		if err := l.Recordings.Drop(ctx, ref); err != nil {
			return n, fmt.Errorf("the dead letters are dropped; what somebody said in one is not: %w", err)
		}
	}
	return n, nil
}

// saidIn returns the recordings of dead letters, of all without ids.
func (l Local) saidIn(ctx context.Context, ids []int64) (refs []string, err error) {
	const page = 200
	for before, more := int64(0), l.Recordings != nil; more; {
		letters, err := l.Store.Dead(ctx, before, page)
		if err != nil {
			return nil, fmt.Errorf("look at the dead letters: %w", err)
		}
		for _, d := range letters {
			before = d.ID
			if ref := relay.RecordingOf(d.Body); !d.Post && ref != "" && (len(ids) == 0 || slices.Contains(ids, d.ID)) {
				refs = append(refs, ref)
			}
		}
		more = len(letters) == page
	}
	return refs, nil
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

// Forget finds the person and deletes what is kept of them. What they said goes first, while it is known who they are, and then what came meanwhile.
func (l Local) Forget(ctx context.Context, ref string) (int, error) {
	p, missing := l.Person(ctx, ref)
	if missing != nil && !errors.Is(missing, store.ErrNotFound) {
		return 0, missing
	}
	uid := p.UID
	if missing != nil {
		uid = ref // somebody of whom nothing is left but a rewriting of the files that failed: the store finishes it
	}
	if err := l.forgetSaid(ctx, p.Identities); err != nil {
		return 0, err
	}
	gone, err := l.Store.Forget(ctx, uid)
	if err != nil {
		return 0, fmt.Errorf("forget the person: %w", err)
	}
	if err := l.forgetSaid(ctx, p.Identities); err != nil {
		return 0, err
	}
	if l.Relay != nil {
		l.Relay.Forgotten(gone)
	} else if l.Ended != nil {
		if err := l.Ended(ctx, gone); err != nil {
			return len(gone), fmt.Errorf("the person is forgotten here; the avatar's service does not know it: %w", err)
		}
	}
	return len(gone), missing
}

func (l Local) forgetSaid(ctx context.Context, who []store.Identity) error {
	if l.Recordings == nil {
		return nil
	}
	for _, i := range who {
		if err := l.Recordings.Forget(ctx, i); err != nil {
			return fmt.Errorf("forget the person: %w", err)
		}
	}
	return nil
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
