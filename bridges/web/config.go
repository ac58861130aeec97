package web

import (
	"cmp"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"avatarbridge/bridges/fault"
)

// Config is the configuration section of one chat page.
type Config struct {
	Title    string   `toml:"title"`    // the name that is shown; "" is the avatar's
	Face     string   `toml:"face"`     // path of a PNG, JPEG or WebP picture; "" lets the page draw the first letter
	Greeting string   `toml:"greeting"` // what an empty chat shows; may be empty
	Origins  []string `toml:"origins"`  // sites that may show the page in a frame: "https://example.com"

	History       int    `toml:"history"`         // how many items of each chat are kept and shown again
	MaxText       int    `toml:"max_text"`        // of a message, in UTF-16 units
	MaxVoice      int    `toml:"max_voice"`       // of a voice message, in bytes
	PerAddress    string `toml:"per_address"`     // messages of one client address: "60/m, 1000/h", or "off"
	MaxOpen       int    `toml:"max_connections"` // pages that are open at once
	MaxPerVisitor int    `toml:"max_per_visitor"` // of one visitor
	MaxPerAddress int    `toml:"max_per_address"` // of one client address; 0: no limit

	Name      string `toml:"-"` // of the bridge: a part of its address
	Avatar    string `toml:"-"` // the avatar's name
	Notice    string `toml:"-"` // that people talk to an AI; the page always shows it. It may be empty
	Voice     bool   `toml:"-"` // the avatar hears voice messages
	PublicURL string `toml:"-"` // of the program; may be empty
}

// Default returns the settings that hold where the section has none.
func Default() Config {
	return Config{
		History: 50, MaxText: 4000, MaxVoice: 5 << 20, PerAddress: "60/m, 1000/d",
		MaxOpen: 10_000, MaxPerVisitor: 8, MaxPerAddress: 200,
	}
}

// The limits of limits: a page with less is of no use, one with more can be made to eat the machine's memory.
const (
	minHistory, maxHistory = 10, 1000
	minText, maxText       = 100, 100_000
	minVoice, maxVoice     = 16 << 10, 50 << 20
)

// originForm is a site as a browser names it. It also keeps apart what would mean something else in a header.
var originForm = regexp.MustCompile(`^https?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$`)

// Validate returns every fault of the section, nil when there is none.
func (c Config) Validate() []fault.Setting {
	var all []fault.Setting
	bad := func(key, problem string) { all = append(all, fault.Setting{Key: key, Problem: problem}) }
	between := func(key string, n, least, most int, problem string) {
		if n < least || n > most {
			bad(key, problem)
		}
	}
	if utf8.RuneCountInString(c.Title) > 80 || strings.ContainsAny(c.Title, "\r\n") {
		bad("title", "must be one line of at most 80 characters")
	}
	if utf8.RuneCountInString(c.Greeting) > 2000 {
		bad("greeting", "must have at most 2000 characters")
	}
	if c.Face != "" && !slices.Contains([]string{".png", ".jpg", ".jpeg", ".webp"}, strings.ToLower(filepath.Ext(c.Face))) {
		bad("face", "must be the path of a picture whose name ends in .png, .jpg or .webp")
	}
	for _, o := range c.Origins {
		if !originForm.MatchString(o) {
			bad("origins", `must list sites as browsers name them, such as "https://example.com" or "https://shop.example.com:8443": `+
				"small letters, no path, no slash at the end, no *")
			break
		}
	}
	between("history", c.History, minHistory, maxHistory, "must be from 10 to 1000: it is how much of a chat is seen again when the page is opened")
	between("max_text", c.MaxText, minText, maxText, "must be from 100 to 100000 characters")
	between("max_voice", c.MaxVoice, minVoice, maxVoice, "must be from 16384 (16 KiB) to 52428800 (50 MiB)")
	between("max_connections", c.MaxOpen, 1, 1_000_000, "must be at least 1")
	between("max_per_visitor", c.MaxPerVisitor, 1, 1000, "must be from 1 to 1000")
	between("max_per_address", c.MaxPerAddress, 0, 1_000_000, "must be 0, for no limit, or more")
	if _, err := parseRates(c.PerAddress); err != nil {
		bad("per_address", err.Error())
	}
	return all
}

// name is what the avatar is called on the page.
func (c Config) name() string {
	return cmp.Or(strings.TrimSpace(c.Title), strings.TrimSpace(c.Avatar), c.Name)
}
