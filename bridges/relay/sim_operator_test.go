package relay_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/store"
)

// An errand is something that an operator does, and does again until it is done.
type errand struct {
	at    time.Duration
	what  string // "forget", "retry", "drop", "pause", "resume"
	whom  string // forget: the user
	where string // pause, resume: the target
}

// margin is how long a pause may take until it holds.
const margin = 2 * time.Second

// operate draws what an operator does in the schedule.
func (p *plan) operate(sc *script) {
	if p.sick.any() {
		return
	}
	during := p.window + p.linger
	add := func(one int, e errand) {
		if p.dice.IntN(one) == 0 {
			e.at = p.within(during)
			sc.errands = append(sc.errands, e)
		}
	}
	users := sortedKeys(sc.wrote)
	add(3, errand{what: "forget", whom: users[p.dice.IntN(len(users))]})
	add(3, errand{what: "retry"})
	add(5, errand{what: "drop"})
	if p.dice.IntN(3) > 0 {
		return
	}
	b := sc.s.platforms[p.dice.IntN(len(sc.s.platforms))]
	target := pickOne(p, "", b.name, b.name+"/"+sc.rooms[b][p.dice.IntN(len(sc.rooms[b]))])
	at := p.within(during)
	sc.errands = append(sc.errands, errand{at: at, what: "pause", where: target},
		errand{at: at + pickOne(p, p.within(10*time.Second), p.within(20*time.Minute)), what: "resume", where: target})
}

// work does the errands, each at its time, or as soon as the program runs and the one before it is done.
func (sc *script) work() {
	began := time.Now()
	for i, e := range sc.errands {
		if e.what == "resume" {
			continue
		}
		sc.s.outside.Go(func() {
			time.Sleep(time.Until(began.Add(e.at)))
			sc.s.errand(i, e)
			if next := i + 1; e.what == "pause" {
				time.Sleep(time.Until(began.Add(sc.errands[next].at)))
				sc.s.errand(next, sc.errands[next])
			}
		})
	}
}

// errand repeats one until it is done.
func (s *sim) errand(i int, e errand) {
	for try := 0; ; try++ {
		s.c.pass(fmt.Sprint("operator/", i))
		s.mu.Lock()
		l := s.now
		s.mu.Unlock()
		if l != nil && !l.gone() && s.attempt(l, e) == nil {
			return
		}
		time.Sleep(time.Duration(1+min(try, 30))*time.Second + time.Duration(hashed(s.plan.seed, fmt.Sprint(e, try), 1e9)))
	}
}

// attempt is one call of the program's control. That of a program that dies ends with its time.
func (s *sim) attempt(l *life, e errand) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	switch e.what {
	case "forget":
		gone, err := l.gate.forgetPerson(ctx, e.whom)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err == nil {
			l.relay.Forgotten(gone)
			s.samePauses(l)
		}
		return err
	case "retry":
		err := l.gate.retryDead(ctx)
		if err == nil {
			l.relay.Wake()
		}
		return err
	case "drop":
		return l.gate.dropDead(ctx)
	case "pause":
		err := l.relay.Pause(ctx, e.where)
		if err == nil {
			s.pauses[e.where] = time.Now()
		}
		return err
	default:
		delete(s.pauses, e.where)
		return l.relay.Resume(ctx, e.where)
	}
}

// mustRest fails when something is done in a place that is paused. It is called behind the gate.
func (s *sim) mustRest(what, bridge, channel string) {
	for _, target := range sortedKeys(s.pauses) {
		name, room, _ := strings.Cut(target, "/")
		if time.Since(s.pauses[target]) < margin || name != "" && name != bridge {
			continue
		}
		if room != "" && room != channel && s.platforms[bridge[1]-'0'].moved[room] != channel {
			continue
		}
		s.fail("%s, while %q was paused for %v", what, target, time.Since(s.pauses[target]))
	}
}

