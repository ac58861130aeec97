package slack

// A scope is what the app must be allowed, and what for.
type scope struct {
	name, use string
	must      func(c *Config) bool // Run ends without it; nil: what it is for does not work
	only      func(c *Config) bool // it is not needed otherwise, nor in the README's manifest; nil: it always is
}

func always(*Config) bool { return true }

func namesGroups(c *Config) bool { return len(c.Groups) > 0 }

// scopes are all that the bot token may need.
var scopes = []scope{
	{"chat:write", "to write, and to show that the avatar is thinking", always, nil},
	{"users:read", "names, and to tell guests from members", func(c *Config) bool { return !c.Guests }, nil},
	{"usergroups:read", "to see who is in the user groups that allow and deny name", namesGroups, namesGroups},
	{"app_mentions:read", "to hear mentions in channels", nil, nil},
	{"im:history", "to hear direct messages, and to look for replies before they are repeated", nil, nil},
	{"channels:history", "threads without a mention in public channels, and to look for replies before they are repeated", nil, nil},
	{"groups:history", "the same in private channels", nil, nil},
	{"mpim:history", "the same in group messages", nil, nil},
	{"im:read", "to catch up in direct messages that are new", nil, nil},
	{"channels:read", "to see who may silence the avatar in a public channel", nil, nil},
	{"groups:read", "the same in private channels", nil, nil},
	{"mpim:read", "the same in group messages", nil, nil},
	{"commands", "/ask", nil, nil},
	{"assistant:write", "assistant threads", nil, nil},
	{"files:read", "to hear voice clips", nil, nil},
	{"files:write", `audio = "file"`, nil, nil},
}

// wanted are the scopes that the token should have.
func (c *Config) wanted() []scope {
	var all []scope
	for _, s := range scopes {
		if s.only == nil || s.only(c) {
			all = append(all, s)
		}
	}
	return all
}

// needed are the scopes without which Run ends.
func (c *Config) needed() []string {
	var names []string
	for _, s := range scopes {
		if s.must != nil && s.must(c) {
			names = append(names, s.name)
		}
	}
	return names
}
