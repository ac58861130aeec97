package relay

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"avatarbridge/bridges/fault"
	"avatarbridge/store"
)

// forever is when a hold without an end is looked at again, should nobody release it.
const forever = 100 * 365 * 24 * time.Hour

// holdSet is the store's holds in memory: everything asks it before it acts.
type holdSet struct {
	n     atomic.Int64 // how many there are, so that the usual case takes no lock
	mu    sync.RWMutex
	holds map[store.Scope]store.Hold
}

func (s *holdSet) put(h store.Hold) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holds == nil {
		s.holds = map[store.Scope]store.Hold{}
	}
	now := time.Now()
	for scope, old := range s.holds {
		if !old.Until.IsZero() && old.Until.Before(now) {
			delete(s.holds, scope)
		}
	}
	s.holds[h.Scope] = h
	s.n.Store(int64(len(s.holds)))
}

// follow gives the holds of a channel its new id, where the one that ends later holds, as in the store.
func (s *holdSet) follow(account, from, to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for scope, h := range s.holds {
		if scope.Account == account && scope.Channel == from {
			delete(s.holds, scope)
			h.Scope.Channel = to
			if old, ok := s.holds[h.Scope]; !ok || !old.Until.IsZero() && (h.Until.IsZero() || h.Until.After(old.Until)) {
				s.holds[h.Scope] = h
			}
		}
	}
	s.n.Store(int64(len(s.holds)))
}

func (s *holdSet) drop(scope store.Scope) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.holds, scope)
	s.n.Store(int64(len(s.holds)))
}

