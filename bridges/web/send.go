package web

import (
	"cmp"
	"context"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

// typingLasts is how long a page shows dots after Typing, unless a reply comes first.
const typingLasts = 10 * time.Second

// Send implements bridges.Bridge. What is said is posted by being in the feed, so nothing can go wrong with it; a sound is fetched, and
// the id says where it is served.
func (b *Bridge) Send(ctx context.Context, m bridges.Message) (string, error) {
	if len(m.Forms) == 0 {
		return "", fault.Kill("the message has no form that can be sent", nil)
	}
	switch form := m.Forms[0]; {
	case form.Kind == formSay:
		return cmp.Or(m.ID, "0"), nil
	case form.Kind != formSound || form.Audio == nil:
		return "", fault.Reject("this version of the program cannot send the form "+form.Kind, nil)
	case b.media == nil:
		return "", fault.Reject("sounds are not served", nil)
	default:
		path, mediaType, err := b.media.Serve(ctx, *form.Audio)
		if err != nil {
			return "", err
		}
		return path + " " + mediaType, nil
	}
}

// Feed implements bridges.Feeder.
func (b *Bridge) Feed() int { return b.cfg.History }

// News implements bridges.Feeder.
func (b *Bridge) News(p bridges.Place) {
	b.hub.tell(visitor(p.Channel), func(q *pending) { q.news = true })
}

// Typing implements bridges.Typer. Only pages that are open now show it.
func (b *Bridge) Typing(_ context.Context, p bridges.Place) (time.Duration, error) {
	b.hub.tell(visitor(p.Channel), func(q *pending) { q.typing = typingLasts })
	return typingLasts, nil
}

// Drafts implements bridges.Drafter.
func (b *Bridge) Drafts(p bridges.Place) bridges.DraftStyle {
	if !p.Direct {
		return bridges.DraftStyle{}
	}
	return bridges.DraftStyle{Every: draftEvery}
}

// Draft implements bridges.Drafter. Only pages that are open now show it.
func (b *Bridge) Draft(_ context.Context, d bridges.Draft) (string, error) {
	b.hub.tell(visitor(d.Place.Channel), func(q *pending) { q.draft, q.drafted = d.Text, true })
	return "", nil
}

// Attachment implements bridges.Fetcher.
func (b *Bridge) Attachment(ctx context.Context, a bridges.Attachment) (*bridges.File, error) {
	if b.media == nil {
		return nil, fault.Reject("voice messages are not kept", nil)
	}
	return b.media.Load(ctx, a.Ref)
}
