package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"avatarbridge/bridges"
	"avatarbridge/store"
)

var errStopping = errors.New("the program is stopping")

// Receive stores a batch; see bridges.Receiver. Bots, rooms that are not answered and messages that are not for the avatar leave no trace
// in the store.
func (l *line) Receive(_ context.Context, b bridges.Batch) error {
	if !l.r.enter() {
		return errStopping
	}
	defer l.r.work.Done()
	in := intake{l: l, refusable: b.Refusable, b: store.Batch{Account: l.accountID(), Cursor: b.Cursor, Now: time.Now()}}
	if in.b.Account == "" {
		return errors.New("the bridge received before it opened")
	}
	if b.Refusable && (len(b.Events) > 1 || b.Cursor != "") {
		return errors.New("a batch that can be refused has one event and no cursor")
	}
	for i := range b.Events {
		in.add(&b.Events[i])
	}
	l.heard(len(b.Events))
	if len(in.b.Entries) == 0 && b.Cursor == "" {
		in.letUnasked(b.Events, nil)
		return nil
	}
	if err := in.silence(); err != nil {
		return fmt.Errorf("store what came in: %w", err)
	}
	in.b.Turns = in.room()
	// Not the caller's context: a webhook's request may end while the transaction commits, and what it hands out must be taken.
	results, err := l.r.store.Accept(l.r.calls, in.b)
	if err != nil {
		l.r.health.report(err)
		return fmt.Errorf("store what came in: %w", err)
	}
	if slices.ContainsFunc(in.b.Entries, func(e store.Entry) bool { return e.Turn != nil }) {
		l.r.health.works() // a batch without turns needs no room
	}
	for i, res := range results {
		in.settle(i, res)
	}
	if refused := refusal(results, in.b.Now); b.Refusable && refused != nil {
		return refused // what was said is the bridge's again
	}
	in.letUnasked(b.Events, results)
	return nil
}

func (l *line) heard(events int) {
	if events == 0 {
		return
	}
	l.mu.Lock()
	l.state.LastEvent = time.Now()
	l.mu.Unlock()
}

// An intake makes one batch for the store.
type intake struct {
	l       *line
	b       store.Batch
	avatars []string // of each entry, for counting
	mutes   []muting

	refusable bool
}

func (in *intake) put(e store.Entry, avatar string) {
	e.Refusable = in.refusable
	in.b.Entries = append(in.b.Entries, e)
	in.avatars = append(in.avatars, avatar)
}

// room is how many turns can be taken up at once.
func (in *intake) room() int {
	n := len(in.b.Entries)
	for _, a := range in.avatars {
		if p := in.l.r.players[a]; p != nil {
			n = min(n, p.slots.free())
		}
	}
	return n
}

// add turns one event into at most one entry.
func (in *intake) add(ev *bridges.Event) {
	if ev.Kind == bridges.Moved {
		// Before the store knows it: what comes behind it in the same batch is routed by the new id.
		in.l.follow(ev.Place.Channel, ev.To)
		in.put(store.Entry{Key: ev.Key, Move: &store.Move{From: ev.Place.Channel, To: ev.To}}, "")
		return
	}
	if ev.Kind == bridges.Deleted {
		in.deleted(ev)
		return
	}
	if ev.From.Bot {
		return
	}
	s, ok := in.l.route(ev.Place, ev.Within)
	if !ok {
		in.l.tellStrange(ev)
		return
	}
	if !s.permits(ev) {
		in.l.tellUninvited(ev)
		in.decline(ev, s, noticeDenied)
		return
	}
	if in.l.muted(in.b.Account, ev.Place.Channel, ev.Within) && ev.Command != "unmute" {
		in.decline(ev, s, noticeMuted)
		return
	}
	switch {
	case !s.forAvatar(ev) && ev.Kind != bridges.Edited:
	case ev.Kind == bridges.Written:
		in.written(ev, s)
	case ev.Kind == bridges.Edited:
		in.edited(ev)
	case ev.Kind == bridges.Command:
		in.command(ev, s)
	}
}

