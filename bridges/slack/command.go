package slack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	slackapi "github.com/slack-go/slack"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

func (l *listener) takeCommand(ctx context.Context, body []byte, done func(stored bool)) {
	var c slackapi.SlashCommand
	if decode(body, &c) != nil || c.ChannelID == "" || c.UserID == "" {
		l.log.Warn("left out a slash command that cannot be read")
		done(true)
		return
	}
	now := time.Now()
	l.inLane(ctx, c.ChannelID, now, done, func() (bridges.Event, bool, error) { return l.command(ctx, &c, now) })
}

// command is the use of a slash command. Slack does not offer it again, and takes no answer in a thread to it.
func (l *listener) command(ctx context.Context, c *slackapi.SlashCommand, now time.Time) (bridges.Event, bool, error) {
	within := (&callback{Team: c.TeamID, Enterprise: c.EnterpriseID}).within(&l.me)
	from, ok, err := l.person(ctx, c.UserID, c.ChannelID, within)
	if !ok {
		return bridges.Event{}, false, err
	}
	from.Name = or(from.Name, c.UserName)
	e := bridges.Event{
		Kind: bridges.Written, Key: commandKey(c), At: now, From: from, Within: within, Addressed: true, Answer: c.ResponseURL,
		Place: bridges.Place{Channel: c.ChannelID, Direct: l.isDirect(ctx, c.ChannelID)},
	}
	name, text := slashCommand(c.Command, c.Text)
	if name != "" {
		e.Kind, e.Command = bridges.Command, name
		l.vouch(ctx, &e)
	} else {
		e.Text = l.plain(ctx, text)
	}
	return e, true, nil
}

// commandKey is made of what is unique to the use and good for nothing else: the trigger is a credential for some seconds.
func commandKey(c *slackapi.SlashCommand) string {
	sum := sha256.Sum256([]byte(or(c.TriggerID, c.ResponseURL)))
	return "command/" + hex.EncodeToString(sum[:16])
}

// isDirect reports whether a channel is the bot's chat with one person. People can use commands in chats with each other too.
func (l *listener) isDirect(ctx context.Context, channel string) bool {
	switch {
	case !strings.HasPrefix(channel, "D"):
		return false
	case l.directs.has(channel):
		return true
	}
	if _, err := l.channelInfo(ctx, channel); err != nil {
		return false // the bot sees none but its own
	}
	l.directs.add(channel)
	return true
}

// channelInfo asks about a channel.
func (l *listener) channelInfo(ctx context.Context, id string) (creator string, err error) {
	x, err := l.call(ctx, "conversations.info", func(ctx context.Context, api *slackapi.Client) error {
		_, err := api.GetConversationInfoContext(ctx, &slackapi.GetConversationInfoInput{ChannelID: id})
		return err
	})
	if err != nil {
		return "", err
	}
	var said struct {
		Channel struct {
			Creator string `json:"creator"`
		} `json:"channel"`
	}
	if err := decode(x.body, &said); err != nil {
		return "", fault.Unsure(x.unreadable())
	}
	return said.Channel.Creator, nil
}

// vouch finds out whether somebody who wants the avatar silenced, or to speak again, manages the channel: administrators and owners of the
// workspace, and who made the channel.
func (l *listener) vouch(ctx context.Context, e *bridges.Event) {
	if e.Command != "mute" && e.Command != "unmute" || e.Place.Direct {
		return
	}
	if p, err := l.people.get(ctx, e.From.User); err == nil && p.admin {
		e.From.Manages = true
		return
	}
	creator, err := l.channelInfo(ctx, e.Place.Channel)
	if err != nil {
		l.log.Warn("cannot find out whether somebody manages the channel; their command is not obeyed", "command", e.Command, "err", err)
		return
	}
	e.From.Manages = creator == e.From.User
}
