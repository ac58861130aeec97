package relay

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
	"golang.org/x/sync/semaphore"

	"avatarbridge/avatar"
	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
	"avatarbridge/store"
)

const (
	// typingAfter is how long an avatar may think before people are shown that it does.
	typingAfter = 400 * time.Millisecond
	// breakerOpen is how long an avatar that fails is left alone before a few turns try it again.
	breakerOpen = 10 * time.Second
	// breakerTrips is how many calls in a row must fail for that.
	breakerTrips = 5
)

// A player is one avatar at work.
type player struct {
	r        *Relay
	cfg      Avatar
	slots    slots               // turns being asked
	asking   *semaphore.Weighted // the same, exactly: verbs that run beside one another may each hand out the last free slot
	history  int                 // exchanges that a turn brings
	patience time.Duration       // for a reply that comes later
	breaker  *gobreaker.TwoStepCircuitBreaker[any]
	probes   probes
	voices   *semaphore.Weighted // bytes of voices in memory
}

func newPlayer(r *Relay, cfg Avatar) *player {
	if cfg.MaxConcurrent <= 0 {
		cfg.MaxConcurrent = 1024
	}
	if cfg.Display == "" {
		cfg.Display = cfg.Name
	}
	p := &player{r: r, cfg: cfg}
	if m, ok := cfg.Backend.(avatar.Rememberer); ok {
		p.history = m.History()
	}
	if w, ok := cfg.Backend.(avatar.Waiter); ok {
		p.patience = w.Patience()
	}
	p.voices = semaphore.NewWeighted(voiceMemory)
	p.slots.max = int64(cfg.MaxConcurrent)
	p.asking = semaphore.NewWeighted(int64(cfg.MaxConcurrent))
	p.slots.freed = func() {
		for _, l := range r.lines {
			l.turns.at(time.Now())
		}
	}
	p.breaker = gobreaker.NewTwoStepCircuitBreaker[any](gobreaker.Settings{
		Name: cfg.Name, MaxRequests: 1, Timeout: breakerOpen,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= breakerTrips },
		IsExcluded:  func(err error) bool { return errors.Is(err, errUnasked) },
		OnStateChange: func(name string, _, to gobreaker.State) {
			r.log.Warn("the avatar's circuit breaker changed", "avatar", name, "state", to.String())
		},
	})
	return p
}

// start asks a claimed turn, and after it whatever its lane hands out, in a goroutine of its own. A turn for which there is no place after all goes
// back, so that it can still be changed and forgotten while it waits; one that was asked before and has no reply waits here, as Defer would have it
// asked anew.
func (p *player) start(l *line, t *store.Turn) {
	p.slots.force(1)
	place := p.asking.TryAcquire(1)
	p.r.work.Go(func() {
		defer p.slots.release(1)
		switch {
		case place:
		case !t.Awaited:
			p.giveBack(l, t, store.Deferred{Due: time.Now(), Attempts: t.Attempts, Unasked: true})
			return
		case p.asking.Acquire(p.r.calls, 1) != nil:
			return // a claim ends with the process
		}
		defer p.asking.Release(1)
		for t != nil {
			t = p.play(l, t)
		}
	})
}

// play does what can be done about a claimed turn now, and returns the lane's next one.
func (p *player) play(l *line, t *store.Turn) *store.Turn {
	if p.r.isStopping() {
		return nil // a claim ends with the process
	}
	c := &t.Conversation
	if !t.Awaited && p.held(l, t) {
		return nil
	}
	body, err := decodeTurn(t.Body)
	if err != nil {
		return p.finish(l, t, &store.Finished{Replies: l.erase(t), Dead: err.Error()})
	}
	if t.Awaited {
		return p.unanswered(l, t, body)
	}
	if l.muted(c.Account, c.Channel, body.Within) {
		return p.finish(l, t, &store.Finished{Replies: l.erase(t), Notice: l.declined(c, body)})
	}
	s, _ := l.route(place(c), body.Within)
	if !t.Revived && time.Since(body.written()) > s.maxAge(c.Direct) {
		p.r.cfg.Meter.Count(Expired, l.cfg.Name, p.cfg.Name)
		return p.finish(l, t, &store.Finished{Replies: l.erase(t), Notice: l.answerTo(body, noticeTooOld, l.turnKey(c, body, "old"), 10*time.Minute)})
	}
	return p.attempt(l, t, body, s)
}

