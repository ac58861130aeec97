package markup_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges/markup"

	"pgregory.net/rapid"
)

func TestDraftReadsAsTheWholeWill(t *testing.T) {
	for in, want := range map[string]string{
		"a **b":                  "a **b**",
		"a **b ":                 "a **b** ",
		"a **b*":                 "a **b**",
		"a **b**":                "a **b**",
		"a *b* _c_ ~~d~~ ***e**": "a *b* _c_ ~~d~~ ***e***",
		"a *b **c":               "a *b **c***",
		"a ***b":                 "a ***b***",
		"a **":                   "a ",
		"a ~~b~":                 "a ~~b~~",
		"2 * 3 and snake_case":   "2 * 3 and snake_case",
		"\\*a":                   "\\*a",
		"a `b":                   "a `b`",
		"a ``b`":                 "a ``b``",
		"a `":                    "a ",
		"**a `b":                 "**a `b`**",
		"`*` and":                "`*` and",
		"a [b":                   "a b",
		"a [b](htt":              "a b",
		"a ![b](https://x.org/":  "a b",
		"**a [b *c](ht":          "**a b *c***",
		"a [b](https://x.org) c": "a [b](https://x.org) c",
		"a [b] c":                "a [b] c",
		"[a](b_c) d":             "[a](b_c) d",
		"a\n-":                   "a",
		"a\n\n##":                "a",
		"a\n- [":                 "a",
		"a\n1.":                  "a",
		"a\n``":                  "a",
		"a\n```g":                "a\n",
		"```go\nx\n``":           "```go\nx",
		"```go\nx **y":           "```go\nx **y",
		"```\nx\n```\na *b":      "```\nx\n```\na *b*",
		"- a *b\n- c":            "- a *b\n- c",
		"> a **b\n> c":           "> a **b\n> c**",
		"|a|b|\n|-":              "|a|b|",
		"42":                     "42",
		"":                       "",
	} {
		if got := markup.Draft(in); got != want {
			t.Errorf("%q\n got %q\nwant %q", in, got, want)
		}
	}
}

// A reader of a text that grows sees no sign that is gone a moment later, but for a table before its second line.
func TestNoSignFlashesUpWhileATextGrows(t *testing.T) {
	const text = "# Title *x*\n\nSome **bold and *italic* text** with `code` and [a *link*](https://x.org/a_b) ~~here~~.\n\n- one **item**\n- two\n  1. three `a * b`\n\n> A quote\n> of __two__ lines\n\n```go\nfunc a() { *b = `c` }\n```\n\n![image](https://x.org/i.png) end ***all***\n\n---\n\nlast"
	for i := range len(text) {
		doc := markup.Parse(markup.Draft(text[:i]))
		for _, b := range doc {
			for _, s := range b.Spans {
				if b.Kind != markup.Code && s.Style&markup.Mono == 0 && strings.ContainsAny(s.Text, "*_~`[]#!") {
					t.Fatalf("after %q a sign is shown in %q", text[:i], s.Text)
				}
			}
		}
		readWeb(t, markup.Web{}.Write(doc))
	}
}

func TestDraftLosesNoLetterButThoseOfAnAddress(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{"a", "b ", "é", "*", "**", "_", "~~", "`", "``", "```", "\n", "\n\n", "- ", "> ", "# ", "[", "]", "!", "\\", "1. ", "|", "~"})).Draw(t, "text"), "")
		got := markup.Draft(text)
		if letters(got) != letters(text) && !strings.Contains(text, "```") && !strings.Contains(text, "~~") {
			t.Fatalf("of %q is left %q", text, got)
		}
		checkWeb(t, got)
	})
}

func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if slices.Contains([]rune("abé"), r) {
			return r
		}
		return -1
	}, s)
}

func FuzzDraft(f *testing.F) {
	f.Add("a **b [c](d `e")
	f.Add("> ```go\n> x")
	f.Fuzz(func(t *testing.T, s string) { checkWeb(t, markup.Draft(s)) })
}

func TestDraftOfHostileTextIsFast(t *testing.T) {
	for name, text := range hostileTexts() {
		start := time.Now()
		markup.Draft(text)
		if d := time.Since(start); d > 10*time.Second { // some hundred times what it takes on a machine that does nothing else
			t.Errorf("%s took %v", name, d)
		}
	}
}
