package slack

// A scope is what the app must be allowed, and what for.
type scope struct {
	name, use string
	must      func(c *Config) bool // Run ends without it; nil: what it is for does not work
}

func always(*Config) bool { return true }

// scopes are all that the bot token should have. The manifest in the README has the same.
var scopes = []scope{
	{"chat:write", "to write", always},
	{"users:read", "names, and to tell guests from members", func(c *Config) bool { return !c.Guests }},
	{"app_mentions:read", "to hear mentions in channels", nil},
	{"im:history", "to hear direct messages, and to look for replies before they are repeated", nil},
	{"channels:history", "threads without a mention in public channels, and to look for replies before they are repeated", nil},
	{"groups:history", "the same in private channels", nil},
	{"mpim:history", "the same in group messages", nil},
	{"im:read", "to catch up in direct messages that are new", nil},
	{"channels:read", "to see who may silence the avatar in a public channel", nil},
	{"groups:read", "the same in private channels", nil},
	{"mpim:read", "the same in group messages", nil},
	{"commands", "/ask", nil},
	{"assistant:write", "assistant threads, and to show that the avatar is thinking", nil},
	{"files:read", "to hear voice clips", nil},
	{"files:write", `audio = "file"`, nil},
}

// needed are the scopes without which Run ends.
func (b *Bridge) needed() []string {
	var names []string
	for _, s := range scopes {
		if s.must != nil && s.must(&b.cfg) {
			names = append(names, s.name)
		}
	}
	return names
}