// held gives a turn back whose avatar may not be asked now, and reports whether that is so.
func (p *player) held(l *line, t *store.Turn) bool {
	c := &t.Conversation
	until := l.heldTurn(c)
	if until.IsZero() {
		return false
	}
	p.r.cfg.Meter.Count(Held, l.cfg.Name, p.cfg.Name)
	p.giveBack(l, t, store.Deferred{Due: until, Attempts: t.Attempts, Unasked: true, Anew: true})
	if l.heldTurn(c).IsZero() {
		l.unpark(c)
	}
	return true
}

// attempt asks the avatar, if its breaker lets it. An avatar that is down costs neither a voice in memory nor the reading of a transcript.
func (p *player) attempt(l *line, t *store.Turn, b *turnBody, s *Settings) *store.Turn {
	if p.breaker.State() == gobreaker.StateOpen {
		return p.tripped(l, t, b, gobreaker.ErrOpenState)
	}
	free, ok := p.voiceRoom(b)
	if !ok { // the program stops
		return nil
	}
	defer free()
	report, err := p.allow()
	if err != nil {
		return p.tripped(l, t, b, err)
	}
	voice, o := p.listen(l, b)
	if o != nil {
		report(errUnasked)
		return p.fetchFailed(l, t, b, o)
	}
	if voice != nil {
		if next, done := p.overtaken(l, t); done {
			report(errUnasked)
			return next
		}
	}
	history, err := p.recall(&t.Conversation)
	if err != nil {
		report(errUnasked)
		p.r.health.report(err)
		return p.giveBack(l, t, store.Deferred{Due: time.Now().Add(time.Second), Attempts: t.Attempts, Unasked: true})
	}
	said, err := p.ask(l, t, b, voice, history)
	return p.asked(l, t, b, s, said, err, report)
}

// tripped gives a turn back that the breaker does not let through.
func (p *player) tripped(l *line, t *store.Turn, b *turnBody, err error) *store.Turn {
	o := &fault.Outcome{Kind: fault.Retry, Reason: "the avatar has failed too often in a row", Err: err}
	return p.failed(l, t, b, o, t.Attempts, p.r.breakerDelay(err))
}

// allow asks the breaker. A probe of an avatar that was down and now thinks for long is neither a failure nor a success: while it lasts, a
// few more turns may try, and the first that is answered closes the breaker for all.
func (p *player) allow() (func(error), error) {
	done, err := p.breaker.Allow()
	switch {
	case err == nil && p.breaker.State() == gobreaker.StateHalfOpen:
		return p.probes.first(done), nil
	case errors.Is(err, gobreaker.ErrTooManyRequests):
		if more := p.probes.more(); more != nil {
			return more, nil
		}
	}
	return done, err
}

// turnKey is the key of a notice about a turn: its person's, so that forgetting them finds it.
func (l *line) turnKey(c *store.Conversation, b *turnBody, what string) string {
	return store.PersonKey(store.Identity{Platform: l.cfg.Platform, Tenant: b.Tenant, User: b.User}) + "/" + what + "/" + c.Account + "/" + c.Channel
}

func (r *Relay) breakerDelay(err error) time.Duration {
	if errors.Is(err, gobreaker.ErrTooManyRequests) {
		return r.backoff(0, breakerOpen/2, breakerOpen/2)
	}
	return breakerOpen/2 + r.backoff(0, breakerOpen, breakerOpen)
}

