package slack

import (
	"context"
	"strconv"
	"time"

	"avatarbridge/bridges"
)

// works notes that the connection works, and has what was missed read if it did not for long.
func (l *listener) works(ctx context.Context) {
	now := clock()
	l.sign.Store(now.Unix())
	l.mu.Lock()
	since := l.alive
	l.alive = now
	gap := !since.IsZero() && now.Sub(since) > l.gap
	if gap {
		l.reading++
	}
	l.mu.Unlock()
	l.rx.Health(nil)
	if gap {
		l.catchUp(ctx, since)
	}
}

// clock is the time without what Go notes to compare it by, which stands still while the machine sleeps.
func clock() time.Time { return time.Now().Round(0) }

// lost notes that the connection does not work.
func (l *listener) lost(err error) { l.rx.Health(err) }

// up counts a socket that works; over HTTP, that Slack answers counts as one.
func (l *listener) up(ctx context.Context) {
	l.mu.Lock()
	l.live++
	l.mu.Unlock()
	l.works(ctx)
}

// down counts a socket that worked and does not any more. The other one may.
func (l *listener) down(err error) {
	l.mu.Lock()
	l.live--
	left := l.live
	l.mu.Unlock()
	if left == 0 {
		l.lost(err)
	}
}

// deaf reports whether no socket works.
func (l *listener) deaf() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.live == 0
}

// hears reports whether something works, and has shown it lately: after the machine slept, sockets seem to work that do not.
func (l *listener) hears(now time.Time) bool {
	lately := 2 * l.silence
	if l.cfg.AppToken == "" {
		lately = 2 * l.watch
	}
	return !l.deaf() && now.Sub(time.Unix(l.sign.Load(), 0)) <= max(lately, 2*time.Second)
}

// firstBeat is when it is first stored that the connection is alive: also who dies in the first minute has to know since when they are away.
const firstBeat = time.Second

// beats stores from time to time that the connection is alive, so that after a crash it is known since when it is not. While a gap is
// being looked through nothing is stored: if the program ends meanwhile, it begins with that gap again.
func (l *listener) beats(ctx context.Context) error {
	timer := time.NewTimer(min(l.beat, firstBeat))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		now := clock()
		if !l.lives(now) {
			timer.Reset(min(l.beat, firstBeat))
			continue
		}
		timer.Reset(l.beat)
		if err := l.rx.Receive(ctx, bridges.Batch{Cursor: writeCursor(now)}); err != nil && ctx.Err() == nil {
			l.log.Debug("cannot store that the connection is alive", "err", err)
		}
	}
}

// lives notes that the connection is alive, if it is and nothing before is still to be read.
func (l *listener) lives(now time.Time) bool {
	if !l.hears(now) {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reading > 0 {
		return false
	}
	l.alive = now
	return true
}

func writeCursor(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// readCursor returns when the connection was last alive, the zero time when nobody knows.
func readCursor(cursor string) time.Time {
	s, err := strconv.ParseInt(cursor, 10, 64)
	if err != nil || s <= 0 {
		return time.Time{}
	}
	return time.Unix(s, 0)
}
