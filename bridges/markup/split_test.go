package markup_test

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"avatarbridge/bridges/markup"

	"pgregory.net/rapid"
)

// visible is s without what a cut may drop.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

// markdown draws text that is likely to mean something as Markdown.
func markdown(t *rapid.T) string {
	pieces := rapid.SliceOfN(rapid.OneOf(
		rapid.SampledFrom([]string{"*", "**", "_", "~~", "`", "```", "```go\n", "\n", "\n\n", "> ", "- ", "1. ", "# ", "[", "](http://a.org/b)", "](javascript:x)", "![",
			"|", "\n|-|-|\n", "<b>", "&amp;", "&", "\\", "    ", "  \n", "---\n", "https://x.org/a?b=c&d ", "@luna ", "a@x.org", "[ ] ", "😀", "👩‍👩‍👧", "e\u0301", "🇩🇪", "。", "word ", "A sentence. ", "\t", "\r\n", "\x00", "\xff", "<", ">", "tg://user?id=1"}),
		rapid.StringN(0, 20, -1),
		rapid.Map(rapid.IntRange(1, 1500), func(n int) string { return strings.Repeat("long ", n) }),
		rapid.Map(rapid.IntRange(1, 5000), func(n int) string { return strings.Repeat("x", n) }),
		rapid.Map(rapid.IntRange(1, 300), func(n int) string { return strings.Repeat("- item\n", n) }),
	), 0, 60).Draw(t, "pieces")
	return strings.Join(pieces, "")
}

func TestPiecesAreWellFormedFitAndLoseNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { checkFit(t, markdown(t)) })
}

func FuzzFit(f *testing.F) {
	for _, s := range []string{"", "**a** `b`", "> - ```go\n> x", "[a](b)|\n|-|", strings.Repeat("a\u0301", 3000), "@a @b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkFit(t, s) })
}

type failer interface {
	Helper()
	Fatalf(string, ...any)
}

// whole is what an unlimited message would show.
type unlimited struct{ markup.Telegram }

func (unlimited) Limit() markup.Size { return markup.Size{Units: 1 << 30} }

func checkFit(t failer, text string) {
	t.Helper()
	var joined, code, wholeText, wholeCode strings.Builder
	for _, v := range telegramPieces(t, text) {
		joined.WriteString(visible(v.text.String()))
		code.WriteString(visible(v.inside("pre")))
	}
	whole := markup.Fit(text, unlimited{})
	if len(whole) > 1 {
		t.Fatalf("an unlimited message was cut into %d", len(whole))
	}
	for _, d := range whole {
		v, err := readHTML(markup.Telegram{}.Write(d))
		if err != nil {
			t.Fatalf("whole: %v", err)
		}
		wholeText.WriteString(visible(v.text.String()))
		wholeCode.WriteString(visible(v.inside("pre")))
	}
	if code.String() != wholeCode.String() {
		t.Fatalf("code changed:\n got %q\nwant %q", code.String(), wholeCode.String())
	}
	checkSame(t, text, joined.String(), wholeText.String())
	for _, d := range markup.Fit(text, markup.Plain{Max: 100}) {
		s := markup.Plain{}.Write(d)
		if n := markup.Units(s); n > 100 || markup.Blank(s) || !utf8.ValidString(s) {
			t.Fatalf("a plain piece has %d units: %q", n, s)
		}
	}
}

// checkSame compares pieces with the whole. Quote signs are written again in each piece.
func checkSame(t failer, text, joined, whole string) {
	t.Helper()
	if strings.Contains(text, ">") || strings.Contains(text, "](") {
		joined, whole = lettersOf(joined), lettersOf(whole)
		if strings.Contains(text, "](") {
			return // the address of a link that is written as text stands behind each part of it
		}
	}
	if joined != whole {
		t.Fatalf("joined pieces differ:\n got %q\nwant %q", joined, whole)
	}
}

func lettersOf(s string) string { return strings.ReplaceAll(s, ">", "") }

// rebuilt puts cut blocks together again by their glue.
func rebuilt(pieces []markup.Doc) []string {
	var out []string
	for _, p := range pieces {
		for _, b := range p {
			var s strings.Builder
			for _, span := range b.Spans {
				s.WriteString(span.Text)
			}
			if b.Cut && len(out) > 0 {
				out[len(out)-1] += b.Glue + s.String()
			} else {
				out = append(out, s.String())
			}
		}
	}
	return out
}

func TestCodeIsNeverChanged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.StringMatching(`[ \ta-z*_<>&@\[\]().]{0,200}`)
		lines := rapid.SliceOfN(line, 1, 300).Draw(t, "lines")
		lines[0], lines[len(lines)-1] = "first", "last" // what is blank at the edges is not kept
		code := strings.Join(lines, "\n")
		got := strings.Join(rebuilt(markup.Fit("```go\n"+code+"\n```", markup.Telegram{})), "")
		if got != code {
			t.Fatalf("code changed:\n got %q\nwant %q", got, code)
		}
	})
}

