package slack

import (
	"context"

	slackapi "github.com/slack-go/slack"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

// metadataType names the metadata in which a message holds its post's id.
const metadataType = "avatarbridge_post"

// Send implements bridges.Bridge.
func (b *Bridge) Send(ctx context.Context, m bridges.Message) (string, error) {
	if len(m.Forms) == 0 {
		return "", fault.Kill("the message has no form that can be sent", nil)
	}
	switch form := m.Forms[0]; form.Kind {
	case formAnswer:
		return "", b.answer(ctx, &m)
	case formBlock, formText:
		return b.post(ctx, m.Place, m.ID, form)
	case formFile:
		id, err := b.upload(ctx, &m)
		if o := fault.Of(err); o != nil && o.Kind == fault.Dead && m.Answer != "" { // a link may still be an answer
			err = fault.Reject(o.Reason, o.Err)
		}
		return id, err
	default:
		return "", fault.Reject("this version of the program cannot send the form "+form.Kind, nil)
	}
}

// post makes a message that holds id in its metadata, and returns its timestamp, "" when Slack took it and its answer cannot be read.
func (b *Bridge) post(ctx context.Context, p bridges.Place, id string, form bridges.Form) (string, error) {
	options := append(content(form), slackapi.MsgOptionDisableLinkUnfurl(), slackapi.MsgOptionDisableMediaUnfurl(),
		slackapi.MsgOptionMetadata(slackapi.SlackMetadata{EventType: metadataType, EventPayload: map[string]any{"id": id}}))
	if p.Thread != "" {
		options = append(options, slackapi.MsgOptionTS(p.Thread))
	}
	x, err := b.call(ctx, "chat.postMessage", func(ctx context.Context, api *slackapi.Client) error {
		_, _, err := api.PostMessageContext(ctx, p.Channel, options...)
		return err
	})
	ts, err := b.posted(x, err)
	if err == nil {
		b.status.end(p, nil) // Slack takes it away
	}
	return ts, err
}

// content is what a message says. Its text is escaped already.
func content(form bridges.Form) []slackapi.MsgOption {
	block, text := both(form)
	options := []slackapi.MsgOption{slackapi.MsgOptionText(text, false)}
	if block != "" {
		options = append(options, slackapi.MsgOptionBlocks(slackapi.NewMarkdownBlock("", block)))
	}
	return options
}

// posted is how a call ended that posts: any success is one, also when nobody can read what it says.
func (b *Bridge) posted(x *exchange, err error) (string, error) {
	switch {
	case err == nil:
		return x.said.TS, nil
	case x.succeeded():
		return "", nil
	}
	b.suspect(err)
	return "", err
}

// suspect has the token looked at when err says that it is not valid, so that Run ends.
func (b *Bridge) suspect(err error) {
	if l := b.ear.Load(); l != nil && refused(err) {
		l.doubts()
	}
}

// Remove implements bridges.Remover.
func (b *Bridge) Remove(ctx context.Context, p bridges.Place, id string) error {
	_, err := b.call(ctx, "chat.delete", func(ctx context.Context, api *slackapi.Client) error {
		_, _, err := api.DeleteMessageContext(ctx, p.Channel, id)
		return err
	})
	switch named(err) {
	case "message_not_found", "channel_not_found":
		return nil
	}
	b.suspect(err)
	return err
}
