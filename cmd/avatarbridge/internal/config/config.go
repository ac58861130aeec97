// Package config reads config.toml: it finds all faults at once, each with the place where it stands and what would be right, and hands
// out settings that are complete, so that nobody after it has to know a default.
package config

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"avatarbridge/bridges/relay"
)

// A Config is a whole configuration without faults.
type Config struct {
	File     string // where it was read; "" for the built-in one
	Server   Server
	Store    Store
	Log      Log
	Media    Media
	Turns    Turns
	Messages relay.Messages
	Avatars  []Avatar // in the file's order
	Bridges  []Bridge // in the file's order
	Warnings []Fault  // what works but is probably not meant
	Secrets  []string // what no log may show

	Elsewhere int // LoadBasics: how many faults other sections have
}

// Server is the section [server].
type Server struct {
	Listen         string   `toml:"listen"`
	AdminListen    string   `toml:"admin_listen"`
	AdminToken     string   `toml:"admin_token"` // "": a random one in a file beside the database
	PublicURL      string   `toml:"public_url"`  // without a slash at its end; "" when there is none
	TrustedProxies []string `toml:"trusted_proxies"`

	Proxies []netip.Prefix `toml:"-"` // TrustedProxies as ranges
}

// Store is the section [store].
type Store struct {
	URL      string        `toml:"url"`
	Path     string        `toml:"-"` // the database's file
	Keep     time.Duration `toml:"keep"`
	MaxBytes int64         `toml:"max_bytes" min:"0"` // 0: as large as the disk
}

// Log is the section [log].
type Log struct {
	Level  string `toml:"level" oneof:"debug,info,warn,error"`
	Format string `toml:"format" oneof:"auto,text,json"`
}

// Media is the section [media]: audio that avatars give, and what people say.
type Media struct {
	Dir      string        `toml:"dir"` // beside the database unless it is set
	Keep     time.Duration `toml:"keep"`
	MaxBytes int64         `toml:"max_bytes" min:"1024"`
}

// Turns is the section [turns]: how long and how often an avatar is asked.
type Turns struct {
	AskTimeout  time.Duration `toml:"ask_timeout"`
	MaxAttempts int           `toml:"max_attempts" min:"1"`
	RetryWithin time.Duration `toml:"retry_within"`
	MaxWaiting  int           `toml:"max_waiting" min:"1"`
}

// An Avatar is a section [avatars.NAME].
type Avatar struct {
	Name          string
	Backend       string
	Display       string // how it calls itself
	AllowPrivate  bool
	MaxConcurrent int // 0: the relay's default
	Config        any // what the backend's Kind.New returned, filled
}

// A Bridge is a section [bridges.NAME].
type Bridge struct {
	Name        string
	Platform    string
	Default     relay.Settings
	Routes      []relay.Route
	AllRooms    bool
	HoldUnclear bool
	CatchUp     time.Duration // 0: the relay's default
	MaxInFlight int           // 0: the relay's default
	Rate        relay.Rate    // of posts at most; zero: no cap
	Config      any           // what the platform's Kind.New returned, filled
}

// A Kind is a platform or a backend that this version of the program has.
type Kind struct {
	Name string
	New  func() any // a pointer to a struct with toml tags that holds the defaults
	// NeedsPublicURL returns the key for whose sake server.public_url must be set, "" when none does. It may be nil.
	NeedsPublicURL func(config any) (key string)
	// InsteadOfPublicURL is what the operator may do else then; "": nothing.
	InsteadOfPublicURL string
	// Visitors says that people have no account on the platform. All of its bridges to an avatar share half of that avatar's limits, to equal
	// parts, but those for which limits.bridge is set.
	Visitors bool
	// RoomFault says why a route's id of a room cannot be one of the platform, "" when it may be. Nil: any may be.
	RoomFault func(id string) string
	// Settings are what holds for a platform's bridges where they say nothing. Avatar and Limits have no meaning in it.
	Settings relay.Settings
}

// Kinds are what bridges and avatars can be.
type Kinds struct {
	Platforms, Backends []Kind
}

// Lookup returns an environment variable as os.LookupEnv does.
type Lookup func(name string) (value string, set bool)

// Load reads a file. The error is os.ErrNotExist when there is none, and Faults when it was read but is wrong.
func Load(file string, kinds Kinds, env Lookup) (*Config, error) {
	return load(file, kinds, env, Parse)
}

// LoadBasics reads a file for those who need the database, media.dir, the operator's address and the names of bridges alone: the faults of all but
// these and the rest of [server] and [store] are counted in Config.Elsewhere, and what has one must not be used.
func LoadBasics(file string, kinds Kinds, env Lookup) (*Config, error) {
	return load(file, kinds, env, parseBasics)
}

type parser func(name, dir string, document []byte, kinds Kinds, env Lookup) (*Config, error)

func load(file string, kinds Kinds, env Lookup, parse parser) (*Config, error) {
	document, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	c, err := parse(file, filepath.Dir(file), document, kinds, env)
	if err != nil {
		return nil, err
	}
	c.File = file
	return c, nil
}

// Parse reads a document. The name stands in faults; relative paths in the document start at dir. The error is Faults.
func Parse(name, dir string, document []byte, kinds Kinds, env Lookup) (*Config, error) {
	c, faults := decode(name, dir, document, kinds, env)
	if len(faults) > 0 {
		return nil, faults
	}
	return c, nil
}

func parseBasics(name, dir string, document []byte, kinds Kinds, env Lookup) (*Config, error) {
	c, faults := decode(name, dir, document, kinds, env)
	if c == nil {
		return nil, faults
	}
	var basic Faults
	for _, f := range faults {
		if section, _, _ := strings.Cut(f.Key, "."); section == "server" || section == "store" || section == "" || f.Key == "media" || f.Key == "media.dir" {
			basic = append(basic, f)
		}
	}
	if len(basic) > 0 {
		return nil, basic
	}
	c.Elsewhere = len(faults)
	return c, nil
}

// decode returns all that could be read; a document that is no TOML gives nothing but its fault.
func decode(name, dir string, document []byte, kinds Kinds, env Lookup) (*Config, Faults) {
	document = bytes.TrimPrefix(document, []byte("\uFEFF"))
	var tree map[string]any
	if err := toml.Unmarshal(document, &tree); err != nil {
		return nil, Faults{syntax(name, document, err)}
	}
	d := &decoder{
		file: name, dir: dir, env: env, found: locate(document),
		bad: map[string]bool{}, empty: map[string]string{}, hidden: map[string]string{},
	}
	r := reader{decoder: d, kinds: kinds, config: defaults()}
	r.read(tree)
	r.config.Warnings, r.config.Secrets = sorted(r.warnings), d.secrets
	return r.config, sorted(d.faults)
}

func defaults() *Config {
	return &Config{
		Server: Server{Listen: "127.0.0.1:8080", AdminListen: "127.0.0.1:8081"},
		Store:  Store{URL: "sqlite:avatarbridge.db", Keep: 720 * time.Hour},
		Log:    Log{Level: "info", Format: "auto"},
		Media:  Media{Keep: 168 * time.Hour, MaxBytes: 20 << 20},
		Turns:  Turns{AskTimeout: 2 * time.Minute, MaxAttempts: 6, RetryWithin: 15 * time.Minute, MaxWaiting: 20},
	}
}