// until returns when the last of the scopes' holds ends, the zero time when none holds now.
func (s *holdSet) until(scopes ...store.Scope) time.Time {
	if s.n.Load() == 0 {
		return time.Time{}
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	now := time.Now()
	var last time.Time
	for _, scope := range scopes {
		h, ok := s.holds[scope]
		if !ok {
			continue
		}
		if h.Until.IsZero() {
			return now.Add(forever)
		}
		if h.Until.After(now) && h.Until.After(last) {
			last = h.Until
		}
	}
	return last
}

// heldTurn says until when c's avatar may not be asked.
func (l *line) heldTurn(c *store.Conversation) time.Time {
	if l.r.holds.n.Load() == 0 {
		return time.Time{}
	}
	return l.r.holds.until(append(l.pauses(c), store.Scope{Avatar: c.Avatar})...)
}

// heldPost says until when nothing may be posted in c.
func (l *line) heldPost(c *store.Conversation) time.Time {
	if l.r.holds.n.Load() == 0 {
		return time.Time{}
	}
	return l.r.holds.until(append(l.pauses(c),
		store.Scope{Account: c.Account},
		store.Scope{Account: c.Account, Channel: c.Channel},
		store.Scope{Conversation: c.ID})...)
}

// pauses are the scopes in which an operator may have paused c; a room keeps its pause when it moves.
func (l *line) pauses(c *store.Conversation) []store.Scope {
	name := l.cfg.Name
	scopes := []store.Scope{PauseScope(""), PauseScope(name), PauseScope(name + "/" + c.Channel)}
	l.mu.Lock()
	defer l.mu.Unlock()
	for old, now := range l.moved {
		if now == c.Channel {
			scopes = append(scopes, PauseScope(name+"/"+old))
		}
	}
	return scopes
}

// heldAll says until when nothing at all may be posted.
func (l *line) heldAll() time.Time {
	return l.r.holds.until(PauseScope(""), PauseScope(l.cfg.Name), store.Scope{Account: l.accountID()})
}

// unpark makes the conversation's heads due after a hold for which they were parked was released in the same moment.
func (l *line) unpark(c *store.Conversation) {
	now := time.Now()
	// No hold has this scope: releasing it has no other effect.
	scope := store.Scope{Conversation: c.ID, Pause: true}
	if l.r.insist("release", func(ctx context.Context) error { return l.r.store.Release(ctx, scope, now) }) {
		l.turns.at(now)
		l.posts.at(now)
	}
}

// throttle makes the hold that a throttled call asks for.
func throttle(o *fault.Outcome, c *store.Conversation) *store.Hold {
	// Stores keep microseconds: what is due a moment before its hold is over would be claimed and given back until the clock has moved on.
	until := time.Now().Add(o.After + time.Microsecond - 1).Truncate(time.Microsecond)
	h := &store.Hold{Until: until, Reason: "throttled"}
	switch o.Scope {
	case fault.Avatar:
		h.Scope.Avatar = c.Avatar
	case fault.Bridge:
		h.Scope.Account = c.Account
	case fault.Channel:
		h.Scope.Account, h.Scope.Channel = c.Account, c.Channel
	default:
		h.Scope.Conversation = c.ID
	}
	return h
}

// PauseScope is the hold with which target ("", "bridge" or "bridge/channel") is paused. It names the bridge and not its account, so that
// it can be kept while the program does not run.
func PauseScope(target string) store.Scope {
	s := store.Scope{Pause: true}
	if target != "" {
		bridge, channel, _ := strings.Cut(target, "/")
		s.Account, s.Channel = "bridge:"+bridge, channel
	}
	return s
}

// Pause stops asking and posting, durably, within two seconds: everything for target "", one bridge for its name, one channel of it for
// "bridge/channel". Messages are still taken. An unknown bridge is an error.
func (r *Relay) Pause(ctx context.Context, target string) error {
	if _, err := r.target(target); err != nil {
		return err
	}
	h := store.Hold{Scope: PauseScope(target), Reason: "paused"}
	if err := r.store.Hold(ctx, h); err != nil {
		return fmt.Errorf("pause %q: %w", target, err)
	}
	r.holds.put(h)
	return nil
}

// Resume ends a pause of exactly this target, which is no error when there is none.
func (r *Relay) Resume(ctx context.Context, target string) error {
	l, err := r.target(target)
	if err != nil {
		return err
	}
	pause := PauseScope(target)
	if err := r.store.Release(ctx, pause, time.Now()); err != nil {
		return fmt.Errorf("resume %q: %w", target, err)
	}
	r.holds.drop(pause)
	// What was parked meanwhile is made due too: after this, who parks sees that the pause is over. The store knows what waits by
	// account and present channel.
	again := []store.Scope{pause}
	if l != nil {
		again = l.present(pause)
	}
	for _, s := range again {
		if err := r.store.Release(ctx, s, time.Now()); err != nil {
			return fmt.Errorf("resume %q: %w", target, err)
		}
	}
	r.Wake()
	return nil
}

// present is the scope of a pause in the store's terms: the account, and the channel's present id beside the named one.
func (l *line) present(pause store.Scope) []store.Scope {
	l.mu.Lock()
	defer l.mu.Unlock()
	pause.Account = l.account
	scopes := []store.Scope{pause}
	if now, ok := l.moved[pause.Channel]; ok && pause.Channel != "" {
		pause.Channel = now
		scopes = append(scopes, pause)
	}
	return scopes
}

// forgetHolds lets go of the holds that the store has deleted with conversations: what a forgotten person's chat was held for must neither bind them
// until the next start, should they write again, nor be told to anybody.
func (r *Relay) forgetHolds(gone []store.Conversation) {
	theirs := r.holds.of(gone)
	if len(theirs) == 0 {
		return
	}
	var stored []store.Hold
	if !r.insist("holds", func(ctx context.Context) (err error) { stored, err = r.store.Holds(ctx, time.Now()); return err }) {
		return // they end with the process
	}
	for _, scope := range theirs {
		if !slices.ContainsFunc(stored, func(h store.Hold) bool { return h.Scope == scope }) {
			r.holds.drop(scope)
		}
	}
}

// of returns the scopes of holds on conversations, or on direct chats that they were.
func (s *holdSet) of(convs []store.Conversation) (scopes []store.Scope) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for scope := range s.holds {
		if slices.ContainsFunc(convs, func(c store.Conversation) bool {
			return c.ID == scope.Conversation || c.Direct && c.Channel == scope.Channel
		}) {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}

// target returns the line that a pause's target names, nil for everything.
func (r *Relay) target(target string) (*line, error) {
	if target == "" {
		return nil, nil
	}
	name, _, _ := strings.Cut(target, "/")
	if l := r.byName[name]; l != nil {
		return l, nil
	}
	return nil, fmt.Errorf("there is no bridge %q", name)
}

// paused returns the targets of the pauses, sorted.
func (s *holdSet) paused() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var targets []string
	for scope := range s.holds {
		if !scope.Pause {
			continue
		}
		target := strings.TrimPrefix(scope.Account, "bridge:")
		if scope.Channel != "" {
			target += "/" + scope.Channel
		}
		targets = append(targets, target)
	}
	slices.Sort(targets)
	return targets
}
