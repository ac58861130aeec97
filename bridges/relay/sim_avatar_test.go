package relay_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges/fault"
)

// A service is what plays an avatar, and outlives the program: it remembers what it said.
type service struct {
	s        *sim
	name     string
	patience time.Duration
	calls    bool // replies come over HTTP, for most messages
	hears    bool // it understands what people say
	keeps    bool // replies come over a connection that lives as long as the program, for most messages
	said     map[string][]string

	concurrent int // max_concurrent
}

// A mouth is the program's connection to a service, in one life.
type mouth struct {
	*service
	life *life
}

// Ask is described in the contract.
func (a *mouth) Ask(ctx context.Context, t avatar.Turn, say avatar.Speaker) error {
	s := a.s
	t.Text = wordsOf(&t)
	over := s.isOver(t.Conversation, t.Text)
	if !a.life.gone() {
		s.c.pass("ask/" + a.name + "/" + t.Text)
	}
	if a.life.gone() {
		<-ctx.Done()
		return ctx.Err()
	}
	a.life.asked[a.name]++
	a.begin(&t, over)
	f := s.askFate(a.service, t.Text)
	if o := fault.Of(f.err); o != nil && o.Kind == fault.Rejected && t.Voice != nil {
		s.mumbled[t.Text] = true
	}
	alive := a.think(ctx, t.Text, say, f.takes)
	if a.life.gone() {
		<-ctx.Done()
		return ctx.Err()
	}
	s.c.pass("asked/" + a.name + "/" + t.Text)
	if a.life.gone() {
		<-ctx.Done()
		return ctx.Err()
	}
	a.life.asked[a.name]--
	if conversation := labelOf(t.Text); a.life.asking[conversation] == t.Text { // else it was forgotten meanwhile, and a new one has begun
		delete(a.life.asking, conversation)
	}
	if !alive {
		return ctx.Err()
	}
	if f.err != nil && !f.speaks {
		a.life.asksToWait(s, "avatar "+a.name, t.Text, f.err)
		return f.err
	}
	return a.answer(ctx, t, say, f)
}

// begin checks that the avatar may be asked.
func (a *mouth) begin(t *avatar.Turn, over bool) {
	s := a.s
	a.mustBeAsked(t)
	a.life.mustKeep(s, t.Text+" was asked", time.Now(), "avatar "+a.name)
	s.mustRest(t.Text+" was asked", t.Bridge, s.script.where[plainText(t.Text)])
	if s.dropTime[t.Text] > 0 {
		s.fail("%s was asked after it was dropped", t.Text)
	}
	if over {
		s.fail("%s was asked in a conversation of which the service had been told that it is over", t.Text)
	}
	if at := s.forgotten[plainText(t.Text)]; at > 0 && at < s.handed[t.Text] {
		s.fail("%s was asked after its person was forgotten", t.Text)
	}
	s.asks[t.Text]++
	conversation := labelOf(t.Text)
	if s.forgotten[plainText(t.Text)] == 0 { // else that was in the instant in which it is asked, and a new conversation has begun
		if other := a.life.asking[conversation]; other != "" {
			s.fail("%s was asked while %s was", t.Text, other)
		}
		a.life.asking[conversation] = t.Text
	}
	a.life.ids[t.Text] = t.ID
	if a.life.answered[t.ID] > 0 && !(a.patience > 0 && s.ended[conversation] && a.life.answered[t.ID] < 2) {
		s.fail("%s was asked again by the same process", t.Text)
	}
}

// think takes its time, and shows what is written so far. A service that answers over a connection or a callback says its replies whole.
func (a *mouth) think(ctx context.Context, text string, say avatar.Speaker, takes time.Duration) (alive bool) {
	steps := time.Duration(1)
	if !a.calls && !a.keeps {
		steps += time.Duration(hashed(a.s.plan.seed, "drafts"+text, 4))
	}
	for i := range steps - 1 {
		say.Draft(fmt.Sprint("draft of ", text, " ", int(i)))
		if !pause(ctx, takes/steps) {
			return false
		}
	}
	return pause(ctx, takes-takes/steps*(steps-1))
}

