package config

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"avatarbridge/bridges/relay"
)

// A reader makes a Config of a decoded document.
type reader struct {
	*decoder
	kinds    Kinds
	config   *Config
	warnings []Fault
	limits   relay.Limits      // of [limits]
	shares   bool              // [limits] does not say what one bridge may do
	accounts map[string]string // who uses a platform's token
	sharers  map[string]int    // how many bridges share half of an avatar's limits
	bridges  tables            // all that are written
}

// words is the section [messages]: relay.Messages with the names of its keys.
type words struct {
	AINotice    string `toml:"ai_notice"`
	Hello       string `toml:"hello"`
	Reset       string `toml:"reset"`
	Busy        string `toml:"busy"`
	Unavailable string `toml:"unavailable"`
	TooOld      string `toml:"too_old"`
	TextOnly    string `toml:"text_only"`
	NoVoice     string `toml:"no_voice"`
	NotHeard    string `toml:"not_heard"`
	Muted       string `toml:"muted"`
	Unmuted     string `toml:"unmuted"`
	Denied      string `toml:"denied"`
	NoReply     string `toml:"no_reply"`
}

type document struct {
	Server   *Server `toml:"server"`
	Store    *Store  `toml:"store"`
	Log      *Log    `toml:"log"`
	Media    *Media  `toml:"media"`
	Turns    *Turns  `toml:"turns"`
	Limits   rates   `toml:"limits"`
	Messages words   `toml:"messages"`
	Avatars  tables  `toml:"avatars"`
	Bridges  tables  `toml:"bridges"`
}

func (r *reader) read(tree map[string]any) {
	c := r.config
	doc := document{
		Server: &c.Server, Store: &c.Store, Log: &c.Log, Media: &c.Media, Turns: &c.Turns,
		Limits:   rates{Person: "10/m, 200/d", Room: "30/m, 1000/d", Avatar: "120/m, 20000/d"},
		Messages: words(relay.DefaultMessages()),
	}
	r.table(nil, tree, &doc)
	c.Messages = relay.Messages(doc.Messages)
	r.limits, r.shares = r.parse(path{"limits"}, doc.Limits, relay.Limits{}), doc.Limits.Bridge == ""
	r.server()
	r.store()
	for _, name := range r.ordered("avatars", doc.Avatars) {
		r.avatar(path{"avatars", name}, name, doc.Avatars[name])
	}
	r.accounts = map[string]string{}
	r.bridges, r.sharers = doc.Bridges, r.sharing(doc.Bridges)
	for _, name := range r.ordered("bridges", doc.Bridges) {
		r.bridge(path{"bridges", name}, name, doc.Bridges[name])
	}
	if len(c.Avatars) == 0 && len(r.faults) == 0 {
		r.fault(path{"avatars"}, "has no avatar: add one, such as [avatars.demo] with backend = \"echo\"")
	}
}

// ordered returns the names of tables in the file's order.
func (r *reader) ordered(section string, t tables) []string {
	names := slices.Sorted(maps.Keys(t))
	slices.SortStableFunc(names, func(a, b string) int {
		p, q := r.where(path{section, a}), r.where(path{section, b})
		if p.line != q.line {
			return p.line - q.line
		}
		return p.column - q.column
	})
	return names
}

var goodName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// section returns a named table. It is nil when it cannot be read.
func (r *reader) section(at path, name string, value any) map[string]any {
	if !goodName.MatchString(name) {
		problem := "has a name that cannot be part of an address: use at most 64 of a-z, 0-9, - and _, a letter or digit first"
		if lower := strings.ToLower(name); goodName.MatchString(lower) {
			problem += fmt.Sprintf(", such as [%s]", path{at[0], lower})
		}
		r.fault(at, problem)
	}
	t, ok := value.(map[string]any)
	if !ok {
		r.fault(at, "must be a table, not "+kindOf(value))
	}
	return t
}

// kind finds what a section is by its key ("platform", "backend"), and returns a fresh config for it. Without one, which is a fault, the
// section's own keys cannot be known: they are left out of t, so that only the common ones are looked at.
func (r *reader) kind(at path, key string, known []Kind, t map[string]any, common ...any) (*Kind, any) {
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = k.Name
	}
	written, isText := t[key].(string)
	switch i := slices.Index(names, written); {
	case i >= 0:
		return &known[i], known[i].New()
	case t[key] == nil:
		r.missing(at.to(key), names)
	case isText:
		r.fault(at.to(key), fmt.Sprintf("is %q, which this version does not have: %s", written, oneOf(written, names)))
	}
	commons := fields(common...)
	maps.DeleteFunc(t, func(k string, _ any) bool { return commons[k] == nil })
	return nil, &struct{}{}
}

type avatarKeys struct {
	Backend       string `toml:"backend"`
	Name          string `toml:"name"`
	AllowPrivate  bool   `toml:"allow_private"`
	MaxConcurrent int    `toml:"max_concurrent" min:"1"`
}

