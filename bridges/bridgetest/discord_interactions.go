package bridgetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// DiscordInvocation is how a person uses a slash command.
type DiscordInvocation struct {
	Bot     *DiscordBot
	Channel *DiscordChannel
	From    *DiscordUser
	Command string
	Options map[string]any // by name: string, int, float64 or bool
	Locale  string         // "en-US" when empty
}

// DiscordInteraction is a command that was used. Its fields do not change; what became of it tells Discord.Answered.
type DiscordInteraction struct {
	ID      string
	Token   string
	Bot     *DiscordBot
	Channel *DiscordChannel
	From    *DiscordUser
	Command string
	At      time.Time

	answered bool
	deferred bool   // and not edited yet
	original string // message id
}

// Invoke lets a person use a slash command that the bot has registered. It fails where Discord's client would not send it: the command
// does not exist there, a required option is missing.
func (d *Discord) Invoke(v DiscordInvocation) (*DiscordInteraction, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	cmd := v.Bot.command(v.Channel.guildID(), v.Command)
	if cmd == nil {
		return nil, fmt.Errorf("the bot has no command /%s there", v.Command)
	}
	options := []map[string]any{}
	for _, o := range cmd.Options {
		value, given := v.Options[o.Name]
		if given {
			options = append(options, map[string]any{"name": o.Name, "type": o.Type, "value": value})
		} else if o.Required {
			return nil, fmt.Errorf("/%s needs its option %s", v.Command, o.Name)
		}
	}
	in := &DiscordInteraction{
		ID: d.newID(), Token: "aW50ZXJhY3Rpb246" + randomText(150), Bot: v.Bot, Channel: v.Channel, From: v.From, Command: v.Command, At: d.Now(),
	}
	d.keepCall(in)
	data := map[string]any{"id": cmd.ID, "name": cmd.Name, "type": cmd.Type}
	if len(options) > 0 {
		data["options"] = options
	}
	if cmd.GuildID != "" {
		data["guild_id"] = cmd.GuildID
	}
	d.dispatchTo(v.Bot, v.Channel.Guild, 0, "INTERACTION_CREATE", d.interaction(in, v, data))
	return in, nil
}

// keepCall remembers an interaction and forgets the ones whose token has expired long ago; needs d.mu.
func (d *Discord) keepCall(in *DiscordInteraction) {
	if len(d.calls) > 10_000 {
		for token, old := range d.calls {
			if d.Now().Sub(old.At) > 2*d.opt.TokenLife {
				delete(d.calls, token)
			}
		}
	}
	d.calls[in.Token] = in
}

// command returns the command that a name stands for: the guild's own before the global one, and nil in direct messages for one that is
// not for them.
func (b *DiscordBot) command(guild, name string) *dCommand {
	var found *dCommand
	for _, cmd := range b.commands {
		switch {
		case cmd.Name != name || cmd.Type != 1:
		case cmd.GuildID != "" && cmd.GuildID == guild:
			return cmd
		case cmd.GuildID == "" && cmd.usable(guild == ""):
			found = cmd
		}
	}
	return found
}

// usable says whether a global command is shown in direct messages or in guilds.
func (cmd *dCommand) usable(direct bool) bool {
	if cmd.Contexts == nil {
		return !direct || cmd.DM == nil || *cmd.DM
	}
	for _, context := range *cmd.Contexts {
		if direct && context == 1 || !direct && context == 0 {
			return true
		}
	}
	return false
}

// interaction is the payload of INTERACTION_CREATE; needs d.mu.
func (d *Discord) interaction(in *DiscordInteraction, v DiscordInvocation, data map[string]any) map[string]any {
	if v.Locale == "" {
		v.Locale = "en-US"
	}
	c := in.Channel
	w := map[string]any{
		"id": in.ID, "application_id": in.Bot.ApplicationID, "type": 2, "token": in.Token, "version": 1, "channel_id": c.ID,
		"channel": c.wire(nil), "data": data, "locale": v.Locale, "entitlements": []any{}, "attachment_size_limit": maxDiscordFile,
		"app_permissions": strconv.FormatInt(d.may(in.Bot, c), 10),
	}
	if c.Guild == nil {
		u := in.From.wire()
		w["user"], w["context"], w["authorizing_integration_owners"] = u, 1, map[string]string{"0": "0"}
		return w
	}
	member := d.memberOf(c.Guild, in.From).wire(true)
	member.Permissions = strconv.FormatInt(c.permissionsOf(in.From.ID), 10)
	w["member"], w["guild_id"], w["guild_locale"], w["context"] = member, c.Guild.ID, "en-US", 0
	w["guild"] = map[string]any{"id": c.Guild.ID, "locale": "en-US", "features": []string{}}
	w["authorizing_integration_owners"] = map[string]string{"0": c.Guild.ID}
	return w
}

