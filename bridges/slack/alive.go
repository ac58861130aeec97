package slack

import (
	"context"
	"strconv"
	"time"

	"avatarbridge/bridges"
)

// works notes that the connection works, and has what was missed read if it did not for long.
func (l *listener) works(ctx context.Context) {
	l.mu.Lock()
	since, now := l.alive, time.Now()
	l.alive = now
	l.mu.Unlock()
	l.rx.Health(nil)
	if !since.IsZero() && now.Sub(since) > l.gap {
		l.lanes.spawn(func() { l.backfill(ctx, since) })
	}
}

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
	if left == 0 {
		l.alive = time.Now()
	}
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

// beats stores from time to time that the connection is alive, so that after a crash it is known since when it is not.
func (l *listener) beats(ctx context.Context) error {
	ticker := time.NewTicker(l.beat)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if l.deaf() {
			continue
		}
		now := time.Now()
		l.mu.Lock()
		l.alive = now
		l.mu.Unlock()
		if err := l.rx.Receive(ctx, bridges.Batch{Cursor: writeCursor(now)}); err != nil && ctx.Err() == nil {
			l.log.Debug("cannot store that the connection is alive", "err", err)
		}
	}
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