func (g *gate) forgetPerson(ctx context.Context, user string) (gone []store.Conversation, err error) {
	err = g.do(ctx, "forget/"+user, func() error {
		p, err := g.Store.Person(ctx, "telegram:"+user)
		if err != nil {
			return err
		}
		if gone, err = g.Store.Forget(ctx, p.UID); err == nil {
			g.s.forgot(g.life, user, gone)
			g.s.shred(user)
		}
		return err
	})
	return gone, err
}

// samePauses checks that a program knows the pauses that the store has: one that went with somebody who was forgotten must not hold until the next
// start, nor one that stays end before.
func (s *sim) samePauses(l *life) {
	holds, err := s.base().Holds(context.Background(), time.Now())
	if err != nil || l.gone() {
		return
	}
	var stored []string
	for _, h := range holds {
		if target, isPause := strings.CutPrefix(h.Scope.Account, "bridge:"); h.Scope.Pause && h.Scope.Channel != "" {
			stored = append(stored, target+"/"+h.Scope.Channel)
		} else if isPause || h.Scope.Pause {
			stored = append(stored, target)
		}
	}
	slices.Sort(stored)
	if known := l.relay.Status().Paused; !slices.Equal(known, stored) {
		s.fail("the pauses are %q and the store has %q", known, stored)
	}
}

// forgot notes whose messages must not be answered any more. What is in the middle of being sent may still appear.
func (s *sim) forgot(l *life, user string, gone []store.Conversation) {
	for _, c := range gone {
		if c.Direct { // such a chat's id is the person's on most platforms, and no byte of that may stay: its pause goes too
			delete(s.pauses, c.Channel[:2]+"/"+c.Channel)
		}
	}
	s.bounds.forgetPerson(s, user)
	labels := map[string]bool{}
	for _, text := range s.script.wrote[user] {
		s.bounds.settled(text)
		labels[labelOf(text)] = true
		if _, known := s.verdicts["m/"+text]; known && s.forgotten[text] == 0 {
			s.forgotten[text] = s.c.count()
		}
		if own := labelOf(text); strings.HasSuffix(own, strings.TrimPrefix(user, own[:2])) {
			delete(l.asking, own)
		}
	}
	l.rested(s, labels)
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range l.busy {
		s.excused[id] = true
	}
}

var pieceOf = regexp.MustCompile(`re [^"|]+?/\d/\d\.`)

func (g *gate) retryDead(ctx context.Context) error {
	return g.do(ctx, "retry", func() error {
		letters, err := g.Store.Dead(ctx, 0, 10_000)
		if err != nil {
			return err
		}
		if _, err := g.Store.Retry(ctx, time.Now()); err != nil {
			return err
		}
		for _, d := range letters {
			for _, piece := range pieceOf.FindAllString(string(d.Body), -1) {
				g.s.revived[piece] = true
			}
			if word := noticeText.FindSubmatch(d.Body); word != nil && d.Post {
				g.s.revived[string(word[1])] = true
			}
			if text, _, _, err := turnOf(d.Body); err == nil && !d.Post {
				g.s.revived[text] = true
				delete(g.life.answered, g.life.ids[text]) // of what it answered nothing could be posted
			}
		}
		return nil
	})
}

func (g *gate) dropDead(ctx context.Context) error {
	return g.do(ctx, "drop", func() error {
		letters, err := g.Store.Dead(ctx, 0, 10_000)
		if err != nil {
			return err
		}
		if _, err := g.Store.Drop(ctx); err != nil {
			return err
		}
		g.s.dropped = append(g.s.dropped, letters...)
		for _, d := range letters {
			for _, piece := range pieceOf.FindAllString(string(d.Body), -1) {
				g.s.dropTime[piece] = g.s.c.count()
			}
			if text, ref, _, err := turnOf(d.Body); err == nil && !d.Post {
				g.s.dropTime[text] = g.s.c.count()
				g.s.letGo(ref)
			}
		}
		return nil
	})
}

