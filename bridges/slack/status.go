package slack

import (
	"context"
	"time"

	slackapi "github.com/slack-go/slack"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

const (
	thinking = "is thinking…"
	// statusLasts is how long Slack shows a status that no message ends (https://docs.slack.dev/reference/methods/assistant.threads.setStatus).
	statusLasts = 2 * time.Minute
)

// quiet is where no status can be shown.
type quiet = threads

// Typing implements bridges.Typer: a thread shows a status until the next message in it. Slack has nothing of the kind elsewhere, nor in
// threads that it does not allow it in.
func (b *Bridge) Typing(ctx context.Context, p bridges.Place) (time.Duration, error) {
	if p.Thread == "" || b.mute.has(p.Channel) {
		return statusLasts, nil
	}
	_, err := b.call(ctx, "assistant.threads.setStatus", func(ctx context.Context, api *slackapi.Client) error {
		return api.SetAssistantThreadsStatusContext(ctx, slackapi.AssistantThreadsSetStatusParameters{
			ChannelID: p.Channel, ThreadTS: p.Thread, Status: thinking,
		})
	})
	if o := fault.Of(err); o != nil && named(err) != "" && (o.Kind == fault.Dead || o.Kind == fault.Rejected) {
		b.mute.add(p.Channel)
		b.log.Debug("no status can be shown in a channel", "channel", p.Channel, "err", err)
		return statusLasts, nil
	}
	return statusLasts, err
}
