package slack

import (
	"context"
	"time"

	slackapi "github.com/slack-go/slack"

	"avatarbridge/bridges"
	"avatarbridge/bridges/markup"
)

const (
	draftEvery = 1200 * time.Millisecond // chat.update may be called some 50 times a minute
	draftLost  = time.Hour               // for which a draft of which nobody knows is looked for
)

// Drafts implements bridges.Drafter: in direct chats a draft is a message that is changed in place. Slack's own streams (chat.startStream)
// take no metadata before their end, so that a crash would leave half a reply that nobody could find.
func (b *Bridge) Drafts(p bridges.Place) bridges.DraftStyle {
	if !p.Direct {
		return bridges.DraftStyle{}
	}
	return bridges.DraftStyle{Every: draftEvery, Stays: true}
}

// Draft implements bridges.Drafter. Of a reply that is longer than a message its end is shown.
func (b *Bridge) Draft(ctx context.Context, d bridges.Draft) (string, error) {
	pieces := markup.Split(markup.Parse(markup.Draft(d.Text)), markup.SlackMarkdown{})
	if len(pieces) == 0 {
		return d.Shown, nil
	}
	form := textForms(pieces[len(pieces)-1], false)[0]
	shown := d.Shown
	if shown == "" && d.Lost {
		var err error
		if shown, err = b.Find(ctx, bridges.Message{ID: d.ID, Place: d.Place}, time.Now().Add(-draftLost)); err != nil {
			return "", err
		}
	}
	if shown == "" {
		return b.post(ctx, d.Place, d.ID, form)
	}
	_, err := b.call(ctx, "chat.update", func(ctx context.Context, api *slackapi.Client) error {
		_, _, _, err := api.UpdateMessageContext(ctx, d.Place.Channel, shown, content(form)...)
		return err
	})
	b.suspect(err)
	return shown, err
}
