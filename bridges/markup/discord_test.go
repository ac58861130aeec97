package markup_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"avatarbridge/bridges/markup"

	"pgregory.net/rapid"
)

// discordText reads Discord's Markdown the way its clients do, as far as it is known.
type discordText struct {
	text, code strings.Builder
	special    []string // what Discord shows as something else: mentions, emoji, timestamps, spoilers
	styles     []string
}

var (
	discordFence   = regexp.MustCompile("^```(?:([a-zA-Z0-9_+\\-.#]+?)\n)?\n*([^\n][\\s\\S]*?)\n*```")
	discordQuote   = regexp.MustCompile(`^ *> ([^\n]*(?:\n *> [^\n]*)*\n?)`)
	discordHead    = regexp.MustCompile(`^ *(?:-#|#{1,3}) +`)
	discordItem    = regexp.MustCompile(`^ *(?:[-*+]|\d+\.) +`)
	discordMask    = regexp.MustCompile(`^\[([^\[\]]*)\]\((https?://[^\s()]+)\)`)
	discordAngle   = regexp.MustCompile(`^<(https?://[^\s<>]+)>`)
	discordURL     = regexp.MustCompile(`^https?://[^\s<]+[^<.,:;"'\]\s]`)
	discordSpecial = regexp.MustCompile(`(?i)^(?:@everyone|@here|<@[!&]?\d+>|<#\d+>|<a?:\w+:\d+>|</[^>]+:\d+>|<t:-?\d+(?::\w)?>|<id:\w+>)`)
	discordEscaped = regexp.MustCompile(`^\\[^0-9A-Za-z\s]`)
	discordTicks   = regexp.MustCompile("^(?:`[^`]+`|``[^`](?:`[^`]|[^`])*``)")
)

// read reads s; start says that it begins a line.
func (d *discordText) read(s string, start, quoted bool) {
	for s != "" {
		if letters := len(s) - len(strings.TrimLeft(s, "abcdefgijklmnopqrstuvwxyz ")); letters > 0 && !start {
			d.text.WriteString(s[:letters])
			s = s[letters:]
			continue
		}
		n := d.block(s, start, quoted)
		if n == 0 {
			n = d.inline(s, quoted)
		}
		if n == 0 {
			_, n = utf8.DecodeRuneInString(s)
			d.text.WriteString(s[:n])
		}
		start = strings.TrimLeft(s[:n], " ") == "" && start || s[n-1] == '\n'
		s = s[n:]
	}
}

func (d *discordText) block(s string, start, quoted bool) int {
	if m := discordFence.FindStringSubmatch(s); m != nil {
		d.text.WriteString(m[2])
		d.code.WriteString(m[2] + "\n")
		return len(m[0])
	}
	if !start {
		return 0
	}
	if m := discordQuote.FindStringSubmatch(s); m != nil && !quoted {
		d.styles = append(d.styles, "quote")
		d.read(regexp.MustCompile(`\n *> `).ReplaceAllString(m[1], "\n"), true, true)
		return len(m[0])
	}
	if m := discordHead.FindString(s); m != "" {
		d.styles = append(d.styles, "head")
		line, _, _ := strings.Cut(s[len(m):], "\n")
		d.read(line, true, quoted)
		return len(m) + len(line)
	}
	if m := discordItem.FindString(s); m != "" {
		d.styles = append(d.styles, "item")
		if m = strings.TrimSpace(m); m[0] >= '0' && m[0] <= '9' {
			d.text.WriteString(m)
		}
		line, _, _ := strings.Cut(s[len(discordItem.FindString(s)):], "\n")
		d.read(line, true, quoted)
		return len(discordItem.FindString(s)) + len(line)
	}
	return 0
}

func (d *discordText) inline(s string, quoted bool) int {
	if m := discordEscaped.FindString(s); m != "" {
		d.text.WriteString(m[1:])
		return len(m)
	}
	if m := discordMask.FindStringSubmatch(s); m != nil {
		d.text.WriteString(m[1])
		return len(m[0])
	}
	for _, re := range []*regexp.Regexp{discordAngle, discordURL} {
		if m := re.FindString(s); m != "" {
			d.text.WriteString(strings.Trim(m, "<>"))
			return len(m)
		}
	}
	if m := discordSpecial.FindString(s); m != "" {
		d.special = append(d.special, m)
		return len(m)
	}
	if m := discordTicks.FindString(s); m != "" {
		d.text.WriteString(strings.Trim(m, "`"))
		d.styles = append(d.styles, "code")
		return len(m)
	}
	for _, sign := range []string{"**", "~~", "||", "__", "*", "_"} {
		if n := closed(s, sign); n > 0 {
			if sign == "||" || sign[0] == '_' {
				d.special = append(d.special, sign)
			}
			d.styles = append(d.styles, sign)
			d.read(s[len(sign):n-len(sign)], false, quoted)
			return n
		}
	}
	return 0
}

