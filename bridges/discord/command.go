package discord

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/bwmarrin/discordgo"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

// manages are the permissions of which one lets somebody silence the avatar in a channel.
const manages = discordgo.PermissionAdministrator | discordgo.PermissionManageGuild | discordgo.PermissionManageChannels |
	discordgo.PermissionManageMessages | discordgo.PermissionModerateMembers

// maxQuestion is the longest text that a command takes, which is what Discord lets anyone type.
const maxQuestion = 6000

// A command is a slash command as it is registered, and as Discord tells what is registered.
type command struct {
	Name        text     `json:"name"`
	Type        number   `json:"type"`
	Description text     `json:"description"`
	Options     []option `json:"options,omitempty"`
	Contexts    []number `json:"contexts"`
	Permissions *text    `json:"default_member_permissions"` // who sees it until a server's managers say otherwise; nil is everybody
}

type option struct {
	Type        number `json:"type"`
	Name        text   `json:"name"`
	Description text   `json:"description"`
	Required    truth  `json:"required"`
	MaxLength   number `json:"max_length,omitempty"`
}

// commands are the slash commands of the program.
func commands() []command {
	const (
		slash = number(discordgo.ChatApplicationCommand)
		guild = number(discordgo.InteractionContextGuild)
		dm    = number(discordgo.InteractionContextBotDM)
	)
	moderators := text(strconv.FormatInt(discordgo.PermissionManageChannels, 10))
	question := option{Type: number(discordgo.ApplicationCommandOptionString), Name: "text", Description: "What you want to say", Required: true,
		MaxLength: maxQuestion}
	return []command{
		{Name: "ask", Type: slash, Description: "Say something to the avatar", Options: []option{question}, Contexts: []number{guild, dm}},
		{Name: "reset", Type: slash, Description: "Start the conversation over", Contexts: []number{guild, dm}},
		{Name: "mute", Type: slash, Description: "Keep the avatar silent in this channel", Contexts: []number{guild}, Permissions: &moderators},
		{Name: "unmute", Type: slash, Description: "Let the avatar speak again in this channel", Contexts: []number{guild}, Permissions: &moderators},
	}
}

// register makes the program's slash commands the bot's, unless they are already. It goes on until that is done or pointless.
func (l *listener) register(ctx context.Context) {
	pause := fault.Backoff{Least: time.Second, Most: 5 * time.Minute}
	for {
		err := l.registerOnce(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		o := fault.Of(err)
		if o.Kind == fault.Dead || o.Kind == fault.Rejected {
			l.log.Error("Discord does not take the slash commands; everything else works without them", "err", err)
			return
		}
		l.log.Warn("the slash commands could not be registered; trying again", "err", err)
		if pause.Wait(ctx, err) != nil {
			return
		}
	}
}

func (l *listener) registerOnce(ctx context.Context) error {
	path := "/applications/" + string(l.app) + "/commands"
	var there []command
	if err := l.bridge.get(ctx, "GET /applications/commands", path, &there); err != nil && !errors.Is(err, errUnreadable) {
		return err
	}
	if same(there, commands()) {
		return nil
	}
	_, err := l.bridge.call(ctx, &request{method: http.MethodPut, path: path, name: "PUT /applications/commands", body: commands()})
	if err == nil {
		l.log.Info("the slash commands were registered")
	}
	return err
}

// same reports whether two lists have the same commands, in any order.
func same(a, b []command) bool {
	return len(a) == len(b) && canonical(a) == canonical(b)
}

func canonical(list []command) string {
	by := map[text]command{}
	for _, c := range list {
		by[c.Name] = c
	}
	raw, err := json.Marshal(by) // sorts by name
	if err != nil {
		return ""
	}
	return string(raw)
}

// invoked reads that somebody used a slash command.
func (l *listener) invoked(data []byte) ([]heard, bool) {
	var i interaction
	if json.Unmarshal(data, &i) != nil || i.ID == "" || i.Channel == "" || i.App == "" || i.Token == "" {
		return nil, false
	}
	u := i.User
	if i.Member != nil && i.Member.User != nil {
		u = i.Member.User
	}
	if i.Type != number(discordgo.InteractionApplicationCommand) || !speaks(u) {
		return nil, true
	}
	handle := answer{ID: i.ID, App: i.App, Token: i.Token}
	h := heard{guild: i.Guild, answer: handle, Event: bridges.Event{
		Kind: bridges.Command, Key: string(i.ID), At: i.ID.at(), From: person(u, i.Member), Message: string(i.ID), Command: string(i.Data.Name),
		Place: bridges.Place{Channel: string(i.Channel), Direct: i.Guild == ""}, Addressed: true,
		Answer: handle.String(),
	}}
	h.From.Locale = string(i.Locale)
	switch h.Command {
	case "ask":
		h.Kind, h.Command = bridges.Written, ""
		for _, o := range i.Data.Options {
			if o.Name == "text" {
				h.Text = string(o.Value)
			}
		}
	case "reset", "mute", "unmute":
	default:
		return nil, true // of an older version of the program, or of somebody else's
	}
	return []heard{h}, true
}
