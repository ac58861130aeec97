package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// field puts a value into all of a key's targets.
func (d *decoder) field(at path, f *field, value any) {
	for _, t := range f.targets {
		d.set(at, f.tag, t, value)
	}
}

// set puts value into target, which may be anything that the sections of the program use. The tags oneof and min bound it.
func (d *decoder) set(at path, tag reflect.StructTag, target reflect.Value, value any) {
	switch {
	case target.Type() == rawTables:
		d.rawTables(at, target, value)
	case target.Type() == rawList:
		if l, ok := value.([]any); ok {
			target.Set(reflect.ValueOf(list(l)))
		} else {
			d.fault(at, fmt.Sprintf("must be tables, each under [[%s]], not %s", at, kindOf(value)))
		}
	case target.Type() == duration:
		d.duration(at, target, value)
	case target.Kind() == reflect.Pointer:
		if target.IsNil() {
			target.Set(reflect.New(target.Type().Elem()))
		}
		d.set(at, tag, target.Elem(), value)
	case target.Kind() == reflect.String:
		d.text(at, tag, target, value)
	case target.Kind() == reflect.Bool:
		if b, ok := value.(bool); ok {
			target.SetBool(b)
		} else {
			d.fault(at, "must be true or false, without quotes, not "+kindOf(value))
		}
	case target.CanInt():
		d.number(at, tag, target, value)
	case target.CanFloat():
		d.float(at, target, value)
	case target.Kind() == reflect.Slice:
		d.array(at, tag, target, value)
	case target.Kind() == reflect.Struct:
		if t, ok := value.(map[string]any); ok {
			d.table(at, t, target.Addr().Interface())
		} else {
			d.fault(at, "must be a table, not "+kindOf(value))
		}
	default:
		d.free(at, target, value)
	}
}

func (d *decoder) rawTables(at path, target reflect.Value, value any) {
	sections, ok := value.(map[string]any)
	if !ok {
		d.fault(at, fmt.Sprintf("must be tables, each with a name, such as [%s.demo], not %s", at, kindOf(value)))
		return
	}
	target.Set(reflect.ValueOf(tables(sections)))
}

func (d *decoder) duration(at path, target reflect.Value, value any) {
	const right = `must be a duration such as "90s", "15m" or "720h"`
	s, ok := value.(string)
	if !ok {
		d.fault(at, right+", not "+kindOf(value))
		return
	}
	length, err := time.ParseDuration(d.expand(at, s))
	if err != nil || length <= 0 {
		d.fault(at, fmt.Sprintf("%s, not %q", right, s))
		return
	}
	target.SetInt(int64(length))
}

func (d *decoder) text(at path, tag reflect.StructTag, target reflect.Value, value any) {
	s, ok := value.(string)
	if !ok {
		d.fault(at, "must be text in quotes, not "+kindOf(value))
		return
	}
	text := d.expand(at, s)
	if choice, bounded := tag.Lookup("oneof"); bounded {
		if known := strings.Split(choice, ","); !slices.Contains(known, text) {
			d.fault(at, fmt.Sprintf("is %q: %s", s, oneOf(s, known)))
			return
		}
	}
	if isSecret(at[len(at)-1], tag) {
		d.secret(text)
	}
	target.SetString(text)
}

func (d *decoder) number(at path, tag reflect.StructTag, target reflect.Value, value any) {
	n, ok := value.(int64)
	if !ok {
		d.fault(at, "must be a whole number, without quotes, not "+kindOf(value))
		return
	}
	if least, err := strconv.ParseInt(tag.Get("min"), 10, 64); err == nil && n < least || target.OverflowInt(n) {
		d.fault(at, fmt.Sprintf("is %d: it must be at least %d", n, least))
		return
	}
	target.SetInt(n)
}

func (d *decoder) float(at path, target reflect.Value, value any) {
	switch n := value.(type) {
	case float64:
		target.SetFloat(n)
	case int64:
		target.SetFloat(float64(n))
	default:
		d.fault(at, "must be a number, without quotes, not "+kindOf(value))
	}
}

func (d *decoder) array(at path, tag reflect.StructTag, target reflect.Value, value any) {
	values, ok := value.([]any)
	if !ok {
		d.fault(at, "must be a list in brackets, not "+kindOf(value))
		return
	}
	filled := reflect.MakeSlice(target.Type(), len(values), len(values))
	for i, v := range values {
		d.set(at.at(i), tag, filled.Index(i), v)
	}
	target.Set(filled)
}

// free puts a value of any shape, with its variables expanded, where a service takes what the operator writes.
func (d *decoder) free(at path, target reflect.Value, value any) {
	v := reflect.ValueOf(d.expandAll(at, value))
	if !v.Type().AssignableTo(target.Type()) {
		d.fault(at, "must be a table, not "+kindOf(value))
		return
	}
	target.Set(v)
}

func (d *decoder) expandAll(at path, value any) any {
	switch v := value.(type) {
	case string:
		return d.expand(at, v)
	case []any:
		all := make([]any, len(v))
		for i := range v {
			all[i] = d.expandAll(at.at(i), v[i])
		}
		return all
	case map[string]any:
		table := make(map[string]any, len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			table[k] = d.expandAll(at.to(k), v[k])
		}
		return table
	}
	return value
}

// kindOf names what somebody wrote. It never shows the value, which may be a secret.
func kindOf(value any) string {
	switch value.(type) {
	case string:
		return "text"
	case bool:
		return "true or false"
	case int64:
		return "a number"
	case float64:
		return "a number with a point"
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	}
	return "a date or time"
}
