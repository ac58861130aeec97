package virtuals

import (
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"avatarbridge/bridges/fault"
)

// Config is the section of one avatar with backend = "virtuals".
type Config struct {
	Name string       `toml:"-"` // the section's name
	Log  *slog.Logger `toml:"-"` // for what fails without failing a turn; nil discards it

	APIKey    string `toml:"api_key" secret:"true"`
	APISecret string `toml:"api_secret" secret:"true"`
	// VirtualID is sent as a number when it is one in its shortest decimal form with at most 15 digits, else as a string: the
	// service takes both, and a number of more digits loses some on its way.
	VirtualID string `toml:"virtual_id"`
	BotName   string `toml:"name"` // what the Virtual calls itself; "" is Name
	Speech    bool   `toml:"speech"`
	APIURL    string `toml:"api_url"` // trusted as it is: it may be http and private
	// AllowPrivate lets the runner and the audio be anywhere. The client that New is given enforces it.
	AllowPrivate bool           `toml:"allow_private"`
	Metadata     map[string]any `toml:"metadata"`  // more claims for the access token
	Overrides    map[string]any `toml:"overrides"` // more keys for /prompts, but for those of voice messages
}

// The keys that the program itself sets.
var (
	ownClaims = []string{"virtualId", "userUid", "userName"}
	ownKeys   = []string{"text", "skipTTS", "userName", "botName"}
)

// Default returns the settings that hold where the section has none.
func Default() Config { return Config{Speech: true, APIURL: "https://api.virtuals.io"} }

// Validate returns every fault of the section, nil when there is none.
func (c Config) Validate() []fault.Setting {
	var all []fault.Setting
	bad := func(key, problem string) { all = append(all, fault.Setting{Key: key, Problem: problem}) }
	for _, s := range []struct{ key, value, missing string }{
		{"api_key", c.APIKey, "is missing: create an API key for the Virtual at Virtual Protocol and paste it"},
		{"api_secret", c.APISecret, "is missing: paste the secret that was shown when the API key was created"},
		{"virtual_id", c.VirtualID, `is missing: write the Virtual's id, like virtual_id = "1"`},
	} {
		switch {
		case strings.TrimSpace(s.value) == "":
			bad(s.key, s.missing)
		case len(s.value) > 4096 || strings.ContainsFunc(s.value, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }):
			bad(s.key, "has a space or a control character in it, or is too long: paste it again")
		}
	}
	if _, err := base(c.APIURL); err != nil {
		bad("api_url", `must be an absolute address without a query: the service's own is "https://api.virtuals.io"`)
	}
	for _, k := range ownClaims {
		if _, ok := c.Metadata[k]; ok {
			bad("metadata", fmt.Sprintf("must not have the key %s: the program sets it for each person", k))
		}
	}
	for _, k := range ownKeys {
		if _, ok := c.Overrides[k]; ok {
			bad("overrides", fmt.Sprintf("must not have the key %s: the program sets it for each message", k))
		}
	}
	return all
}

// base reads an absolute http or https address to which paths can be added. It is returned without slashes at the end.
func base(s string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || !slices.Contains([]string{"http", "https"}, u.Scheme) || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errNoURL
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	return u, nil
}

// remedy is what to do when the service at an address is not reached.
func remedy(api *url.URL) string {
	if api.String() == Default().APIURL {
		return "see whether this machine reaches the internet (DNS, proxy, firewall)"
	}
	return "see whether api_url is right and can be reached from here"
}

// botName is never empty, as the service makes up its own then.
func (c Config) botName() string {
	for _, s := range []string{c.BotName, c.Name} {
		if s != "" {
			return s
		}
	}
	return "Virtual"
}
