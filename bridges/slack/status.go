package slack

import (
	"context"
	"sync"
	"time"

	slackapi "github.com/slack-go/slack"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

const (
	thinking = "is thinking…"
	// statusLasts is how long Slack shows a status that no message ends (https://docs.slack.dev/reference/methods/assistant.threads.setStatus).
	statusLasts = 2 * time.Minute
	// statusLingers is how long after the end of a turn its answer is waited for, which takes the status away by itself.
	statusLingers = 5 * time.Second
	// quietFor is for how long no status is asked for in a channel that Slack allows none in.
	quietFor = time.Hour
)

// Typing implements bridges.Typer: a thread shows a status until the next message in it, or until some seconds after the end of ctx. Slack
// has nothing of the kind elsewhere. A channel in which it allows no status costs one call an hour.
func (b *Bridge) Typing(ctx context.Context, p bridges.Place) (time.Duration, error) {
	if p.Thread == "" || b.mute.has(p.Channel) || b.mute.has("") {
		return statusLasts, nil
	}
	mine := b.status.begin(p)
	context.AfterFunc(ctx, func() { b.unthink(p, mine) })
	err := b.setStatus(ctx, p, thinking)
	switch o := fault.Of(err); {
	case o == nil:
	case o.Kind == fault.Throttled:
		b.status.end(p, mine)
		b.mute.add("", o.After)
	case denied(err):
		b.status.end(p, mine)
		b.mute.add(p.Channel, quietFor)
		b.log.Debug("no status can be shown in a channel", "channel", p.Channel, "err", err)
	default:
		return statusLasts, err
	}
	return statusLasts, nil
}

func (b *Bridge) setStatus(ctx context.Context, p bridges.Place, status string) error {
	_, err := b.call(ctx, "assistant.threads.setStatus", func(ctx context.Context, api *slackapi.Client) error {
		return api.SetAssistantThreadsStatusContext(ctx, slackapi.AssistantThreadsSetStatusParameters{
			ChannelID: p.Channel, ThreadTS: p.Thread, Status: status,
		})
	})
	b.suspect(err)
	return err
}

// unthink takes a status away that no answer takes away: there is none, or it is held back for long.
func (b *Bridge) unthink(p bridges.Place, mine *turn) {
	l := b.ear.Load()
	if l == nil {
		return
	}
	l.lanes.spawn(func() {
		timer := time.NewTimer(b.linger)
		defer timer.Stop()
		select {
		case <-l.people.ctx.Done():
			return
		case <-timer.C:
		}
		if !b.status.end(p, mine) {
			return
		}
		if err := b.setStatus(l.people.ctx, p, ""); err != nil {
			b.log.Debug("a status is left to go by itself", "channel", p.Channel, "err", err)
		}
	})
}

// A turn is one time that a status was shown.
type turn struct{ _ byte }

// statuses know the threads whose status no message has taken away.
type statuses struct {
	mu    sync.Mutex
	shown map[string]*turn
}

// begin notes that a status is shown anew.
func (s *statuses) begin(p bridges.Place) *turn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shown == nil {
		s.shown = map[string]*turn{}
	}
	t := &turn{}
	s.shown[key(p.Channel, p.Thread)] = t
	return t
}

// end notes that a status has gone, and reports whether it was shown: by that turn, or by any for nil.
func (s *statuses) end(p bridges.Place, t *turn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := key(p.Channel, p.Thread)
	if s.shown[at] == nil || t != nil && s.shown[at] != t {
		return false
	}
	delete(s.shown, at)
	return true
}

// quiet knows where no status is asked for now: a channel, or "" for everywhere.
type quiet struct {
	now   func() time.Time
	mu    sync.Mutex
	until map[string]time.Time
}

func (q *quiet) add(channel string, d time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.until == nil || len(q.until) >= maxKnown {
		q.until = map[string]time.Time{}
	}
	q.until[channel] = q.now().Add(d)
}

func (q *quiet) has(channel string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.now().Before(q.until[channel])
}
