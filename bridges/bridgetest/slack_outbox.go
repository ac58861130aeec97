package bridgetest

import (
	"sync"
)

// slackOutbox holds what was not acknowledged yet. Its lock may be taken with Slack.mu held, never the other way round.
type slackOutbox struct {
	mu        sync.Mutex
	closed    bool
	offline   bool
	turn      int
	sockets   int // opened so far
	conns     []*SlackConnection
	open      map[*slackDelivery]bool
	envelopes map[string]*slackDelivery
	lanes     map[string][]*slackDelivery
	past      map[string]*slackDelivery // by event id, for Repeat
	pastIDs   []string
	dropped   int
	strange   int // acknowledgements of nothing that waits, and what is no acknowledgement
}

// slackPast is how many events can be repeated.
const slackPast = 2_000

func (o *slackOutbox) init() {
	o.open, o.envelopes = map[*slackDelivery]bool{}, map[string]*slackDelivery{}
	o.lanes, o.past = map[string][]*slackDelivery{}, map[string]*slackDelivery{}
}

// close ends all attempts: nobody is waited for who begins later.
func (o *slackOutbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
}

func (o *slackOutbox) setOffline(off bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.offline = off
}

func (o *slackOutbox) remember(d *slackDelivery) {
	if o.past[d.event] == nil {
		o.pastIDs = append(o.pastIDs, d.event)
	}
	o.past[d.event] = d
	if len(o.pastIDs) > slackPast {
		delete(o.past, o.pastIDs[0])
		o.pastIDs = o.pastIDs[1:]
	}
}

// pick returns the socket whose turn it is, nil when there is none.
func (o *slackOutbox) pick(d *slackDelivery) *SlackConnection {
	var all, others []*SlackConnection
	for _, c := range o.conns {
		if c.app == d.app && !c.draining {
			all = append(all, c)
			if c != d.last {
				others = append(others, c)
			}
		}
	}
	if len(others) > 0 {
		all = others
	}
	if len(all) == 0 {
		return nil
	}
	o.turn++
	return all[o.turn%len(all)]
}

// Unacknowledged is how many events, commands and interactions an app has not acknowledged and may still get (again); of all apps for nil.
func (s *Slack) Unacknowledged(a *SlackApp) int {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	n := 0
	for d := range s.out.open {
		if a == nil || d.app == a {
			n++
		}
	}
	return n
}

// GivenUp is how many events, commands and interactions were never acknowledged and will not come again.
func (s *Slack) GivenUp() int {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	return s.out.dropped
}

// StrangeFrames is how much came over sockets that is no acknowledgement, or acknowledges what is unknown, was acknowledged before, or is
// too late.
func (s *Slack) StrangeFrames() int {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	return s.out.strange
}

// Repeat sends an event once more as if it were the first time, which Slack does now and then, and reports whether it is known.
func (s *Slack) Repeat(event string) bool {
	s.out.mu.Lock()
	d := s.out.past[event]
	s.out.mu.Unlock()
	if d != nil {
		s.deliver(&slackDelivery{app: d.app, kind: d.kind, event: d.event, payload: d.payload, lane: d.lane})
	}
	return d != nil
}