func (r *reader) avatar(at path, name string, value any) {
	t := r.section(at, name, value)
	if t == nil {
		return
	}
	var keys avatarKeys
	kind, own := r.kind(at, "backend", r.kinds.Backends, t, &keys)
	r.table(at, t, &keys, own)
	r.config.Avatars = append(r.config.Avatars, Avatar{
		Name: name, Backend: keys.Backend, Display: keys.Name,
		AllowPrivate: keys.AllowPrivate, MaxConcurrent: keys.MaxConcurrent, Config: own,
	})
	if kind != nil {
		r.own(at, *kind, own)
	}
}

// rate reads one rate; "" and "off" are none.
func (r *reader) rate(at path, text string) relay.Rate {
	if text == "" {
		return relay.Rate{}
	}
	switch rates, err := relay.ParseRates(text); {
	case err != nil || len(rates) > 1:
		r.fault(at, fmt.Sprintf("is %q, which is no rate: write one like \"20/m\" (units s, m, h, d), or \"off\"", text))
	case len(rates) == 1:
		return rates[0]
	}
	return relay.Rate{}
}

// own checks what belongs to one platform or backend alone.
func (r *reader) own(at path, kind Kind, own any) {
	r.validate(at, own)
	if kind.NeedsPublicURL == nil || r.config.Server.PublicURL != "" {
		return
	}
	if key := kind.NeedsPublicURL(own); key != "" {
		problem := fmt.Sprintf("needs server.public_url (the https address of this program) for %s to reach it", kind.Name)
		if kind.InsteadOfPublicURL != "" {
			problem += ", or " + kind.InsteadOfPublicURL
		}
		r.fault(at.to(key), problem)
	}
}

type bridgeKeys struct {
	Platform    string        `toml:"platform"`
	Rooms       string        `toml:"rooms" oneof:"listed,all"`
	OnUnclear   string        `toml:"on_unclear" oneof:"repeat,hold"`
	CatchUp     time.Duration `toml:"catch_up"`
	MaxInFlight int           `toml:"max_in_flight" min:"1"`
	Rate        string        `toml:"rate"`
	Routes      list          `toml:"routes"`
}

func (r *reader) bridge(at path, name string, value any) {
	t := r.section(at, name, value)
	if t == nil || r.orphan(at, t) {
		return
	}
	var keys bridgeKeys
	var own settings
	kind, config := r.kind(at, "platform", r.kinds.Platforms, t, &keys, &own)
	r.table(at, t, &keys, &own, config)
	b := Bridge{
		Name: name, Platform: keys.Platform, Config: config,
		AllRooms: keys.Rooms == "all", HoldUnclear: keys.OnUnclear == "hold",
		CatchUp: keys.CatchUp, MaxInFlight: keys.MaxInFlight, Rate: r.rate(at.to("rate"), keys.Rate),
	}
	var around relay.Settings
	if kind != nil {
		around = kind.Settings
	}
	around.Limits = r.limits
	b.Default = r.settings(at, own, around)
	if kind != nil && kind.Visitors && r.shares && own.Limits.Bridge == "" {
		b.Default.Limits.Bridge = portion(b.Default.Limits.Avatar, 2*max(r.sharers[b.Default.Avatar], 1))
	}
	b.Routes = r.routes(at.to("routes"), keys.Routes, kind, b.Default)
	r.config.Bridges = append(r.config.Bridges, b)
	if keys.CatchUp > r.config.Store.Keep {
		r.fault(at.to("catch_up"), fmt.Sprintf("is longer than store.keep (%s): what is caught up would be answered twice", short(r.config.Store.Keep)))
	}
	if kind != nil {
		r.own(at, *kind, config)
		r.alone(at, *kind, config)
	}
}

// sharing counts by avatar the bridges whose people can be somebody else whenever they like. They share half of what it may do, to equal parts: the
// other half is left for people with an account.
func (r *reader) sharing(bridges tables) map[string]int {
	count := map[string]int{}
	for _, value := range bridges {
		t, _ := value.(map[string]any) // what is none of these is a fault that is told elsewhere
		platform, _ := t["platform"].(string)
		avatar, _ := t["avatar"].(string)
		limits, _ := t["limits"].(map[string]any)
		visitors := slices.ContainsFunc(r.kinds.Platforms, func(k Kind) bool { return k.Visitors && k.Name == platform })
		if bridge, _ := limits["bridge"].(string); visitors && bridge == "" {
			count[avatar]++
		}
	}
	return count
}

// portion is the nth part of rates, and never nothing.
func portion(of []relay.Rate, n int) []relay.Rate {
	var part []relay.Rate
	for _, r := range of {
		part = append(part, relay.Rate{Max: max(r.Max/n, 1), Every: r.Every})
	}
	return part
}

// alone notes a fault when another bridge has the same token: two pollers of one account take each other's messages.
func (r *reader) alone(at path, kind Kind, config any) {
	for _, key := range []string{"token", "bot_token"} {
		f := fields(config)[key]
		if f == nil || f.targets[0].Kind() != reflect.String || f.targets[0].String() == "" {
			continue
		}
		account := kind.Name + "\x00" + f.targets[0].String()
		if other := r.accounts[account]; other != "" {
			r.fault(at.to(key), fmt.Sprintf("is the token of bridges.%s too: an account can be one bridge only", other))
			continue
		}
		r.accounts[account] = at[len(at)-1]
	}
}

// short writes a duration without the zeros at its end.
func short(d time.Duration) string {
	return strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "0m")
}