// sign marks a message as an answer to the interaction.
func (in *DiscordInteraction) sign(m *dMessage) {
	m.WebhookID, m.ApplicationID = in.Bot.ApplicationID, in.Bot.ApplicationID
	m.ephemeral = m.Flags&flagEphemeral != 0
	m.Interaction = &dInteractionMeta{ID: in.ID, Type: 2, User: in.From.wire(), Name: in.Command, Owners: map[string]string{"0": in.Channel.guildID()}}
	if in.original == "" {
		m.Type = messageCommand
	} else {
		m.Type = messageReply // a follow-up is shown as an answer to the first
		m.Interaction.FirstID = in.original
		m.Reference = &dReference{MessageID: in.original, ChannelID: in.Channel.ID, GuildID: in.Channel.guildID()}
	}
}

// answerInteraction is "Create Interaction Response".
func (d *Discord) answerInteraction(c *discordCall) *discordAnswer {
	var body struct {
		Type int             `json:"type"`
		Data json.RawMessage `json:"data"`
	}
	if refused := c.decode(&body); refused != nil {
		return refused
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	in := d.calls[c.path("token")]
	switch {
	case in == nil || in.ID != c.path("id") || !in.answered && d.Now().Sub(in.At) > d.opt.AckWithin:
		return dFailure(http.StatusNotFound, 10062, "Unknown interaction")
	case in.answered:
		return dFailure(http.StatusBadRequest, 40060, "Interaction has already been acknowledged.")
	case body.Type != 4 && body.Type != 5:
		return dInvalid("type", "BASE_TYPE_CHOICES", "Value must be one of (4, 5) for a slash command.")
	}
	if len(body.Data) == 0 {
		body.Data = []byte("{}")
	}
	c.bot, c.form.payload = in.Bot, body.Data
	var m *draft
	var refused *discordAnswer
	if body.Type == 4 {
		m, refused = c.readDraft(ViaResponse)
	} else {
		m, refused = c.readDefer()
	}
	if refused != nil {
		return refused
	}
	m.channel, m.call = in.Channel, in
	w, post := d.post(m)
	in.answered, in.deferred, in.original = true, body.Type == 5, w.ID
	a := dDone()
	if v := c.r.URL.Query().Get("with_response"); v == "true" || v == "True" || v == "1" {
		a = dGood(in.callback(body.Type, d.show(w, in.Channel, in.Bot, true)))
	}
	a.post = post
	return a
}

// readDefer reads a deferred response, which has nothing but perhaps the flag of an ephemeral one.
func (c *discordCall) readDefer() (*draft, *discordAnswer) {
	m := &draft{bot: c.bot, via: ViaResponse, allowed: &allowedMentions{Parse: &[]string{}}, flags: flagLoading}
	var body messageBody
	if refused := c.decode(&body); refused != nil {
		return nil, refused
	}
	if body.Flags != nil {
		m.flags |= int(*body.Flags & flagEphemeral)
	}
	return m, nil
}

// callback is the interaction callback response.
func (in *DiscordInteraction) callback(kind int, w dMessage) map[string]any {
	resource := map[string]any{"type": kind}
	if kind == 4 {
		resource["message"] = w
	}
	return map[string]any{
		"interaction": map[string]any{
			"id": in.ID, "type": 2, "response_message_id": in.original, "response_message_loading": kind == 5,
			"response_message_ephemeral": w.Flags&flagEphemeral != 0,
		},
		"resource": resource,
	}
}

// InteractionState says what became of an interaction.
type InteractionState struct {
	Answered bool   // within the time
	Loading  bool   // deferred, and the answer has not come yet: "is thinking…"
	Original string // id of the first answer's message
}

// Answered tells how far the bot has got with an interaction.
func (d *Discord) Answered(in *DiscordInteraction) InteractionState {
	d.mu.Lock()
	defer d.mu.Unlock()
	return InteractionState{in.answered, in.deferred, in.original}
}
