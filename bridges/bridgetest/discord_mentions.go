package bridgetest

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// DiscordPings are whom a message notifies, which allowed_mentions and permissions decide.
type DiscordPings struct {
	Users    []string // ids, the author that a reply answers included
	Roles    []string // ids
	Everyone bool     // @everyone or @here
}

// None says that the message notifies nobody.
func (p DiscordPings) None() bool { return len(p.Users) == 0 && len(p.Roles) == 0 && !p.Everyone }

// allowedMentions is the object of that name. Lists that are null count as left out; docs of "parse" do not speak of null, so a client
// that sends null there gets the default of a message without the object, which pings: the careful reading for a test.
type allowedMentions struct {
	Parse   *[]string `json:"parse"`
	Roles   []string  `json:"roles"`
	Users   []string  `json:"users"`
	Replied bool      `json:"replied_user"`
}

// readAllowed reads the object; def is what counts without it.
func readAllowed(raw json.RawMessage, def []string) (*allowedMentions, *discordAnswer) {
	fallback := &allowedMentions{Parse: &def, Replied: true} // without the object a reply pings, as in Discord's own clients
	if len(raw) == 0 || string(raw) == "null" {
		return fallback, nil
	}
	var keys map[string]json.RawMessage
	a := &allowedMentions{}
	if err := json.Unmarshal(raw, &keys); err != nil {
		return nil, dInvalid("allowed_mentions", "BASE_TYPE_BAD_TYPE", "Only dictionaries may be used in a DictType.")
	}
	if err := json.Unmarshal(raw, a); err != nil {
		return nil, dInvalid("allowed_mentions."+badField(err), "BASE_TYPE_BAD_TYPE", "Value has the wrong type.")
	}
	if a.Parse == nil {
		if _, there := keys["parse"]; there {
			return fallback, nil
		}
		a.Parse = &[]string{}
	}
	return a, a.check()
}

func (a *allowedMentions) check() *discordAnswer {
	for _, kind := range *a.Parse {
		if kind != "users" && kind != "roles" && kind != "everyone" {
			return dInvalid("allowed_mentions.parse.0", "BASE_TYPE_CHOICES", "Value must be one of ('users', 'roles', 'everyone').")
		}
	}
	for kind, ids := range map[string][]string{"users": a.Users, "roles": a.Roles} {
		switch {
		case len(ids) > 100:
			return dInvalid("allowed_mentions."+kind, "BASE_TYPE_MAX_LENGTH", "Must be 100 or fewer in length.")
		case len(ids) > 0 && slices.Contains(*a.Parse, kind):
			return dInvalid("allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
				`parse:["`+kind+`"] and `+kind+`: [ids...] are mutually exclusive.`)
		}
		for _, id := range ids {
			if _, ok := parseID(id); !ok {
				return dInvalid("allowed_mentions."+kind, "NUMBER_TYPE_COERCE", `Value "`+id+`" is not snowflake.`)
			}
		}
	}
	return nil
}

func (a *allowedMentions) user(id string) bool {
	return slices.Contains(*a.Parse, "users") || slices.Contains(a.Users, id)
}

func (a *allowedMentions) role(id string) bool {
	return slices.Contains(*a.Parse, "roles") || slices.Contains(a.Roles, id)
}

var (
	codeSpans    = regexp.MustCompile("(?s)```.*?```|``.+?``|`[^`]+`")
	userMention  = regexp.MustCompile(`<@!?(\d{15,20})>`)
	roleMention  = regexp.MustCompile(`<@&(\d{15,20})>`)
	massMentions = regexp.MustCompile(`@(everyone|here)\b`)
)

// pingsOf says whom a text pings in a channel: no code is looked into, and ids of nobody who is there count for nothing. It needs d.mu.
func (d *Discord) pingsOf(text string, c *DiscordChannel, a *allowedMentions, mass bool) DiscordPings {
	text = codeSpans.ReplaceAllString(text, " ")
	var p DiscordPings
	for _, m := range userMention.FindAllStringSubmatch(text, -1) {
		if id := m[1]; a.user(id) && c.has(id) && !slices.Contains(p.Users, id) {
			p.Users = append(p.Users, id)
		}
	}
	if c.Guild == nil {
		return p
	}
	for _, m := range roleMention.FindAllStringSubmatch(text, -1) {
		r := c.Guild.role(m[1])
		if r != nil && a.role(r.ID) && (mass || r.mentionable) && !slices.Contains(p.Roles, r.ID) {
			p.Roles = append(p.Roles, r.ID)
		}
	}
	p.Everyone = mass && slices.Contains(*a.Parse, "everyone") && massMentions.MatchString(text)
	return p
}

// has says whether somebody can see the channel at all.
func (c *DiscordChannel) has(user string) bool {
	if c.Guild != nil {
		return c.Guild.members[user] != nil
	}
	return user == c.person.ID || user == c.bot.ID
}

// mentioned writes the pings into a message as people see them; needs d.mu.
func (d *Discord) mentioned(m *dMessage, p DiscordPings) {
	m.Mentions, m.MentionRoles, m.MentionEveryone = []dUser{}, []string{}, p.Everyone
	for _, id := range p.Users {
		if u := d.users[id]; u != nil {
			m.Mentions = append(m.Mentions, u.wire())
		}
	}
	m.MentionRoles = append(m.MentionRoles, p.Roles...)
}

// mentions says whether a message mentions an account by name; roles and @everyone do not count.
func (m *dMessage) mentions(id string) bool {
	return slices.ContainsFunc(m.Mentions, func(u dUser) bool { return u.ID == id })
}

// cleaned is the text without the white space around it, which Discord takes away.
func cleaned(text string) string { return strings.TrimSpace(text) }
