package bridgetest

import (
	"encoding/base64"
	"strings"
)

// DiscordUser is a person, or with Bot set an account of another bot, which only writes.
type DiscordUser struct {
	ID       string
	Name     string // display name
	Username string
	Bot      bool
}

func (u *DiscordUser) wire() dUser {
	name := u.Name
	return dUser{ID: u.ID, Username: u.Username, Discriminator: "0", GlobalName: &name, Bot: u.Bot}
}

// Mention is how a text mentions the person.
func (u *DiscordUser) Mention() string { return "<@" + u.ID + ">" }

// AddUser makes a person. What else they are can be set before they write.
func (d *Discord) AddUser(name string) *DiscordUser {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := &DiscordUser{ID: d.newID(), Name: name}
	u.Username = strings.ToLower(strings.ReplaceAll(name, " ", "")) + u.ID[len(u.ID)-6:]
	d.users[u.ID] = u
	return u
}

// DiscordBotOptions describe a bot. What is empty is made up.
type DiscordBotOptions struct {
	Token    string
	Name     string
	Username string

	// Privileged intents that are switched on in the bot's settings.
	MessageContent bool
	GuildMembers   bool
	Presences      bool
}

// DiscordBot is a bot account of a Discord, with its application.
type DiscordBot struct {
	ID            string
	ApplicationID string
	Token         string
	Name          string
	Username      string

	user           *DiscordUser
	messageContent bool
	guildMembers   bool
	presences      bool
	commands       []*dCommand
	direct         map[string]*DiscordChannel // its direct messages by person
	starts         []DiscordIdentify
	blocked        map[string]bool // people who do not want to hear from it
	events         int             // dispatches that were written to its connections
}

// Flags of an application that say which privileged intents it may use; see the resource Application in the documentation.
const (
	flagPresences      = 1 << 13
	flagGuildMembers   = 1 << 15
	flagMessageContent = 1 << 19
)

// AddBot makes a bot account.
func (d *Discord) AddBot(o DiscordBotOptions) *DiscordBot {
	d.mu.Lock()
	defer d.mu.Unlock()
	id := d.newID()
	if o.Name == "" {
		o.Name = "Luna"
	}
	if o.Username == "" {
		o.Username = "luna" + id[len(id)-6:]
	}
	if o.Token == "" {
		o.Token = base64.RawURLEncoding.EncodeToString([]byte(id)) + "." + randomText(6) + "." + randomText(38)
	}
	b := &DiscordBot{
		ID: id, ApplicationID: id, Token: o.Token, Name: o.Name, Username: o.Username, // an application has its bot's id nowadays
		messageContent: o.MessageContent, guildMembers: o.GuildMembers, presences: o.Presences, blocked: map[string]bool{},
		direct: map[string]*DiscordChannel{},
	}
	b.user = &DiscordUser{ID: id, Name: o.Name, Username: o.Username, Bot: true}
	d.users[id] = b.user
	d.bots[b.Token] = b
	return b
}

// Mention is how a text mentions the bot.
func (b *DiscordBot) Mention() string { return b.user.Mention() }

// Revoke makes the bot's token invalid: requests get 401, identifies 4004. Connections stay until they are closed.
func (d *Discord) Revoke(b *DiscordBot) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.bots, b.Token)
}

// SwitchMessageContent changes whether the bot may use the message content intent. Connections that have it keep it.
func (d *Discord) SwitchMessageContent(b *DiscordBot, on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b.messageContent = on
}

// Block makes a person refuse the bot's direct messages; Unblock undoes it.
func (d *Discord) Block(u *DiscordUser, b *DiscordBot) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b.blocked[u.ID] = true
}

// Unblock undoes Block.
func (d *Discord) Unblock(u *DiscordUser, b *DiscordBot) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(b.blocked, u.ID)
}

// bot returns the bot of an Authorization header, nil when there is none.
func (d *Discord) bot(authorization string) *DiscordBot {
	token, ok := strings.CutPrefix(authorization, "Bot ")
	if !ok {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.bots[token]
}

// flags are the application's flags.
func (b *DiscordBot) flags() int {
	n := 0
	for flag, on := range map[int]bool{flagPresences: b.presences, flagGuildMembers: b.guildMembers, flagMessageContent: b.messageContent} {
		if on {
			n |= flag
		}
	}
	return n
}
