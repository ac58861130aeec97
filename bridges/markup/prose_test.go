package markup

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// sameAsParsed fails when what is taken for prose is read otherwise than the parser would read it.
func sameAsParsed(t interface {
	Helper()
	Fatalf(string, ...any)
}, s string) bool {
	t.Helper()
	src := clean(s)
	got, ok := prose(src)
	if !ok {
		return false
	}
	want := read(src)
	if hostile(src) {
		want = literal(src)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%q is read as\n%#v\nwithout the parser, and with it as\n%#v", src, got, want)
	}
	return true
}

func TestProseIsReadAsTheParserReadsIt(t *testing.T) {
	for _, s := range []string{
		"Hello!", "Hi, Ann: how are you (today)? I'm fine.", "one line\nand another", "one\n\ntwo\nlines\n\nthree", "Größe 12,5 %", "Привет, мир", "日本語。", "😀 fun",
		"a - b + c = d", "word 1. not a list", "see: a/b", strings.Repeat("long ", 60_000) + "end",
	} {
		if !sameAsParsed(t, s) {
			t.Errorf("%.40q is not taken for prose", s)
		}
	}
}

func TestWhatMayBeMarkdownIsNoProse(t *testing.T) {
	for _, s := range []string{
		"", " ", "\n", "# a", "- a", "1. a", "a\n- b", "a\n===", "a\n---", "a*b*", "_a_", "`a`", "[a](b)", "a  \nb", "a\\\nb", "a &amp; b", "a@b.de", "www.example.com",
		"http://example.com", "a | b\nc | d", "    a", "a ", "\na", "a\n", "a\n\n\nb", "a\n b", "a\n\n b", "~~a~~", "<b>", "> a", "a\u00a0b", "\u3164",
	} {
		if d, ok := prose(clean(s)); ok {
			t.Errorf("%q is taken for prose: %#v", s, d)
		}
	}
}

func TestAnyTextIsReadAsTheParserReadsIt(t *testing.T) {
	bits := rapid.SampledFrom([]string{"a", "b", "Word", "é", "日", "😀", "\u0301", "\u00a0", "\u200b", "\u3164", " ", "  ", "\n", "\n\n", "\t", "1", "1. ", "2)", "-", "- ", "+", "+ ", "=",
		"===", "---", "*", "_", "~", "`", "#", "> ", "<", ">", "&", "&amp;", "\\", "|", "[", "]", "(", ")", "!", "!a", "@", "a@b.de", ".", ",", ":", ";", "?", "\"", "'", "/", "//", "://",
		"http", "http:", "http://a.de", "www", "www.", "www.a.de", "ftp:", "%", "$", "{", "}", "^", "\r", "\x00", "\u2028"})
	prosaic := rapid.SampledFrom([]string{"a", "B", "é", "日", "😀", "\u0301", " ", " ", "\n", "\n\n", "1", "1.", "2)", "-", "--", "+", "=", "==", "(", ")", "!", ".", ",", ":", ";", "?", "\"", "'",
		"/", "http", "http:", "www", "ftp:", "%", "$"})
	rapid.Check(t, func(rt *rapid.T) {
		sameAsParsed(rt, strings.Join(rapid.SliceOf(bits).Draw(rt, "text"), ""))
		sameAsParsed(rt, "a"+strings.Join(rapid.SliceOf(prosaic).Draw(rt, "prose"), ""))
	})
}

func FuzzProse(f *testing.F) {
	f.Add("Hello!\nHow are you?\n\nFine.")
	f.Fuzz(func(t *testing.T, s string) { sameAsParsed(t, s) })
}
