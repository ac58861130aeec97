package bridgetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// dCommand is an application command.
type dCommand struct {
	ID            string     `json:"id"`
	Type          int        `json:"type"`
	ApplicationID string     `json:"application_id"`
	GuildID       string     `json:"guild_id,omitempty"`
	Name          string     `json:"name"`
	Description   string     `json:"description"`
	Options       []dOption  `json:"options,omitempty"`
	Permissions   *string    `json:"default_member_permissions"`
	DM            *bool      `json:"dm_permission,omitempty"`
	Contexts      *[]int     `json:"contexts"`
	Integrations  *[]int     `json:"integration_types,omitempty"`
	NSFW          bool       `json:"nsfw"`
	Version       string     `json:"version"`
	Names         *stringMap `json:"name_localizations"`
	Descriptions  *stringMap `json:"description_localizations"`
}

type stringMap map[string]string

type dOption struct {
	Type        int               `json:"type"`
	Name        string            `json:"name"`
	Description string            `json:"description"`
	Required    bool              `json:"required,omitempty"`
	Choices     []json.RawMessage `json:"choices,omitempty"`
	Options     []dOption         `json:"options,omitempty"`
	MinLength   *int              `json:"min_length,omitempty"`
	MaxLength   *int              `json:"max_length,omitempty"`
}

// commandName is the documented form, without the scripts that need letters' marks.
var commandName = regexp.MustCompile(`^[-_'\p{L}\p{N}\p{M}]{1,32}$`)

// check says what is wrong with a command; field is where it stands in the body.
func (cmd *dCommand) check(field string) *discordAnswer {
	if cmd.Type == 0 {
		cmd.Type = 1
	}
	if cmd.Type != 1 {
		if n := utf8.RuneCountInString(cmd.Name); n < 1 || n > 32 {
			return dInvalid(field+"name", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 32 in length.")
		}
		if cmd.Description != "" {
			return dInvalid(field+"description", "APPLICATION_COMMAND_DESCRIPTION_NOT_ALLOWED", "Context menu commands cannot have description.")
		}
		return nil
	}
	return checkNamed(field, cmd.Name, cmd.Description, cmd.Options)
}

// checkNamed checks a name, a description and the options below.
func checkNamed(field, name, description string, options []dOption) *discordAnswer {
	switch n := utf8.RuneCountInString(description); {
	case !commandName.MatchString(name) || strings.ToLower(name) != name:
		return dInvalid(field+"name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
	case n < 1 || n > 100:
		return dInvalid(field+"description", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")
	case len(options) > 25:
		return dInvalid(field+"options", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
	}
	optional := false
	seen := map[string]bool{}
	for i, o := range options {
		at := fmt.Sprintf("%soptions.%d.", field, i)
		if refused := checkNamed(at, o.Name, o.Description, o.Options); refused != nil {
			return refused
		}
		switch {
		case o.Type < 1 || o.Type > 11:
			return dInvalid(at+"type", "BASE_TYPE_CHOICES", "Value must be one of (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11).")
		case seen[o.Name]:
			return dInvalid(at+"name", "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", "Option name already exists")
		case o.Required && optional:
			return dInvalid(at+"required", "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", "Required options must be placed before non-required options")
		}
		optional, seen[o.Name] = optional || !o.Required, true
	}
	return nil
}

// own refuses an application that is not the bot's, and a guild that it is not in; needs d.mu.
func (d *Discord) own(c *discordCall) *discordAnswer {
	if c.path("app") != c.bot.ApplicationID {
		return dFailure(http.StatusForbidden, 20012, "You are not authorized to perform this action on this application")
	}
	if c.path("guild") == "" {
		return nil
	}
	_, refused := d.guild(c)
	return refused
}

func (d *Discord) getCommands(c *discordCall) *discordAnswer {
	d.mu.Lock()
	defer d.mu.Unlock()
	if refused := d.own(c); refused != nil {
		return refused
	}
	return dGood(c.bot.commandsOf(c.path("guild")))
}

// commandsOf are the commands of a guild, the global ones for "".
func (b *DiscordBot) commandsOf(guild string) []*dCommand {
	list := []*dCommand{}
	for _, cmd := range b.commands {
		if cmd.GuildID == guild {
			list = append(list, cmd)
		}
	}
	return list
}

// putCommands overwrites all commands of a scope. A command keeps its id as long as its name and type are there.
func (d *Discord) putCommands(c *discordCall) *discordAnswer {
	var list []*dCommand
	if refused := c.decode(&list); refused != nil {
		return refused
	}
	if len(list) > 100 {
		return dFailure(http.StatusBadRequest, 30032, "Maximum number of application commands reached (100)")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if refused := d.own(c); refused != nil {
		return refused
	}
	for i, cmd := range list {
		if refused := cmd.check(fmt.Sprintf("%d.", i)); refused != nil {
			return refused
		}
		for _, before := range list[:i] {
			if before.Name == cmd.Name && before.Type == cmd.Type {
				return dInvalid(fmt.Sprintf("%d.name", i), "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique")
			}
		}
	}
	guild := c.path("guild")
	old := c.bot.commandsOf(guild)
	c.bot.commands = slices.DeleteFunc(c.bot.commands, func(cmd *dCommand) bool { return cmd.GuildID == guild })
	for _, cmd := range list {
		d.register(c, cmd, old)
	}
	d.log.signal()
	return dGood(c.bot.commandsOf(guild))
}

// postCommand makes a command, or overwrites the one of that name.
func (d *Discord) postCommand(c *discordCall) *discordAnswer {
	cmd := &dCommand{}
	if refused := c.decode(cmd); refused != nil {
		return refused
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if refused := d.own(c); refused != nil {
		return refused
	}
	if refused := cmd.check(""); refused != nil {
		return refused
	}
	guild := c.path("guild")
	old := c.bot.commandsOf(guild)
	same := func(have *dCommand) bool {
		return have.GuildID == guild && have.Name == cmd.Name && have.Type == cmd.Type
	}
	a := &discordAnswer{status: http.StatusCreated}
	if slices.ContainsFunc(c.bot.commands, same) {
		a.status = http.StatusOK
		c.bot.commands = slices.DeleteFunc(c.bot.commands, same)
	}
	d.register(c, cmd, old)
	a.body = mustJSON(cmd)
	d.log.signal()
	return a
}

// register gives a command its ids and keeps it; needs d.mu.
func (d *Discord) register(c *discordCall, cmd *dCommand, old []*dCommand) {
	cmd.ID, cmd.Version = d.newID(), d.newID()
	cmd.ApplicationID, cmd.GuildID = c.bot.ApplicationID, c.path("guild")
	for _, have := range old {
		if have.Name == cmd.Name && have.Type == cmd.Type {
			cmd.ID = have.ID
		}
	}
	c.bot.commands = append(c.bot.commands, cmd)
}

// DiscordCommand is an application command that a bot has registered.
type DiscordCommand struct {
	Name        string
	Description string
	Guild       string   // "" for a global one
	Options     []string // their names
}

// Commands returns the commands that a bot has registered.
func (d *Discord) Commands(b *DiscordBot) []DiscordCommand {
	d.mu.Lock()
	defer d.mu.Unlock()
	var list []DiscordCommand
	for _, cmd := range b.commands {
		v := DiscordCommand{Name: cmd.Name, Description: cmd.Description, Guild: cmd.GuildID}
		for _, o := range cmd.Options {
			v.Options = append(v.Options, o.Name)
		}
		list = append(list, v)
	}
	return list
}