// decline answers what the platform shows as being worked on until there is an answer. Everybody else is left without a word.
func (in *intake) decline(ev *bridges.Event, s *Settings, kind noticeKind) {
	if ev.Answer == "" {
		return
	}
	if n := in.notice(ev, kind, in.personKey(ev, "declined"), 0); n != nil {
		in.put(store.Entry{Key: ev.Key, Post: in.post(ev, s, n)}, s.Avatar)
	}
}

// tellStrange tells the operator how to have a room answered in which somebody spoke to the bot.
func (l *line) tellStrange(ev *bridges.Event) {
	if ev.Addressed && l.strange.add(ev.Place.Channel) {
		l.log.Info("somebody spoke to the bot in a room that is not listed: to answer there, add it to the channels of a route of this bridge",
			"channel", ev.Place.Channel)
	}
}

// tellUninvited tells the operator who wrote without being allowed to: they may be meant to.
func (l *line) tellUninvited(ev *bridges.Event) {
	if (ev.Addressed || ev.Place.Direct) && l.strange.add("person "+ev.From.User) {
		l.log.Info("somebody wrote who may not talk to the avatar: to answer them, change allow or deny", "user", ev.From.User, "channel", ev.Place.Channel)
	}
}

func (in *intake) written(ev *bridges.Event, s *Settings) {
	body := turnBody{V: bodyVersion, At: ev.At.UnixMilli(), Text: cleanText(ev.Text), Name: cleanName(ev.From.Name), Locale: ev.From.Locale,
		Message: ev.Message, Channel: ev.Place.Channel, Tenant: ev.From.Tenant, User: ev.From.User, Within: ev.Within, Answer: ev.Answer}
	voice := voiceOf(ev)
	if voice != nil && in.hears(s) {
		body.Voice = voice
	}
	if kind, what := in.unanswerable(ev, s, &body, voice != nil); kind >= 0 {
		if n := in.notice(ev, kind, in.noticeKey(ev, what), 10*time.Minute); n != nil {
			in.put(store.Entry{Key: ev.Key, Post: in.post(ev, s, n)}, s.Avatar)
		}
		return
	}
	turn := &store.NewTurn{
		ID:         uuid.NewString(),
		From:       identity(&ev.From),
		Name:       body.Name,
		In:         in.address(ev, s),
		Body:       encode(body),
		Limits:     in.limits(ev, s),
		MaxWaiting: in.l.r.cfg.MaxWaiting,
		Full:       in.notice(ev, noticeBusy, in.personKey(ev, "full"), 10*time.Minute),
	}
	if in.l.fed(ev.Place.Direct) {
		turn.Feed = encode(itemBody{V: bodyVersion, Item: bridges.Item{Key: ev.Key, Text: body.Text, Voice: body.Voice != nil}})
		turn.Feeds = in.l.feeds
	}
	in.put(store.Entry{Key: ev.Key, Turn: turn}, s.Avatar)
}

// unanswerable is the word for a message that no avatar is asked about, and what it is called in keys; negative for one that is.
func (in *intake) unanswerable(ev *bridges.Event, s *Settings, b *turnBody, voice bool) (noticeKind, string) {
	switch {
	case in.b.Now.Sub(ev.At) > s.maxAge(ev.Place.Direct):
		in.l.r.cfg.Meter.Count(Expired, in.l.cfg.Name, s.Avatar)
		return noticeTooOld, "old"
	case b.Text != "" || b.Voice != nil:
		return -1, ""
	case voice:
		return noticeNoVoice, "voice"
	case len(ev.Attachments) > 0:
		return noticeTextOnly, "text"
	}
	return noticeHello, "hello"
}

// hears says whether what people say can be given to the place's avatar.
func (in *intake) hears(s *Settings) bool {
	p := in.l.r.players[s.Avatar]
	return in.l.fetcher != nil && p != nil && p.hears()
}

func (in *intake) edited(ev *bridges.Event) {
	text := cleanText(ev.Text)
	if text == "" {
		return
	}
	change := func(old []byte) []byte {
		body, err := decodeTurn(old)
		if err != nil {
			return old
		}
		body.Text = text
		return encode(body)
	}
	if i := in.find(ev.Target); i >= 0 {
		t := in.b.Entries[i].Turn
		t.Body = change(t.Body)
	}
	// Also then: what comes in this batch may be a repeat of a message that waits already.
	in.put(store.Entry{Edit: &store.Edit{Target: ev.Target, Body: change}}, "")
}

