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
	ctx, cancel := context.WithCancel(ctx)
	var shown sync.WaitGroup
	shown.Add(1)
	start := time.AfterFunc(typingAfter, func() {
		defer shown.Done()
		l.keepTyping(ctx, p)
	})
	return func() {
		cancel()
		if start.Stop() {
			shown.Done()
		}
		shown.Wait()
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
