package relay_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

// A platform is what outlives the program: what people wrote, how far it was acknowledged, and what was posted.
type platform struct {
	s       *sim
	name    string
	account string

	inFlight int // max_in_flight

	push    bool // events come one by one for each channel, as over a webhook; else in batches, with a cursor
	nonce   bool // a post with a known id is not made again
	finds   bool // it can be looked up whether a post was made
	removes bool
	feeds   bool // it keeps what was said, for people to see again
	draws   bool // it shows drafts, which stay until they are taken back
	holds   bool // on_unclear = "hold"

	log     []bridges.Event
	acked   map[string]bool // event keys
	pos     int             // how far the log is acknowledged, for what comes in batches
	changed chan struct{}   // closed when the log grows
	posts   []*posted
	byID    map[string]*posted
	moved   map[string]string
	drafts  []*drawn
}

// posted is a post that people see.
type posted struct {
	id, post, channel, text string
	at                      time.Time
	removed                 bool
	step                    int  // how much had passed
	excused                 bool // it was on its way when its person was forgotten
	doubtful                bool // the program may not know that it is there
}

// write lets something happen on the platform.
func (p *platform) write(ev bridges.Event) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	ev.At = time.Now()
	if ev.Kind == bridges.Moved {
		p.moved[ev.Place.Channel] = ev.To
	}
	p.log = append(p.log, ev)
	if ev.Kind == bridges.Written {
		p.s.wrote[ev.Key] = &ev
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// after returns up to n events from the position on, and what is closed when there are more.
func (p *platform) after(pos, n int) ([]bridges.Event, <-chan struct{}) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	pos = min(pos, len(p.log))
	return slices.Clone(p.log[pos:min(pos+n, len(p.log))]), p.changed
}

// An arm is the program's connection to a platform, in one life.
type arm struct {
	*platform
	life *life
}

