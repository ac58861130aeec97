package config

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// syntax says why a document cannot be read at all: in plain words for what happens most, else in those of TOML.
func syntax(name string, document []byte, err error) Fault {
	f := Fault{File: name, Problem: "is not valid TOML: " + strings.TrimPrefix(err.Error(), "toml: ")}
	bad, ok := errors.AsType[*toml.DecodeError](err)
	if !ok {
		return f
	}
	f.Line, f.Column = bad.Position()
	lines := bytes.SplitAfter(document, []byte("\n"))
	if f.Line < 1 || f.Line > len(lines) {
		return f
	}
	before, line := bytes.Join(lines[:f.Line-1], nil), strings.TrimRight(string(lines[f.Line-1]), "\r\n")
	if twice := repeated(before, bad); twice != "" {
		f.Problem = twice
		return f
	}
	key, value, isKey := strings.Cut(line, "=")
	key = strings.TrimSpace(key)
	if isKey && bareKey.MatchString(key) {
		if problem := badValue(key, value, err.Error()); problem != "" {
			f.Key, f.Problem = strings.TrimPrefix(section(before)+"."+key, "."), problem
		}
	}
	if !isKey || !isSecret(key, "") && key != "url" { // whoever forgets the quotes of a token shall not find it in a log
		f.Drawing = drawing(line, f.Column)
	}
	return f
}

var bareKey = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

// repeated says where the table or key stands that a document has twice, "" when that is not what is wrong. The part before the second one
// must be valid.
func repeated(before []byte, bad *toml.DecodeError) string {
	key := strings.Join(bad.Key(), ".")
	if key == "" || !strings.Contains(bad.Error(), "already") {
		return ""
	}
	_, isKey := strings.CutPrefix(bad.Error(), "toml: key ")
	if head := section(before); isKey && head != "" {
		key = head + "." + key
	}
	line := 0
	for id, at := range locate(before) {
		if element.ReplaceAllString(strings.ReplaceAll(id, "\x00", "."), "") == key {
			line = max(line, at.line) // of an array's tables the latest is meant
		}
	}
	switch {
	case line == 0:
		return ""
	case isKey:
		return fmt.Sprintf("%s stands at line %d already: keep one of the two", key, line)
	}
	return fmt.Sprintf("[%s] stands at line %d already: merge the two", key, line)
}

// element is the index of an array's element in a path.
var element = regexp.MustCompile(`\.\[\d+\]`)

// badValue says what is wrong with the value of a line "key = value", "" when it is none of the usual mistakes.
func badValue(key, value, problem string) string {
	value, _, _ = strings.Cut(value, "#")
	value = strings.TrimSpace(value)
	switch {
	case value == "":
		return fmt.Sprintf(`has no value: write one after the =, such as %s = "…", or put a # before the line`, key)
	case strings.Contains(problem, "cannot have new lines"):
		return "is text whose quote does not end in its line"
	case strings.ContainsAny(value[:1], `"'[{`):
		return ""
	case strings.Contains(problem, "start of value"), strings.Contains(problem, "expected newline"), strings.Contains(problem, "must be quoted"):
		return fmt.Sprintf(`needs quotes around its text: %s = "…" (only numbers, true and false stand without)`, key)
	}
	return ""
}

// section is the name in the last header of a document, "" when it has none.
func section(document []byte) string {
	name := ""
	for line := range strings.Lines(string(document)) {
		line = strings.TrimSpace(line)
		if head, _, ok := strings.Cut(strings.TrimLeft(line, "["), "]"); ok && strings.HasPrefix(line, "[") {
			name = strings.TrimSpace(head)
		}
	}
	return name
}

// drawing is a line with a mark below a column.
func drawing(line string, column int) string {
	at := max(0, min(column-1, len(line)))
	return "  " + line + "\n  " + strings.Repeat(" ", len([]rune(line[:at]))) + "^"
}
