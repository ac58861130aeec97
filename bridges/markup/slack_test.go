package markup_test

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"avatarbridge/bridges/markup"

	"pgregory.net/rapid"
)

var (
	slackToken  = regexp.MustCompile(`<((?:https?://|mailto:)[^<>|\s]+)(?:\|([^<>|\n]+))?>`)
	slackEntity = regexp.MustCompile(`&(?:amp|lt|gt);`)
	codeSigns   = regexp.MustCompile("[*_~`]")
	slackTicks  = regexp.MustCompile("(^|[^\u2060])`([^`\n]+)`")
)

// readMrkdwn reads what Slack's plain text shows, and fails on what Slack would read as more than this package writes.
func readMrkdwn(s string) (text, code string, err error) {
	var shown, codes strings.Builder
	for i, part := range strings.Split(s, "```") {
		if i%2 == 1 {
			shown.WriteString(part)
			codes.WriteString(strings.Trim(part, "\n") + "\n")
			continue
		}
		part = regexp.MustCompile(`(?m)^>( |$)`).ReplaceAllString(part, "")
		part = slackToken.ReplaceAllStringFunc(part, func(m string) string {
			t := slackToken.FindStringSubmatch(m)
			if t[2] == "" {
				t[2] = strings.TrimPrefix(t[1], "mailto:")
			}
			return codeSigns.ReplaceAllString(t[2], "\u2060$0")
		})
		if strings.ContainsAny(part, "<>") {
			return "", "", fmt.Errorf("a raw < or > in %q", part)
		}
		if rest := slackEntity.ReplaceAllString(part, ""); strings.Contains(rest, "&") {
			return "", "", fmt.Errorf("a raw & in %q", part)
		}
		for line := range strings.SplitSeq(part, "\n") {
			line, err := readSigns(line)
			if err != nil {
				return "", "", err
			}
			shown.WriteString(line)
		}
	}
	if strings.Count(s, "```")%2 == 1 {
		return "", "", fmt.Errorf("a fence is left open in %q", s)
	}
	return html.UnescapeString(shown.String()), html.UnescapeString(codes.String()), nil
}

// readSigns takes the signs of styles out of a line.
func readSigns(line string) (string, error) {
	var out strings.Builder
	var open []rune
	last := rune(0)
	line = slackTicks.ReplaceAllStringFunc(line, func(m string) string {
		parts := slackTicks.FindStringSubmatch(m)
		return parts[1] + codeSigns.ReplaceAllString(parts[2], "\u2060$0")
	})
	for _, r := range line {
		switch {
		case !strings.ContainsRune("*_~", r) || last == '\u2060':
			if r == '`' && last != '\u2060' {
				return "", fmt.Errorf("a lone backtick in %q", line)
			}
			out.WriteRune(r)
		case len(open) > 0 && open[len(open)-1] == r:
			open = open[:len(open)-1]
		default:
			open = append(open, r)
		}
		last = r
	}
	if len(open) > 0 {
		return "", fmt.Errorf("%q is left open in %q", string(open), line)
	}
	return out.String(), nil
}

var slackPing = regexp.MustCompile(`(?i)@(here|channel|everyone|group)|<[@!#]`)

type unlimitedSlack struct{ markup.SlackMarkdown }

func (unlimitedSlack) Limit() markup.Size { return markup.Size{Units: 1 << 30} }

func checkSlack(t failer, text string) {
	t.Helper()
	var plain, block strings.Builder
	for i, p := range markup.Fit(text, markup.SlackMarkdown{}) {
		s, md := markup.Slack{}.Write(p), markup.SlackMarkdown{}.Write(p)
		for _, s := range []string{s, md} {
			if n := markup.Units(s); n > 3900 || markup.Blank(s) || !utf8.ValidString(s) {
				t.Fatalf("piece %d has %d units: %q", i, n, s)
			}
		}
		shown, _, err := readMrkdwn(s)
		if err != nil {
			t.Fatalf("piece %d: %v", i, err)
		}
		plain.WriteString(shown)
		block.WriteString(readBlock(t, i, md))
	}
	doc := markup.Parse(text)
	all, linked := docText(doc)
	if linked {
		return
	}
	numbers := strings.NewReplacer(")", "", ".", "")
	want := numbers.Replace(shownText(all))
	if got := numbers.Replace(shownText(plain.String())); got != want {
		t.Fatalf("the plain text differs:\n got %q\nwant %q", got, want)
	}
	if got := numbers.Replace(shownText(block.String())); got != want {
		t.Fatalf("the markdown differs:\n got %q\nwant %q", got, want)
	}
	if len(text) > 10_000 {
		return
	}
	for _, d := range markup.Fit(text, unlimitedSlack{}) {
		if got := numbers.Replace(shownText(readBlock(t, 0, markup.SlackMarkdown{}.Write(d)))); got != want {
			t.Fatalf("the whole differs:\n got %q\nwant %q", got, want)
		}
	}
}

