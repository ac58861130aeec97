package slack

import (
	"net/url"
	"regexp"
	"strings"
	"time"

	"avatarbridge/bridges/fault"
)

// Config is the configuration section of one app in one workspace.
type Config struct {
	BotToken      string `toml:"bot_token" secret:"true"`
	AppToken      string `toml:"app_token" secret:"true"`      // Socket Mode
	SigningSecret string `toml:"signing_secret" secret:"true"` // the Events API over HTTP, instead of AppToken
	Guests        bool   `toml:"guests"`                       // guests, and people of other organisations, are answered too
	FollowThreads bool   `toml:"follow_threads"`               // no mention is needed in a thread that the avatar takes part in
	APIURL        string `toml:"api_url"`

	Name       string        `toml:"-"` // of the bridge, for the log
	CatchUp    time.Duration `toml:"-"` // how far back is read after a gap; 0 is an hour
	ReadsRooms bool          `toml:"-"` // some room is answered without a mention
	Groups     []string      `toml:"-"` // the user groups (S…) that lists of who may speak name
	EventsURL  string        `toml:"-"` // where Slack reaches Handler, for Check; "" when there is none
}

// Default returns the settings that hold where the section has none.
func Default() Config { return Config{FollowThreads: true, APIURL: "https://slack.com/api/"} }

// roomForm is that of the ids of channels (C…, G…, D…) and workspaces (T…).
var roomForm = regexp.MustCompile(`^[A-Z][A-Z0-9]+$`)

// Validate returns every fault of the section, nil when there is none.
func (c Config) Validate() []fault.Setting {
	var all []fault.Setting
	bad := func(key, problem string) { all = append(all, fault.Setting{Key: key, Problem: problem}) }
	switch {
	case c.BotToken == "":
		bad("bot_token", "is missing: copy the Bot User OAuth Token (xoxb-…) from the app's page OAuth & Permissions")
	case !isToken(c.BotToken), strings.HasPrefix(c.BotToken, "xapp-"), strings.HasPrefix(c.BotToken, "xoxp-"),
		c.own() && !strings.HasPrefix(c.BotToken, "xoxb-"):
		bad("bot_token", "is no bot token: it begins with xoxb- and stands on the app's page OAuth & Permissions; paste all of it, and nothing else")
	}
	switch {
	case c.AppToken == "" && c.SigningSecret == "":
		bad("app_token", "is missing: make an app-level token (xapp-…) with the scope connections:write on the app's page Basic Information; "+
			"or set signing_secret for the Events API over HTTP")
	case c.AppToken != "" && c.SigningSecret != "":
		bad("signing_secret", "stands beside app_token: keep app_token for Socket Mode, or signing_secret for the Events API over HTTP")
	case c.AppToken != "" && (!isToken(c.AppToken) || strings.HasPrefix(c.AppToken, "xoxb-") || strings.HasPrefix(c.AppToken, "xoxp-") ||
		c.own() && !strings.HasPrefix(c.AppToken, "xapp-")):
		bad("app_token", "is no app-level token: it begins with xapp- and stands on the app's page Basic Information; paste all of it, and nothing else")
	case c.SigningSecret != "" && !isToken(c.SigningSecret):
		bad("signing_secret", "is no signing secret: copy it from the app's page Basic Information, and nothing else")
	}
	if u, err := url.Parse(c.APIURL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" ||
		u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		bad("api_url", `must be an absolute address without a query: Slack's own is "https://slack.com/api/"`)
	}
	return all
}

// isToken reports whether s is one word, as it is when nothing else was pasted with it.
func isToken(s string) bool {
	for _, r := range s {
		if r <= ' ' || r > '~' || r == '"' || r == '\'' {
			return false
		}
	}
	return s != ""
}

// endpoint is api_url with the slash at its end that the library relies on.
func (c Config) endpoint() string { return strings.TrimRight(c.APIURL, "/") + "/" }

// unreached is what to do when the platform's API is not reached.
func (c Config) unreached() string {
	if c.APIURL == Default().APIURL {
		return "see whether this machine reaches the internet (DNS, proxy, firewall)"
	}
	return "see whether api_url is right and can be reached from here"
}

// RoomFault says why a route's id of a channel or a workspace cannot be one, "" when it may be.
func RoomFault(id string) string {
	if roomForm.MatchString(id) {
		return ""
	}
	return `is a name; routes need the id, such as "C0123456789": a click on the channel's name shows it at the end of About`
}

// own reports whether the API is Slack's, whose tokens say by their beginning what they are.
func (c Config) own() bool {
	return strings.TrimRight(c.APIURL, "/") == strings.TrimRight(Default().APIURL, "/")
}
