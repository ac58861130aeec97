package bridgetest

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"
)

// errSlackClosed ends what waits when the simulator is closed.
var errSlackClosed = errors.New("the Slack simulator was closed")

// slackDelivery is something that an app is told until it acknowledges it: an event up to four times, a command or an interaction once.
type slackDelivery struct {
	app     *SlackApp
	kind    string // events_api, slash_commands, interactive; or what a test made up
	event   string // event id, "" for none
	payload json.RawMessage
	form    string // slash_commands over HTTP
	lane    string // for InOrder: what comes one after the other; "" for none

	answered func(payload []byte) // called with what came with the acknowledgement, nil for what needs no answer
	expired  func()               // called when a command or an interaction was not acknowledged in time, may be nil

	// guarded by slackOutbox.mu
	attempt  int
	reason   string
	envelope string
	last     *SlackConnection
	stop     func() // of the timer
}

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

// deliver begins a delivery. Slack.mu may be held.
func (s *Slack) deliver(d *slackDelivery) {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	s.out.open[d] = true
	if d.event != "" {
		s.out.remember(d)
	}
	if s.opt.InOrder && d.lane != "" {
		s.out.lanes[d.lane] = append(s.out.lanes[d.lane], d)
		if len(s.out.lanes[d.lane]) > 1 {
			return
		}
	}
	s.try(d)
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

// try makes one attempt; needs out.mu.
func (s *Slack) try(d *slackDelivery) {
	switch url := d.app.requestURL; {
	case s.out.closed:
	case s.out.offline:
		s.failed(d, "connection_failed")
	case url != "":
		s.work.Go(func() { s.push(d, url) })
	default:
		s.sendEnvelope(d)
	}
}

// sendEnvelope gives the delivery to one of the app's sockets, to another than before when there is one; needs out.mu.
func (s *Slack) sendEnvelope(d *slackDelivery) {
	c := s.out.pick(d)
	if c == nil {
		s.failed(d, "timeout")
		return
	}
	id := newEnvelopeID()
	frame := map[string]any{"envelope_id": id, "type": d.kind, "payload": d.payload, "accepts_response_payload": d.kind != "events_api"}
	if d.kind == "events_api" {
		frame["retry_attempt"], frame["retry_reason"] = d.attempt, d.reason
	}
	body, err := json.Marshal(frame)
	if err != nil {
		body = []byte(`{}`) // the payload is no JSON: a test's own, which goes through SendRaw
	}
	d.envelope, d.last = id, c
	s.out.envelopes[id] = d
	step := SlackStep{Name: SlackEventSent, App: d.app, Event: d.event, Attempt: d.attempt}
	d.stop = s.clock.after(s.opt.AckWithin, func() { s.late(d, id) })
	c.send(slackFrame{body: body, written: func() {
		s.log.signal()
		s.steps.call(step)
	}})
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

// late ends an attempt that was not acknowledged in time.
func (s *Slack) late(d *slackDelivery, envelope string) {
	s.out.mu.Lock()
	if d.envelope != envelope {
		s.out.mu.Unlock()
		return
	}
	s.failed(d, "timeout")
	s.out.mu.Unlock()
	s.log.signal()
}

// failed ends an attempt; the delivery is tried again later, or given up; needs out.mu.
func (s *Slack) failed(d *slackDelivery, reason string) {
	delete(s.out.envelopes, d.envelope)
	d.envelope, d.reason = "", reason
	if d.attempt++; d.kind != "events_api" || d.attempt > len(s.opt.Retries) {
		s.giveUp(d)
		return
	}
	s.clock.after(s.opt.Retries[d.attempt-1], func() {
		s.out.mu.Lock()
		s.try(d)
		s.out.mu.Unlock()
		s.log.signal()
	})
}

// giveUp drops a delivery; needs out.mu.
func (s *Slack) giveUp(d *slackDelivery) {
	s.out.dropped++
	s.done(d)
	if d.expired != nil {
		s.clock.after(0, d.expired)
	}
}

// done ends a delivery and begins the next in its lane; needs out.mu.
func (s *Slack) done(d *slackDelivery) {
	delete(s.out.open, d)
	lane := s.out.lanes[d.lane]
	if len(lane) == 0 || lane[0] != d {
		return
	}
	if len(lane) == 1 {
		delete(s.out.lanes, d.lane)
		return
	}
	s.out.lanes[d.lane] = lane[1:]
	s.try(lane[1])
}

// acknowledged ends a delivery that the app has taken.
func (s *Slack) acknowledged(envelope string, payload []byte) {
	s.out.mu.Lock()
	d := s.out.envelopes[envelope]
	if d == nil {
		s.out.strange++
		s.out.mu.Unlock()
		s.log.signal()
		return
	}
	delete(s.out.envelopes, envelope)
	d.envelope = ""
	d.stop()
	step := SlackStep{Name: SlackEventAcked, App: d.app, Event: d.event, Attempt: d.attempt}
	s.done(d)
	s.out.mu.Unlock()
	s.taken(d, step, payload)
}

// taken tells everybody that the app has taken a delivery.
func (s *Slack) taken(d *slackDelivery, step SlackStep, payload []byte) {
	if d.answered != nil {
		d.answered(payload)
	}
	s.log.signal()
	s.steps.call(step)
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

// within returns a context that ends when d has passed on the simulator's clock; expired says that this was the cause.
func (s *Slack) within(d time.Duration) (ctx context.Context, expired func() bool, end func()) {
	ctx, cancel := context.WithCancelCause(s.ctx)
	stop := s.clock.after(d, func() { cancel(context.DeadlineExceeded) })
	return ctx, func() bool { return errors.Is(context.Cause(ctx), context.DeadlineExceeded) }, func() { stop(); cancel(errSlackClosed) }
}
