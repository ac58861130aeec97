package media

import (
	"context"
	"errors"
	"sync"
	"time"

	"avatarbridge/bridges/fault"
)

const (
	patienceFor = time.Minute // how long trouble with one source is worth a repeat
	maxSources  = 4096        // in trouble at once; more get no patience
)

// patience remembers since when sources cannot be fetched. While Fetch says Retry the text of a reply waits with its audio, and so does all
// that comes after it in the conversation: a server that stays down must not cost more than the sound.
type patience struct {
	mu    sync.Mutex
	since map[string]time.Time
}

// judge returns err, or a rejection in its place when the source has been failing for too long.
func (p *patience) judge(source string, err error, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil || fault.Of(err).Kind != fault.Retry {
		delete(p.since, source)
		return err
	}
	if errors.Is(err, context.Canceled) { // the program stops
		return err
	}
	first, known := p.since[source]
	switch {
	case known && now.Sub(first) < patienceFor:
		return err
	case known || !p.room(now):
		delete(p.since, source)
		return fault.Reject("the avatar's audio could not be fetched in time", err)
	}
	p.since[source] = now
	return err
}

// room reports whether one more source can be remembered. Those that nobody asks for any more are forgotten when it gets tight.
func (p *patience) room(now time.Time) bool {
	if p.since == nil {
		p.since = map[string]time.Time{}
	}
	if len(p.since) < maxSources {
		return true
	}
	for source, first := range p.since {
		if now.Sub(first) > 10*patienceFor {
			delete(p.since, source)
		}
	}
	return len(p.since) < maxSources
}
