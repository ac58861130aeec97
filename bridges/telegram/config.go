package telegram

import (
	"net/url"
	"regexp"
	"strings"

	"avatarbridge/bridges/fault"
)

// The ways to hear what people write.
const (
	Poll    = "poll"
	Webhook = "webhook"
)

// Config is the configuration section of one bot.
type Config struct {
	Token         string `toml:"token" secret:"true"`
	Mode          string `toml:"mode"` // Poll or Webhook
	WebhookSecret string `toml:"webhook_secret" secret:"true"`
	APIURL        string `toml:"api_url"` // Telegram's own, or a self-hosted Bot API server

	Name       string `toml:"-"` // of the bridge, for the log
	WebhookURL string `toml:"-"` // where Telegram reaches Handler; only needed in mode Webhook
	ReadsRooms bool   `toml:"-"` // some room is answered without a mention, which privacy mode would hide
}

// InFlight is how many messages are sent at once unless the operator says otherwise. Telegram takes up to 1,000 a second from a bot that pays for it
// (https://core.telegram.org/bots/faq#how-can-i-message-all-of-my-bot-39s-subscribers-at-once), and a call may well take a quarter of a second.
const InFlight = 256

// Default returns the settings that hold where the section has none.
func Default() Config { return Config{Mode: Poll, APIURL: "https://api.telegram.org"} }

var (
	tokenForm  = regexp.MustCompile(`^[0-9]{1,20}:[A-Za-z0-9_-]{4,256}$`)
	chatForm   = regexp.MustCompile(`^-?[0-9]{1,20}$`)
	secretForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`) // https://core.telegram.org/bots/api#setwebhook
)

// Validate returns every fault of the section, nil when there is none.
func (c Config) Validate() []fault.Setting {
	var all []fault.Setting
	bad := func(key, problem string) { all = append(all, fault.Setting{Key: key, Problem: problem}) }
	switch {
	case strings.TrimSpace(c.Token) == "":
		bad("token", "is missing: paste the token that @BotFather gave you")
	case !tokenForm.MatchString(c.Token):
		bad("token", "is no bot token: @BotFather gives one like 123456:ABC-DEF; paste all of it, and nothing else")
	}
	switch c.Mode {
	case Poll:
	case Webhook:
		if c.WebhookSecret == "" {
			bad("webhook_secret", `is missing: mode = "webhook" needs one, so that nobody else can write to the bot; make up a long random word`)
		}
	default:
		bad("mode", `must be "poll" or "webhook"`)
	}
	if c.WebhookSecret != "" && !secretForm.MatchString(c.WebhookSecret) {
		bad("webhook_secret", "must have 1 to 256 letters, digits, _ or -, which is all that Telegram takes")
	}
	if u, err := url.Parse(c.APIURL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" ||
		u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		bad("api_url", `must be an absolute address without a query: Telegram's own is "https://api.telegram.org"`)
	}
	return all
}

// endpoint is the pattern into which the library puts the token and the method.
func (c Config) endpoint() string {
	return strings.ReplaceAll(strings.TrimRight(c.APIURL, "/"), "%", "%%") + "/bot%s/%s"
}

// unreached is what to do when the platform's API is not reached.
func (c Config) unreached() string {
	if c.APIURL == Default().APIURL {
		return "see whether this machine reaches the internet (DNS, proxy, firewall)"
	}
	return "see whether api_url is right and can be reached from here"
}

// RoomFault says why a route's id of a room cannot be one, "" when it may be.
func RoomFault(id string) string {
	if chatForm.MatchString(id) {
		return ""
	}
	return `is a name; routes need the id, such as "-1001234567890": start without the route and mention the bot in the group, and the log names it`
}