func (a *mouth) answer(ctx context.Context, t avatar.Turn, say avatar.Speaker, f askFate) error {
	s := a.s
	a.life.answered[t.ID]++
	replies, late := s.replies(t.Text), s.comesLate(a.service, t.Text)
	a.said[t.Text] = nil
	for i, r := range replies {
		if r.Ends {
			s.ended[labelOf(t.Text)] = true
		}
		if late {
			r.Key = fmt.Sprint(t.Text, "/", i)
			if after := s.c.upTo(20 * time.Second); a.keeps {
				a.life.later(s, t, r, after)
			} else {
				s.callback(a.service, t, r, after, s.c.chance(s.plan.repeats))
			}
			continue
		}
		if err := say.Say(ctx, r); err != nil {
			return err
		}
		a.said[t.Text] = append(a.said[t.Text], pieces(r)...)
		if f.err != nil {
			return f.err // the rest was never said
		}
	}
	if len(a.said[t.Text]) > 0 {
		return f.err
	}
	return nil
}

// End is described in the contract: the service hears that a conversation is over, and never hears of it again.
func (a *mouth) End(ctx context.Context, conversation string) error {
	if !a.life.gone() {
		a.s.c.pass("end/" + a.name)
	}
	if a.life.gone() {
		<-ctx.Done()
		return ctx.Err()
	}
	if !a.s.healed && a.s.c.chance(a.s.plan.faults) {
		return errors.New("simulated")
	}
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	a.s.over[conversation] = a.s.c.count()
	return nil
}

// Patience is described in the contract.
func (a *mouth) Patience() time.Duration { return a.patience }

// Hears is described in the contract.
func (a *mouth) Hears() bool { return a.hears }

// A listener is a mouth that also hears callbacks.
type listener struct{ *mouth }

func (a listener) Handler(say avatar.Speaker) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r := avatar.Reply{Text: req.FormValue("text"), Key: req.FormValue("key"), Ends: req.FormValue("ends") != ""}
		r.Audio = avatar.Audio{URL: req.FormValue("url"), Data: []byte(req.FormValue("sound"))}
		err := say.Say(req.Context(), r)
		switch {
		case errors.Is(err, avatar.ErrGone):
			w.WriteHeader(http.StatusNotFound)
		case err != nil:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
}

var (
	_ avatar.Waiter   = (*mouth)(nil)
	_ avatar.Ender    = (*mouth)(nil)
	_ avatar.Hearer   = (*mouth)(nil)
	_ avatar.Listener = listener{}
)

func (a *service) connect(l *life) avatar.Backend {
	m := &mouth{a, l}
	if a.calls {
		return listener{m}
	}
	return m
}

// callback posts a reply to the program, whichever life of it is there, until it is taken or refused for good.
func (s *sim) callback(a *service, t avatar.Turn, r avatar.Reply, after time.Duration, twice bool) {
	form := url.Values{"text": {r.Text}, "key": {r.Key}, "url": {r.Audio.URL}, "sound": {string(r.Audio.Data)}}
	if r.Ends {
		form.Set("ends", "1")
	}
	_, token, _ := strings.Cut(t.Callback, "#")
	s.outside.Go(func() {
		time.Sleep(after)
		for taken := false; !taken || twice; {
			switch s.post(a.name, token, form) {
			case http.StatusOK:
				s.mu.Lock()
				s.taken[r.Key] = pieces(r)
				s.mu.Unlock()
				if taken {
					return
				}
				taken = true
			case http.StatusNotFound:
				s.mu.Lock()
				s.refused = append(s.refused, t.Text)
				s.mu.Unlock()
				return
			default:
				time.Sleep(time.Second + time.Duration(hashed(s.plan.seed, r.Key, 1e9)))
			}
		}
	})
}

