package relay_test

import (
	"maps"
	"strconv"
	"strings"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

// A throttled is what a platform or a service has asked for: nothing in a scope for a while.
type throttled struct {
	key         string // of the scope
	began, ends time.Time
}

// Throttles are those that hold. What is durable is kept behind the gate; the rest is a life's, and the sim's mu guards it.
type throttles struct {
	known   map[string]throttled // by scope, as the life has heard of them
	pending map[string]throttled // by the post or the text whose call ended so, until that is durable
	began   map[string]time.Time // when the first form of a post was sent, by its id, until there is no other
}

func newThrottles(durable map[string]throttled) throttles {
	return throttles{maps.Clone(durable), map[string]throttled{}, map[string]time.Time{}}
}

// scopeOf names the scope of a throttle of a post; "" for one of which it cannot be told here what it binds: the conversation of the program's own
// words in a room, and what becomes of places that have moved meanwhile.
func (p *platform) scopeOf(scope fault.Scope, m *bridges.Message) string {
	moves := p.moved[m.Place.Channel] != ""
	for _, now := range p.moved {
		moves = moves || now == m.Place.Channel
	}
	switch {
	case scope == fault.Bridge:
		return "bridge " + p.name
	case moves:
		return ""
	case scope == fault.Channel:
		return "channel " + m.Place.Channel
	case m.Place.Direct:
		return "conversation " + m.Place.Channel
	}
	if of := textOf(m); of != "" {
		return "conversation " + labelOf(of)
	}
	return ""
}

// textOf is the text that a post answers, "" for a word of the program's own.
func textOf(m *bridges.Message) string {
	if len(m.Forms) == 0 {
		return ""
	}
	rest, isReply := strings.CutPrefix(strings.TrimPrefix(m.Forms[0].Text, "#"), "re ")
	if !isReply {
		return ""
	}
	text, _, _ := strings.Cut(rest, "/")
	return text
}

// asksToWait notes that a call has ended as throttled. Where the life lives until that is stored, the next ones must keep it too.
func (l *life) asksToWait(s *sim, scope, of string, err error) {
	o := fault.Of(err)
	if o == nil || o.Kind != fault.Throttled || scope == "" || l.gone() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	t := throttled{scope, now, now.Add(o.After)}
	l.throttles.known[scope], l.throttles.pending[of] = t, t
}

// remembers notes that it is stored how a call ended.
func (l *life) remembers(s *sim, of string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := l.throttles.pending[of]; ok {
		delete(l.throttles.pending, of)
		s.durable[t.key] = t
	}
}

// mustKeep fails when something is done in a scope in which a throttle holds that began before. What is decided in the instant in which it begins
// is none that it binds, and neither are the other forms of a post that was being sent.
func (l *life) mustKeep(s *sim, what string, since time.Time, scopes ...string) {
	s.mu.Lock()
	var bound *throttled
	for _, key := range scopes {
		if t, ok := l.throttles.known[key]; ok && time.Now().Before(t.ends) && t.began.Before(since) {
			bound = &t
		}
	}
	s.mu.Unlock()
	if bound != nil {
		s.fail("%s %v before the end of what was asked for: nothing in %q for %v", what, time.Until(bound.ends), bound.key, bound.ends.Sub(bound.began))
	}
}

// mustWait is mustKeep for a post.
func (b *arm) mustWait(m *bridges.Message) {
	b.s.mu.Lock()
	since, again := b.life.throttles.began[m.ID]
	if !again {
		since = time.Now()
		b.life.throttles.began[m.ID] = since
	}
	b.s.mu.Unlock()
	b.life.mustKeep(b.s, "the post "+m.ID+" was made", since, b.scopeOf(fault.Conversation, m), b.scopeOf(fault.Channel, m), b.scopeOf(fault.Bridge, m))
}

// waits notes how a call ended that made a post, or not.
func (b *arm) waits(m *bridges.Message, err error) {
	o := fault.Of(err)
	if o == nil || o.Kind != fault.Rejected && o.Kind != fault.Expired || len(m.Forms) == 1 {
		b.s.mu.Lock()
		delete(b.life.throttles.began, m.ID)
		b.s.mu.Unlock()
	}
	if o != nil {
		b.life.asksToWait(b.s, b.scopeOf(o.Scope, m), m.ID, err)
	}
}

// rested lets go of the throttles of conversations and direct chats that were deleted with their person. Whether one is stored that was asked for in
// that moment is not known.
func (l *life) rested(s *sim, labels map[string]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(l.throttles.pending)
	for _, all := range []map[string]throttled{l.throttles.known, s.durable} {
		maps.DeleteFunc(all, func(key string, _ throttled) bool {
			kind, of, _ := strings.Cut(key, " ")
			return (kind == "conversation" || kind == "channel") && labels[of]
		})
	}
}

func postName(post int64) string { return strconv.FormatInt(post, 36) }
