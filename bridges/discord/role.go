package discord

import (
	"context"
	"slices"

	"avatarbridge/bridges"
)

// A bot that was invited with permissions has a role of its own, which has its name: it is what Discord's clients offer besides the bot itself when
// somebody types an @. Whoever picks it means the bot.

// A role is one of a guild's.
type role struct {
	ID          id     `json:"id"`
	Permissions number `json:"permissions"`
	Tags        struct {
		Bot id `json:"bot_id"`
	} `json:"tags"`
}

// ownRole is the role that Discord made for the bot, "" for none.
func ownRole(roles []role, me id) id {
	for _, r := range roles {
		if r.Tags.Bot == me && me != "" {
			return r.ID
		}
	}
	return ""
}

// called reports whether m mentions the bot's role. sure is false while that has to be found out.
func (l *listener) called(m *message) (yes, sure bool) {
	if m.Guild == "" || len(m.Roles) == 0 {
		return false, true
	}
	own, known := l.tree.role(m.Guild)
	return own != "" && slices.Contains(m.Roles, own), known
}

// learnRole finds out the bot's role in a guild, unless it is known. Where Discord does not tell, there is none.
func (l *listener) learnRole(ctx context.Context, of id) error {
	if _, known := l.tree.role(of); known || of == "" {
		return nil
	}
	var g guild
	err := l.bridge.get(ctx, "GET /guilds", "/guilds/"+string(of), &g)
	if err != nil && (statusOf(err) == 0 || statusOf(err) == 429 || statusOf(err) >= 500) {
		return err
	}
	l.tree.own(of, ownRole(g.Roles, l.me.ID))
	return nil
}

// settle looks again at a message of which it was not sure whether it is for the bot; false when it is nothing to be heard.
func (l *listener) settle(h *heard) bool {
	m := h.unsure
	if m == nil {
		return true
	}
	if _, sure := l.called(m); !sure {
		l.tree.own(m.Guild, "") // it could not be found out
	}
	again, ok := l.written(m)
	h.unsure, h.Text, h.Addressed, h.Attachments = nil, again.Text, again.Addressed, again.Attachments
	return ok && (h.Kind == bridges.Written || h.Text != "")
}
