package telegram

import (
	"context"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"avatarbridge/bridges"
)

// vouch finds out whether those who want the avatar silenced, or to speak again, manage their group.
func (b *Bridge) vouch(ctx context.Context, events []bridges.Event) {
	for i := range events {
		e := &events[i]
		if e.Kind == bridges.Command && (e.Command == "mute" || e.Command == "unmute") && !e.Place.Direct {
			e.From.Manages = b.manages(ctx, e)
		}
	}
}

// manages asks Telegram. Who writes in the group's own name is an anonymous administrator.
func (b *Bridge) manages(ctx context.Context, e *bridges.Event) bool {
	if e.From.User == e.Place.Channel {
		return true
	}
	var member struct {
		Status string `json:"status"`
	}
	err := b.get(ctx, "getChatMember", tgbotapi.Params{"chat_id": e.Place.Channel, "user_id": e.From.User}, &member)
	if err != nil {
		b.log.Warn("cannot find out whether somebody manages the group; their command is not obeyed", "command", e.Command, "err", err)
		return false
	}
	return member.Status == "administrator" || member.Status == "creator"
}