// later says a reply over the connection, if that is still there.
func (l *life) later(s *sim, t avatar.Turn, r avatar.Reply, after time.Duration) {
	s.outside.Go(func() {
		for time.Sleep(after); !l.gone() && !l.closing.Load(); time.Sleep(time.Second) {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			err := t.Later.Say(ctx, r)
			cancel()
			s.mu.Lock()
			switch {
			case err == nil:
				s.taken[r.Key] = pieces(r)
			case errors.Is(err, avatar.ErrGone) && !l.gone():
				s.refused = append(s.refused, t.Text)
			}
			s.mu.Unlock()
			if err == nil || errors.Is(err, avatar.ErrGone) {
				return
			}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.unheard[t.Text] = true
	})
}

// post is one POST to the callback URL; 0 when nobody is there.
func (s *sim) post(name, token string, form url.Values) int {
	s.mu.Lock()
	l := s.now
	s.mu.Unlock()
	if l == nil || l.gone() {
		return 0
	}
	req := httptest.NewRequest("POST", "/?"+form.Encode(), nil)
	req.SetPathValue("name", name)
	req.SetPathValue("token", token)
	rec := httptest.NewRecorder()
	l.relay.Callback().ServeHTTP(rec, req)
	if l.gone() && rec.Code == http.StatusNotFound {
		return 0
	}
	return rec.Code
}

// replies is what a service says to a text: the same whenever it is asked.
func (s *sim) replies(text string) []avatar.Reply {
	dice := func(what string, n int) int { return hashed(s.plan.seed, what+text, n) }
	if dice("silent", 16) == 0 {
		return nil
	}
	var all []avatar.Reply
	for r := range 1 + dice("replies", 2) {
		var parts []string
		for p := range 1 + dice("pieces", 3) {
			parts = append(parts, fmt.Sprintf("%sre %s/%d/%d.", []string{"", "", "#"}[dice(fmt.Sprint(r, p), 3)], text, r, p))
		}
		reply := avatar.Reply{Text: strings.Join(parts, "|"), Ends: dice(fmt.Sprint("ends", r), 12) == 0}
		aloud(&reply, dice(fmt.Sprint("aloud", r), 20))
		all = append(all, reply)
	}
	return all
}

// pieces are the posts that a reply becomes.
func pieces(r avatar.Reply) []string {
	if r.Text == "" {
		return []string{soundOf(&r.Audio)}
	}
	all := strings.Split(r.Text, "|")
	for i := range all {
		all[i] = strings.TrimPrefix(all[i], "#")
	}
	return all
}

// An askFate is how a call of Ask will go.
type askFate struct {
	takes  time.Duration
	err    error
	speaks bool // and fails afterwards
}

func (s *sim) askFate(a *service, text string) askFate {
	c := s.c
	f := askFate{takes: c.upTo(time.Second)}
	if labelOf(text) == s.plan.sick.conversation && !s.healed {
		f.takes = time.Hour
	}
	if s.healed || !c.chance(s.ails(a.name == s.plan.sick.avatar)) {
		return f
	}
	switch s.plan.sick.manner {
	case down:
		f.err = errDown
		return f
	case hangs:
		f.takes = time.Hour
		return f
	case busy:
		f.err = fault.Throttle(fault.Avatar, c.upTo(10*time.Minute), errDown)
		return f
	}
	cause := errors.New("simulated")
	switch c.dice.IntN(8) {
	case 0:
		f.err = fault.Throttle(fault.Avatar, c.upTo(30*time.Second)*s.plan.sick.longer(), cause)
	case 1:
		f.err = fault.Reject("refused", cause)
	case 2:
		f.err = fault.Kill("no credit", cause)
	case 3:
		f.err = fault.Unsure(cause)
	case 4:
		f.takes = c.upTo(3 * time.Minute) // longer than a call may take, perhaps
	case 5:
		f.err, f.speaks = cause, true
	case 6:
		f.err = cause
	default:
		f.err = &fault.Outcome{Kind: fault.Expired, Err: cause}
	}
	return f
}
