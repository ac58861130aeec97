package web

import (
	"context"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

const (
	// maxVoices is how many voice messages may be on their way in at once: each is in memory as a whole.
	maxVoices = 16
	// maxVoicesOfAddress is how many of them may come from one address, so that nobody keeps all others from speaking.
	maxVoicesOfAddress = 4
	// voiceSlowness is how many times as long as a text a voice message may take to arrive.
	voiceSlowness = 5
	// voicePace is how many bytes a second must arrive of a voice message, after the time that a text has: twice what a browser records.
	voicePace = 8 << 10
)

// uploads are the voice messages on their way in. One visitor sends one at a time, which also keeps two uploads with the same id apart.
type uploads struct {
	mu       sync.Mutex
	visitors map[visitor]bool
	from     map[netip.Prefix]int
}

// enter takes a place; nil means that there is none. The caller calls leave once.
func (u *uploads) enter(v visitor, from netip.Prefix) (leave func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.visitors) >= maxVoices || u.visitors[v] || u.from[from] >= maxVoicesOfAddress {
		return nil
	}
	if u.visitors == nil {
		u.visitors, u.from = map[visitor]bool{}, map[netip.Prefix]int{}
	}
	u.visitors[v] = true
	u.from[from]++
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.visitors, v)
		if u.from[from]--; u.from[from] == 0 {
			delete(u.from, from)
		}
	}
}

// An upload is one voice message on its way in.
type upload struct {
	leave func() // nil: it has no place
	fresh string // the ref of what was kept for it and was not there before; "" for none
}

// serveVoice takes what a visitor said. The place is free once it is answered.
func (b *Bridge) serveVoice(w http.ResponseWriter, r *http.Request) {
	if refused := b.upload(w, r); refused != nil {
		refused.write(w)
		return
	}
	answer(w, http.StatusAccepted, []byte("{}"))
}

// upload keeps and hands over what a visitor said. It is kept no longer when the message is not stored, unless an earlier attempt kept it: that may be
// stored.
func (b *Bridge) upload(w http.ResponseWriter, r *http.Request) *refusal {
	var u upload
	defer func() {
		if u.leave != nil {
			u.leave()
		}
	}()
	refused := b.hear(w, r, func(w http.ResponseWriter, r *http.Request) (bridges.Event, *refusal) { return b.takeVoice(w, r, &u) })
	if refused == nil || u.fresh == "" {
		return refused
	}
	// Not the request's context: the visitor may be gone already.
	if err := b.media.Discard(context.WithoutCancel(r.Context()), u.fresh); err != nil {
		b.log.Warn("a voice message that was not stored could not be deleted", "error", err)
	}
	return refused
}

// takeVoice keeps what a visitor said.
func (b *Bridge) takeVoice(w http.ResponseWriter, r *http.Request, u *upload) (bridges.Event, *refusal) {
	query := r.URL.Query()
	id, kind := query.Get("id"), mediaType(r)
	v, known := b.visitor(r)
	switch {
	case !known:
		return bridges.Event{}, &refuseCookie
	case !b.hears() || !strings.HasPrefix(kind, "audio/"):
		return bridges.Event{}, &refuseType
	case !clientID.MatchString(id):
		return bridges.Event{}, &refuseBad
	}
	if u.leave = b.voices.enter(v, addressOf(r.RemoteAddr)); u.leave == nil {
		refused := refuseBusy.waiting(2 * time.Second)
		return bridges.Event{}, &refused
	}
	b.pace(w, r)
	tooLong := refuseVoice(b.cfg.MaxVoice)
	data, refused := readBody(r, int64(b.cfg.MaxVoice), &tooLong)
	switch {
	case refused != nil:
		return bridges.Event{}, refused
	case len(data) == 0:
		return bridges.Event{}, &refuseEmpty
	}
	ref, refused := b.keep(r.Context(), bridges.Recording{From: b.person(v), ID: id, Data: data}, u)
	if refused != nil {
		return bridges.Event{}, refused
	}
	return bridges.Event{
		Kind: bridges.Written, Message: id, From: bridges.Person{Name: shortName(query.Get("name")), Locale: locale(query.Get("locale"))},
		Attachments: []bridges.Attachment{{Kind: "voice", Ref: ref, Type: kind, Size: int64(len(data))}},
	}, nil
}

func (b *Bridge) keep(ctx context.Context, said bridges.Recording, u *upload) (ref string, refused *refusal) {
	ref, fresh, err := b.media.Keep(ctx, said)
	if fresh {
		u.fresh = ref
	}
	o := fault.Of(err)
	switch {
	case o == nil:
		return ref, nil
	case o.Kind == fault.Rejected:
		return "", &refuseType
	case o.Kind == fault.Throttled:
		busy := refuseBusy.waiting(o.After)
		return "", &busy
	}
	b.log.Warn("a voice message is not kept, and not acknowledged to its page", "error", err)
	return "", &refuseStoring
}

// hears reports whether voice messages have somebody who hears them and somewhere to be kept.
func (b *Bridge) hears() bool { return b.cfg.Voice && b.media != nil }

// pace bounds how long the body may take: the more of it is there, the longer, up to voiceSlowness.
func (b *Bridge) pace(w http.ResponseWriter, r *http.Request) {
	paced := &pacedBody{ReadCloser: r.Body, control: http.NewResponseController(w), began: time.Now(), grace: b.patience}
	paced.extend()
	r.Body = paced
}

// pacedBody is a body whose deadline moves with what has arrived.
type pacedBody struct {
	io.ReadCloser
	control *http.ResponseController
	began   time.Time
	grace   time.Duration
	arrived int64
}

// Read reads on and moves the deadline.
func (p *pacedBody) Read(to []byte) (int, error) {
	n, err := p.ReadCloser.Read(to)
	if p.arrived += int64(n); n > 0 {
		p.extend()
	}
	return n, err
}

// extend sets the deadline. A writer that knows none is a test's.
func (p *pacedBody) extend() {
	may := min(p.grace+time.Duration(p.arrived)*time.Second/voicePace, voiceSlowness*p.grace)
	_ = p.control.SetReadDeadline(p.began.Add(may))
}
