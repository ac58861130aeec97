package relay

import (
	"context"
	"sync"
	"time"

	"avatarbridge/bridges"
)

// typing shows after a while that the avatar thinks, and goes on showing it until the returned function is called. That function returns
// once no indicator can appear any more, so that none outlives the reply.
func (l *line) typing(ctx context.Context, p bridges.Place) (quiet func()) {
	if l.typer == nil {
		return func() {}
	}
	// Most replies come before anything is shown: only a timer is made for them.
	over, done := make(chan struct{}), make(chan struct{})
	start := time.AfterFunc(typingAfter, func() {
		defer close(done)
		ctx, cancel := context.WithCancel(ctx)
		var watch sync.WaitGroup
		watch.Go(func() {
			select {
			case <-over:
				cancel()
			case <-ctx.Done():
			}
		})
		l.keepTyping(ctx, p)
		cancel()
		watch.Wait()
	})
	return func() {
		close(over)
		if !start.Stop() {
			<-done
		}
	}
}

func (l *line) keepTyping(ctx context.Context, p bridges.Place) {
	var err error
	defer l.catch(&err)
	for {
		lasts, err := l.typer.Typing(ctx, p)
		if err != nil && ctx.Err() == nil {
			l.log.Debug("cannot show that the avatar is thinking", "err", err)
		}
		// A second early, so that it does not flicker; never in a tight loop.
		if !sleep(ctx, max(lasts-time.Second, time.Second)) {
			return
		}
	}
}