func TestTextOf4096UnitsIsOneMessage(t *testing.T) {
	for _, text := range []string{strings.Repeat("a", 4096), strings.Repeat("😀", 2048), "**" + strings.Repeat("a", 4096) + "**"} {
		if n := len(telegramPieces(t, text)); n != 1 {
			t.Errorf("%d pieces", n)
		}
		if n := len(telegramPieces(t, text+"b")); n != 2 {
			t.Errorf("%d pieces of one unit more", n)
		}
	}
}

func TestCutsFallBetweenParagraphsThenSentencesThenWords(t *testing.T) {
	fill := func(n int) string { return strings.TrimSpace(strings.Repeat("word ", n/5)) }
	for name, c := range map[string]struct{ in, head, tail string }{
		"paragraph": {fill(3000) + "\n\n" + fill(2000), fill(3000), fill(2000)},
		"line":      {fill(3000) + "\n" + fill(2000), fill(3000), fill(2000)},
		"sentence":  {fill(3000) + ". And " + fill(2000), fill(3000) + ".", "And " + fill(2000)},
		"word":      {fill(5000), fill(4096), fill(5000 - 4095)},
		"nothing":   {strings.Repeat("a", 5000), strings.Repeat("a", 4096), strings.Repeat("a", 904)},
		"emoji":     {strings.Repeat("👍🏽", 1030), strings.Repeat("👍🏽", 1024), strings.Repeat("👍🏽", 6)},
		"flags":     {"a" + strings.Repeat("🇩🇪", 1030), "a" + strings.Repeat("🇩🇪", 1023), strings.Repeat("🇩🇪", 7)},
		"heading":   {fill(3000) + "\n\n# Title\n\n" + fill(2000), fill(3000), "Title\n\n" + fill(2000)},
	} {
		t.Run(name, func(t *testing.T) {
			pieces := telegramPieces(t, c.in)
			if len(pieces) != 2 || pieces[0].text.String() != c.head || pieces[1].text.String() != c.tail {
				t.Fatalf("%d pieces, the first ends in %q", len(pieces), tailText(pieces[0].text.String()))
			}
		})
	}
}

func tailText(s string) string { return s[max(0, len(s)-40):] }

