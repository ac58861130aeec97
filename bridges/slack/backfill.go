package slack

import (
	"context"
	"errors"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	slackapi "github.com/slack-go/slack"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

const (
	backPlaces = 500 // places that are looked through after a gap
	backNew    = 100 // direct chats besides in which nobody had written before
	backPages  = 5   // pages of each
	backTries  = 10  // times that Slack may ask to wait

	gateWait = 10 * time.Second // for what was missed in a channel, before what is new there is heard
)

// catchUp has a gap looked through that began then, again while something in it could neither be read nor stored. It returns as soon as what
// is new waits behind what was missed.
func (l *listener) catchUp(ctx context.Context, since time.Time) {
	places, err := l.rx.Places(ctx, backPlaces)
	open := l.gates(ctx, places)
	l.lanes.spawn(func() {
		defer l.caughtUp()
		pause := fault.Backoff{Least: l.beat, Most: 10 * l.beat}
		for began := clock(); ; places, err = l.rx.Places(ctx, backPlaces) {
			switch {
			case err != nil:
				l.log.Warn("cannot read where people talked; what was written while Slack was away is looked for later", "err", err)
			case l.backfill(ctx, since, places, open):
				return
			}
			if clock().Sub(began) > l.cfg.CatchUp || pause.Wait(ctx, nil) != nil {
				return
			}
		}
	})
}

// caughtUp notes that a gap was looked through.
func (l *listener) caughtUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reading--
}

// gates have the lanes of the places wait, so that the order of what is written there is kept. open is called for each place that was read.
func (l *listener) gates(ctx context.Context, places []bridges.Place) (open func(bridges.Place)) {
	left, gate := map[string]int{}, map[string]chan struct{}{}
	for _, p := range places {
		if left[p.Channel]++; left[p.Channel] > 1 {
			continue
		}
		done := make(chan struct{})
		gate[p.Channel] = done
		l.lanes.do(p.Channel, time.Time{}, func() {
			timer := time.NewTimer(gateWait)
			defer timer.Stop()
			select {
			case <-done:
			case <-timer.C:
			case <-ctx.Done():
			}
		})
	}
	return func(p bridges.Place) {
		if left[p.Channel]--; left[p.Channel] == 0 {
			close(gate[p.Channel])
		}
	}
}

// A sweep is one reading of what was missed.
type sweep struct {
	*listener
	from   time.Time
	read   map[bridges.Place]bool
	heard  sync.WaitGroup // what was read and is not stored yet
	failed atomic.Bool    // something could neither be read nor stored now
}

// backfill reads what was written since a time in direct chats, in threads that the avatar takes part in, and in the channels of these.
// What was received after all has a key that the relay knows. What Slack does not let it read is left out: the app may lack the scope. It
// reports whether all is stored that is there.
func (l *listener) backfill(ctx context.Context, since time.Time, places []bridges.Place, open func(bridges.Place)) bool {
	s := &sweep{listener: l, from: since.Add(-redelivery - clockSkew), read: map[bridges.Place]bool{}} // what was given up since had been sent before
	if oldest := time.Now().Add(-l.cfg.CatchUp); s.from.Before(oldest) {
		s.from = oldest
	}
	for _, p := range places {
		s.look(ctx, p)
		open(p)
	}
	for _, p := range s.newDirects(ctx, places) {
		s.look(ctx, p)
	}
	s.heard.Wait()
	l.log.Info("looked for what was written while the connection was lost", "since", s.from.UTC().Format(time.RFC3339),
		"places", len(s.read), "complete", !s.failed.Load())
	return !s.failed.Load()
}

// look reads a place, and the channel of a thread.
func (s *sweep) look(ctx context.Context, p bridges.Place) {
	for _, at := range []bridges.Place{{Channel: p.Channel, Direct: p.Direct}, p} {
		if !s.read[at] && ctx.Err() == nil {
			s.read[at] = true
			s.readBack(ctx, at)
		}
	}
}

