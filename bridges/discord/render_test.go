package discord

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"avatarbridge/bridges"
	"avatarbridge/bridges/markup"
)

// shown writes pieces down: forms by "|", pieces by " // ".
func shown(pieces []bridges.Message) string {
	var out []string
	for _, p := range pieces {
		var forms []string
		for _, f := range p.Forms {
			s := f.Kind + ":" + f.Text
			if f.Audio != nil {
				s = f.Kind + ":" + f.Audio.Source
			}
			forms = append(forms, s)
		}
		out = append(out, strings.Join(forms, "|"))
	}
	return strings.Join(out, " // ")
}

func TestWhatAMessageBecomes(t *testing.T) {
	const link = "https://x.org/a.mp3"
	audio := func(mode bridges.AudioMode, link string) *bridges.Audio {
		return &bridges.Audio{Source: "src", Link: link, Mode: mode}
	}
	const rich, plain = "🔊 [Audio](https://x.org/a.mp3)", "🔊 Audio (https://x.org/a.mp3)"
	for name, c := range map[string]struct {
		m    bridges.Message
		want string
	}{
		"nothing":              {bridges.Message{}, ""},
		"blank":                {bridges.Message{Text: "\u200b \n"}, ""},
		"text":                 {bridges.Message{Text: "Hello"}, "text:Hello|plain:Hello"},
		"markup":               {bridges.Message{Text: "**a** _b_"}, "text:**a** *b*|plain:a b"},
		"a ping":               {bridges.Message{Text: "@everyone <@123>"}, "text:@\u2060everyone \\<\u2060@123>|plain:@\u2060everyone <\u2060@123>"},
		"emotion":              {bridges.Message{Text: "a", Emotion: "great\njoy"}, "text:a\n\n*great joy*|plain:a\n\ngreat joy"},
		"animation":            {bridges.Message{Text: "a", Animation: "https://x.org/y"}, "text:a\n\n🎬 [Animation](https://x.org/y)|plain:a\n\n🎬 Animation (https://x.org/y)"},
		"an animation by name": {bridges.Message{Text: "a", Animation: "wave"}, "text:a|plain:a"},
		"a link":               {bridges.Message{Text: "a", Audio: audio("", link)}, "text:a\n\n" + rich + "|plain:a\n\n" + plain},
		"a script as a link":   {bridges.Message{Text: "a", Audio: audio("", "javascript:x")}, "text:a|plain:a"},
		"native":               {bridges.Message{Text: "a", Audio: audio(bridges.AudioNative, link)}, "text:a|plain:a // voice:src|file:src|text:" + rich + "|plain:" + plain},
		"a file":               {bridges.Message{Audio: audio(bridges.AudioFile, "")}, "file:src"},
		"off":                  {bridges.Message{Text: "a", Audio: audio(bridges.AudioOff, link)}, "text:a|plain:a"},
		"an answer":            {bridges.Message{Text: "**a**", Answer: "x"}, "answer:**a**|text:**a**|plain:a"},
		"an answer's sound":    {bridges.Message{Audio: audio(bridges.AudioFile, link), Answer: "x"}, "answer-file:src|answer:" + rich + "|file:src|text:" + rich + "|plain:" + plain},
	} {
		t.Run(name, func(t *testing.T) {
			if got := shown(fit(c.m)); got != c.want {
				t.Errorf("\n got %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestOnlyTheFirstPieceRefersAndOnlyLaterOnesFollow(t *testing.T) {
	long := strings.Repeat("A sentence. ", 500)
	for i, p := range fit(bridges.Message{Text: long, ReplyTo: "1", Mention: "2"}) {
		if (p.ReplyTo == "1" && p.Mention == "2") != (i == 0) || p.Answer != "" || p.More {
			t.Errorf("piece %d: %+v", i, p)
		}
	}
	for i, p := range fit(bridges.Message{Text: long, ReplyTo: "1", Mention: "2", Answer: "x"}) {
		if p.ReplyTo != "" || p.Mention != "" || p.Answer != "x" || p.More != (i > 0) {
			t.Errorf("piece %d of an answer: %+v", i, p)
		}
	}
}

func TestWhateverIsWrittenEachFormFitsAndPingsNobody(t *testing.T) {
	word := rapid.SampledFrom([]string{"a", "word", "**", "_", "`", "```", "\n", "\n\n", "> ", "- ", "1. ", "# ", "@everyone", "@here", "<@123456789012345678>",
		"<@&1>", "<#1>", "[x](https://x.org)", "https://x.org/" + strings.Repeat("p", 300), "|", "😀", "👩‍👩‍👧‍👦", "\\", "~~", "||", "\x00", "\xff", "\u200b", " "})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(word, 0, 120).Draw(t, "words"), rapid.SampledFrom([]string{"", " "}).Draw(t, "between"))
		text = strings.Repeat(text, rapid.IntRange(1, 20).Draw(t, "times"))
		for _, p := range fit(bridges.Message{Text: text, Emotion: text, Answer: rapid.SampledFrom([]string{"", "x"}).Draw(t, "answer")}) {
			if len(p.Forms) < 2 {
				t.Fatalf("a piece has %d forms", len(p.Forms))
			}
			for _, f := range p.Forms {
				switch {
				case markup.Units(f.Text) > 2000, markup.Blank(f.Text), !utf8.ValidString(f.Text):
					t.Fatalf("form %s of %d units: %q", f.Kind, markup.Units(f.Text), f.Text)
				case strings.Contains(f.Text, "<@&") && f.Kind == formPlain, strings.Contains(f.Text, "@everyone") && f.Kind == formPlain:
					t.Fatalf("it pings: %q", f.Text)
				}
			}
		}
	})
}
