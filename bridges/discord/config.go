package discord

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"avatarbridge/bridges/fault"
)

// defaultCatchUp is how far back a gap is looked through where the configuration does not say.
const defaultCatchUp = time.Hour

// autoShards lets Discord say how many connections it recommends.
const autoShards = "auto"

// maxShards bounds a mistyped number: a shard is for up to 2,500 guilds.
const maxShards = 1000

// Config is the configuration section of one bot.
type Config struct {
	Token          string `toml:"token" secret:"true"`
	MessageContent bool   `toml:"message_content"` // ask for the privileged intent
	Shards         any    `toml:"shards"`          // "auto", or a number of connections
	APIURL         string `toml:"api_url"`         // Discord's own, or a compatible server

	Name       string        `toml:"-"` // of the bridge, for the log
	CatchUp    time.Duration `toml:"-"` // how old what is looked for after a gap may be; 0 is an hour
	Rooms      []string      `toml:"-"` // what routes list: looked through after a gap even if nobody talked there yet
	AllRooms   bool          `toml:"-"` // rooms that no route lists are answered too
	Denied     string        `toml:"-"` // the program's word to who uses a command where the avatar does not answer; "" is one of the bridge's own
	ReadsRooms bool          `toml:"-"` // some room is answered without a mention, whose text the privileged intent would hide
}

// Default returns the settings that hold where the section has none.
func Default() Config { return Config{Shards: autoShards, APIURL: "https://discord.com"} }

// Validate returns every fault of the section, nil when there is none.
func (c Config) Validate() []fault.Setting {
	var all []fault.Setting
	bad := func(key, problem string) { all = append(all, fault.Setting{Key: key, Problem: problem}) }
	switch {
	case strings.TrimSpace(c.Token) == "":
		bad("token", "is missing: paste the bot's token from https://discord.com/developers/applications (Bot, Reset Token)")
	case strings.HasPrefix(c.Token, "Bot "):
		bad("token", `must be the token alone, without "Bot " before it`)
	case strings.ContainsFunc(c.Token, func(r rune) bool { return r <= ' ' || r > '~' }) || len(c.Token) < 20:
		bad("token", "is no bot token: copy it from https://discord.com/developers/applications (Bot, Reset Token); paste all of it, and nothing else")
	}
	if _, ok := c.shards(); !ok {
		bad("shards", `must be "auto", or a number from 1 to `+strconv.Itoa(maxShards))
	}
	if u, err := url.Parse(c.APIURL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" ||
		u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		bad("api_url", `must be an absolute address without a query: Discord's own is "https://discord.com"`)
	}
	return all
}

// shards is how many connections are wanted, 0 for as many as Discord recommends.
func (c Config) shards() (n int, ok bool) {
	switch v := c.Shards.(type) {
	case nil:
		return 0, true
	case string:
		if v == autoShards || v == "" {
			return 0, true
		}
		n, err := strconv.Atoi(v)
		return n, err == nil && n >= 1 && n <= maxShards
	case int64:
		return int(v), v >= 1 && v <= maxShards
	case int:
		return v, v >= 1 && v <= maxShards
	}
	return 0, false
}

// api is where the routes of the API begin. Without a version Discord takes requests for one in which intents count differently.
func (c Config) api() string { return strings.TrimRight(c.APIURL, "/") + "/api/v10" }

func (c Config) catchUp() time.Duration {
	if c.CatchUp <= 0 {
		return defaultCatchUp
	}
	return c.CatchUp
}

// unreached is what to do when the platform's API is not reached.
func (c Config) unreached() string {
	if c.APIURL == Default().APIURL {
		return "see whether this machine reaches the internet (DNS, proxy, firewall)"
	}
	return "see whether api_url is right and can be reached from here"
}

// RoomFault says why a route's id of a channel, a category or a server cannot be one, "" when it may be.
func RoomFault(id string) string {
	if _, err := strconv.ParseUint(id, 10, 64); err == nil {
		return ""
	}
	return `is a name; routes need the id, such as "1122334455667788990": switch on Discord's Settings, Advanced, Developer Mode, ` +
		"then right-click the channel and choose Copy Channel ID"
}
