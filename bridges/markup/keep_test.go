package markup_test

import (
	"fmt"
	"strings"
	"testing"

	"avatarbridge/bridges/markup"

	"pgregory.net/rapid"
)

// show returns all of what a text shows, with what a cut parted put together again.
func show(text string, f markup.Format) string {
	var out strings.Builder
	for _, p := range markup.Fit(text, f) {
		for _, b := range p {
			if b.Cut {
				out.WriteString(b.Glue)
			} else {
				out.WriteString("\n" + b.Lang + "\n" + b.Marker)
			}
			for _, s := range b.Spans {
				out.WriteString(s.Text)
			}
		}
	}
	return out.String()
}

// Every word of it stands alone, so that no word can be read as another one's part, an entity or an address.
func TestEveryWordSurvivesWhateverMarkupIsAroundIt(t *testing.T) {
	marks := []string{"*", "**", "_", "~~", "`", "``", "\n```", "\n```go ", "\n```go\n", "\n~~~", "~~~", "```", "\n", "\n\n", "\n> ", "\n- ", "\n1. ", "\n# ", "\n## ", " ##\n", "[", "]", "](http://a.org/b)",
		"](javascript:x)", "![", "|", " | ", "|\n|", "\n|", "\n|-|-|\n", "\n-|-\n", "\n| :-: |\n", "\\|", "<", ">", "&amp;", "&", "\\", "\n    ", "\n\t", "  \n", "\n---\n", "\n===\n", " [ ] ", "\n- [x] ", " https://x.org/a?", " @", "\r\n", "{", "}", "=\"", "😀", " "}
	rapid.Check(t, func(t *rapid.T) {
		var in strings.Builder
		n := rapid.IntRange(1, 40).Draw(t, "words")
		for i := range n {
			for range rapid.IntRange(0, 3).Draw(t, "marks") {
				in.WriteString(rapid.SampledFrom(marks).Draw(t, "mark"))
			}
			fmt.Fprintf(&in, "w%dz", i)
		}
		in.WriteString(rapid.SampledFrom(marks).Draw(t, "last"))
		for _, f := range []markup.Format{markup.Plain{Max: 4096}, markup.Plain{Max: 60}} {
			got := show(in.String(), f)
			for i := range n {
				if w := fmt.Sprintf("w%dz", i); !strings.Contains(got, w) {
					t.Fatalf("%s is lost:\n in %q\ngot %q", w, in.String(), got)
				}
			}
		}
	})
}

func TestTextOnAFencesOwnLineIsShown(t *testing.T) {
	for in, want := range map[string]string{
		"```echo hello world\n```":              "<pre>echo hello world</pre>",
		"```ls\n```":                            "<pre>ls</pre>",
		"```go\n\n```":                          "<pre>go\n</pre>",
		"Here:\n```bash rm -rf x\nls\n```":      "Here:\n<pre><code class=\"language-bash\">rm -rf x\nls</code></pre>",
		"```echo hello\nls\n```":                "<pre>echo hello\nls</pre>",
		"```Python\tx = 1\ny\n```":              "<pre><code class=\"language-Python\">x = 1\ny</code></pre>",
		"```brainfuck\n+\n```":                  "<pre><code class=\"language-brainfuck\">+</code></pre>",
		"~~~ a < b\nc\n~~~":                     "<pre>a &lt; b\nc</pre>",
		"```día\nx\n```":                        "<pre>día\nx</pre>",
		"- ```make all\n  x\n  ```":             "•\u0020\n<pre><code class=\"language-make\">all\nx</code></pre>",
		"a\n```b":                               "a\n<pre>b</pre>",
		"```" + strings.Repeat("a", 33) + "\nb": "<pre>" + strings.Repeat("a", 33) + "\nb</pre>",
	} {
		if got := asHTML(in); got != want {
			t.Errorf("%q\n got %q\nwant %q", in, got, want)
		}
	}
}

func TestRowWiderThanItsTablesHeadLosesNoCell(t *testing.T) {
	for in, want := range map[string]string{
		"|a|b|\n|-|-|\n| 1 | 2 | 3 extra |": "|a|b|\n|-|-|\n| 1 | 2 | 3 extra |",
		"a|b\n-|-\n1|2|*3*\n4|5":            "a|b\n-|-\n1|2|<i>3</i>\n4|5",
		"x\n|a|\n|-|\n|b\\|c|\n|d|e|":       "x\n|a|\n|-|\n|b|c|\n|d|e|",
		"|-|-|\na\n|-|\nb|c":                "|-|-|\na\n|-|\nb|c",
		"|a|b|\n|-|-|\n|1|2|||":             "<b>a | b</b>\n1 | 2", // nothing is in the further cells
		"|a|b|\n|-|-|\n|1\\|2|3|":           "<b>a | b</b>\n1|2 | 3",
	} {
		if got := asHTML(in); got != want {
			t.Errorf("%q\n got %q\nwant %q", in, got, want)
		}
	}
}

func TestTextOfNothingButMarkupIsShownAsItStands(t *testing.T) {
	for _, in := range []string{"[]()", "#", "> ", "![]()", "```\n```", "> >\n>"} {
		want := strings.TrimSpace(in)
		if got := strings.TrimSpace(asPlain(in)); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}
