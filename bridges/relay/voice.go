package relay

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
	"avatarbridge/store"
)

// fetchTimeout bounds fetching what a person sent.
const fetchTimeout = time.Minute

const (
	// voiceMemory bounds the voices that wait in memory for one avatar's answer, in bytes: a slow avatar must not fill the memory with them, nor
	// keep another one from hearing.
	voiceMemory = 64 << 20
	// voiceUnknown is what a voice counts whose size nobody has told: as much as a platform lets a bot fetch.
	voiceUnknown = 20 << 20
)

// errUnasked tells the breaker that an attempt ended before the avatar was asked, so that it says nothing about the avatar.
var errUnasked = errors.New("the avatar was not asked")

// voiceRoom waits until there is room in memory for the voice of a turn, if it has one; false means that the program stops.
func (p *player) voiceRoom(b *turnBody) (free func(), ok bool) {
	if b.Voice == nil {
		return func() {}, true
	}
	n := b.Voice.Size
	if n <= 0 {
		n = voiceUnknown
	}
	n = min(n, voiceMemory)
	if p.voices.Acquire(p.r.calls, n) != nil {
		return nil, false
	}
	return func() { p.voices.Release(n) }, true
}

// hears says whether the avatar can be told what somebody said as a sound.
func (p *player) hears() bool {
	h, ok := p.cfg.Backend.(avatar.Hearer)
	return ok && h.Hears()
}

// voiceOf returns the voice that came with a message, nil for none.
func voiceOf(ev *bridges.Event) *bridges.Attachment {
	i := slices.IndexFunc(ev.Attachments, func(a bridges.Attachment) bool { return a.Kind == "voice" })
	if i < 0 {
		return nil
	}
	a := ev.Attachments[i]
	return &a
}

// listen fetches what the person said. Both are nil when they wrote.
func (p *player) listen(l *line, b *turnBody) (*avatar.Voice, *fault.Outcome) {
	if b.Voice == nil {
		return nil, nil
	}
	if l.fetcher == nil || !p.hears() {
		return nil, fault.Reject("the avatar cannot hear any more", nil)
	}
	ctx, cancel := context.WithTimeout(l.r.calls, fetchTimeout)
	defer cancel()
	var f *bridges.File
	var err error
	func() {
		defer l.catch(&err)
		f, err = l.fetcher.Attachment(ctx, *b.Voice)
	}()
	if err != nil {
		return nil, fault.Of(err)
	}
	return &avatar.Voice{Data: f.Data, Type: f.Type, Name: f.Name}, nil
}

// overtaken looks again whether the turn may be asked, after its voice was fetched, which took a while. If it may not, it is given back or settled, and
// next is the lane's next one: everything is held, it was deleted, answered or forgotten, or its conversation was reset or moved, so that it is to be
// asked there.
func (p *player) overtaken(l *line, t *store.Turn) (next *store.Turn, done bool) {
	if p.held(l, t) {
		return nil, true
	}
	now, err := p.r.store.Current(p.r.calls, t.Row)
	switch again := (store.Deferred{Due: time.Now(), Attempts: t.Attempts, Unasked: true}); {
	case errors.Is(err, store.ErrStale):
		return p.finish(l, t, &store.Finished{Replies: l.erase(t)}), true
	case err != nil:
		p.r.health.report(err)
		again.Due = again.Due.Add(time.Second)
		return p.giveBack(l, t, again), true
	case now != t.Conversation:
		return p.giveBack(l, t, again), true
	}
	return nil, false
}

// unheard settles a turn whose voice cannot be had or was not understood: the person is told, and may say it again.
func (p *player) unheard(l *line, t *store.Turn, b *turnBody, o *fault.Outcome) *store.Turn {
	l.log.Warn("what somebody said could not be heard; they are told", "avatar", p.cfg.Name, "turn", t.ID, "err", o)
	return p.finish(l, t, &store.Finished{Replies: l.erase(t), Notice: l.answerTo(b, noticeNotHeard, l.turnKey(&t.Conversation, b, "heard"), 5*time.Second)})
}

// fetchFailed does what follows when the voice cannot be fetched.
func (p *player) fetchFailed(l *line, t *store.Turn, b *turnBody, o *fault.Outcome) *store.Turn {
	switch o.Kind {
	case fault.Rejected, fault.Expired, fault.Dead:
		return p.unheard(l, t, b, o)
	case fault.Throttled:
		return p.giveBack(l, t, store.Deferred{Due: time.Now().Add(o.After), Attempts: t.Attempts, Unasked: true, Anew: true})
	}
	return p.failed(l, t, b, o, t.Attempts+1, p.r.backoff(t.Attempts, 4*time.Second, 5*time.Minute))
}

// let goes of what a person said: nobody will ask for it again. What cannot be deleted goes when its time is over.
func (l *line) let(ref string) {
	m := l.r.cfg.Media
	if m == nil || ref == "" {
		return
	}
	if err := m.Drop(l.r.calls, ref); err != nil {
		l.log.Warn("what somebody said could not be deleted; it goes when media.keep is over", "err", err)
	}
}

// RecordingOf returns the ref of what a person said in a turn as it is stored, such as a dead letter; "" where they wrote.
func RecordingOf(turn []byte) string {
	if !bytes.Contains(turn, []byte(`"voice":`)) { // nothing else has this in it: in texts a quotation mark has a backslash
		return ""
	}
	b, err := decodeTurn(turn)
	if err != nil || b.Voice == nil {
		return ""
	}
	return b.Voice.Ref
}

// letTurn lets go of what was said in a turn that is over. A dead letter keeps it, to be tried again.
func (l *line) letTurn(t *store.Turn, f *store.Finished) {
	if f.Dead == "" {
		l.let(RecordingOf(t.Body))
	}
}

// letUnasked lets go of the voices in a batch of which no turn came. One that is known may be what a turn still waits with.
func (in *intake) letUnasked(events []bridges.Event, results []store.Result) {
	for i := range events {
		voice := voiceOf(&events[i])
		if voice == nil {
			continue
		}
		n := slices.IndexFunc(in.b.Entries, func(e store.Entry) bool { return e.Key == events[i].Key })
		if n >= 0 && (results[n].Verdict == store.Known || results[n].Verdict == store.Done && in.asks(n)) {
			continue
		}
		in.l.let(voice.Ref)
	}
}

// asks reports whether an entry is a turn that an avatar hears.
func (in *intake) asks(entry int) bool {
	turn := in.b.Entries[entry].Turn
	return turn != nil && RecordingOf(turn.Body) != ""
}
