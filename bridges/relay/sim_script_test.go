package relay_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/relay"
	"avatarbridge/store"
)

// A plan is what is drawn before a schedule begins.
type plan struct {
	seed uint64
	dice *rand.Rand

	faults     float64 // how often a call of a platform or a service fails
	storeFails float64 // how often a verb of the store fails
	repeats    float64 // how often an event or a callback comes again
	crashes    []int   // at which call of the store each life ends; 0: it does not
	after      []bool  // when that call is committed
	restart    time.Duration
	down       time.Duration // how long the program does not run between two lives
	linger     time.Duration // how long things may go wrong after the last message
	waiting    int
	inFlight   int
	concurrent int
	memory     store.Memory
	limits     relay.Limits
	maxAge     time.Duration // 0: the default
	replyWhen  relay.ReplyWhen
	cast       int           // which avatar plays where
	sick       sickness      // nothing else goes wrong
	window     time.Duration // in which people write
	bursts     bool          // many at once
}

func newPlan(seed uint64) plan {
	p := plan{seed: seed, dice: rand.New(rand.NewPCG(seed, 1))}
	p.faults = pickOne(&p, 0, 0.05, 0.2, 0.5)
	p.storeFails = pickOne(&p, 0, 0, 0, 0.03)
	p.repeats = pickOne(&p, 0, 0.1, 0.3)
	for range p.dice.IntN(4) {
		p.crashes = append(p.crashes, 1+p.dice.IntN(pickOne(&p, 10, 40, 100)))
		p.after = append(p.after, p.dice.IntN(2) == 0)
	}
	p.restart = pickOne(&p, 1000*time.Hour, 1000*time.Hour, p.within(time.Minute))
	p.down = pickOne(&p, p.within(time.Second), p.within(10*time.Second), p.within(20*time.Minute))
	p.linger = p.within(5 * time.Minute)
	p.waiting = pickOne(&p, 0, 0, 1, 2)
	p.inFlight = pickOne(&p, 0, 1, 3)
	p.concurrent = pickOne(&p, 0, 0, 1, 2)
	p.memory = pickOne(&p, store.MemoryMember, store.MemoryRoom)
	p.limits = p.rates()
	p.maxAge = pickOne(&p, 0, 0, 0, p.within(10*time.Second), p.within(2*time.Minute))
	p.replyWhen = pickOne(&p, relay.ReplyAlways, relay.ReplyMention)
	p.cast = p.dice.IntN(4)
	p.window = pickOne(&p, time.Second, 20*time.Second, 3*time.Minute)
	p.bursts = p.dice.IntN(3) == 0
	if p.dice.IntN(6) == 0 {
		p.stall()
	}
	return p
}

// rates draws what is limited.
func (p *plan) rates() (l relay.Limits) {
	draw := func() []relay.Rate {
		return []relay.Rate{{Max: 1 + p.dice.IntN(4), Every: time.Duration(1+p.dice.IntN(60_000)) * time.Millisecond}}
	}
	switch p.dice.IntN(9) {
	case 0:
		l.Person = draw()
	case 1:
		l.Person = append(draw(), draw()...)
	case 2:
		l.Room = draw()
	case 3:
		l.Bridge = draw()
	case 4:
		l.Avatar = draw()
	case 5:
		l = relay.Limits{Person: draw(), Room: draw(), Bridge: draw(), Avatar: draw()}
	}
	return l
}

func pickOne[T any](p *plan, from ...T) T { return from[p.dice.IntN(len(from))] }

func (p *plan) within(d time.Duration) time.Duration {
	return time.Duration(p.dice.Int64N(int64(d))) + 1
}

// platforms makes one or two of them, each with abilities of its own.
func (p *plan) platforms(s *sim) []*platform {
	var all []*platform
	n := 1 + p.dice.IntN(2)
	if p.sick.bridge != "" {
		n = 2
	}
	for i := range n {
		b := &platform{s: s, name: fmt.Sprint("p", i), account: fmt.Sprint("telegram:", i+1), inFlight: p.inFlight, changed: make(chan struct{}),
			acked: map[string]bool{}, byID: map[string]*posted{}, moved: map[string]string{}}
		b.push = p.dice.IntN(3) == 0
		switch p.dice.IntN(4) {
		case 0:
			b.nonce, b.finds = true, true
		case 1:
			b.finds = true
		case 2:
			b.holds = true
		}
		b.removes = p.dice.IntN(2) == 0
		if b.nonce && b.finds && p.dice.IntN(2) == 0 {
			b.removes, b.feeds = true, true
		}
		if b.finds && !b.feeds && p.dice.IntN(3) > 0 {
			b.removes, b.draws = true, true
		}
		all = append(all, b)
	}
	return all
}

// A script is what people do.
type script struct {
	s     *sim
	steps []step
	rooms map[*platform][]string
	gone  map[string]bool // keys of messages that are deleted
	label map[string]bool // conversations that are reset

	wrote   map[string][]string // texts by the user who writes them
	where   map[string]string   // text to the channel that it is written in
	strange map[string]bool     // keys of what is not for the avatar
	errands []errand
}

