package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/relay"
	"avatarbridge/store"
)

// settings are the keys that a bridge and its routes have in common. What a route leaves out comes from its bridge.
type settings struct {
	Avatar    string        `toml:"avatar"`
	ReplyWhen string        `toml:"reply_when" oneof:"mention,always,never"`
	Scope     string        `toml:"scope" oneof:"person,member,room,thread"`
	Audio     string        `toml:"audio" oneof:"native,file,link,off"`
	Show      []string      `toml:"show" oneof:"emotion,animation"`
	Limits    rates         `toml:"limits"`
	MaxAge    time.Duration `toml:"max_age"`
	Allow     []string      `toml:"allow"`
	Deny      []string      `toml:"deny"`
}

// rates are the keys of a table of limits.
type rates struct {
	Person string `toml:"person"`
	Room   string `toml:"room"`
	Bridge string `toml:"bridge"`
	Avatar string `toml:"avatar"`
}

// settings completes what is written at a path with what holds around it.
func (r *reader) settings(at path, s settings, around relay.Settings) relay.Settings {
	out := around
	if s.Avatar != "" {
		out.Avatar = s.Avatar
	}
	r.avatarExists(at.to("avatar"), out.Avatar, s.Avatar == "" && around.Avatar != "")
	if s.ReplyWhen != "" {
		out.ReplyWhen = relay.ReplyWhen(s.ReplyWhen)
	}
	if s.Scope != "" {
		out.Memory = store.Memory(s.Scope)
	}
	if s.Audio != "" {
		out.Audio = bridges.AudioMode(s.Audio)
	}
	if s.Show != nil {
		out.ShowEmotion = slices.Contains(s.Show, "emotion")
		out.ShowAnimation = slices.Contains(s.Show, "animation")
	}
	if s.MaxAge > 0 {
		out.MaxAge = s.MaxAge
	}
	if s.Allow != nil {
		out.Allow = r.ids(at.to("allow"), s.Allow)
	}
	if s.Deny != nil {
		out.Deny = r.ids(at.to("deny"), s.Deny)
	}
	out.Limits = r.parse(at.to("limits"), s.Limits, around.Limits)
	return out
}

// ids checks a list of ids of the platform. An empty one is a list too: in a route it takes the place of its bridge's.
func (r *reader) ids(at path, written []string) []string {
	for i, id := range written {
		if strings.TrimSpace(id) != id || id == "" {
			r.fault(at.at(i), "is no id: write the platform's id of a person, a role or a place, in quotes, without spaces")
		}
	}
	return written
}

// avatarExists notes a fault when there is no avatar with the name. Checked: that was looked at before.
func (r *reader) avatarExists(at path, name string, checked bool) {
	var known []string
	for _, a := range r.config.Avatars {
		if a.Name == name || name != "" && strings.ToLower(a.Name) == name {
			return // also when the avatar's own name is a fault: that is told where it stands
		}
		if goodName.MatchString(a.Name) {
			known = append(known, a.Name)
		}
	}
	switch {
	case checked:
	case len(r.config.Avatars) == 0:
		r.fault(at, "needs an avatar, and the file has none: add one, such as [avatars.demo] with backend = \"echo\"")
	case name == "" && len(known) > 0:
		r.missing(at, known)
	case name == "":
		r.fault(at, "is missing")
	case len(known) == 0:
		r.fault(at, fmt.Sprintf("is %q, and there is no [avatars.%s]", name, name))
	default:
		r.fault(at, fmt.Sprintf("is %q, and there is no [avatars.%s]: %s", name, name, oneOf(name, known)))
	}
}

// routes reads the routes of a bridge. Kind is its platform, nil when that is not known.
func (r *reader) routes(at path, written []any, kind *Kind, around relay.Settings) []relay.Route {
	var routes []relay.Route
	for i, value := range written {
		here := at.at(i)
		t, ok := value.(map[string]any)
		if !ok {
			r.fault(here, "must be a table, not "+kindOf(value))
			continue
		}
		var keys struct {
			Channels []string `toml:"channels"`
		}
		var own settings
		r.table(here, t, &keys, &own)
		if len(keys.Channels) == 0 {
			r.fault(here.to("channels"), `is missing: list the ids of the rooms that the route is for, such as ["-1001234567890"]`)
		}
		r.rooms(here.to("channels"), keys.Channels, kind)
		routes = append(routes, relay.Route{Channels: keys.Channels, Settings: r.settings(here, own, around)})
	}
	return routes
}

// rooms checks a route's ids. What cannot be read is empty, and has its fault.
func (r *reader) rooms(at path, ids []string, kind *Kind) {
	for i, id := range ids {
		switch {
		case strings.TrimSpace(id) != id || id == "":
			r.fault(at.at(i), "is no room's id: write it in quotes, without spaces")
		case kind != nil && kind.RoomFault != nil:
			if problem := kind.RoomFault(id); problem != "" {
				r.fault(at.at(i), problem)
			}
		}
	}
}

// parse reads limits; those that are not written are as around them.
func (r *reader) parse(at path, written rates, around relay.Limits) relay.Limits {
	out := around
	for _, l := range []struct {
		key, text string
		to        *[]relay.Rate
	}{
		{"person", written.Person, &out.Person},
		{"room", written.Room, &out.Room},
		{"bridge", written.Bridge, &out.Bridge},
		{"avatar", written.Avatar, &out.Avatar},
	} {
		if l.text == "" {
			continue
		}
		parsed, err := relay.ParseRates(l.text)
		if err != nil {
			r.fault(at.to(l.key), fmt.Sprintf(`is %q, which is no rate: write "10/m, 200/d" (units s, m, h, d), or "off"`, l.text))
			continue
		}
		*l.to = parsed
	}
	return out
}
