package relay_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

// A drawn is a draft as people see it.
type drawn struct {
	id, draft, channel, of string // of: the text that it answers
	removed                bool
	step                   int  // how much had passed when it appeared
	cut                    bool // the program was not told that it is there, or could not take it away
}

// drawer is a platform on which drafts stay until they are taken back.
type drawer struct{ both }

// Drafts is described in the contract.
func (drawer) Drafts(bridges.Place) bridges.DraftStyle {
	return bridges.DraftStyle{Every: 200 * time.Millisecond, Stays: true}
}

// Draft is described in the contract.
func (d drawer) Draft(ctx context.Context, v bridges.Draft) (string, error) { return d.sketch(ctx, v) }

var _ bridges.Drafter = drawer{}

// draftOf is the id of a turn's draft, which says nothing that is the same at every run.
func draftOf(turn string) string { return ("d" + strings.ReplaceAll(turn, "-", ""))[:25] }

// nameOf is the id of a post or a draft in words that are the same at every run.
func (s *sim) nameOf(id string) string {
	if of, ok := s.drawing[id]; ok {
		return "the draft of " + of
	}
	return id
}

// sketch is Draft. The call may end with the avatar's, and the draft appear all the same.
func (b *arm) sketch(ctx context.Context, d bridges.Draft) (string, error) {
	s := b.s
	if !b.life.gone() {
		s.c.pass("draw/" + b.name + "/" + d.Text)
	}
	if b.life.gone() {
		<-ctx.Done()
		return "", ctx.Err()
	}
	s.mustRest("a draft was drawn", b.name, d.Place.Channel)
	f, arrives := s.sendFate(b.platform, &bridges.Message{Place: d.Place}), s.c.chance(0.5)
	key := "draft/" + b.name + "/" + d.Text
	s.mu.Lock()
	fly := &flight{p: b.platform, d: &d, m: bridges.Message{Place: d.Place}}
	s.flights[key] = fly
	s.mu.Unlock()
	alive := pause(ctx, f.before)
	s.mu.Lock()
	flies := s.flights[key] == fly
	delete(s.flights, key)
	s.mu.Unlock()
	if !flies || b.life.gone() { // the crash has decided
		<-ctx.Done()
		return "", ctx.Err()
	}
	if !alive && !arrives {
		return "", fault.Unsure(ctx.Err())
	}
	id, err := b.drawCall(&d, f)
	if !alive || !pause(ctx, f.after) {
		err = fault.Unsure(ctx.Err())
	}
	if err != nil {
		b.cut(d.ID)
		return "", err
	}
	if b.life.gone() {
		<-ctx.Done()
	}
	return id, err
}

// drawCall is what the platform does with a draft that reached it.
func (b *arm) drawCall(d *bridges.Draft, f sendFate) (string, error) {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	if to := b.moved[d.Place.Channel]; to != "" {
		return "", fault.MoveTo(to, errors.New("the group has moved"))
	}
	if f.err != nil && !f.happens {
		return "", f.err
	}
	id, err := b.draw(d)
	if f.err != nil {
		return "", f.err
	}
	return id, err
}

// draw shows a version of a draft: as a message, or in place of the former version if it is there.
func (p *platform) draw(d *bridges.Draft) (string, error) {
	if d.Shown != "" {
		for _, x := range p.drafts {
			if x.id == d.Shown && !x.removed {
				return x.id, nil
			}
		}
		return "", fault.Reject("no such message", nil)
	}
	if x := p.draft(d.ID); x != nil && (d.Lost || p.nonce) {
		return x.id, nil
	}
	of, _, _ := strings.Cut(strings.TrimPrefix(d.Text, "draft of "), " ")
	x := &drawn{id: fmt.Sprint(p.name, ".d", len(p.drafts)+1), draft: d.ID, channel: d.Place.Channel, of: of}
	p.drafts = append(p.drafts, x)
	p.s.c.note("draft " + x.id + " " + d.Text)
	x.step = p.s.c.count()
	return x.id, nil
}

// cut notes that the program does not know of the draft with the id.
func (p *platform) cut(id string) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if x := p.draft(id); x != nil {
		x.cut = true
	}
}

// draft returns the one with the id that stands, nil for none.
func (p *platform) draft(id string) *drawn {
	for _, x := range p.drafts {
		if x.draft == id && !x.removed {
			return x
		}
	}
	return nil
}

// arrives lets a call reach the platform though the program died.
func (f *flight) arrives() {
	if f.d == nil {
		f.p.show(&f.m)
	} else if _, err := f.p.draw(f.d); err != nil {
		f.p.s.c.note("no draft: " + err.Error())
	}
}

// unsay notes when the deletion of a message was stored first.
func (s *sim) unsay(text string) {
	for _, of := range []string{text, text + "~e"} {
		if s.unsaid[of] == 0 {
			s.unsaid[of] = s.c.count()
		}
	}
}

// finishedDrafts checks that no draft stands that nobody will take away, but for two: one that is there already when its person is forgotten, as the
// store must keep nothing by which it could be found; and one that appeared after that, or after its message was deleted, where the program did not live to
// hear of it and to end the turn.
func (r *reckoning) finishedDrafts(p *platform) {
	for _, x := range p.drafts {
		forgotten, ended := r.forgotten[plainText(x.of)], r.rested[x.of] > x.step
		late := r.unsaid[x.of] > 0 && r.unsaid[x.of] < x.step
		switch {
		case x.removed || r.letter(`"remove":"`+x.id+`"`) || r.letter(`"lost":"`+x.draft+`"`):
		case forgotten > 0 && (x.step < forgotten || x.cut || !ended):
		case late && !ended:
		default:
			r.fail("a draft of an answer to %q stands for ever", x.of)
		}
	}
}
