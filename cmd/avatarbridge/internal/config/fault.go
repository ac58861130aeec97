package config

import (
	"fmt"
	"slices"
	"strings"
)

// A Fault is one thing that is wrong in a configuration file, and what would be right.
type Fault struct {
	File    string
	Line    int // starts at 1; 0 when the whole file is meant
	Column  int
	Key     string // the key's full path: "bridges.my-telegram.token"; "" when no key is meant
	Problem string
	Drawing string // the bad lines with a mark below, "" except for bad TOML
}

// String returns the fault in one line, and the drawing below it if there is one.
func (f Fault) String() string {
	s := f.File
	if f.Line > 0 {
		s += fmt.Sprintf(":%d:%d", f.Line, f.Column)
	}
	s += ": "
	if f.Key != "" {
		s += f.Key + " "
	}
	s += f.Problem
	if f.Drawing != "" {
		s += "\n" + strings.TrimRight(f.Drawing, "\n")
	}
	return s
}

// Faults are all that is wrong in a configuration, in the file's order.
type Faults []Fault

// Error returns a line for each fault.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, one := range f {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

func sorted(f []Fault) Faults {
	slices.SortStableFunc(f, func(a, b Fault) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return f
}

// meant returns the one of known that a mistyped word probably means, "" when none is near.
func meant(word string, known []string) string {
	best, near := "", 1+len(word)/3
	for _, k := range known {
		if d := distance(strings.ToLower(word), k); d <= near {
			best, near = k, d-1
		}
	}
	return best
}

// distance counts the letters to insert, delete, replace or swap with their neighbour to make b of a.
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			same := 1
			if a[i-1] == b[j-1] {
				same = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+same)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

// oneOf says what may stand in a place where word does not fit.
func oneOf(word string, known []string) string {
	s := "it may be " + enumerate(known)
	if m := meant(word, known); m != "" {
		s = fmt.Sprintf("did you mean %q? %s", m, strings.ToUpper(s[:1])+s[1:])
	}
	return s
}

func enumerate(known []string) string {
	quoted := make([]string, len(known))
	for i, k := range known {
		quoted[i] = fmt.Sprintf("%q", k)
	}
	if len(quoted) < 2 {
		return strings.Join(quoted, "")
	}
	return strings.Join(quoted[:len(quoted)-1], ", ") + " or " + quoted[len(quoted)-1]
}
