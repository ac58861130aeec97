package markup_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges/markup"

	"pgregory.net/rapid"
)

func TestCodeIsTheSameOnEachPlatform(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.StringMatching(`[ \ta-z*_<>&@|~#:!\[\]().\\]{0,200}`)
		lines := rapid.SliceOfN(line, 1, 100).Draw(t, "lines")
		lines[0], lines[len(lines)-1] = "first", "last" // what is blank at the edges is not kept
		if n := len(lines) / 2; rapid.Bool().Draw(t, "tick") {
			lines[n] = lines[n] + "`x``"
		}
		want := visible(strings.Join(lines, ""))
		for name, read := range map[string]func(text string) (string, error){"discord": discordCode, "slack": slackCode, "markdown": blockCode} {
			got, err := read("# a\n> - b\n>   ```go\n>   " + strings.Join(lines, "\n>   ") + "\n>   ```\n\nc")
			if err != nil || visible(got) != want {
				t.Fatalf("%s: %v: code changed:\n got %q\nwant %q", name, err, visible(got), want)
			}
		}
	})
}

func discordCode(text string) (string, error) {
	var out strings.Builder
	for _, p := range markup.Fit(text, markup.Discord{}) {
		d := readDiscord(markup.Discord{}.Write(p))
		if len(d.special) > 0 {
			return "", fmt.Errorf("%q", d.special)
		}
		out.WriteString(d.code.String())
	}
	return out.String(), nil
}

func slackCode(text string) (string, error) {
	var out strings.Builder
	for _, p := range markup.Fit(text, markup.Slack{}) {
		_, code, err := readMrkdwn(markup.Slack{}.Write(p))
		if err != nil {
			return "", err
		}
		out.WriteString(code)
	}
	return out.String(), nil
}

func blockCode(text string) (string, error) {
	var out strings.Builder
	for _, p := range markup.Fit(text, markup.SlackMarkdown{}) {
		for _, b := range markup.Parse(markup.SlackMarkdown{}.Write(p)) {
			if b.Kind == markup.Code {
				out.WriteString(b.Spans[0].Text)
			}
		}
	}
	return out.String(), nil
}

// No word of a text is missing from what any platform shows of it, nor shown twice.
func TestEveryWordIsShownOnceOnEachPlatform(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var in strings.Builder
		n := rapid.IntRange(1, 40).Draw(t, "words")
		for i := range n {
			for _, s := range rapid.SliceOfN(rapid.SampledFrom(wordMarks), 0, 3).Draw(t, "marks") {
				in.WriteString(s)
			}
			fmt.Fprintf(&in, "w%dz,%s", i, // no name of a language
				strings.Repeat(" filling", rapid.IntRange(0, 100).Draw(t, "filling")))
		}
		for name, f := range formats {
			var out strings.Builder
			for _, p := range markup.Fit(in.String(), f) {
				out.WriteString(f.Write(p))
			}
			shown := out.String()
			if name == "web" || name == "telegram" {
				shown = tag.ReplaceAllString(shown, "")
			}
			shown = notWord.ReplaceAllString(shown, "")
			for i := range n {
				if w := fmt.Sprintf("w%dz", i); strings.Count(shown, w) != 1 {
					t.Fatalf("%s shows %s %d times:\n in %q\nout %q", name, w, strings.Count(shown, w), in.String(), shown)
				}
			}
		}
	})
}

// tag and notWord are what stands between two pieces of one word that was cut in code.
var (
	tag     = regexp.MustCompile("<[^>]*>")
	notWord = regexp.MustCompile("[^a-z0-9]+")
)

var wordMarks = []string{"*", "**", "_", "~~", "`", "``", "\n```\n", "\n", "\n\n", "\n> ", "\n- ", "\n  - ", "\n1. ", "\n# ", "\n## ", " ##\n", "[", "]", "](https://a.org/b) ", "](javascript:x)",
	"|", "\n|", "\n|-|-|\n", "\n-|-\n", "<", ">", "&amp;", "\\", "\n    ", "  \n", "\n---\n", "\n===\n", "\n- [x] ", " @", "||", " https://x.org/a ", "😀", " ", "<@", "!", "(", ")"}

// fast writes hostile text in f, and its pieces in other formats besides.
func fast(t *testing.T, f markup.Format, besides ...markup.Format) {
	for name, text := range hostileTexts() {
		start := time.Now()
		for _, p := range markup.Fit(text, f) {
			for _, w := range append(besides, f) {
				if s := w.Write(p); markup.Units(s) > f.Limit().Units {
					t.Errorf("%s: a piece has %d units", name, markup.Units(s))
				}
			}
		}
		if d := time.Since(start); d > 10*time.Second { // some hundred times what it takes on a machine that does nothing else
			t.Errorf("%s took %v", name, d)
		} else if d > 200*time.Millisecond {
			t.Logf("%s took %v", name, d)
		}
	}
}
