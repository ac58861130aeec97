// Package wording says in an operator's words what other parts of the program, and the libraries below them, say in their own.
package wording

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// TooLate is what Plain makes of a deadline that was missed.
const TooLate = "no answer in time"

// call is what net/http puts before the error of a request.
const call = `(?:\b(?:Get|Post|Put|Head) "[^"]*": )?`

var network = []struct {
	was *regexp.Regexp
	is  string
}{
	{regexp.MustCompile(call + `dial tcp[46]? (\S+): connect: connection refused`), "nothing listens at $1"},
	{regexp.MustCompile(call + `dial tcp[46]? (\S+): connect: (?:no route to host|network is unreachable)`), "there is no way to $1 in the network"},
	{regexp.MustCompile(call + `dial tcp[46]? (\S+): i/o timeout`), "no answer from $1"},
	{regexp.MustCompile(call + `(?:dial tcp[46]?: )?lookup (\S+?)(?: on \S+)?: no such host`), "no machine is known by the name $1"},
	{regexp.MustCompile(call + `context deadline exceeded(?: \(Client\.Timeout[^)]*\))?`), TooLate},
	{regexp.MustCompile(call + `net/http: (?:timeout awaiting response headers|TLS handshake timeout)`), TooLate},
}

// twice is an address that is named again in what follows.
var twice = regexp.MustCompile(`(\S+) (?:cannot be reached|did not answer): nothing listens at (\S+)`)

// Plain puts the errors of a network that happen most into words. The rest of the text stays as it is.
func Plain(text string) string {
	for _, n := range network {
		text = n.was.ReplaceAllString(text, n.is)
	}
	return twice.ReplaceAllStringFunc(text, func(m string) string {
		if parts := twice.FindStringSubmatch(m); parts[1] == parts[2] {
			return "nothing listens at " + parts[2]
		}
		return m
	})
}

// File says what is wrong with a file that was to be opened or made. The error stays in the chain. Nil stays nil.
func File(file string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrExist):
		return &worded{file + " exists already: name another file", err}
	case errors.Is(err, fs.ErrNotExist):
		if dir := filepath.Dir(file); !isThere(dir) {
			return &worded{"there is no folder " + dir, err}
		}
		return &worded{"there is no file " + file, err}
	case errors.Is(err, fs.ErrPermission):
		return &worded{file + ": permission denied to the user that avatarbridge runs as", err}
	}
	return fmt.Errorf("%s: %w", file, reason(err))
}

func isThere(dir string) bool {
	_, err := os.Stat(dir)
	return err == nil
}

// reason leaves out what was done with which file: "open x: is a directory" is "is a directory".
func reason(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// worded has a text of its own in place of an error's.
type worded struct {
	text string
	err  error
}

func (w *worded) Error() string { return w.text }
func (w *worded) Unwrap() error { return w.err }

// Count writes a number and its noun: 1 bridge, 2 bridges.
func Count(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "y"):
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(noun, "y"))
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// List writes names as one does in a sentence: "a, b and c". Without names it is "none".
func List(names []string) string {
	switch len(names) {
	case 0:
		return "none"
	case 1:
		return names[0]
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}
