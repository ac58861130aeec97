package relay

import (
	"context"
	"strconv"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
	"avatarbridge/store"
)

const (
	// A post that surely was not sent is tried for a day: a platform may be away for long, and then it is delivered after all.
	sendWithin = 24 * time.Hour
	// A post that may have been sent is repeated for an hour: each repeat may be a double.
	unclearWithin = time.Hour
)

// deliver sends a claimed post, for which a slot is taken, and after it whatever its lane hands out. The slot is held until the end of
// each is durable, so slots bound what a crash leaves unclear.
func (l *line) deliver(p *store.Post) {
	l.r.work.Go(func() {
		defer l.slots.release(1)
		for p != nil {
			p = l.post(p)
		}
	})
}

// post does what can be done about a claimed post now, and returns the lane's next one.
func (l *line) post(p *store.Post) *store.Post {
	c := &p.Conversation
	until := l.heldPost(c)
	if l.r.isStopping() {
		until = time.Now()
	}
	if !until.IsZero() {
		l.r.cfg.Meter.Count(Held, l.cfg.Name, c.Avatar)
		l.park(p, until)
		if l.heldPost(c).IsZero() {
			l.unpark(c)
		}
		return nil
	}
	body, err := decodePost(p.Body)
	if err == nil && (body.Remove != "" || body.Lost != "") {
		return l.remove(p, body)
	}
	if err != nil || len(body.Forms) == 0 {
		return l.unreadable(p)
	}
	if p.Unclear = p.Unclear && l.feeder == nil; p.Unclear {
		if next, done := l.unclear(p, body); done {
			return next
		}
	}
	m := &body.Message
	m.ID, m.Place = strconv.FormatInt(p.ID, 36), place(c)
	if body.Channel != c.Channel {
		m.ReplyTo = "" // the group has moved, and message ids with it
	}
	id, o := l.send(m)
	return l.sent(p, body, id, o)
}

// unreadable gives up a post that another version of the program has stored.
func (l *line) unreadable(p *store.Post) *store.Post {
	return l.settle(p, store.Settled{As: store.Failed, Reason: "the stored post cannot be read by this version"})
}

// unclear decides about a post that may have been sent. done says that the post was settled, with next as its successor; otherwise it is to be
// sent, again perhaps.
func (l *line) unclear(p *store.Post, body *postBody) (next *store.Post, done bool) {
	l.r.cfg.Meter.Count(Unclear, l.cfg.Name, p.Conversation.Avatar)
	if next, done := l.find(p, body); done {
		return next, true
	}
	if p.Unclear && l.cfg.HoldUnclear {
		return l.settle(p, store.Settled{As: store.Unsure, Reason: "it may have been posted before the connection or the program ended"}), true
	}
	return nil, false
}

// arrived notes that the post is on the platform.
func (l *line) arrived(p *store.Post, body *postBody, id string) *store.Post {
	l.r.cfg.Meter.Count(Posted, l.cfg.Name, p.Conversation.Avatar)
	s := store.Settled{As: store.Sent, SentID: id}
	if l.fed(p.Conversation.Direct) && len(body.Forms) > 0 {
		s.Feed, s.Feeds = itemOf(&body.Message, id), l.feeds
	}
	return l.settle(p, s)
}

// send makes the call, with the next form at once where one was refused.
func (l *line) send(m *bridges.Message) (id string, o *fault.Outcome) {
	for {
		began := time.Now()
		id, o = l.sendOnce(m)
		l.r.cfg.Meter.Took("send", l.cfg.Name, "", time.Since(began))
		if o == nil || o.Kind != fault.Rejected && o.Kind != fault.Expired || len(m.Forms) == 1 {
			return id, o
		}
		l.log.Info("the platform refused a post's form; using the next one", "form", m.Forms[0].Kind, "next", m.Forms[1].Kind, "err", o)
		m.Forms = m.Forms[1:]
	}
}

func (l *line) sendOnce(m *bridges.Message) (id string, o *fault.Outcome) {
	ctx, cancel := context.WithTimeout(l.r.calls, l.r.cfg.SendTimeout)
	defer cancel()
	var err error
	func() {
		defer l.catch(&err)
		id, err = l.cfg.Bridge.Send(ctx, *m)
	}()
	if o = fault.Of(err); o != nil && isPanic(err) {
		o = fault.Kill("internal error", nil)
	}
	return id, o
}

func isPanic(err error) bool { _, ok := err.(*panicked); return ok }

