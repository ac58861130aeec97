package discord

import (
	"context"
	"net/http"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
	"avatarbridge/bridges/markup"
)

// draftEvery is the pace of drafts: Discord lets a channel have five edits in five seconds.
const draftEvery = 1200 * time.Millisecond

// Drafts implements bridges.Drafter: in direct messages a draft is a message that is changed until the reply is posted.
func (b *Bridge) Drafts(p bridges.Place) bridges.DraftStyle {
	if !p.Direct {
		return bridges.DraftStyle{}
	}
	return bridges.DraftStyle{Every: draftEvery, Stays: true}
}

// Draft implements bridges.Drafter. Of a reply that is longer than a message its end is shown. A draft notifies nobody; by that it is known
// again when the program did not live to keep its id.
func (b *Bridge) Draft(ctx context.Context, d bridges.Draft) (string, error) {
	if d.Answer != "" {
		return "", fault.Reject("a command shows that it is worked on until its answer is there", nil)
	}
	pieces := markup.Split(markup.Parse(markup.Draft(d.Text)), markup.Discord{})
	if len(pieces) == 0 {
		return d.Shown, nil
	}
	if d.Lost && d.Shown == "" {
		former, err := b.Find(ctx, bridges.Message{ID: d.ID, Place: d.Place}, time.Now().Add(-time.Hour))
		if err != nil {
			return "", err
		}
		d.Shown = former
	}
	body := &post{Content: markup.Discord{}.Write(pieces[len(pieces)-1]), Allowed: nobody(), Flags: flagNoEmbeds | flagSilent}
	if d.Shown == "" {
		body.Nonce, body.Enforce = d.ID, true
		return b.post(ctx, d.Place, body, nil)
	}
	c := string(toID(d.Place.Channel))
	body.Flags = 0
	_, err := b.call(ctx, &request{
		method: http.MethodPatch, path: "/channels/" + c + "/messages/" + string(toID(d.Shown)), name: "PATCH /channels/messages", bucket: "edit/" + c, body: body,
	})
	return d.Shown, err
}
