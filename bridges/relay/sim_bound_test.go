package relay_test

import (
	"fmt"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges"
	"avatarbridge/bridges/relay"
	"avatarbridge/store"
)

// The defaults that the documentation promises, written down once more: what is simulated must not take them from what it checks.
const (
	manyWaiting = 20
	manyFlights = 32
	manyAsked   = 1024
)

// Bounds are what is known of how much there is of something. They are kept behind the gate.
type bounds struct {
	windows map[string]*window
	waits   map[string]map[string]bool // texts that wait or are being asked, by conversation; some that do may be missing
}

// A window counts what was accepted since it opened.
type window struct {
	opened time.Time
	n      int
}

func newBounds() bounds {
	return bounds{map[string]*window{}, map[string]map[string]bool{}}
}

// oldest is how old a message may be when it is asked.
func (p *plan) oldest(direct bool) time.Duration {
	switch {
	case p.maxAge > 0:
		return p.maxAge
	case direct:
		return time.Hour
	}
	return 10 * time.Minute
}

// A count is one of the counters of a message, with the rate that binds it.
type count struct {
	key  string
	rate relay.Rate
}

// counts are those in which a message counts.
func (s *sim) counts(ev *bridges.Event) (all []count) {
	p := s.placeOf(ev.Message)
	add := func(rates []relay.Rate, key string) {
		for _, r := range rates {
			all = append(all, count{fmt.Sprint(key, " ", r.Every), r})
		}
	}
	l := &s.plan.limits
	add(l.Person, "person "+ev.From.User)
	if !ev.Place.Direct {
		add(l.Room, "room "+ev.Place.Channel)
	}
	add(l.Bridge, "bridge "+p.name)
	add(l.Avatar, "avatar "+s.avatarAt(p, s.script.where[ev.Message]).name)
	return all
}

// open returns the window that is open. Stores keep microseconds.
func (b *bounds) open(c count, now time.Time) *window {
	w := b.windows[c.key]
	if w == nil || now.Sub(w.opened) >= c.rate.Every-time.Microsecond {
		w = &window{opened: now}
		b.windows[c.key] = w
	}
	return w
}

// forgetPerson lets go of the counters of somebody who was forgotten.
func (b *bounds) forgetPerson(s *sim, user string) {
	for _, r := range s.plan.limits.Person {
		delete(b.windows, fmt.Sprint("person ", user, " ", r.Every))
	}
}

// mustFit checks that what was accepted is within all bounds, and what was refused was not.
func (s *sim) mustFit(e *store.Entry, v store.Verdict, now time.Time) {
	if s.script.strange[e.Key] {
		s.fail("%s was stored, which is not for the avatar", e.Key)
		return
	}
	ev := s.written(e.Key)
	if ev == nil || e.Turn == nil {
		return
	}
	label, full := labelOf(ev.Message), false
	for _, c := range s.counts(ev) {
		w := s.bounds.open(c, now)
		full = full || w.n >= c.rate.Max
		if w.n >= c.rate.Max && v == store.Done {
			s.fail("%s was taken, the %dth since %v for %q of which there may be %d", e.Key, w.n+1, now.Sub(w.opened), c.key, c.rate.Max)
		}
		if v != store.Done {
			continue
		}
		if w.n++; w.n == 1 {
			w.opened = now
		}
	}
	if age := now.Sub(ev.At); v == store.Done && age > s.plan.oldest(ev.Place.Direct) {
		s.fail("%s was taken when it was %v old", e.Key, age)
	}
	if v == store.Over && !full {
		s.fail("%s was refused, and nothing was full", e.Key)
	}
	if v != store.Done {
		return
	}
	if s.bounds.waits[label] == nil {
		s.bounds.waits[label] = map[string]bool{}
	}
	s.bounds.waits[label][ev.Message] = true
	many := s.plan.waiting
	if many == 0 {
		many = manyWaiting
	}
	if n := len(s.bounds.waits[label]); n > many && len(s.placeOf(label).moved) == 0 { // two conversations may become one then
		s.fail("%s was taken, the %dth that waits in %s", e.Key, n, label)
	}
}

// settled notes that a text does not wait any more.
func (b *bounds) settled(text string) { delete(b.waits[labelOf(text)], plainText(text)) }

// waitsNoMore notes that a conversation was reset: what waits there for its reply does so no more. Of others too much is let go.
func (b *bounds) waitsNoMore(s *sim) {
	for label := range b.waits {
		for text := range b.waits[label] {
			if s.finished[text].awaits || s.finished[text+"~e"].awaits {
				delete(b.waits[label], text)
			}
		}
	}
}

// written is the message with an event key, nil for none.
func (s *sim) written(key string) *bridges.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wrote[key]
}

// mustBeAsked checks that the avatar may be asked about what was written: it is the right one, the message is for it and was taken, and it is not too old.
// What was said is fetched after its age was looked at, and that may take a minute. What an operator puts back may be as old as it likes.
func (a *mouth) mustBeAsked(t *avatar.Turn) {
	s := a.s
	ev := s.written("m/" + plainText(t.Text))
	if ev == nil {
		s.fail("%q was asked, which nobody wrote to the avatar", t.Text)
		return
	}
	if v := s.verdicts["m/"+ev.Message]; !v.turn || v.Verdict != store.Done {
		s.fail("%s was asked, and was not taken", t.Text)
	}
	if p := s.placeOf(ev.Message); s.avatarAt(p, s.script.where[ev.Message]).name != a.name || t.Bridge != p.name {
		s.fail("%s was asked of %s on %s", t.Text, a.name, t.Bridge)
	}
	may := s.plan.oldest(ev.Place.Direct)
	if t.Voice != nil {
		may += time.Minute
	}
	if age := time.Since(ev.At); age > may && !s.revived[t.Text] {
		s.fail("%s was asked when it was %v old", t.Text, age)
	}
	many := a.concurrent
	if many == 0 {
		many = manyAsked
	}
	if n := a.life.asked[a.name]; n > many {
		s.fail("%s was asked as one of %d at once, of which there may be %d", t.Text, n, many)
	}
}

// mustFly checks that no more posts are on their way, or not known to have arrived, than may be.
func (b *arm) mustFly(post int64) {
	many, n := b.inFlight, 0
	if many == 0 {
		many = manyFlights
	}
	for _, p := range b.life.sending {
		if p == b.platform {
			n++
		}
	}
	if n > many {
		b.s.fail("the post %d was made as one of %d at once, of which there may be %d", post, n, many)
	}
}

// mustAnswer checks that a reply is posted where the message was written that it answers, as an answer to that, and to nobody but who wrote it.
func (b *arm) mustAnswer(m *bridges.Message) {
	text := textOf(m)
	if text == "" {
		return
	}
	ev := b.s.written("m/" + plainText(text))
	if ev == nil {
		b.s.fail("%q was posted, which answers nothing", m.Forms[0].Text)
		return
	}
	if b.s.placeOf(text) != b.platform || m.Place != ev.Place && m.Place.Channel != b.moved[b.s.script.where[ev.Message]] {
		b.s.fail("%q was posted in %v and written in %v", m.Forms[0].Text, m.Place, ev.Place)
	}
	if m.Mention != "" && m.Mention != ev.From.User || m.ReplyTo != "" && m.ReplyTo != ev.Message {
		b.s.fail("%q was posted as an answer to %q of %q", m.Forms[0].Text, m.ReplyTo, m.Mention)
	}
}
