package relay_test

import (
	"context"
	"slices"
	"strings"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/store"
)

// A reckoning is what is there when a schedule is over.
type reckoning struct {
	*sim
	dead    []store.Letter
	shown   map[string]int // how often each piece was posted
	accepts map[string]int // places of event keys in the order of acceptance
}

// check holds what happened to the invariants.
func (s *sim) check() {
	r := &reckoning{sim: s, shown: map[string]int{}, accepts: map[string]int{}}
	var err error
	if r.dead, err = s.base().Dead(context.Background(), 0, 10_000); err != nil {
		s.fail("read the dead letters: %v", err)
	}
	if d, err := s.base().Depth(context.Background()); err != nil || !d.Oldest.IsZero() {
		s.fail("something waits for ever: %+v %v", d, err)
	}
	for i, key := range s.order {
		r.accepts[key] = i
	}
	for _, p := range s.platforms {
		for _, x := range p.posts {
			r.shown[x.text]++
		}
	}
	for _, p := range s.platforms {
		r.doubles(p)
		r.obeyed(p)
		r.finishedDrafts(p)
		r.fed(p)
		r.inOrder(p)
		for j := range p.log {
			ev := &p.log[j]
			r.event(p, s.avatarAt(p, s.script.where[ev.Message]), ev)
		}
	}
	for _, key := range sortedKeys(s.taken) {
		text, _, _ := strings.Cut(key, "/")
		for _, piece := range s.taken[key] {
			if !s.script.gone["m/"+plainText(text)] && s.forgotten[plainText(text)] == 0 && !r.stands(piece) && !s.mute[piece] {
				s.fail("%q was taken from a service, and is neither posted nor dead", piece)
			}
		}
	}
	for _, text := range s.refused {
		if !s.ended[labelOf(text)] && len(s.moved) == 0 && !s.script.gone["m/"+plainText(text)] && s.forgotten[plainText(text)] == 0 {
			s.fail("a late reply to %s was refused", text)
		}
	}
	r.recordings()
	if s.c.spins > 0 {
		s.fail("the program goes round and round in one instant")
	}
}

// plainText is a text without the mark of an edit.
func plainText(text string) string { return strings.TrimSuffix(text, "~e") }

// stands says whether a piece was posted or is a dead letter.
func (r *reckoning) stands(piece string) bool { return r.shown[piece] > 0 || r.letter(piece) }

func (r *reckoning) letter(text string) bool {
	for i := range r.dead {
		if strings.Contains(string(r.dead[i].Body), text) {
			return true
		}
	}
	for i := range r.dropped {
		if strings.Contains(string(r.dropped[i].Body), text) {
			return true
		}
	}
	return false
}

// event checks that what somebody wrote has come to an end that they, or the operator, can see.
func (r *reckoning) event(p *platform, a *service, ev *bridges.Event) {
	if !p.acked[keyOf(ev)] {
		r.fail("%s was never acknowledged", keyOf(ev))
	}
	if r.script.strange[ev.Key] { // that nothing of it was stored was seen at the gate
		return
	}
	if ev.Kind != bridges.Written || r.script.gone[ev.Key] || r.forgotten[ev.Message] > 0 {
		return
	}
	v, stored := r.verdicts[ev.Key]
	switch {
	case !stored:
		r.fail("%s was acknowledged and is lost", ev.Key)
	case v.Verdict == store.Over || v.Verdict == store.Full:
		r.told(p, ev, "BUSY")
	case !v.turn:
		r.justified(p, a, ev, v)
	default:
		r.answered(p, a, ev)
	}
}

// justified checks that the program had reason to say a word of its own to what somebody wrote and not to ask about it, and said it.
func (r *reckoning) justified(p *platform, a *service, ev *bridges.Event, v verdict) {
	age, voice := v.at.Sub(ev.At), len(ev.Attachments) > 0
	reason := map[string]bool{"TOO OLD": age > r.plan.oldest(ev.Place.Direct), "NO VOICE": voice && !a.hears}
	if !reason[v.word] {
		r.fail("%s was answered with %q after %v", ev.Key, v.word, age)
	}
	if !r.withdrawn(ev, v.word) {
		r.told(p, ev, v.word)
	}
}

// told checks that a notice was said where ev was written, or is a dead letter.
func (r *reckoning) told(p *platform, ev *bridges.Event, notice string) {
	for _, x := range p.posts {
		if x.text == notice && (x.channel == ev.Place.Channel || x.channel == p.moved[ev.Place.Channel]) {
			return
		}
	}
	if !r.letter(notice) && !r.spent(ev) {
		r.fail("%s was not answered, and nobody was told %q", ev.Key, notice)
	}
}

