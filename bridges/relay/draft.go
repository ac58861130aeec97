package relay

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
	"avatarbridge/store"
)

// drawTimeout bounds the call that takes a draft away when no reply comes: the turn's end waits for it.
const drawTimeout = 5 * time.Second

// lostDraft begins what the store notes before the first version of a draft that stays: the platform's id of it is not known yet, ours follows.
const lostDraft = "?"

// errOver means that a turn was deleted or forgotten while its reply was being written.
var errOver = errors.New("the turn is over")

// A sketch shows a reply while it is being written, at the pace of the place. It shows the newest version and leaves out what came between.
type sketch struct {
	l     *line
	t     *store.Turn // its Draft is what was noted last
	d     bridges.Draft
	style bridges.DraftStyle

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
	s := &sketch{l: l, t: t, style: l.drafter.Drafts(where)}
	if s.style.Every <= 0 {
		return nil
	}
	s.d = bridges.Draft{ID: newDraftID(t), Place: where, ReplyTo: b.replyTo(&t.Conversation), Answer: b.Answer}
	if s.style.Stays {
		s.goOn()
	}
	return s
}

// goOn takes up the draft that an earlier attempt has shown.
func (s *sketch) goOn() {
	s.shown = s.t.Draft != ""
	if s.d.Shown = s.t.Draft; isLost(s.t.Draft) {
		s.d.ID, s.d.Shown, s.d.Lost = lostID(s.t.ID, s.t.Draft), "", true
	}
}

// maxDraftID is how many letters and digits a draft's id has at most.
const maxDraftID = 25

// draftID makes of a turn's id one that platforms take: so much of it is as random as needed.
func draftID(turn string) string {
	id := "d" + strings.ReplaceAll(turn, "-", "")
	return id[:min(len(id), maxDraftID)]
}

// newDraftID is the id of a draft that a turn begins. A dead letter that is put back begins another one, as the former may still be waiting to be
// found and taken away.
func newDraftID(t *store.Turn) string {
	id := draftID(t.ID)
	if !t.Revived {
		return id
	}
	since := strconv.FormatInt(t.Accepted.UnixMicro(), 36)
	return id[:min(len(id), maxDraftID-len(since))] + since
}

// isLost says whether nothing but our id of a draft was noted.
func isLost(draft string) bool { return strings.HasPrefix(draft, lostDraft) }

// lostID is our id of a draft that is lost. Older versions of the program noted none.
func lostID(turn, draft string) string {
	return cmp.Or(strings.TrimPrefix(draft, lostDraft), draftID(turn))
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
	if s.d.Text == "" || !s.l.heldPost(&s.t.Conversation).IsZero() {
		return nil
	}
	if !s.shown {
		if err := s.note(lostDraft + s.d.ID); err != nil {
			return err
		}
	}
	s.shown = true
	id, err := s.l.drafter.Draft(ctx, s.d)
	if err != nil {
		return err
	}
	s.d.Lost = false
	if id == s.d.Shown {
		return nil
	}
	s.d.Shown = id
	if err = s.note(id); errors.Is(err, errOver) {
		s.takeAway()
	}
	return err
}

// note keeps what must survive a crash: what is shown of a draft that stays. It returns errOver when nothing is to be shown any more.
func (s *sketch) note(id string) error {
	if !s.style.Stays {
		return nil
	}
	over := false
	if !s.l.r.insist("draft", func(calls context.Context) error {
		err := s.l.r.store.Draft(calls, s.t.Row, id)
		if over = errors.Is(err, store.ErrStale); over {
			return nil
		}
		return err
	}) {
		return context.Cause(s.l.r.calls)
	}
	if over && isLost(id) {
		return errOver // nothing has appeared
	}
	s.t.Draft = id
	if over {
		return errOver
	}
	return nil
}

// takeAway removes a draft that appeared when its turn was over. Of one whose person is forgotten nobody hears again; the end of any other's turn makes
// up for a failure.
func (s *sketch) takeAway() {
	if s.l.remover == nil {
		return
	}
	ctx, cancel := context.WithTimeout(s.l.r.calls, drawTimeout)
	defer cancel()
	if err := s.l.remover.Remove(ctx, s.d.Place, s.d.Shown); err != nil {
		s.l.log.Debug("a draft could not be taken away", "err", err)
		return
	}
	s.t.Draft = ""
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
	ctx, cancel := context.WithTimeout(s.l.r.calls, drawTimeout)
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
	if isLost(draft) {
		body.Remove, body.Lost = "", lostID(turn, draft)
	}
	return encode(body)
}