type step struct {
	at time.Duration
	p  *platform
	ev bridges.Event
}

// write makes the script.
func (p *plan) write(s *sim) script {
	sc := script{s: s, rooms: map[*platform][]string{}, gone: map[string]bool{}, label: map[string]bool{}, wrote: map[string][]string{}, where: map[string]string{}, strange: map[string]bool{}}
	for _, b := range s.platforms {
		for k := range 1 + p.dice.IntN(3) {
			label := fmt.Sprint(b.name, "u", k)
			sc.talk(p, b, label, bridges.Place{Channel: label, Direct: true}, label)
		}
		if p.dice.IntN(2) == 0 {
			continue
		}
		room := bridges.Place{Channel: b.name + "r"}
		for _, user := range []string{"a", "b"} {
			label := room.Channel
			if p.memory == store.MemoryMember {
				label += user
			}
			sc.talk(p, b, label, room, user)
		}
		if b == s.platforms[0] && !b.push && p.dice.IntN(3) == 0 {
			sc.steps = append(sc.steps, step{p.within(p.window), b, bridges.Event{Kind: bridges.Moved, Key: "move", Place: room, To: room.Channel + "x"}})
		}
	}
	p.operate(&sc)
	slices.SortStableFunc(sc.steps, func(a, b step) int { return int(a.at - b.at) })
	return sc
}

// talk lets one person write some messages.
func (sc *script) talk(p *plan, b *platform, label string, in bridges.Place, user string) {
	if !slices.Contains(sc.rooms[b], in.Channel) {
		sc.rooms[b] = append(sc.rooms[b], in.Channel)
	}
	from := bridges.Person{Platform: "telegram", User: b.name + user, Name: user}
	add := func(at time.Duration, ev bridges.Event) {
		ev.Place, ev.From, ev.Addressed = in, from, true
		sc.steps = append(sc.steps, step{at, b, ev})
	}
	for n := range p.dice.IntN(2) * p.dice.IntN(3) {
		sc.aside(p, b, in, from, fmt.Sprint(label, user, n))
	}
	for n := range 1 + p.dice.IntN(5) {
		text := fmt.Sprint(label, ".", user, n)
		key := "m/" + text
		sc.wrote[from.User] = append(sc.wrote[from.User], text)
		sc.where[text] = in.Channel
		at := p.within(p.window)
		if p.bursts {
			at = at.Round(p.window / 3)
		}
		ev := bridges.Event{Kind: bridges.Written, Key: key, Message: text, Text: text}
		says := p.dice.IntN(5) == 0
		if says {
			ev.Text, ev.Attachments = "", recorded(text)
		}
		add(at, ev)
		later := at + p.within(p.window/2+1)
		switch kind := p.dice.IntN(20); {
		case kind < 2 && !says:
			add(later, bridges.Event{Kind: bridges.Edited, Target: key, Text: text + "~e"})
		case kind == 2 && !(says && b.push): // nothing that the program itself keeps for a platform can be deleted there
			sc.gone[key] = true
			add(later, bridges.Event{Kind: bridges.Deleted, Target: key})
		case kind == 3:
			sc.label[label] = true
			add(later, bridges.Event{Kind: bridges.Command, Key: "reset/" + text, Command: "reset"})
		}
	}
}

// aside lets something be written that is not for the avatar: by another bot, by the account itself, or to somebody else.
func (sc *script) aside(p *plan, b *platform, in bridges.Place, from bridges.Person, what string) {
	ev := bridges.Event{Key: "aside/" + what, Message: "aside." + what, Text: "aside." + what, Place: in, From: from, Addressed: true}
	switch kind := p.dice.IntN(3); {
	case kind == 0 && !in.Direct && p.replyWhen == relay.ReplyMention:
		ev.Addressed = false
	case kind == 1:
		_, own, _ := strings.Cut(b.account, ":")
		ev.From = bridges.Person{Platform: "telegram", User: own, Name: "avatar", Bot: true}
	default:
		ev.From = bridges.Person{Platform: "telegram", User: b.name + "bot", Name: "bot", Bot: true}
	}
	if ev.From.Bot && p.dice.IntN(3) == 0 {
		ev.Kind, ev.Command = bridges.Command, pickOne(p, "start", "reset")
	}
	sc.strange[ev.Key] = true
	sc.steps = append(sc.steps, step{p.within(p.window), b, ev})
}

// channels are those in which people write on the platform, in order.
func (sc *script) channels(b *platform) []string { return sc.rooms[b] }

// play lets people do what the script says. Who writes in a room that has moved writes where it is now.
func (sc *script) play() {
	began := time.Now()
	for i, st := range sc.steps {
		time.Sleep(time.Until(began.Add(st.at)))
		sc.s.c.pass(fmt.Sprint("people/", i))
		if to := st.p.moved[st.ev.Place.Channel]; to != "" {
			st.ev.Place.Channel = to
		}
		if st.ev.Command == "reset" && !st.ev.From.Bot {
			maps.Copy(sc.s.ended, sc.label)
		}
		st.p.write(st.ev)
	}
}