// spent says whether a room's one notice in ten minutes (an hour for one about a limit) was said to somebody who was forgotten since, and so went before
// it was posted: there is at most one. Other notices are said to each person.
func (r *reckoning) spent(ev *bridges.Event) bool {
	v := r.verdicts[ev.Key]
	for text := range r.forgotten {
		o := r.verdicts["m/"+text]
		if ev.Place.Direct || r.script.where[text] != r.script.where[ev.Message] || o.at.After(v.at) {
			continue
		}
		if !v.turn && !o.turn && o.word == v.word && v.at.Sub(o.at) < 10*time.Minute ||
			v.Verdict == store.Over && o.Verdict == store.Over && v.at.Sub(o.at) < time.Hour {
			return true
		}
	}
	return false
}

func (r *reckoning) answered(p *platform, a *service, ev *bridges.Event) {
	text := ev.Message
	if _, ok := r.finished[text+"~e"]; ok || r.asks[text+"~e"] > 0 { // a late reply may settle it before it is finished
		text += "~e"
	}
	e, ok := r.finished[text]
	late := false
	for _, reply := range []string{text + "/0", text + "/1"} {
		late = late || r.taken[reply] != nil
	}
	switch {
	case !ok || e.awaits:
		if !late && !r.ended[labelOf(text)] && !r.unheard[text] {
			r.fail("%s is gone: it was asked %d times", ev.Key, r.asks[text])
		}
	case e.dead:
		r.unharmed(p, a, text)
		if !r.letter(text) && !late {
			r.fail("%s has died and is no dead letter", ev.Key)
		}
	case e.replies == 0 && e.word != "":
		r.excused(p, a, ev, text, e)
	default:
		r.replied(p, a, ev, text)
	}
}

// excused checks that the program had reason to say a word of its own in place of an answer, and said it.
func (r *reckoning) excused(p *platform, a *service, ev *bridges.Event, text string, e ending) {
	reason := map[string]bool{"TOO OLD": e.age > r.plan.oldest(ev.Place.Direct), "NO REPLY": a.patience > 0, "NOT HEARD": r.mumbled[text]}
	if !reason[e.word] {
		r.fail("%s was settled with %q after %v", ev.Key, e.word, e.age)
	}
	if !r.withdrawn(ev, e.word) {
		r.told(p, ev, e.word)
	}
}

// withdrawn says whether the notice that is said to a person once in a while stood under another message of theirs, and went when they deleted that.
func (r *reckoning) withdrawn(ev *bridges.Event, word string) bool {
	return slices.ContainsFunc(r.script.wrote[ev.From.User], func(text string) bool {
		return text != ev.Message && r.script.gone["m/"+text] && r.finished[text].word == word && r.script.where[text] == r.script.where[ev.Message]
	})
}

// replied checks that what the avatar said is posted, or dead.
func (r *reckoning) replied(p *platform, a *service, ev *bridges.Event, text string) {
	said := a.said[text]
	if len(said) == 0 && !a.calls && !a.keeps && r.replies(text) != nil {
		r.fail("%s was settled without an answer", ev.Key)
	}
	there := len(said) == 0
	for _, piece := range said {
		stands := r.stands(piece)
		if there = there || stands; !stands && !r.mute[piece] { // sound that cannot be had never holds up the text
			r.fail("%q was said, and is neither posted nor dead", piece)
		}
	}
	if !there {
		r.fail("%s was settled with an answer of which nothing is posted", ev.Key)
	}
	if r.beside(p, a, text) && !r.comesLate(a, text) {
		for _, x := range p.posts {
			if took := x.at.Sub(ev.At); strings.HasPrefix(x.text, "re "+text+"/") && took > r.soon(ev) {
				r.fail("%s was answered after %v beside something that is broken: %+v", ev.Key, took, r.plan.sick)
			}
		}
	}
}

// soon is how long an answer may take where nothing is broken, whatever is broken elsewhere: each message of the conversation takes an avatar and a
// platform a few seconds at most.
func (r *reckoning) soon(ev *bridges.Event) time.Duration {
	n := 0
	for text := range r.script.where {
		if labelOf(text) == labelOf(ev.Message) {
			n++
		}
	}
	return 5*time.Second + time.Duration(n)*4*time.Second
}

// beside says whether a text must be answered as if nothing were broken that is. A service that is waited for is left out: who writes more than once
// waits until it has answered, or not.
func (r *reckoning) beside(p *platform, a *service, text string) bool {
	return r.plan.sick.any() && !r.plan.sick.holdsUp(p, a, text) && a.patience == 0
}

// unharmed checks that no turn died of something that is broken elsewhere: where nothing is, only an answer that cannot be posted is given up.
func (r *reckoning) unharmed(p *platform, a *service, text string) {
	if !r.beside(p, a, text) {
		return
	}
	if !slices.ContainsFunc(a.said[text], func(piece string) bool { return r.mute[piece] }) {
		r.fail("%s has died beside something that is broken: %+v", text, r.plan.sick)
	}
}
