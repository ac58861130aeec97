package markup

import (
	"strings"
	"testing"
)

func TestAFeelingIsOneShortLine(t *testing.T) {
	for in, want := range map[string]string{
		"joy": "joy", " a\nb\x00c\u202e ": "a bc", "\xff": "", strings.Repeat("ä", 65): strings.Repeat("ä", 64) + "…", "\u200b": "", " \n": "",
	} {
		if got := Line(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestWhatIsShownBelowATextIsALineEach(t *testing.T) {
	long := "https://example.com/" + strings.Repeat("a", maxLink)
	for _, c := range []struct{ text, emotion, animation, want string }{
		{"Hello", "joy", "https://example.com/wave.mp4", "Hello\n\njoy\n\n🎬 Animation (https://example.com/wave.mp4)"},
		{"", "joy", "", "joy"},
		{"Hello", "\u200b", "javascript:alert(1)", "Hello"},
		{"", "", long, "🎬 " + long},
	} {
		if got := (Plain{}).Write(Reply(c.text, c.emotion, c.animation)); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	if got := (Plain{}).Write(Doc{Sound("https://example.com/a.mp3")}); got != "🔊 Audio (https://example.com/a.mp3)" {
		t.Errorf("got %q", got)
	}
}