// newDirects are direct chats of the bot that are not among places.
func (s *sweep) newDirects(ctx context.Context, places []bridges.Place) []bridges.Place {
	known := map[string]bool{}
	for _, p := range places {
		known[p.Channel] = true
	}
	x, err := s.patient(ctx, func() (*exchange, error) {
		return s.call(ctx, "users.conversations", func(ctx context.Context, api *slackapi.Client) error {
			_, _, err := api.GetConversationsForUserContext(ctx, &slackapi.GetConversationsForUserParameters{Types: []string{"im"}, Limit: 999})
			return err
		})
	})
	if err != nil {
		s.missed(err)
		s.log.Debug("cannot list the direct chats", "err", err)
		return nil
	}
	var said struct {
		Channels []struct {
			ID string `json:"id"`
		} `json:"channels"`
	}
	if decode(x.body, &said) != nil {
		return nil
	}
	var found []bridges.Place
	for _, c := range said.Channels {
		if !known[c.ID] && len(found) < backNew {
			found = append(found, bridges.Place{Channel: c.ID, Direct: true})
		}
	}
	return found
}

// readBack hears again what was written in a place. In a direct chat threads are read too in which somebody has written.
func (s *sweep) readBack(ctx context.Context, p bridges.Place) {
	var found []message
	_, err := s.patient(ctx, func() (x *exchange, err error) {
		if found, err = s.since(ctx, p.Channel, p.Thread, s.from, backPages); errors.Is(err, errTooMuch) {
			s.log.Warn("more was written while the connection was lost than is read", "channel", p.Channel)
			err = nil
		}
		return nil, err
	})
	if err != nil {
		s.missed(err)
		if ctx.Err() == nil {
			s.log.Info("cannot read what was written while the connection was lost", "channel", p.Channel, "err", err)
		}
		return
	}
	sort.Slice(found, func(i, j int) bool { return found[i].TS < found[j].TS })
	for i := range found {
		m := &found[i]
		if p.Direct {
			m.ChannelType = "im"
		}
		thread := bridges.Place{Channel: p.Channel, Thread: m.TS, Direct: p.Direct}
		if p.Direct && p.Thread == "" && m.LatestReply != "" && !s.read[thread] {
			s.read[thread] = true
			s.readBack(ctx, thread)
		}
		if m.Type == "message" && timeOf(m.TS).After(s.from) {
			s.hearAgain(ctx, m)
		}
	}
}

// hearAgain takes a message of the history as if it was told of now. Whether the avatar takes part in its thread is known by then.
func (s *sweep) hearAgain(ctx context.Context, m *message) {
	within := (&callback{}).within(&s.me)
	if s.me.Enterprise != "" {
		within = append(within, s.me.Enterprise)
	}
	s.heard.Add(1)
	s.inLane(ctx, m.Channel, m.when(), func(stored bool) {
		if !stored {
			s.failed.Store(true)
		}
		s.heard.Done()
	}, func() (bridges.Event, bool, error) { return s.event(ctx, m, within) })
}

// missed notes that a call has failed. What Slack refuses, it refuses the next time too.
func (s *sweep) missed(err error) {
	if named(err) == "" || fault.Of(err).Kind == fault.Throttled {
		s.failed.Store(true)
	}
}

// patient makes a call, again when Slack asks to wait or does not answer, for some times.
func (l *listener) patient(ctx context.Context, call func() (*exchange, error)) (*exchange, error) {
	pause := fault.Backoff{Least: time.Second, Most: 30 * time.Second}
	for try := 1; ; try++ {
		x, err := call()
		if err == nil {
			return x, nil
		}
		if o := fault.Of(err); try == backTries || refused(err) || named(err) != "" && o.Kind != fault.Throttled {
			return x, err
		}
		if pause.Wait(ctx, err) != nil {
			return nil, ctx.Err()
		}
	}
}
