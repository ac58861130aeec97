package webhook

import (
	"encoding/base64"
	"net/url"
	"strings"

	"avatarbridge/bridges/fault"
)

// Config is the section of one avatar with backend = "webhook".
type Config struct {
	Name string `toml:"-"` // the section's name

	URL string `toml:"url" secret:"true"` // it may hold a token; trusted as it is: it may be http and private
	// Secret signs requests and callbacks. Without one, requests are unsigned and a callback is trusted because it knows its URL, which
	// is unguessable and belongs to one conversation.
	Secret       string `toml:"secret" secret:"true"`
	BotName      string `toml:"name"`          // sent as bot_name; "" is Name
	AllowPrivate bool   `toml:"allow_private"` // the audio of replies may be at http or private addresses
}

// Default returns the settings that hold where the section has none.
func Default() Config { return Config{} }

const secretPrefix = "whsec_"

// Validate returns every fault of the section, nil when there is none.
func (c Config) Validate() []fault.Setting {
	var all []fault.Setting
	switch u, err := url.Parse(c.URL); {
	case c.URL == "":
		all = append(all, fault.Setting{Key: "url", Problem: `is missing: write where your service listens, like "http://127.0.0.1:9000/turn"`})
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		all = append(all, fault.Setting{Key: "url", Problem: `must be an absolute http or https address, like "http://127.0.0.1:9000/turn"`})
	}
	if c.Secret == "" {
		return all
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(c.Secret, secretPrefix))
	if !strings.HasPrefix(c.Secret, secretPrefix) || err != nil || len(key) < 24 {
		all = append(all, fault.Setting{Key: "secret",
			Problem: `must be "whsec_" and then at least 24 bytes in base64: make one with  echo "whsec_$(openssl rand -base64 32)"`})
	}
	return all
}

func (c Config) botName() string {
	if c.BotName != "" {
		return c.BotName
	}
	return c.Name
}