func (in *intake) deleted(ev *bridges.Event) {
	if i := in.find(ev.Target); i >= 0 {
		// Only its key is left, so that it is not answered when it is delivered once more.
		in.b.Entries[i] = store.Entry{Key: ev.Target, Edit: &store.Edit{Target: ev.Target}}
	}
	// Also then: what comes in this batch may be a repeat of a message that was answered long ago.
	edit := &store.Edit{Target: ev.Target, Unsay: in.l.unsay()}
	if edit.Unsay != nil {
		edit.Erase = erasure
	}
	in.put(store.Entry{Edit: edit}, "")
}

// find returns where in this batch the turn with the event key is, -1 for nowhere: after downtime a message and its edit come together.
func (in *intake) find(key string) int {
	return slices.IndexFunc(in.b.Entries, func(e store.Entry) bool { return e.Turn != nil && e.Key == key })
}

func (in *intake) command(ev *bridges.Event, s *Settings) {
	// A few seconds between two greetings, so that a command cannot be used to make the bot flood a room.
	switch ev.Command {
	case "start":
		if n := in.notice(ev, noticeHello, in.personKey(ev, "start"), 5*time.Second); n != nil {
			in.put(store.Entry{Key: ev.Key, Post: in.post(ev, s, n)}, s.Avatar)
		}
	case "reset":
		n := in.notice(ev, noticeReset, in.personKey(ev, "reset"), 5*time.Second)
		if n == nil {
			n = &store.Notice{}
		}
		in.put(store.Entry{Key: ev.Key, Reset: in.reset(ev, s, n)}, s.Avatar)
	case "mute", "unmute":
		in.mute(ev, s)
	}
}

// personKey is the key of a notice to one person in one place.
func (in *intake) personKey(ev *bridges.Event, what string) string {
	return personCounter(&ev.From) + "/" + what + "/" + in.b.Account + "/" + ev.Place.Channel
}

// noticeKey is the key of a notice to all in a place. That of a direct chat is the person's, so that forgetting them finds it.
func (in *intake) noticeKey(ev *bridges.Event, what string) string {
	if ev.Place.Direct {
		return in.personKey(ev, what)
	}
	return what + "/" + in.b.Account + "/" + ev.Place.Channel
}

func (in *intake) post(ev *bridges.Event, s *Settings, n *store.Notice) *store.NewPost {
	return &store.NewPost{From: identity(&ev.From), Name: cleanName(ev.From.Name), In: in.address(ev, s),
		Notice: *n, Preface: in.l.preface(ev.Place.Direct)}
}

func (in *intake) address(ev *bridges.Event, s *Settings) store.Address {
	return store.Address{Account: in.b.Account, Avatar: s.Avatar, Channel: ev.Place.Channel, Thread: ev.Place.Thread,
		Direct: ev.Place.Direct, Memory: s.memory(ev.Place.Direct)}
}

func identity(p *bridges.Person) store.Identity {
	return store.Identity{Platform: p.Platform, Tenant: p.Tenant, User: p.User}
}

// settle counts what became of an entry and takes up what was handed out for it.
func (in *intake) settle(i int, res store.Result) {
	e, l := &in.b.Entries[i], in.l
	if e.Move != nil && res.Verdict == store.Done {
		l.log.Info("a group has another id now; its conversations follow", "from", e.Move.From, "to", e.Move.To)
	}
	if res.Ended != "" {
		l.r.end(in.avatars[i], res.Ended)
	}
	count := func(c Count) { l.r.cfg.Meter.Count(c, l.cfg.Name, in.avatars[i]) }
	switch {
	case res.Verdict == store.Known:
		count(Duplicate)
	case res.Verdict == store.Over || res.Verdict == store.Full:
		count(Refused)
	case e.Turn != nil:
		count(Accepted)
		if e.Turn.Feed != nil {
			l.news(bridges.Place{Channel: e.Turn.In.Channel, Thread: e.Turn.In.Thread, Direct: e.Turn.In.Direct})
		}
	}
	l.take(res.Claims, false)
}