// obeyed checks what an operator wanted.
func (r *reckoning) obeyed(p *platform) {
	for _, x := range p.posts {
		rest, isReply := strings.CutPrefix(x.text, "re ")
		if !isReply {
			continue
		}
		text, _, _ := strings.Cut(rest, "/")
		if at := r.forgotten[plainText(text)]; at > 0 && x.step > at && !x.excused {
			r.fail("%q was posted after its person was forgotten", x.text)
		}
		if at := r.dropTime[x.text]; at > 0 && x.step > at {
			r.fail("%q was posted after it was dropped", x.text)
		}
		if p.removes && r.script.gone["m/"+plainText(text)] && !x.removed && !x.doubtful && !r.letter(`"remove":"`+x.id+`"`) && !r.unknown(x, text) {
			r.fail("%q stays, though what it answers was deleted", x.text)
		}
	}
}

// unknown says whether a post may stay because its person was forgotten: nothing may be kept by which it could be found, not even to take it back.
// Where its message was deleted before and it was known to be there, its removal must have been stored, and was still to be done.
func (r *reckoning) unknown(x *posted, text string) bool {
	at, unsaid, sent := r.forgotten[plainText(text)], r.unsaid[text], r.sent[x.post]
	return at > 0 && (unsaid == 0 || unsaid > at || sent == 0 || sent > at || r.removals[x.id])
}

// fed checks that the feed of a direct chat has what was written and posted there, each once.
func (r *reckoning) fed(p *platform) {
	if !p.feeds {
		return
	}
	for _, user := range sortedKeys(r.script.wrote) {
		channel := strings.TrimPrefix(user, p.name)
		if !strings.HasPrefix(channel, p.name+"u") {
			continue
		}
		in := store.Address{Account: p.account, Avatar: r.avatarAt(p, channel).name, Channel: channel, Direct: true, Memory: store.MemoryPerson}
		items, err := r.base().Feed(context.Background(), in, store.Identity{Platform: "telegram", User: user}, 0, 10_000)
		if err != nil {
			r.fail("read a feed: %v", err)
		}
		times := map[string]int{}
		for _, it := range items {
			body := string(it.Body)
			if m := feedPost.FindStringSubmatch(body); m != nil {
				times[m[1]]++
			}
			if m := feedKey.FindStringSubmatch(body); m != nil {
				times[m[1]]++
			}
		}
		for _, id := range sortedKeys(times) {
			if times[id] > 1 {
				r.fail("%s is %d times in the feed of %s", id, times[id], user)
			}
		}
		for _, x := range p.posts {
			// What was shown when the program crashed, and refused for good when it was sent again, is a dead letter and no item.
			if x.channel == channel && r.sent[x.post] > 0 && times[x.id] == 0 && !x.removed && x.step > r.forgottenAt(user) && !x.excused && !x.doubtful {
				r.fail("%q was posted and is not in the feed", x.text)
			}
		}
		for _, text := range r.script.wrote[user] {
			v, stored := r.verdicts["m/"+text]
			if stored && v.turn && v.Verdict == store.Done && times["m/"+text] == 0 && r.forgotten[text] == 0 {
				r.fail("%q was written and is not in the feed", text)
			}
		}
	}
}

var (
	feedPost = regexp.MustCompile(`"post":"([^"]+)"`)
	feedKey  = regexp.MustCompile(`"key":"([^"]+)"`)
)

// forgottenAt is how much had passed when the user was last forgotten, 0 for never.
func (r *reckoning) forgottenAt(user string) (at int) {
	for _, text := range r.script.wrote[user] {
		at = max(at, r.forgotten[text])
	}
	return at
}

// feeder is a platform with a feed.
type feeder struct{ both }

func (f feeder) Feed() int          { return 1000 }
func (f feeder) News(bridges.Place) {}

var _ bridges.Feeder = feeder{}

// isOver says whether a conversation's service was told that it is over before the text was handed out, or before what was said was fetched.
func (s *sim) isOver(conversation, text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over[conversation] > 0 && s.over[conversation] < s.handed[text]
}
