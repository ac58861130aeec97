package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// A path leads to a value: the names of tables and keys; an element of an array stands as "[0]".
type path []string

// to returns a copy of p with more names at its end.
func (p path) to(names ...string) path { return append(slices.Clone(p), names...) }

// at returns the path of an array's element.
func (p path) at(i int) path { return p.to(fmt.Sprintf("[%d]", i)) }

func (p path) id() string { return strings.Join(p, "\x00") }

// String returns the path as it is written in TOML.
func (p path) String() string {
	var s strings.Builder
	for i, name := range p {
		switch {
		case strings.HasPrefix(name, "[") && strings.HasSuffix(name, "]"):
		case i > 0:
			s.WriteByte('.')
		}
		if strings.ContainsAny(name, " .\"\t") || name == "" {
			name = strconv.Quote(name)
		}
		s.WriteString(name)
	}
	return s.String()
}

type position struct{ line, column int }

// positions says where each key of a document stands. It must be a valid one: the decoder has read it before.
type positions struct {
	parser unstable.Parser
	found  map[string]position
	tables map[string]int // elements of each array of tables so far
}

func locate(document []byte) map[string]position {
	p := positions{found: map[string]position{}, tables: map[string]int{}}
	p.parser.Reset(document)
	var section path
	for p.parser.NextExpression() {
		switch e := p.parser.Expression(); e.Kind {
		case unstable.Table:
			section = p.key(nil, e.Key())
		case unstable.ArrayTable:
			array := p.key(nil, e.Key())
			n := p.tables[array.id()]
			p.tables[array.id()]++
			section = array.at(n)
			p.found[section.id()] = p.found[array.id()]
		case unstable.KeyValue:
			p.value(p.key(section, e.Key()), e.Value())
		}
	}
	return p.found
}

// key walks a dotted key from a table, notes where its last name stands and returns the whole path. A name on the way that is an array of
// tables means its latest element.
func (p *positions) key(from path, names unstable.Iterator) path {
	at := from
	for names.Next() {
		if n := p.tables[at.id()]; n > 0 {
			at = at.at(n - 1)
		}
		at = at.to(string(names.Node().Data))
		if _, known := p.found[at.id()]; !known || names.IsLast() {
			start := p.parser.Shape(names.Node().Raw).Start
			p.found[at.id()] = position{start.Line, start.Column}
		}
	}
	return at
}

// value notes the keys in inline tables, also in those within arrays.
func (p *positions) value(at path, v *unstable.Node) {
	here := p.found[at.id()]
	children := v.Children()
	switch v.Kind {
	case unstable.InlineTable:
		for children.Next() {
			e := children.Node()
			p.value(p.key(at, e.Key()), e.Value())
		}
	case unstable.Array:
		for i := 0; children.Next(); i++ {
			element := at.at(i)
			p.found[element.id()] = here
			if raw := children.Node().Raw; raw.Length > 0 {
				start := p.parser.Shape(raw).Start
				p.found[element.id()] = position{start.Line, start.Column}
			}
			p.value(element, children.Node())
		}
	}
}
