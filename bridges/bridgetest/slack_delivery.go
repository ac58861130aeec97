package bridgetest

import (
	"context"
	"encoding/json"
	"errors"
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

// within returns a context that ends when d has passed on the simulator's clock; expired says that this was the cause.
func (s *Slack) within(d time.Duration) (ctx context.Context, expired func() bool, end func()) {
	ctx, cancel := context.WithCancelCause(s.ctx)
	stop := s.clock.after(d, func() { cancel(context.DeadlineExceeded) })
	return ctx, func() bool { return errors.Is(context.Cause(ctx), context.DeadlineExceeded) }, func() { stop(); cancel(errSlackClosed) }
}