// Run is described in the contract.
func (b *arm) Run(ctx context.Context, rx bridges.Receiver) error {
	cursor, err := rx.Open(ctx, b.account)
	for err != nil {
		if !pause(ctx, time.Second) {
			return nil
		}
		cursor, err = rx.Open(ctx, b.account)
	}
	rx.Health(nil)
	if b.push {
		return b.hear(ctx, rx)
	}
	pos, _ := strconv.Atoi(cursor)
	if pos < b.pos && !b.life.gone() {
		b.s.fail("%s: %d events were acknowledged and the cursor is %d", b.name, b.pos, pos)
	}
	stored, _ := b.after(0, pos) // a life may have ended before it could say so
	b.acknowledge(stored, pos)
	for ctx.Err() == nil {
		events, changed := b.after(pos, 5)
		if len(events) == 0 {
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		b.s.c.pass("poll/" + b.name)
		if b.life.gone() {
			<-ctx.Done()
			return nil
		}
		events = events[:1+b.s.c.dice.IntN(len(events))]
		n := len(events)
		if pos > 0 && b.s.c.chance(b.s.plan.repeats) {
			again, _ := b.after(b.s.c.dice.IntN(pos), 2)
			events = append(again, events...)
			events = events[:min(len(events), len(again)+n)]
		}
		err := rx.Receive(ctx, bridges.Batch{Events: events, Cursor: strconv.Itoa(pos + n)})
		if err != nil {
			pause(ctx, time.Second)
			continue
		}
		pos += n
		b.acknowledge(events, pos)
	}
	return nil
}

func (b *arm) acknowledge(events []bridges.Event, pos int) {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	b.pos = max(b.pos, pos)
	for _, ev := range events {
		b.acked[keyOf(&ev)] = true
	}
}

// keyOf names an event, also one that is harmless to repeat.
func keyOf(ev *bridges.Event) string {
	if ev.Key != "" {
		return ev.Key
	}
	return fmt.Sprint(ev.Kind, " ", ev.Target, " ", ev.Text)
}

// hear hands over each channel's events one by one.
func (b *arm) hear(ctx context.Context, rx bridges.Receiver) error {
	done := make(chan struct{})
	channels := b.s.script.channels(b.platform)
	for _, channel := range channels {
		go func() {
			defer func() { done <- struct{}{} }()
			for i := 0; ctx.Err() == nil; {
				events, changed := b.after(i, 1)
				if len(events) == 0 {
					select {
					case <-changed:
					case <-ctx.Done():
					}
					continue
				}
				if ev := events[0]; ev.Place.Channel != channel || b.deliver(ctx, rx, ev) {
					i++
				}
			}
		}()
	}
	for range channels {
		<-done
	}
	return nil
}

// deliver hands an event over until it is acknowledged, and sometimes once more.
func (b *arm) deliver(ctx context.Context, rx bridges.Receiver, ev bridges.Event) bool {
	b.s.mu.Lock()
	known := b.acked[keyOf(&ev)]
	b.s.mu.Unlock()
	if known {
		return true
	}
	if err := b.hand(ctx, rx, ev); err != nil {
		wait := time.Second
		if full := new(bridges.TooMany); errors.As(err, &full) {
			wait = full.After
		}
		pause(ctx, wait)
		return false
	}
	b.s.c.pass("acknowledged/" + b.name + "/" + keyOf(&ev))
	if b.life.gone() {
		<-ctx.Done()
		return false
	}
	again := b.s.c.chance(b.s.plan.repeats)
	if !again {
		b.acknowledge([]bridges.Event{ev}, 0)
	}
	return !again
}

// hand gives the relay one event.
func (b *arm) hand(ctx context.Context, rx bridges.Receiver, ev bridges.Event) error {
	if len(ev.Attachments) > 0 {
		return b.upload(ctx, rx, ev)
	}
	return rx.Receive(ctx, bridges.Batch{Events: []bridges.Event{ev}})
}

// Fit is described in the contract: it cuts at "|", and "#" makes a form that comes before the plain one.
func (b *arm) Fit(m bridges.Message) []bridges.Message {
	switch {
	case m.Text == "" && m.Audio != nil:
		return []bridges.Message{fitSound(&m)}
	case m.Text == "":
		return nil
	}
	return (&fakeBridge{}).Fit(m)
}

// A flight is a call of Send that has not reached the platform yet.
type flight struct {
	p *platform
	m bridges.Message
	d *bridges.Draft // it is no post, but this
}

// Send is described in the contract.
func (b *arm) Send(ctx context.Context, m bridges.Message) (string, error) {
	s := b.s
	key := "send/" + b.name + "/" + m.ID
	defer b.handling(m.ID)()
	if !b.life.gone() {
		s.c.pass(key)
	}
	if b.life.gone() {
		<-ctx.Done()
		return "", ctx.Err()
	}
	s.mustRest("a post was made", b.name, m.Place.Channel)
	b.mustAnswer(&m)
	b.mustWait(&m)
	f := s.sendFate(b.platform, &m)
	row, _ := strconv.ParseInt(m.ID, 36, 64)
	b.life.sending[row] = b.platform
	b.mustFly(row)
	s.mu.Lock()
	s.flights[key] = &flight{p: b.platform, m: m}
	s.mu.Unlock()
	alive := pause(ctx, f.before)
	s.mu.Lock()
	_, flies := s.flights[key]
	delete(s.flights, key)
	s.mu.Unlock()
	if !flies || b.life.gone() { // the crash has decided
		<-ctx.Done()
		return "", ctx.Err()
	}
	if !alive {
		return "", fault.Unsure(ctx.Err())
	}
	id, err := b.platform.call(&m, f)
	pause(ctx, f.after)
	if b.life.gone() {
		<-ctx.Done()
		return id, err
	}
	b.waits(&m, err)
	return id, err
}

// call is what the platform does with a call that reached it.
func (p *platform) call(m *bridges.Message, f sendFate) (string, error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if to := p.moved[m.Place.Channel]; to != "" {
		return "", fault.MoveTo(to, errors.New("the group has moved"))
	}
	if f.err == nil || f.happens {
		id := p.show(m)
		if f.err == nil {
			delete(p.s.inDoubt, m.ID)
			return id, nil
		}
		p.byID[m.ID].doubtful, p.s.inDoubt[m.ID] = true, true
	}
	return "", f.err
}

// show makes a post.
func (p *platform) show(m *bridges.Message) string {
	if old := p.byID[m.ID]; old != nil && p.nonce {
		return old.id
	}
	x := &posted{id: fmt.Sprint(p.name, ".", len(p.posts)+1), post: m.ID, channel: m.Place.Channel, at: time.Now(), text: strings.TrimPrefix(m.Forms[0].Text, "#")}
	if p.byID[m.ID] != nil {
		p.again(x)
	}
	p.posts = append(p.posts, x)
	p.byID[m.ID] = x
	p.s.c.note("post " + x.channel + " " + x.text)
	x.step, x.excused = p.s.c.count(), p.s.excused[m.ID]
	delete(p.s.excused, m.ID)
	return x.id
}

// handling notes that a call about a post is under way, until it is over.
func (b *arm) handling(id string) (over func()) {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	b.life.busy[id] = true
	return func() {
		b.s.mu.Lock()
		defer b.s.mu.Unlock()
		delete(b.life.busy, id)
	}
}

// lookup is Find.
func (b *arm) lookup(ctx context.Context, m bridges.Message) (string, error) {
	defer b.handling(m.ID)()
	if !b.life.gone() {
		b.s.c.pass("find/" + b.name + "/" + b.s.nameOf(m.ID))
	}
	if b.life.gone() {
		<-ctx.Done()
		return "", ctx.Err()
	}
	if !b.s.healed && b.s.c.chance(b.s.plan.faults) {
		if b.s.c.chance(0.5) {
			return "", fault.Throttle(fault.Bridge, b.s.c.upTo(5*time.Second), nil)
		}
		return "", errDown
	}
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	if x := b.byID[m.ID]; x != nil {
		return x.id, nil
	}
	if x := b.draft(m.ID); x != nil {
		return x.id, nil
	}
	return "", nil
}

// takeBack is Remove.
func (b *arm) takeBack(ctx context.Context, id string) error {
	if !b.life.gone() {
		b.s.c.pass("remove/" + b.name + "/" + id)
	}
	if b.life.gone() {
		<-ctx.Done()
		return ctx.Err()
	}
	fails := !b.s.healed && b.s.c.chance(b.s.plan.faults)
	if !fails {
		b.s.c.note("removed " + id)
	}
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	for _, x := range b.drafts {
		if x.id == id {
			x.cut, x.removed = x.cut || fails, x.removed || !fails
		}
	}
	if fails {
		return errDown
	}
	for _, x := range b.posts {
		if x.id == id {
			x.removed = true
		}
	}
	return nil
}

// pause waits for d and reports whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// A sendFate is how a call of Send will go.
type sendFate struct {
	before, after time.Duration // the call reaches the platform, and the answer the program
	err           error         // nil: it is posted
	happens       bool          // with an error: it is posted all the same
}

func (s *sim) sendFate(p *platform, m *bridges.Message) sendFate {
	c := s.c
	f := sendFate{before: c.upTo(200 * time.Millisecond), after: c.upTo(200 * time.Millisecond)}
	if m.Place.Channel == s.plan.sick.conversation && !s.healed {
		f.before = 5 * time.Minute
	}
	if s.healed || !c.chance(s.ails(p.name == s.plan.sick.bridge)) {
		return f
	}
	switch s.plan.sick.manner {
	case down:
		f.err = errDown
		return f
	case hangs:
		f.before = 10 * time.Minute
		return f
	case busy:
		f.err = fault.Throttle(fault.Bridge, c.upTo(10*time.Minute), errDown)
		return f
	}
	cause := errors.New("simulated")
	switch c.dice.IntN(9) {
	case 0:
		f.err = fault.Throttle(fault.Scope(c.dice.IntN(3)), c.upTo(time.Minute)*s.plan.sick.longer(), cause)
	case 1:
		f.err = fault.Reject("no such form", cause)
	case 2:
		f.err = &fault.Outcome{Kind: fault.Expired, Err: cause}
	case 3:
		f.err, f.happens = fault.Unsure(cause), true
	case 4:
		f.err = fault.Unsure(cause)
	case 5:
		f.err = fault.Kill("blocked", cause)
	case 6:
		f.before = c.upTo(10 * time.Minute) // longer than a call may take, or nearly
	case 7:
		f.err = cause // unmarked: a retry
	default:
		f.err = &fault.Outcome{Kind: fault.Retry, Err: cause}
	}
	return f
}
