package relay_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
	"avatarbridge/bridges/relay"
	"avatarbridge/store"
)

// Sounds are what people said and avatars sounded like, in files beside the store that outlive the program. The sim's mu guards them.
type sounds struct {
	kept     map[string]*recording // by ref
	owed     map[string]bool       // recordings that are to go, and of which this life was not told yet
	left     map[string]bool       // recordings that nobody lived or managed to let go: they go when their time is over
	shredded map[string]bool       // recordings that went with their person
	mumbled  map[string]bool       // texts that could not be fetched, or that the avatar did not understand
	mute     map[string]bool       // pieces of replies whose sound could not be had
}

// A recording is what somebody said, kept until it is heard.
type recording struct {
	of    string // the user
	empty bool   // it was let go of: its name says that it was there
}

func newSounds() sounds {
	return sounds{map[string]*recording{}, map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}}
}

// What people say reaches the program as a file of the platform's, or as an upload that the bridge keeps.
const (
	fileRef = "file:"
	keptRef = "voice:"
)

// recorded is the attachment with which text is said and not written.
func recorded(text string) []bridges.Attachment {
	return []bridges.Attachment{{Kind: "voice", Ref: fileRef + text, Size: 1000}}
}

// wordsIn are the words in a recording.
func wordsIn(ref string) string {
	_, text, _ := strings.Cut(ref, ":")
	return text
}

// wordsOf is what the person wrote or said.
func wordsOf(t *avatar.Turn) string {
	if t.Voice != nil {
		return string(t.Voice.Data)
	}
	return t.Text
}

// turnOf reads a stored turn.
func turnOf(body []byte) (text, ref string, at time.Time, err error) {
	var b struct {
		Text  string             `json:"text"`
		At    int64              `json:"at"`
		Voice bridges.Attachment `json:"voice"`
	}
	err = json.Unmarshal(body, &b)
	if text, ref = b.Text, b.Voice.Ref; ref != "" {
		text = wordsIn(ref)
	}
	return text, ref, time.UnixMilli(b.At), err
}

// keep stores an upload before it is handed over.
func (b *arm) keep(ctx context.Context, ev *bridges.Event) (ref string, fresh bool, err error) {
	s := b.s
	s.c.pass("keep/" + ev.Message)
	if b.life.gone() {
		<-ctx.Done()
		return "", false, ctx.Err()
	}
	if !s.healed && s.c.chance(s.plan.faults) {
		return "", false, errDisk
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ref = keptRef + ev.Message
	if s.kept[ref] != nil {
		return ref, false, nil
	}
	s.kept[ref] = &recording{of: ev.From.User}
	return ref, true, nil
}

// discard undoes a fresh keep of which nothing came.
func (b *arm) discard(ctx context.Context, ref string) {
	b.s.c.pass("discard/" + ref)
	if b.life.gone() {
		<-ctx.Done()
		return
	}
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	delete(b.s.kept, ref)
}

// upload hands over what somebody said as a web page does: whether it was taken is told at once, and what was not is kept no longer.
func (b *arm) upload(ctx context.Context, rx bridges.Receiver, ev bridges.Event) error {
	ref, fresh, err := b.keep(ctx, &ev)
	if err != nil {
		return err
	}
	ev.Attachments = []bridges.Attachment{{Kind: "voice", Ref: ref, Size: 1000}}
	if err = rx.Receive(ctx, bridges.Batch{Events: []bridges.Event{ev}, Refusable: true}); err != nil && fresh && !b.life.gone() {
		b.discard(ctx, ref)
	}
	return err
}

// Attachment is described in the contract.
func (b *arm) Attachment(ctx context.Context, a bridges.Attachment) (*bridges.File, error) {
	s, words := b.s, wordsIn(a.Ref)
	if !b.life.gone() {
		s.c.pass("fetch/" + a.Ref)
	}
	if b.life.gone() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	f := s.fetchFate(words)
	alive := pause(ctx, f.takes)
	if b.life.gone() {
		<-ctx.Done()
	}
	if !alive || b.life.gone() {
		return nil, ctx.Err()
	}
	if f.err != nil {
		return nil, f.err
	}
	if !s.there(a.Ref) {
		return nil, fault.Reject("it is gone", nil)
	}
	s.handed[words] = s.c.count() // it took a while: who asks now has to look again
	return &bridges.File{Name: "voice.ogg", Type: "audio/ogg", Data: []byte(words)}, nil
}

// there says whether what a ref means can be had. What is asked for must be, unless its person was forgotten.
func (s *sim) there(ref string) bool {
	s.mu.Lock()
	x, shredded := s.kept[ref], s.shredded[ref]
	s.mu.Unlock()
	if !strings.HasPrefix(ref, keptRef) || x != nil && !x.empty {
		return true
	}
	if !shredded {
		s.fail("%s was gone before it was heard", ref)
	}
	s.mumbled[wordsIn(ref)] = true
	return false
}

// fetchFate is how a call of Attachment will go.
func (s *sim) fetchFate(words string) (f askFate) {
	c := s.c
	f.takes = c.upTo(200 * time.Millisecond)
	if s.healed || !c.chance(s.plan.faults) {
		return f
	}
	cause := errors.New("simulated")
	switch c.dice.IntN(6) {
	case 0:
		f.err = fault.Throttle(fault.Bridge, c.upTo(30*time.Second), cause)
	case 1:
		f.err = fault.Reject("too large", cause)
	case 2:
		f.err = &fault.Outcome{Kind: fault.Expired, Err: cause}
	case 3:
		f.err = fault.Kill("no such file", cause)
	case 4:
		f.takes = c.upTo(2 * time.Minute) // longer than a call may take, perhaps
	default:
		f.err = cause
	}
	if o := fault.Of(f.err); o != nil && (o.Kind == fault.Rejected || o.Kind == fault.Expired || o.Kind == fault.Dead) {
		s.mumbled[words] = true
	}
	return f
}

// letGo empties a recording.
func (s *sounds) letGo(ref string) {
	if x := s.kept[ref]; x != nil {
		x.empty = true
	}
}

// leaves notes that nobody will let go of a recording before its time is over.
func (s *sim) leaves(ref string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left[ref] = true
}

// owes notes that a recording is to go.
func (s *sim) owes(ref string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept[ref] != nil {
		s.owed[ref] = true
	}
}

// shred deletes what a person said.
func (s *sim) shred(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ref := range sortedKeys(s.kept) {
		if s.kept[ref].of == user {
			s.shredded[ref] = true
			delete(s.kept, ref)
		}
	}
}

// recordings checks that nothing stays of what people said but what an operator may have heard again.
func (r *reckoning) recordings() {
	wanted := map[string]bool{}
	for i := range r.dead {
		if ref := saidIn(&r.dead[i]); strings.HasPrefix(ref, keptRef) {
			wanted[ref] = true
			if x := r.kept[ref]; (x == nil || x.empty) && !r.shredded[ref] {
				r.fail("%s of a dead letter is gone", ref)
			}
		}
	}
	for _, ref := range sortedKeys(r.kept) {
		if !r.kept[ref].empty && !wanted[ref] && !r.left[ref] {
			r.fail("%s stays, and nobody will hear it", ref)
		}
	}
}

// saidIn is the recording of a dead letter, "" for none.
func saidIn(d *store.Letter) string {
	if d.Post {
		return ""
	}
	return relay.RecordingOf(d.Body)
}