// asked does what follows from how Ask ended.
func (p *player) asked(l *line, t *store.Turn, b *turnBody, s *Settings, said []avatar.Reply, err error, report func(error)) *store.Turn {
	o := fault.Of(err)
	if o != nil && len(said) > 0 {
		l.log.Warn("the avatar failed after it had answered; the answer is kept", "avatar", p.cfg.Name, "kind", o.Kind.String(), "reason", o.Reason)
		o = nil
	}
	switch {
	case o == nil && len(said) == 0 && p.patience > 0:
		report(nil)
		return p.await(l, t)
	case o == nil:
		report(nil)
		return p.answered(l, t, b, s, said)
	case p.r.calls.Err() != nil: // the program stops: the turn is asked again when it starts
		report(nil)
		return nil
	case o.Kind == fault.Throttled:
		report(nil)
		p.r.cfg.Meter.Count(Held, l.cfg.Name, p.cfg.Name)
		o.Scope = fault.Avatar
		h := throttle(o, &t.Conversation)
		p.r.holds.put(*h)
		return p.giveBack(l, t, store.Deferred{Due: h.Until, Attempts: t.Attempts, Hold: h, Anew: true})
	case o.Kind == fault.Rejected && b.Voice != nil:
		report(nil)
		return p.unheard(l, t, b, o)
	case o.Kind == fault.Dead || o.Kind == fault.Rejected:
		report(nil)
		return p.dies(l, t, b, o, t.Attempts+1)
	}
	report(o)
	return p.failed(l, t, b, o, t.Attempts+1, p.r.backoff(t.Attempts, 4*time.Second, 5*time.Minute))
}

// failed lets the turn be tried again, unless it has had its chances. Their time begins with the first try, not when the turn came: it
// may have waited for others, or for the end of a pause.
func (p *player) failed(l *line, t *store.Turn, b *turnBody, o *fault.Outcome, attempts int, delay time.Duration) *store.Turn {
	if attempts >= p.r.cfg.MaxAttempts || !t.Tried.IsZero() && time.Since(t.Tried)+delay > p.r.cfg.RetryWithin {
		return p.dies(l, t, b, o, attempts)
	}
	if attempts > t.Attempts {
		p.r.cfg.Meter.Count(Retried, l.cfg.Name, p.cfg.Name)
		l.log.Warn("the avatar failed; trying again", "avatar", p.cfg.Name, "turn", t.ID, "attempt", attempts, "in", delay.Round(time.Millisecond).String(), "err", o)
	}
	return p.giveBack(l, t, store.Deferred{Due: time.Now().Add(delay), Attempts: attempts, Tried: true, Unasked: attempts == t.Attempts})
}

func (p *player) dies(l *line, t *store.Turn, b *turnBody, o *fault.Outcome, attempts int) *store.Turn {
	p.r.cfg.Meter.Count(Died, l.cfg.Name, p.cfg.Name)
	l.log.Error("a turn could not be answered; see the dead letters", "avatar", p.cfg.Name, "turn", t.ID, "attempts", attempts, "err", o)
	return p.finish(l, t, &store.Finished{Dead: o.Error(), Tries: attempts, Replies: l.erase(t),
		Notice: l.answerTo(b, noticeUnavailable, l.turnKey(&t.Conversation, b, "unavailable"), l.patience(t.Conversation.Direct, p.r.cfg.RetryWithin))})
}

// patience is how long a person is not told again that nothing can be answered: not at all where they look at a page, on which a message without
// an answer is one that got lost.
func (l *line) patience(direct bool, usual time.Duration) time.Duration {
	if l.fed(direct) {
		return 0
	}
	return usual
}

// answered stores what the avatar said.
func (p *player) answered(l *line, t *store.Turn, b *turnBody, s *Settings, said []avatar.Reply) *store.Turn {
	p.r.cfg.Meter.Took("reply", l.cfg.Name, p.cfg.Name, time.Since(t.Accepted))
	f := &store.Finished{Preface: l.preface(t.Conversation.Direct)}
	if p.history > 0 {
		f.Memo, f.Memos = memo(b, said), p.history
	}
	lost, heard := false, false
	for i := range said {
		posts := p.posts(l, s, &t.Conversation, b, &said[i], heard)
		lost = lost || mute(&said[i], &posts)
		heard = heard || len(posts.Pieces) > 0
		f.Replies = append(f.Replies, posts)
		p.r.cfg.Meter.Count(Replied, l.cfg.Name, p.cfg.Name)
	}
	if lost && !heard {
		return p.dies(l, t, b, fault.Kill("the avatar answered with nothing that can be posted: the log says why", nil), t.Attempts+1)
	}
	f.Replies = append(f.Replies, l.erase(t)...)
	return p.finish(l, t, f)
}

