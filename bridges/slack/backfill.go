package slack

import (
	"context"
	"errors"
	"sort"
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

// catchUp has a gap looked through that began then. It returns as soon as what is new waits behind what was missed.
func (l *listener) catchUp(ctx context.Context, since time.Time) {
	places, err := l.rx.Places(ctx, backPlaces)
	if err != nil {
		l.log.Warn("cannot read where people talked; what was written while Slack was away is not looked for", "err", err)
		l.caughtUp()
		return
	}
	open := l.gates(ctx, places)
	l.lanes.spawn(func() {
		l.backfill(ctx, since, places, open)
		l.caughtUp()
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

// backfill reads what was written since a time in direct chats, in threads that the avatar takes part in, and in the channels of these.
// What was received after all has a key that the relay knows. What cannot be read is left out: the app may lack the scope.
func (l *listener) backfill(ctx context.Context, since time.Time, places []bridges.Place, open func(bridges.Place)) {
	began := time.Now()
	since = since.Add(-redelivery - clockSkew) // what was given up since had been sent before
	if oldest := began.Add(-l.cfg.CatchUp); since.Before(oldest) {
		since = oldest
	}
	read := map[bridges.Place]bool{}
	look := func(p bridges.Place) {
		for _, at := range []bridges.Place{{Channel: p.Channel, Direct: p.Direct}, p} {
			if !read[at] && ctx.Err() == nil {
				read[at] = true
				l.readBack(ctx, at, since, read)
			}
		}
	}
	for _, p := range places {
		look(p)
		open(p)
	}
	for _, p := range l.newDirects(ctx, places) {
		look(p)
	}
	l.log.Info("looked for what was written while the connection was lost", "since", since.UTC().Format(time.RFC3339), "places", len(read))
}

// newDirects are direct chats of the bot that are not among places.
func (l *listener) newDirects(ctx context.Context, places []bridges.Place) []bridges.Place {
	known := map[string]bool{}
	for _, p := range places {
		known[p.Channel] = true
	}
	x, err := l.patient(ctx, func() (*exchange, error) {
		return l.call(ctx, "users.conversations", func(ctx context.Context, api *slackapi.Client) error {
			_, _, err := api.GetConversationsForUserContext(ctx, &slackapi.GetConversationsForUserParameters{Types: []string{"im"}, Limit: 999})
			return err
		})
	})
	if err != nil {
		l.log.Debug("cannot list the direct chats", "err", err)
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
func (l *listener) readBack(ctx context.Context, p bridges.Place, since time.Time, read map[bridges.Place]bool) {
	var found []message
	_, err := l.patient(ctx, func() (x *exchange, err error) {
		if found, err = l.since(ctx, p.Channel, p.Thread, since, backPages); errors.Is(err, errTooMuch) {
			l.log.Warn("more was written while the connection was lost than is read", "channel", p.Channel)
			err = nil
		}
		return nil, err
	})
	if err != nil {
		if ctx.Err() == nil {
			l.log.Info("cannot read what was written while the connection was lost", "channel", p.Channel, "err", err)
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
		if p.Direct && p.Thread == "" && m.LatestReply != "" && !read[thread] {
			read[thread] = true
			l.readBack(ctx, thread, since, read)
		}
		if m.Type == "message" && timeOf(m.TS).After(since) {
			l.hearAgain(ctx, m)
		}
	}
}

// hearAgain takes a message of the history as if it was told of now. Whether the avatar takes part in its thread is known by then.
func (l *listener) hearAgain(ctx context.Context, m *message) {
	within := (&callback{}).within(&l.me)
	if l.me.Enterprise != "" {
		within = append(within, l.me.Enterprise)
	}
	l.inLane(ctx, m.Channel, m.when(), func(bool) {}, func() (bridges.Event, bool, error) { return l.event(ctx, m, within) })
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
