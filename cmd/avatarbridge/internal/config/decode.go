package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"avatarbridge/bridges/fault"
)

// A decoder fills structs from a decoded document and gathers all that is wrong with it.
type decoder struct {
	file   string
	dir    string
	env    func(string) (string, bool)
	found  map[string]position
	faults []Fault
	bad    map[string]bool   // paths that have a fault: what follows from it is not told again
	empty  map[string]string // paths whose variable is set to nothing
	hidden map[string]string // values that no fault may show, and what it shows in their place

	secrets []string // values of keys that hold secrets
}

// tables and list hold tables that are decoded later, once it is known what they are: nothing in them is expanded yet.
type (
	tables map[string]any
	list   []any
)

var (
	duration  = reflect.TypeFor[time.Duration]()
	rawTables = reflect.TypeFor[tables]()
	rawList   = reflect.TypeFor[list]()
)

// fault notes what is wrong with the key at a path. A key that is not in the file stands where its table stands.
func (d *decoder) fault(at path, problem string) {
	if d.bad[at.id()] {
		return
	}
	d.bad[at.id()] = true
	if name := d.empty[at.id()]; name != "" {
		problem += fmt.Sprintf(" (the environment variable %s is set to nothing)", name)
	}
	d.faults = append(d.faults, Fault{File: d.file, Key: at.String(), Problem: d.redact(problem)}.at(d.where(at)))
}

// shortSecret is the length below which a value is no secret, and its letters may stand anywhere.
const shortSecret = 6

// hide keeps a value out of faults.
func (d *decoder) hide(value, shown string) {
	if len(value) >= shortSecret {
		d.hidden[value] = shown
	}
}

// secret notes a value that nothing may show.
func (d *decoder) secret(value string) {
	if len(value) >= shortSecret {
		d.hidden[value] = "(the secret)"
		d.secrets = append(d.secrets, value)
	}
}

func (d *decoder) redact(s string) string {
	for value, shown := range d.hidden {
		s = strings.ReplaceAll(s, value, shown)
	}
	return s
}

func (f Fault) at(p position) Fault {
	f.Line, f.Column = p.line, p.column
	return f
}

// where returns the position of the key, or of the nearest table around it.
func (d *decoder) where(at path) position {
	for ; len(at) > 0; at = at[:len(at)-1] {
		if p, ok := d.found[at.id()]; ok {
			return p
		}
	}
	return position{}
}

// A field is where the value of a key goes. Several structs may want the same key.
type field struct {
	tag     reflect.StructTag
	targets []reflect.Value
}

// fields returns the fields of structs by their toml tags.
func fields(targets ...any) map[string]*field {
	all := map[string]*field{}
	for _, t := range targets {
		v := reflect.ValueOf(t).Elem()
		for i := range v.NumField() {
			f := v.Type().Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
			if name == "" || name == "-" || !f.IsExported() {
				continue
			}
			if all[name] == nil {
				all[name] = &field{tag: f.Tag}
			}
			all[name].targets = append(all[name].targets, v.Field(i))
		}
	}
	return all
}

// table fills targets, which are pointers to structs, from a table. A key that is not in the table leaves the field as it is.
func (d *decoder) table(at path, in map[string]any, targets ...any) {
	known := fields(targets...)
	for _, key := range slices.Sorted(maps.Keys(in)) {
		if f, ok := known[key]; ok {
			d.field(at.to(key), f, in[key])
			continue
		}
		secret := strings.TrimSuffix(key, "_file")
		f, ok := known[secret]
		switch {
		case !ok || secret == key || !isSecret(secret, f.tag):
			d.unknown(at.to(key), key, slices.Sorted(maps.Keys(known)))
		case in[secret] != nil:
			d.fault(at.to(key), fmt.Sprintf("stands beside %s: keep one of the two", secret))
		default:
			d.fromFile(at.to(key), at.to(secret), f, in[key])
		}
	}
}

func (d *decoder) fromFile(at, secret path, f *field, value any) {
	name, ok := value.(string)
	if !ok {
		d.fault(at, "must be a file's path in quotes, not "+kindOf(value))
		return
	}
	s := d.secretFile(at, d.expand(at, name))
	d.secret(s)
	d.found[secret.id()] = d.where(at)
	d.bad[secret.id()] = d.bad[at.id()]
	for _, t := range f.targets {
		if t.Kind() == reflect.String {
			t.SetString(s)
		}
	}
}

func (d *decoder) unknown(at path, key string, known []string) {
	near, home := meant(key, known), d.home(at, key)
	switch {
	case home != "" && (near == "" || len(at) > 1):
		d.fault(at, "is no key here: "+home)
	case near != "":
		d.fault(at, fmt.Sprintf("is no key here: did you mean %q?", near))
	default:
		d.fault(at, "is no key here: "+oneOf(key, known))
	}
}

// validate asks a section's own Validate, if it has one, and notes what it says.
func (d *decoder) validate(at path, section any) {
	v, ok := section.(interface{ Validate() []fault.Setting })
	if !ok {
		return
	}
	for _, s := range v.Validate() {
		d.fault(at.to(strings.Split(s.Key, ".")...), s.Problem)
	}
}
