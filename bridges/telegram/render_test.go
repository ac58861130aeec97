package telegram

import (
	"strings"
	"testing"

	"avatarbridge/bridges"
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
	for name, c := range map[string]struct {
		m    bridges.Message
		want string
	}{
		"nothing":                {bridges.Message{}, ""},
		"blank":                  {bridges.Message{Text: "\u200b \n"}, ""},
		"text":                   {bridges.Message{Text: "Hello"}, "text:Hello"},
		"markup":                 {bridges.Message{Text: "**a** <b>"}, "html:<b>a</b> &lt;b&gt;|text:a <b>"},
		"a name":                 {bridges.Message{Text: "`@anna`"}, "html:<code>@anna</code>|text:@\u2060anna"},
		"emotion":                {bridges.Message{Text: "a", Emotion: "great\njoy @x"}, "html:a\n\n<i>great joy @\u2060x</i>|text:a\n\ngreat joy @\u2060x"},
		"animation":              {bridges.Message{Text: "a", Animation: "https://x.org/y?a&b"}, "html:a\n\n🎬 <a href=\"https://x.org/y?a&amp;b\">Animation</a>|text:a\n\n🎬 Animation (https://x.org/y?a&b)"},
		"an animation by name":   {bridges.Message{Text: "a", Animation: "wave"}, "text:a"},
		"a link":                 {bridges.Message{Text: "a", Audio: audio("", link)}, "html:a\n\n🔊 <a href=\"https://x.org/a.mp3\">Audio</a>|text:a\n\n🔊 Audio (https://x.org/a.mp3)"},
		"a link alone":           {bridges.Message{Audio: audio("", link)}, "html:🔊 <a href=\"https://x.org/a.mp3\">Audio</a>|text:🔊 Audio (https://x.org/a.mp3)"},
		"no link":                {bridges.Message{Text: "a", Audio: audio("", "")}, "text:a"},
		"a script as a link":     {bridges.Message{Text: "a", Audio: audio("", "javascript:x")}, "text:a"},
		"no link and no text":    {bridges.Message{Audio: audio("", "")}, "audio:src|document:src"},
		"native":                 {bridges.Message{Text: "a", Audio: audio(bridges.AudioNative, link)}, "text:a // voice:src|audio:src|document:src|html:🔊 <a href=\"https://x.org/a.mp3\">Audio</a>|text:🔊 Audio (https://x.org/a.mp3)"},
		"native without a link":  {bridges.Message{Text: "a", Audio: audio(bridges.AudioNative, "")}, "text:a // voice:src|audio:src|document:src"},
		"a file":                 {bridges.Message{Audio: audio(bridges.AudioFile, "")}, "audio:src|document:src"},
		"off":                    {bridges.Message{Text: "a", Audio: audio(bridges.AudioOff, link)}, "text:a"},
		"off and nothing else":   {bridges.Message{Audio: audio(bridges.AudioOff, link)}, ""},
		"a link on this machine": {bridges.Message{Audio: audio("", "http://localhost:8080/m")}, "text:🔊 Audio (http://localhost:8080/m)"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := shown(fit(&c.m)); got != c.want {
				t.Errorf("\n got %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestOnlyTheFirstPieceRefersToTheQuestion(t *testing.T) {
	pieces := fit(&bridges.Message{Text: strings.Repeat("word ", 3000), ReplyTo: "7", Audio: &bridges.Audio{Source: "s", Mode: bridges.AudioNative}})
	if len(pieces) != 5 {
		t.Fatalf("%d pieces", len(pieces))
	}
	for i, p := range pieces {
		if want := map[bool]string{true: "7"}[i == 0]; p.ReplyTo != want {
			t.Errorf("piece %d refers to %q", i, p.ReplyTo)
		}
	}
}

func TestALongLinkStaysWhole(t *testing.T) {
	link := "https://x.org/" + strings.Repeat("a", 3000)
	pieces := fit(&bridges.Message{Text: strings.Repeat("word ", 500), Audio: &bridges.Audio{Link: link}})
	if len(pieces) != 2 || !strings.Contains(pieces[1].Forms[0].Text, link) {
		t.Errorf("%d pieces", len(pieces))
	}
}
