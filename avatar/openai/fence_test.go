package openai

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCodeIsCutAtAWholeLineAndClosed(t *testing.T) {
	for in, want := range map[string]string{
		"See.\n\n```go\nfunc main() {\n\tfmt.Pri":         "See.\n\n```go\nfunc main() {\n```",
		"Like so:\n```go\nfunc main() {\n\tfmt.Pri":       "Like so:\n```go\nfunc main() {\n```",
		"See. Like so:\n```go\nfunc ma":                   "See.",
		"Like so:\n```go\nfunc ma":                        "",
		"See.\n```":                                       "See.",
		"See.\n```\n\n\n":                                 "See.",
		"```\na\n```\n":                                   "```\na\n```",
		"```\na. b\n```\nand th":                          "```\na. b\n```",
		"```\na\n```\nThat was it. And th":                "```\na\n```\nThat was it.",
		"A.\n```\na\n```\nb\n```\nc. d\ne":                "A.\n```\na\n```\nb\n```\nc. d\n```",
		"~~~~\na\n~~~\nb\nc":                              "~~~~\na\n~~~\nb\n~~~~",
		"1. Do:\n   ```sh\n   ls\n   cd":                  "1. Do:\n   ```sh\n   ls\n   ```",
		"A ```not a fence``` is text. And":                "A ```not a fence``` is text.",
		"``` `x` ```\nText. More":                         "``` `x` ```\nText.",
		"```\na\n``` not closed\nb\nc":                    "```\na\n``` not closed\nb\n```",
		"No. Here:\n\n````md\n```\nx\n```\n````\n\nand t": "No. Here:\n\n````md\n```\nx\n```\n````",
	} {
		if got, ok := whole(in); got != want || ok != (want != "") {
			t.Errorf("%q:\n%q, want\n%q", in, got, want)
		}
	}
}

func FuzzWhole(f *testing.F) {
	for _, s := range []string{"One. Two", "“Yes.” \xff\xfe.", "1. a\n\n2. b", "a.\n```go\nb\nc", "~~~\na\n~~~\nb. c", "  ````\n```\n\t````x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := whole(s)
		if ok != (got != "") || utf8.ValidString(s) && !utf8.ValidString(got) {
			t.Errorf("%q of %q", got, s)
		}
		if open, _ := fences(got); ok && open != nil {
			t.Errorf("%q of %q is an open block of code", got, s)
		}
		if text := strings.TrimRight(got, "`~ \t\n"); !strings.Contains(s, text) {
			t.Errorf("%q of %q", got, s)
		}
	})
}