// readBlock reads what a markdown block shows, and fails on what would notify people outside of code.
func readBlock(t failer, i int, md string) string {
	t.Helper()
	d := markup.Parse(md)
	for _, b := range d {
		for _, s := range b.Spans {
			if b.Kind != markup.Code && s.Style&markup.Mono == 0 && s.Link == "" && slackPing.MatchString(s.Text) {
				t.Fatalf("piece %d pings with %q in %q", i, s.Text, md)
			}
		}
	}
	text, _ := docText(d)
	return text
}

func TestSlacksPiecesAreWellFormedFitAndLoseNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { checkSlack(t, platformText(t)) })
}

func FuzzSlack(f *testing.F) {
	for _, s := range []string{"", "**a** `b`", "> - ```go\n> x", "<!channel> <@U1> @here", "[a](https://b.c)", "*a **b***c*", "1. a\n   - b\n\n     c", "# a #\n==="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkSlack(t, s) })
}

func TestWhatMarkdownBecomesOnSlack(t *testing.T) {
	for name, c := range map[string]struct{ in, plain, block string }{
		"styles":        {"**a** *b* ~~c~~ `d`", "*a* _b_ ~c~ `d`", "**a** *b* ~~c~~ `d`"},
		"nested styles": {"**a *b* c** ***d***", "*a _b_ c* *_d_*", "**a *b* c** ***d***"},
		"in a word":     {"a**b**c", "a\u200b*b*\u200bc", "a**b**c"},
		"unread signs":  {"a&#42;&#42;b \\_c\\_ d_e", "a\u2060*\u2060*b \u2060_c\u2060_ d\u2060_e", "a\\*\\*b \\_c\\_ d_e"},
		"headings":      {"# A *b*\n### C#", "*A _b_*\n*C#*", "# A *b*\n### C\\#"},
		"list":          {"To do:\n- a\n  1. b\n\n     c\n- d", "To do:\n• a\n  1. b\n\n    c\n• d", "To do:\n- a\n  1. b\n\n     c\n- d"},
		"tasks":         {"- [ ] a\n- [x] b", "☐ a\n☑ b", "- ☐ a\n- ☑ b"},
		"quote":         {"> a\n>\n> b\n>> c\n\nd", "> a\n> \n> b\n> &gt; c\n\nd", "> a\n>\n> b\n\n> > c\n\nd"},
		"code":          {"```go\nif a < b && *c {\n```", "```\nif a &lt; b &amp;&amp; *c {\n```", "```go\nif a < b && *c {\n```"},
		"code's fence":  {"````\n```\nx\n```\n````", "\u2060`\u2060`\u2060`\nx\n\u2060`\u2060`\u2060`", "````\n```\nx\n```\n````"},
		"table":         {"|a|b|\n|-|-|\n|1|2|", "*a | b*\n1 | 2", "**a \\| b**\n1 \\| 2"},
		"rule":          {"a\n\n---\n\nb", "a\n\n———\n\nb", "a\n\n———\n\nb"},
		"tokens":        {"<!channel> <@U1> <http:x|y> &amp;lt;", "&lt;\u2060!channel&gt; &lt;\u2060@U1&gt; http:x|y &amp;lt;", "&lt;\u2060!channel&gt; &lt;\u2060@U1&gt; http:x\\|y &amp;lt;"},
		"names":         {"@here and @channel", "@\u2060here and @\u2060channel", "@\u2060here and @\u2060channel"},
		"link":          {"[a *b*](https://x.org/?a=1&b=(2))", "<https://x.org/?a=1&amp;b=(2)|a b>", "[a b](https://x.org/?a=1&b=%282%29)"},
		"bare link":     {"https://x.org/a_b", "<https://x.org/a_b>", "[https://x.org/a_b](https://x.org/a%5Fb)"},
		"ticks as text": {"[\\`\\`\\`](https://x.org)", "\u2060`\u2060`\u2060` (<https://x.org>)", "[\\`\\`\\`](https://x.org)"},
		"script":        {"[a](javascript:b)", "a (javascript:b)", "a (javascript:b)"},
		"line signs":    {"\\# a\n\\- b\n1\\. c\n\\> d", "# a\n- b\n1. c\n\u2060&gt; d", "\\# a\n\\- b\n1\\. c\n&gt; d"},
		"image":         {"a!\n[b](https://x.org)", "a!\n<https://x.org|b>", "a\\!\n[b](https://x.org)"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, p := range markup.Fit(c.in, markup.Slack{}) {
				if got := (markup.Slack{}).Write(p); got != c.plain {
					t.Errorf("plain\n got %q\nwant %q", got, c.plain)
				}
				if got := (markup.SlackMarkdown{}).Write(p); got != c.block {
					t.Errorf("block\n got %q\nwant %q", got, c.block)
				}
			}
		})
	}
}

func TestHostileTextIsFastOnSlack(t *testing.T) {
	fast(t, markup.SlackMarkdown{}, markup.Slack{})
}
