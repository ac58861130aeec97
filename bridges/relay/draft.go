package relay

import (
	"context"
	"strings"
	"sync"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
	"avatarbridge/store"
)

// lostDraft is what the store notes before the first version of a draft that stays: its id is not known yet.
const lostDraft = "?"

// A sketch shows a reply while it is being written, at the pace of the place. It shows the newest version and leaves out what came between.
type sketch struct {
	l     *line
	d     bridges.Draft
	style bridges.DraftStyle
	held  func() bool          // nothing may be posted now: a version of then is left out
	note  func(id string) bool // keeps what must survive a crash; nil where a draft does not stay

	mu     sync.Mutex
	text   string
	ended  bool
	news   chan struct{} // has room for one; nil before the first version
	stop   context.CancelFunc
	drawer sync.WaitGroup

	shown bool // owned by the drawer, then by end
}

// sketch prepares drafts of the reply to a turn; nil when its place shows none.
func (p *player) sketch(l *line, t *store.Turn, b *turnBody) *sketch {
	if l.drafter == nil {
		return nil
	}
	where := place(&t.Conversation)
	s := &sketch{l: l, style: l.drafter.Drafts(where)}
	if s.style.Every <= 0 {
		return nil
	}
	s.held = func() bool { return !l.heldPost(&t.Conversation).IsZero() }
	s.d = bridges.Draft{ID: draftID(t.ID), Place: where, ReplyTo: b.replyTo(&t.Conversation), Answer: b.Answer}
	if s.style.Stays {
		s.note = func(id string) bool {
			t.Draft = id
			return p.r.insist("draft", func(ctx context.Context) error { return p.r.store.Draft(ctx, t.Row, id) })
		}
		s.d.Lost = t.Draft == lostDraft
		if s.shown = t.Draft != ""; !s.d.Lost {
			s.d.Shown = t.Draft
		}
	}
	return s
}

// draftID makes of a turn's id one that platforms take: 25 letters and digits of it are as random as needed.
func draftID(turn string) string {
	id := "d" + strings.ReplaceAll(turn, "-", "")
	return id[:min(len(id), 25)]
}

// draw shows text as the newest version. It returns at once.
func (s *sketch) draw(ctx context.Context, text string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || text == s.text {
		return
	}
	s.text = text
	if s.news == nil {
		s.news = make(chan struct{}, 1)
		ctx, s.stop = context.WithCancel(ctx)
		s.drawer.Go(func() { s.show(ctx) })
	}
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// show draws version after version until the platform refuses one.
func (s *sketch) show(ctx context.Context) {
	var err error
	defer s.l.catch(&err)
	if s.style.Stays && !sleep(ctx, s.style.Every) { // a quick reply needs no message that comes and goes
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.news:
		}
		wait := s.style.Every
		if err := s.once(ctx); err != nil {
			o := fault.Of(err)
			if o.Kind != fault.Throttled {
				s.l.log.Debug("a draft could not be shown; the reply comes whole", "err", err)
				return
			}
			wait = max(wait, o.After)
		}
		if !sleep(ctx, wait) {
			return
		}
	}
}

// once shows the newest version.
func (s *sketch) once(ctx context.Context) error {
	s.mu.Lock()
	s.d.Text = cleanText(s.text)
	s.mu.Unlock()
	if s.d.Text == "" || s.held() {
		return nil
	}
	if s.note != nil && !s.shown && !s.note(lostDraft) {
		return ctx.Err()
	}
	s.shown = true
	id, err := s.l.drafter.Draft(ctx, s.d)
	if err != nil {
		return err
	}
	s.d.Lost = false
	if id != s.d.Shown {
		s.d.Shown = id
		if s.note != nil {
			s.note(id)
		}
	}
	return nil
}

// end stops drawing, and returns when no version can appear any more. A draft of a reply that does not come is taken away where it goes
// by itself; where it stays, the turn's next attempt goes on with it.
func (s *sketch) end(replied bool) {
	if s == nil {
		return
	}
	s.mu.Lock()
	s.ended = true
	begun := s.news != nil
	s.mu.Unlock()
	if !begun {
		return
	}
	s.stop()
	s.drawer.Wait()
	if replied || s.style.Stays || !s.shown {
		return
	}
	ctx, cancel := context.WithTimeout(s.l.r.calls, 5*time.Second)
	defer cancel()
	s.d.Text = ""
	if _, err := s.l.drafter.Draft(ctx, s.d); err != nil {
		s.l.log.Debug("a draft could not be taken away", "err", err)
	}
}

// erase is the reply that takes a draft away once what was said in its place is posted.
func (l *line) erase(t *store.Turn) []store.Reply {
	if t.Draft == "" {
		return nil
	}
	return []store.Reply{{Pieces: [][]byte{erasure(t.ID, t.Draft)}, Apart: true}}
}

// erasure is the post that takes away what was noted as a turn's draft.
func erasure(turn, draft string) []byte {
	body := postBody{V: bodyVersion, Remove: draft}
	if draft == lostDraft {
		body.Remove, body.Lost = "", draftID(turn)
	}
	return encode(body)
}
