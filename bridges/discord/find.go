package discord

import (
	"context"
	"slices"
	"strings"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

const (
	// nonceHolds is for how long Discord surely recognises a nonce. Its documentation says "the past few minutes".
	nonceHolds = 2 * time.Minute
	// clockSlack is how exactly Discord's clock is known: its answers tell whole seconds.
	clockSlack = 2 * time.Second
	// maxSearched is how many messages of a channel are looked through for a post.
	maxSearched = 2000
)

// Find implements bridges.Finder. A post that is younger than Discord's memory for nonces is not looked for: it can be sent again, and
// Discord answers with the one that is there.
func (b *Bridge) Find(ctx context.Context, m bridges.Message, since time.Time) (string, error) {
	c := toID(m.Place.Channel)
	if c == "" {
		return "", fault.Reject("the channel is none of Discord's", nil)
	}
	if len(m.Forms) > 0 && (m.Forms[0].Kind == formAnswer || m.Forms[0].Kind == formAnswerFile) {
		if a, ok := readAnswer(m.Answer); ok {
			return b.answered(ctx, a, c, &m)
		}
	}
	if len(m.Forms) > 0 && time.Since(since) < nonceHolds {
		return "", nil
	}
	me := b.account()
	after := idAt(b.theirTime(since).Add(-clockSlack))
	return b.search(ctx, c, after, func(found *message) bool {
		if known := b.posts.post(found.ID); known != "" {
			return known == m.ID
		}
		return found.is(&m, me)
	})
}

// search looks for a message of the bot in the channel's history.
func (b *Bridge) search(ctx context.Context, c id, after uint64, match func(*message) bool) (string, error) {
	for range maxSearched / historyPage {
		page, err := b.history(ctx, c, after)
		if err != nil {
			return "", err
		}
		for i := range page {
			if page[i].ID != "" && match(&page[i]) {
				return string(page[i].ID), nil
			}
		}
		last := page[max(len(page)-1, 0):]
		if len(page) < historyPage || last[0].ID.number() <= after {
			return "", nil
		}
		after = last[0].ID.number()
	}
	return "", fault.Reject("the channel has too many messages since then to look for one", nil)
}

// is reports whether a message of the history is m as it was posted by the bot. The history may leave nonces out; then what was posted tells,
// and what it answers: the avatar may have said the same to several people.
func (found *message) is(m *bridges.Message, me id) bool {
	switch {
	case found.Author != nil && found.Author.ID != me && me != "", found.Interaction != nil, found.Webhook != "":
		return false
	case found.Nonce != "":
		return string(found.Nonce) == m.ID
	case found.Author == nil || me == "":
		return false
	case len(m.Forms) == 0: // a draft
		return found.Flags&flagSilent != 0
	case found.Flags&flagSilent != 0: // a draft that came as far as the reply
		return false
	}
	return found.carries(m.ID) || found.says(textsOf(m)) && found.follows(m)
}

// carries reports whether the message has the file that was uploaded for the post.
func (found *message) carries(post string) bool {
	return post != "" && slices.ContainsFunc(found.Attachments, func(a attachment) bool { return strings.Contains(string(a.Filename), "-"+post+".") })
}

// follows reports whether the message answers what m does. Where that was deleted before, it answers nothing.
func (found *message) follows(m *bridges.Message) bool {
	return found.Reference == nil || !m.Place.Direct && found.Reference.Message == toID(m.ReplyTo)
}

// textsOf are the texts as one of which m may have been posted.
func textsOf(m *bridges.Message) []string {
	var texts []string
	for _, f := range m.Forms {
		if f.Text != "" {
			texts = append(texts, f.Text)
		}
	}
	return texts
}