// sent does what follows from how the call ended.
func (l *line) sent(p *store.Post, body *postBody, id string, o *fault.Outcome) *store.Post {
	c := &p.Conversation
	if o == nil {
		return l.arrived(p, body, id)
	}
	again := store.Settled{As: store.Again, Attempts: p.Attempts + 1, Unclear: p.Unclear, Body: encode(body)}
	tried := time.Duration(0) // since the first try
	if !p.Tried.IsZero() {
		tried = time.Since(p.Tried)
	}
	switch o.Kind {
	case fault.Throttled:
		l.r.cfg.Meter.Count(Held, l.cfg.Name, c.Avatar)
		again.Hold, again.Attempts = throttle(o, c), p.Attempts
		again.Due = again.Hold.Until
		l.r.holds.put(*again.Hold)
		l.log.Info("the platform asks to wait", "conversation", c.UID, "for", o.After.String())
		return l.settle(p, again)
	case fault.Moved:
		if o.To != "" && o.To != c.Channel && p.Attempts < 3 {
			return l.movedTo(p, again, o.To)
		}
		if tried > unclearWithin {
			return l.fails(p, store.Failed, o)
		}
	case fault.Unclear:
		l.r.cfg.Meter.Count(Unclear, l.cfg.Name, c.Avatar)
		if l.cfg.HoldUnclear && l.finder == nil || tried > unclearWithin {
			return l.fails(p, store.Unsure, o)
		}
		again.Unclear = true
	case fault.Retry:
		if tried > sendWithin {
			return l.fails(p, store.Failed, o)
		}
	default:
		return l.fails(p, store.Failed, o)
	}
	delay := l.r.backoff(p.Attempts, 2*time.Second, time.Minute)
	l.r.cfg.Meter.Count(Retried, l.cfg.Name, c.Avatar)
	l.log.Warn("a post could not be sent; trying again", "attempt", again.Attempts, "in", delay.Round(time.Millisecond).String(), "err", o)
	again.Due = time.Now().Add(delay)
	return l.settle(p, again)
}

func (l *line) fails(p *store.Post, as store.Ending, o *fault.Outcome) *store.Post {
	if p.Unclear {
		as = store.Unsure
	}
	l.r.cfg.Meter.Count(Died, l.cfg.Name, p.Conversation.Avatar)
	l.log.Error("a post is given up; see the dead letters", "attempts", p.Attempts+1, "err", o)
	return l.settle(p, store.Settled{As: as, Reason: o.Error(), Attempts: p.Attempts + 1})
}

// movedTo lets the channel's conversations follow it, and sends the post again there.
func (l *line) movedTo(p *store.Post, again store.Settled, to string) *store.Post {
	from := p.Conversation.Channel
	move := store.Batch{Account: p.Conversation.Account, Now: time.Now(), Entries: []store.Entry{{Move: &store.Move{From: from, To: to}}}}
	if !l.r.insist("move", func(ctx context.Context) error { _, err := l.r.store.Accept(ctx, move); return err }) {
		return nil
	}
	l.follow(from, to)
	l.log.Info("a group has another id now; its conversations follow", "from", from, "to", to)
	again.Due = time.Now()
	return l.settle(p, again)
}

// settle says how the post ended, however long the store takes, and returns the lane's next post.
func (l *line) settle(p *store.Post, s store.Settled) *store.Post {
	s.Post, s.Now = p.ID, time.Now()
	l.pace.done()
	s.Send = !l.r.isStopping() && l.heldPost(&p.Conversation).IsZero() && l.pace.take(1) == 1
	s.Any = s.Send && l.slots.wanted.Load() && l.heldAll().IsZero()
	var c store.Claims
	if !l.r.insist("settle", func(ctx context.Context) (err error) { c, err = l.r.store.Settle(ctx, s); return err }) {
		return nil
	}
	if s.Send && c.Post == nil {
		l.pace.back(1)
	}
	if s.As == store.Again {
		l.posts.at(s.Due)
	}
	if s.Feed != nil {
		l.news(place(&p.Conversation))
	}
	l.wake(c)
	return c.Post
}

func (l *line) park(p *store.Post, until time.Time) {
	l.pace.back(1) // there was no call
	var c store.Claims
	if l.r.insist("park", func(ctx context.Context) (err error) { c, err = l.r.store.Park(ctx, p.ID, until); return err }) {
		l.posts.at(until)
		l.wake(c)
	}
}