func TestWhatIsCutGoesOnAsItWas(t *testing.T) {
	code := strings.Repeat("some code();\n", 700)
	pieces := markup.Fit("```go\n"+code+"```", markup.Telegram{})
	for i, p := range pieces {
		if s := (markup.Telegram{}).Write(p); !strings.HasPrefix(s, `<pre><code class="language-go">some`) || !strings.HasSuffix(s, "();</code></pre>") {
			t.Errorf("piece %d of code: %.60q … %q", i, s, tailText(s))
		}
	}
	if len(pieces) != 3 {
		t.Errorf("%d pieces", len(pieces))
	}
	pieces = markup.Fit("**[a"+strings.Repeat(" b", 3000)+"](https://x.org/y)**", markup.Telegram{})
	for i, p := range pieces {
		if s := (markup.Telegram{}).Write(p); !strings.HasPrefix(s, `<a href="https://x.org/y"><b>`) || !strings.HasSuffix(s, "</b></a>") {
			t.Errorf("piece %d of a link: %.60q … %q", i, s, tailText(s))
		}
	}
	last := asHTML(strings.Repeat("1. "+strings.Repeat("item ", 10)+"\n", 200))
	if !strings.Contains(last, "\n200. item") || !strings.Contains(last, "\n1. item") && !strings.HasPrefix(last, "1. item") {
		t.Errorf("numbering: %q", tailText(last))
	}
}

func TestMoreLinksThanTelegramTakesMakeMoreMessages(t *testing.T) {
	links := 0
	for _, v := range telegramPieces(t, strings.Repeat("[a](https://x.org/y) **b** ", 250)) {
		links += v.links
	}
	if links != 250 {
		t.Errorf("%d links of 250", links)
	}
}

func hostileTexts() map[string]string {
	rep := func(s string, n int) string { return strings.Repeat(s, n/len(s)) }
	const n = 100_000
	return map[string]string{
		"asterisks": rep("*", n), "emphasis": rep("*a_ ", n), "bold": rep("a** ", n), "strike": rep("~~a", n), "open links": rep("[a](", n), "links": rep("[a](http://b.c) ", n),
		"brackets": rep("[", n), "images": rep("![", n), "quotes": rep(">", n), "lists": rep("- ", n), "numbers": rep("1. ", n), "mixed": rep("> - ", n), "ticks": rep("`a``b", n), "fences": rep("```\n", n),
		"wide table": "|" + rep("a|", 8000) + "\n|" + rep("-|", 8000) + "\n" + rep("a\n", 80000), "table": "|a|b|\n|-|-|\n" + rep("|a|b|\n", n), "marks": rep("\u0301", n), "joiners": rep("\u200d", n),
		"flags": rep("🇩", n), "words": rep("word ", n), "sentences": rep("A sentence. ", n), "letters": rep("x", n), "spaces": rep(" ", n) + "a", "newlines": "a" + rep("\n", n) + "b",
		"at": rep("@a ", n), "ampersands": rep("&amp;", n), "bold words": rep("**a** ", n), "backslashes": rep(`\`, n), "code lines": "```\n" + rep("a\n", n), "definitions": rep("[a]: b\n", n),
		"megabyte": rep("**a** _b_\n\n", 1<<20), "quoted lines": rep("> a\n", n), "deep quote": rep("> ", 180) + "a\n" + rep("b\n", n), "staircase": staircase(300),
		"more quotes in one line": rep(">", 5*n/2), "empty lines below open items": rep("- ", 180) + "a\n" + rep("\n", 3*n/2),
	}
}

func TestHostileTextIsFast(t *testing.T) {
	for name, text := range hostileTexts() {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			telegramPieces(t, text)
			if d := time.Since(start); d > 10*time.Second { // some hundred times what it takes without the race detector, and with nothing else to do
				t.Errorf("%v", d)
			} else if d > 200*time.Millisecond {
				t.Logf("%v", d)
			}
		})
	}
}

func TestLongRulesAndListsAreStillMarkdown(t *testing.T) {
	text := "**a**\n\n" + strings.Repeat("-", 300) + "\n\n" + strings.Repeat("* * *\n\n- b\n", 2000)
	if got := asHTML(text); !strings.HasPrefix(got, "<b>a</b>\n\n———") || strings.Contains(got, "*") {
		t.Errorf("%.200q", got)
	}
}

// staircase nests lists by indentation.
func staircase(n int) string {
	var out strings.Builder
	for i := range n {
		out.WriteString(strings.Repeat(" ", 2*i) + "- a\n")
	}
	return out.String()
}