// closed returns the end of what sign opens and closes at the beginning of s.
func closed(s, sign string) int {
	if !strings.HasPrefix(s, sign) || len(sign) == 1 && (len(s) < 2 || strings.ContainsAny(s[1:2], " \n*_")) && !strings.HasPrefix(s, "***") {
		return 0
	}
	for i := len(sign); i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case len(sign) == 1 && strings.HasPrefix(s[i:], sign+sign):
			i++
		case strings.HasPrefix(s[i:], sign) && i > len(sign) && !strings.HasPrefix(s[i+len(sign):], sign[:1]) && (len(sign) > 1 || s[i-1] != ' '):
			return i + len(sign)
		}
	}
	return 0
}

func readDiscord(s string) *discordText {
	var d discordText
	d.read(s, true, false)
	return &d
}

// discordPieces fits text for Discord and checks each piece.
func discordPieces(t failer, text string) []*discordText {
	t.Helper()
	var out []*discordText
	for i, p := range markup.Fit(text, markup.Discord{}) {
		s := markup.Discord{}.Write(p)
		if n := markup.Units(s); n > 2000 || markup.Blank(s) || !utf8.ValidString(s) {
			t.Fatalf("piece %d has %d units: %q", i, n, s)
		}
		d := readDiscord(s)
		if len(d.special) > 0 {
			t.Fatalf("piece %d has %q in %q", i, d.special, s)
		}
		out = append(out, d)
	}
	return out
}

type unlimitedDiscord struct{ markup.Discord }

func (unlimitedDiscord) Limit() markup.Size { return markup.Size{Units: 1 << 30} }

// shownText is what a text shows without what a format may add: markers, invisible characters, blank space.
func shownText(s string) string {
	return strings.NewReplacer("\u2060", "", "\u200b", "", ">", "", "•", "", "☐", "", "☑", "").Replace(visible(s))
}

// docText is the text of d as its spans hold it; linked says that there is a link in it.
func docText(d markup.Doc) (text string, linked bool) {
	var out strings.Builder
	for _, b := range d {
		out.WriteString(b.Marker)
		if b.Kind == markup.Rule {
			out.WriteString("———")
		}
		for _, s := range b.Spans {
			out.WriteString(s.Text)
			linked = linked || s.Link != ""
		}
	}
	return out.String(), linked
}

func checkDiscord(t failer, text string) {
	t.Helper()
	var joined strings.Builder
	for _, d := range discordPieces(t, text) {
		joined.WriteString(d.text.String())
	}
	doc := markup.Parse(text)
	all, linked := docText(doc)
	parens := strings.NewReplacer(")", "", ".", "") // numbers' signs
	got, want := parens.Replace(shownText(joined.String())), parens.Replace(shownText(all))
	if !linked && got != want {
		t.Fatalf("joined pieces differ:\n got %q\nwant %q", got, want)
	}
	if len(text) > 10_000 {
		return // the reader takes the square of a text's length
	}
	for _, d := range markup.Fit(text, unlimitedDiscord{}) {
		if got := parens.Replace(shownText(readDiscord(markup.Discord{}.Write(d)).text.String())); !linked && got != want {
			t.Fatalf("the whole differs:\n got %q\nwant %q", got, want)
		}
	}
}

func TestDiscordsPiecesAreWellFormedFitAndLoseNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { checkDiscord(t, platformText(t)) })
}

// platformText draws Markdown, with what means something to platforms between.
func platformText(t *rapid.T) string {
	signs := rapid.SliceOfN(rapid.SampledFrom([]string{"@everyone", "@here", "<@123>", "<@!1>", "<@&2>", "<#3>", "<:a:4>", "</a:5>", "<t:6:R>", "<id:home>", "||", "__", "_", "#", "-# ", "- ", "* ", "+ ", "1. ", "2) ", "> ", ">>> ",
		"*", "**", "***", "~~", "~", "`", "``", "```", "\n", "\n\n", " ", "a", "b c", "\\", "[", "](https://x.org/a_(b)*)", "https://x.org/_a_*b*", "https://x.org", ".", "!", ":", "<!channel>", "<!here|x>", "<@U1>", "<https://x.org|y>", "&lt;", "&", ";",
		"<a@here.com>", "@channel", "===", "---\n", "|", "\u200b", "é", "日本", "「", "」", "\"", "(", ")", "    "}), 0, 40).Draw(t, "signs")
	return strings.Join(signs, "") + markdown(t)
}

