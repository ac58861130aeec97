package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// misspelt returns the key beside the missing one that is probably meant for it, and its path; "" when there is none.
func (d *decoder) misspelt(table path, key string) (string, path) {
	inside := table.id() + "\x00"
	for _, id := range slices.Sorted(maps.Keys(d.found)) {
		name, ok := strings.CutPrefix(id, inside)
		if ok && name != key && !strings.Contains(name, "\x00") && meant(name, []string{key}) != "" {
			return name, table.to(name)
		}
	}
	return "", nil
}

// missing notes that a key is missing, and names the misspelt one where there is one. Where that has a fault of its own, nothing is left to say.
func (d *decoder) missing(at path, known []string) {
	key := at[len(at)-1]
	near, place := d.misspelt(at[:len(at)-1], key)
	switch {
	case near == "":
		d.fault(at, "is missing: it may be "+enumerate(known))
	case !d.bad[place.id()]:
		d.fault(at, fmt.Sprintf("is missing: line %d has %q: did you mean %q?", d.where(place).line, near, key))
	}
}

// homes are the keys that one kind of section alone has, with the header of it. What stands in several, or has a common name, is left out.
func homes() map[string]string {
	all, count := map[string]string{}, map[string]int{}
	for _, s := range Sections(Kinds{}) {
		if s.Name == "limits" || s.Name == "bridges.NAME.routes" {
			continue
		}
		for _, key := range s.Keys {
			all[key] = s.Name
			count[key]++
		}
	}
	maps.DeleteFunc(all, func(key, _ string) bool { return count[key] > 1 || key == "name" || key == "url" })
	return all
}

// home says to which section a key belongs that stands in another one, "" when no other has it.
func (d *decoder) home(at path, key string) string {
	section := homes()[key]
	kind, named := strings.CutSuffix(section, ".NAME")
	switch {
	case section == "" || len(at) > 1 && at[0] == kind:
		return ""
	case named:
		return fmt.Sprintf("%s belongs to a section like [%s.%s]", key, kind, example(kind))
	}
	if line := d.where(path{section}).line; line > 0 {
		return fmt.Sprintf("%s belongs to [%s] (line %d)", key, section, line)
	}
	return fmt.Sprintf("%s belongs to [%s]", key, section)
}

// example is a name for a section of a kind.
func example(kind string) string {
	if kind == "avatars" {
		return "demo"
	}
	return "my-telegram"
}

// orphan notes the fault of routes whose bridge has no section, and says whether they are such.
func (r *reader) orphan(at path, t map[string]any) bool {
	routes, isList := t["routes"].([]any)
	if len(t) != 1 || !isList || len(routes) == 0 || r.where(at).line != r.where(at.to("routes").at(0)).line { // it has a header of its own
		return false
	}
	var others []string
	for name, value := range r.bridges {
		if other, ok := value.(map[string]any); ok && name != at[len(at)-1] && other["platform"] != nil {
			others = append(others, name)
		}
	}
	problem := fmt.Sprintf("has no bridge: there is no [%s] for this route; ", at)
	if len(others) == 0 {
		problem += "the file has no bridge at all"
	} else {
		slices.Sort(others)
		problem += "the file has " + enumerate(others)
	}
	r.fault(at.to("routes"), problem)
	return true
}