// finish settles the turn, however long the store takes, and takes up what it hands out.
func (p *player) finish(l *line, t *store.Turn, f *store.Finished) *store.Turn {
	f.Turn, f.Now = t.Row, time.Now()
	f.Next = !p.r.isStopping()
	f.Send = f.Next && l.heldPost(&t.Conversation).IsZero() && l.reserve()
	var c store.Claims
	if !p.r.insist("finish", func(ctx context.Context) (err error) { c, err = p.r.store.Finish(ctx, *f); return err }) {
		return nil
	}
	l.letTurn(t, f)
	next := c.Turn
	c.Turn = nil
	l.take(c, f.Send)
	return next
}

// giveBack returns the turn to its lane.
func (p *player) giveBack(l *line, t *store.Turn, d store.Deferred) *store.Turn {
	d.Turn, d.Now = t.Row, time.Now()
	if t.Draft != "" {
		d.Over = [][]byte{erasure(t.ID, t.Draft)}
	}
	var c store.Claims
	if p.r.insist("defer", func(ctx context.Context) (err error) { c, err = p.r.store.Defer(ctx, d); return err }) {
		l.turns.at(d.Due)
		l.wake(c)
	}
	return nil
}

// ask makes the one call, and returns what the avatar said during it.
func (p *player) ask(l *line, t *store.Turn, b *turnBody, voice *avatar.Voice, history []avatar.Exchange) (said []avatar.Reply, err error) {
	ctx, cancel := context.WithTimeout(p.r.calls, p.r.cfg.AskTimeout)
	defer cancel()
	quiet := l.typing(ctx, place(&t.Conversation))
	defer quiet()
	c := &t.Conversation
	say := collector{begin: func() *sketch { return p.sketch(l, t, b) }, ctx: ctx}
	began := time.Now()
	p.r.cfg.Meter.Count(Asked, l.cfg.Name, p.cfg.Name)
	func() {
		defer l.catch(&err)
		err = p.cfg.Backend.Ask(ctx, avatar.Turn{
			ID: t.ID, Conversation: c.UID, UserUID: c.MemoryUID, UserName: b.Name, Locale: b.Locale,
			Platform: l.cfg.Platform, Bridge: l.cfg.Name, Text: b.Text, Voice: voice, Callback: p.callbackURL(l, t, b), History: history,
			Later: &lateSpeaker{p: p, l: l, k: p.ticket(l, t, b)},
		}, &say)
	}()
	p.r.cfg.Meter.Took("ask", l.cfg.Name, p.cfg.Name, time.Since(began))
	said = say.end()
	// Only a text takes the place of the draft: a reply may have nothing to show.
	say.sketch.end(slices.ContainsFunc(said, func(r avatar.Reply) bool { return cleanText(r.Text) != "" }))
	return said, err
}

func place(c *store.Conversation) bridges.Place {
	return bridges.Place{Channel: c.Channel, Thread: c.Thread, Direct: c.Direct}
}

// A collector keeps what is said during Ask; it is stored when Ask has returned, together with the turn's end.
type collector struct {
	begin func() *sketch  // prepares drafts; its nil says that none are shown
	ctx   context.Context // of the call: drafts end with it

	mu     sync.Mutex
	said   []avatar.Reply
	sketch *sketch // nil before the first draft
	ended  bool
}

// Say keeps r. After Ask has returned it is an error: a late reply comes through the callback.
func (c *collector) Say(_ context.Context, r avatar.Reply) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return errors.New("said after Ask returned")
	}
	c.said = append(c.said, r)
	return nil
}

// Draft shows text until something was said.
func (c *collector) Draft(text string) {
	c.mu.Lock()
	if c.sketch == nil && !c.ended {
		c.sketch = c.begin()
	}
	s := c.sketch
	c.mu.Unlock()
	s.draw(c.ctx, text)
}

func (c *collector) end() []avatar.Reply {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	return c.said
}