func FuzzDiscord(f *testing.F) {
	for _, s := range []string{"", "**a** `b`", "> - ```go\n> x", "||a|| <@1> @everyone", "[a](https://b.c)", "*a **b***c*", "```\na\n````\nb```"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkDiscord(t, s) })
}

func TestWhatMarkdownBecomesOnDiscord(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"styles":        {"**a** *b* ~~c~~ `d`", "**a** *b* ~~c~~ `d`"},
		"nested styles": {"**a *b* c** ***d***", "**a *b* c** **\u2060*d*\u2060**"},
		"headings":      {"# A\n### B\n#### C", "# A\n### B\n**C**"},
		"lists":         {"- a\n  - b\n\n3) c\n4) d\n- [ ] e", "- a\n  - b\n\n3. c\n4. d\n- ☐ e"},
		"quote":         {"> a\n> b\n>\n> c\n>> d\n\ne", "> a\n> b\n> \n> c\n> \\> d\n\ne"},
		"code":          {"```go\na `b` *c*\n```", "```go\na `b` *c*\n```"},
		"code's fence":  {"````\n```go\nx\n```\n````", "\\`\\`\\`go\n`x`\n\\`\\`\\`"},
		"ticks":         {"`` a`b `` ``` a``b ```", "``a`b`` a\\`\\`b"},
		"table":         {"|a|b|\n|-|-|\n|1|2|", "**a | b**\n1 | 2"},
		"rule":          {"a\n\n---\n\nb", "a\n\n———\n\nb"},
		"spoiler":       {"||a|| | b", "|\\|a|\\| | b"},
		"line signs":    {"\\# a\n\\- b\n1\\. c\n\\> d\n\\-# e", "\\# a\n\\- b\n1\\. c\n\\> d\n\\-# e"},
		"underline":     {"\\_\\_a\\_\\_ b_c", "\\_\\_a\\_\\_ b\\_c"},
		"pings":         {"@everyone <@1> <@&2> <#3>", "@\u2060everyone \\<\u2060@1> \\<\u2060@&2> \\<\u2060#3>"},
		"emoji":         {"<:a:1> </b:2> <t:3:R> :smile:", "\\<:a:1> \\</b:2> \\<t:3:R> :smile:"},
		"signs in code": {"**a `*b*` c**", "**a** `*b*` **c**"},
		"ping in code":  {"`@everyone`", "`@everyone`"},
		"link":          {"[a b](https://x.org/c_(d))", "[a b](https://x.org/c_%28d%29)"},
		"styled link":   {"**[a `b`](https://x.org)**", "**[a b](https://x.org)**"},
		"unsafe label":  {"[a_b](https://x.org) [https://y.org](https://x.org)", "a\\_b (<https://x.org>) https\\://y.org (<https://x.org>)"},
		"bare link":     {"https://x.org/a_b. https://x.org/~a", "https://x.org/a_b. https://x.org/~a"},
		"bare in bold":  {"**https://x.org**a", "**<https://x.org>**a"},
		"mail":          {"[a](mailto:b@x.org) <c@here.org>", "a (b@x.org) c@\u2060here.org"},
		"script":        {"[a](javascript:b)", "a (javascript:b)"},
	} {
		t.Run(name, func(t *testing.T) {
			var out []string
			for _, p := range markup.Fit(c.in, markup.Discord{}) {
				out = append(out, markup.Discord{}.Write(p))
			}
			if got := strings.Join(out, "\n=====\n"); got != c.want {
				t.Errorf("%q\n got %q\nwant %q", c.in, got, c.want)
			}
		})
	}
}

func TestFencesGoOnInDiscordsNextPiece(t *testing.T) {
	code := strings.Repeat("some *code*();\n", 700)
	var got []string
	for _, d := range discordPieces(t, "Look:\n```go\n"+code+"```\nend") {
		if d.code.Len() > 0 {
			got = append(got, strings.TrimSuffix(d.code.String(), "\n"))
		}
	}
	if len(got) < 5 || strings.Join(got, "\n")+"\n" != code || slices.Contains(got, "") {
		t.Errorf("%d pieces of code, together %d bytes of %d", len(got), len(strings.Join(got, "\n")), len(code))
	}
}

func TestHostileTextIsFastOnDiscord(t *testing.T) { fast(t, markup.Discord{}) }
