package slack

import (
	"container/list"
	"context"
	"sync"
)

// recalled is how many of the latest places are known after a start.
const recalled = 2000

// maxKnown is how many threads, channels or people are remembered.
const maxKnown = 10_000

// threads is a set of the latest that were added.
type threads struct {
	mu    sync.Mutex
	known map[string]*list.Element
	order list.List // of strings, the latest first
}

// add reports whether the id is new.
func (t *threads) add(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.known[id]; e != nil {
		t.order.MoveToFront(e)
		return false
	}
	if t.known == nil {
		t.known = map[string]*list.Element{}
	}
	t.known[id] = t.order.PushFront(id)
	if oldest := t.order.Back(); t.order.Len() > maxKnown {
		t.order.Remove(oldest)
		delete(t.known, oldest.Value.(string))
	}
	return true
}

func (t *threads) has(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.known[id] != nil
}

// recall learns from the store in which threads the avatar takes part, and which channels are direct.
func (l *listener) recall(ctx context.Context) {
	places, err := l.rx.Places(ctx, recalled)
	if err != nil {
		l.log.Warn("cannot read where people talked; threads from before need a mention", "err", err)
		return
	}
	for i := range places {
		p := places[len(places)-1-i] // the newest last, so that it is forgotten last
		switch {
		case p.Direct:
			l.directs.add(p.Channel)
		case p.Thread != "":
			l.threads.add(p.Channel + "/" + p.Thread)
		}
	}
}
