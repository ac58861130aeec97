package voximplant

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"avatarbridge/bridges/fault"
)

// The values of Config.Transport.
const (
	transportREST = "rest"
	transportGRPC = "grpc"
)

// Config is the section of one avatar with backend = "voximplant".
type Config struct {
	Name string       `toml:"-"` // the section's name
	Log  *slog.Logger `toml:"-"` // for what fails without failing a turn; nil discards it
	// Dial connects to a host and port that the platform named, and refuses those that the operator did not allow. Only transport "grpc" needs it.
	Dial func(ctx context.Context, address string) (net.Conn, error) `toml:"-"`

	AccountID string `toml:"account_id"`
	// APIKey, or else the two below.
	APIKey          string `toml:"api_key" secret:"true"`
	SubuserLogin    string `toml:"subuser_login"`
	SubuserPassword string `toml:"subuser_password" secret:"true"`
	AvatarID        string `toml:"avatar_id"`
	APIURL          string `toml:"api_url"` // the platform API; trusted as it is: it may be http and private
	// AllowPrivate lets the avatar API and the audio be anywhere. The client that New is given enforces it.
	AllowPrivate bool   `toml:"allow_private"`
	Transport    string `toml:"transport" oneof:"rest,grpc"`
	// ReplyTimeout is how long a conversation's next turn waits for a reply to the one before.
	ReplyTimeout time.Duration  `toml:"reply_timeout"`
	CustomData   string         `toml:"custom_data" oneof:"string,object"` // how customData is sent
	Metadata     map[string]any `toml:"metadata"`                          // more keys for customData
}

// ownData are the keys of customData that the program itself sets.
var ownData = []string{"platform", "bridge", "userUid", "userName", "locale"}

// uuidForm is that of an avatar's id.
var uuidForm = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

const maxReplyTimeout = time.Hour

// Default returns the settings that hold where the section has none.
func Default() Config {
	return Config{APIURL: "https://api.voximplant.com", Transport: transportREST, ReplyTimeout: 30 * time.Second, CustomData: "string"}
}

// NeedsCallback reports whether replies come over HTTP, for which the program must have a public URL.
func (c Config) NeedsCallback() bool { return c.Transport == transportREST }

// Validate returns every fault of the section, nil when there is none.
func (c Config) Validate() []fault.Setting {
	all := c.credentials()
	bad := func(key, problem string) { all = append(all, fault.Setting{Key: key, Problem: problem}) }
	switch {
	case c.AvatarID == "":
		bad("avatar_id", "is missing: the avatar's id, a UUID, stands in Voximplant's control panel under Avatars")
	case !uuidForm.MatchString(c.AvatarID):
		bad("avatar_id", "is no avatar's id: a UUID as the control panel shows it under Avatars")
	}
	if _, err := base(c.APIURL); err != nil {
		bad("api_url", `must be an absolute address without a query: the service's own is "https://api.voximplant.com"`)
	}
	if c.Transport != transportREST && c.Transport != transportGRPC {
		bad("transport", `must be "rest" or "grpc"`)
	}
	if c.ReplyTimeout <= 0 || c.ReplyTimeout > maxReplyTimeout {
		bad("reply_timeout", `must be more than "0s" and at most "1h": the next message waits so long for a reply to the one before`)
	}
	if c.CustomData != "string" && c.CustomData != "object" {
		bad("custom_data", `must be "string" or "object"`)
	}
	for _, k := range ownData {
		if _, ok := c.Metadata[k]; ok {
			bad("metadata", fmt.Sprintf("must not have the key %s: the program sets it for each message", k))
		}
	}
	return all
}

// credentials are the faults of the keys that open the account.
func (c Config) credentials() []fault.Setting {
	var all []fault.Setting
	bad := func(key, problem string) { all = append(all, fault.Setting{Key: key, Problem: problem}) }
	switch n, err := strconv.ParseInt(c.AccountID, 10, 64); {
	case c.AccountID == "":
		bad("account_id", "is missing: the account's number stands in Voximplant's control panel")
	case err != nil || n <= 0:
		bad("account_id", `must be the account's number, like "1234567"`)
	}
	switch {
	case c.APIKey != "" && (c.SubuserLogin != "" || c.SubuserPassword != ""):
		bad("api_key", "must not stand beside subuser_login and subuser_password: choose one of the two")
	case c.APIKey == "" && c.SubuserLogin == "" && c.SubuserPassword == "":
		bad("api_key", "is missing: create an API key in Voximplant's control panel, or set subuser_login and subuser_password")
	case c.APIKey == "" && c.SubuserLogin == "":
		bad("subuser_login", "is missing: write the subuser's name beside subuser_password")
	case c.APIKey == "" && c.SubuserPassword == "":
		bad("subuser_password", "is missing: paste the subuser's password")
	}
	if !plain(c.APIKey) {
		bad("api_key", "has a space or a control character in it, or is too long: paste it again")
	}
	for key, s := range map[string]string{"subuser_login": c.SubuserLogin, "subuser_password": c.SubuserPassword} {
		if len(s) > maxField || strings.ContainsFunc(s, unicode.IsControl) {
			bad(key, "has a control character in it, or is too long: paste it again")
		}
	}
	return all
}

const maxField = 4096

// plain reports whether s can be a key or an id.
func plain(s string) bool {
	return len(s) <= maxField && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
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

// remedy is what to do when the platform API at an address is not reached.
func remedy(api *url.URL) string {
	if api.String() == Default().APIURL {
		return "see whether this machine reaches the internet (DNS, proxy, firewall)"
	}
	return "see whether api_url is right and can be reached from here"
}
