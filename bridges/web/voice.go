package web

import (
	"net/http"
	"strings"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

// voiceSlowness is how many times as long as a text a voice message may take to arrive.
const voiceSlowness = 5

// takeVoice keeps what a visitor said.
func (b *Bridge) takeVoice(w http.ResponseWriter, r *http.Request) (bridges.Event, *refusal) {
	query := r.URL.Query()
	id, kind := query.Get("id"), mediaType(r)
	switch {
	case !b.hears() || !strings.HasPrefix(kind, "audio/"):
		return bridges.Event{}, &refuseType
	case !clientID.MatchString(id):
		return bridges.Event{}, &refuseBad
	}
	select {
	case b.voices <- struct{}{}:
		defer func() { <-b.voices }()
	default:
		refused := refuseBusy.waiting(2 * time.Second)
		return bridges.Event{}, &refused
	}
	b.hurry(w, voiceSlowness*b.patience)
	tooLong := refuseVoice(b.cfg.MaxVoice)
	data, refused := readBody(r, int64(b.cfg.MaxVoice), &tooLong)
	switch {
	case refused != nil:
		return bridges.Event{}, refused
	case len(data) == 0:
		return bridges.Event{}, &refuseEmpty
	}
	ref, err := b.media.Keep(r.Context(), data)
	if o := fault.Of(err); o != nil && o.Kind == fault.Rejected {
		return bridges.Event{}, &refuseType
	} else if o != nil {
		b.log.Warn("a voice message is not kept, and not acknowledged to its page", "error", err)
		return bridges.Event{}, &refuseStoring
	}
	return bridges.Event{
		Kind: bridges.Written, Message: id, From: bridges.Person{Name: shortName(query.Get("name")), Locale: locale(query.Get("locale"))},
		Attachments: []bridges.Attachment{{Kind: "voice", Ref: ref, Type: kind, Size: int64(len(data))}},
	}, nil
}

// hears reports whether voice messages have somebody who hears them and somewhere to be kept.
func (b *Bridge) hears() bool { return b.cfg.Voice && b.media != nil }
