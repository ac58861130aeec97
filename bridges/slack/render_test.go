package slack

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"avatarbridge/bridges"
	"avatarbridge/bridges/markup"
)

func TestTheFormsOfAMessage(t *testing.T) {
	link := "https://example.com/a.ogg"
	for name, c := range map[string]struct {
		m    bridges.Message
		want string // forms of each piece
	}{
		"text":               {bridges.Message{Text: "a"}, "markdown text"},
		"an answer":          {bridges.Message{Text: "a", Answer: "u"}, "answer markdown text"},
		"nothing":            {bridges.Message{}, ""},
		"a link to sound":    {bridges.Message{Text: "a", Audio: &bridges.Audio{Link: link, Source: "s"}}, "markdown text"},
		"a file of sound":    {bridges.Message{Text: "a", Audio: &bridges.Audio{Link: link, Source: "s", Mode: bridges.AudioFile}}, "markdown text|file markdown text"},
		"no voice messages":  {bridges.Message{Text: "a", Audio: &bridges.Audio{Source: "s", Mode: bridges.AudioNative}}, "markdown text|file"},
		"no sound":           {bridges.Message{Text: "a", Audio: &bridges.Audio{Link: link, Mode: bridges.AudioOff}}, "markdown text"},
		"sound alone":        {bridges.Message{Audio: &bridges.Audio{Source: "s"}}, "file"},
		"emotion, animation": {bridges.Message{Emotion: "joy", Animation: link}, "markdown text"},
	} {
		var pieces []string
		for _, p := range fit(c.m) {
			var kinds []string
			for _, f := range p.Forms {
				kinds = append(kinds, f.Kind)
			}
			pieces = append(pieces, strings.Join(kinds, " "))
		}
		if got := strings.Join(pieces, "|"); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestWhateverAnAvatarWritesPingsNobodyAndFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
			"<!channel>", "<@U123>", "<!here|x>", "@everyone", "\x1e", "**", "`", "```\n", "<#C1>", "<https://x.org|y>", "[<!channel>](https://x.org)",
			strings.Repeat("word ", 900),
		})), 0, 20).Draw(t, "text"), "")
		for _, m := range fit(bridges.Message{Text: text}) {
			block, plain := both(m.Forms[0])
			if n := markup.Units(plain); n > 4000 || markup.Units(block) > 12000 || block == "" || plain == "" {
				t.Fatalf("a piece of %d and %d units", markup.Units(block), n)
			}
			if strings.Contains(plain, "<!") || strings.Contains(plain, "<@") || strings.Contains(plain, separator) || strings.Contains(block, separator) {
				t.Fatalf("%q", plain)
			}
			if rest, text := both(m.Forms[1]); rest != "" || text != plain {
				t.Fatalf("the second form is %q, %q", rest, text)
			}
		}
	})
}
