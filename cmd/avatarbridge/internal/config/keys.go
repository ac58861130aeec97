package config

import (
	"maps"
	"slices"
)

// A Section is a table of the configuration with the names of its keys.
type Section struct {
	Name string // "server", "bridges.NAME", "bridges.NAME.routes"
	Kind string // the platform or backend that the keys belong to, "" when they are common
	Keys []string
}

// Sections returns all that a configuration may hold, for those who document it. A key of a kind that is common too is named once, as a
// common one.
func Sections(kinds Kinds) []Section {
	avatar, bridge := fields(&avatarKeys{}), fields(&bridgeKeys{}, &settings{})
	delete(bridge, "routes")
	route := fields(&settings{})
	route["channels"] = nil
	all := []Section{
		{"server", "", keysOf(fields(&Server{}))}, {"store", "", keysOf(fields(&Store{}))}, {"log", "", keysOf(fields(&Log{}))},
		{"media", "", keysOf(fields(&Media{}))}, {"turns", "", keysOf(fields(&Turns{}))}, {"limits", "", keysOf(fields(&rates{}))},
		{"messages", "", keysOf(fields(&words{}))}, {"avatars.NAME", "", keysOf(avatar)},
		{"bridges.NAME", "", keysOf(bridge)}, {"bridges.NAME.routes", "", keysOf(route)},
	}
	own := func(section string, kinds []Kind, common map[string]*field) {
		for _, k := range kinds {
			f := fields(k.New())
			maps.DeleteFunc(f, func(key string, _ *field) bool { return common[key] != nil })
			all = append(all, Section{section, k.Name, keysOf(f)})
		}
	}
	own("avatars.NAME", kinds.Backends, avatar)
	own("bridges.NAME", kinds.Platforms, bridge)
	return all
}

func keysOf(f map[string]*field) []string { return slices.Sorted(maps.Keys(f)) }
