package bridgetest

import (
	"encoding/json"
	"fmt"
	"testing"
)

func TestHTMLIsRefusedInTelegramsWords(t *testing.T) {
	for in, want := range map[string]string{
		"x < y":                               `Unsupported start tag "" at byte offset 2`,
		"é<b":                                 `Unclosed start tag at byte offset 2`,
		"a <script>":                          `Unsupported start tag "script" at byte offset 2`,
		"<h1 class=x>":                        `Unsupported start tag "h1" at byte offset 0`,
		"<b =x>":                              `Empty attribute name in the tag "b" at byte offset 0`,
		"<b x = ":                             `Unclosed start tag "b" at byte offset 0`,
		"<a href=a/b>":                        `Unexpected end of name token at byte offset 8`,
		`<a href="x>`:                         `Unclosed start tag at byte offset 0`,
		"</b>":                                `Unexpected end tag at byte offset 0`,
		"<b>x</b ":                            `Unclosed end tag at byte offset 4`,
		"<b>x</i>":                            `Unmatched end tag at byte offset 4, expected "</b>", found "</i>"`,
		"<b><i>x</b></i>":                     `Unmatched end tag at byte offset 7, expected "</i>", found "</b>"`,
		"<b>x":                                `Can't find end tag corresponding to start tag "b"`,
		"<span>x</span>":                      `Tag "span" must have class "tg-spoiler" at byte offset 0`,
		`<tg-emoji emoji-id="x">y</tg-emoji>`: `Invalid custom emoji identifier specified`,
		"&#xD83D;":                            `Text contains invalid Unicode characters after decoding HTML entities, check for unmatched surrogate code units`,
	} {
		if _, _, err := parseHTML(in); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", in, err, want)
		}
	}
}

func TestHTMLBecomesTextAndEntities(t *testing.T) {
	for _, c := range []struct{ in, text, entities string }{
		{"plain &lt;&gt;&amp;&quot;&#39;&#x1F600;", `plain <>&"'😀`, ``},
		{"&nbsp; &bogus; & &#12345678; &#0;", "&nbsp; &bogus; & &#12345678; &#0;", ``},
		{"&lt.", "<.", ``},
		{"😀<b>é😀</b>", "😀é😀", `[bold 2 3]`},
		{"<STRONG>a<em>b</em></STRONG>", "ab", `[bold 0 2 italic 1 1]`},
		{"<b></b>x", "x", ``},
		{"<b>x</>", "x", `[bold 0 1]`},
		{"<b odd>x</b  >", "x", `[bold 0 1]`},
		{`<a href="https://example.com/?a&amp;b">x</a>`, "x", `[text_link 0 1 https://example.com/?a&b]`},
		{`<a href="not a link">x</a>`, "x", ``},
		{`<pre><code class="language-go">x</code></pre>`, "x", `[pre 0 1 go]`},
		{`<pre>x <code class="language-go">y</code></pre>`, "x y", `[pre 0 3 code 2 1]`},
		{`<blockquote expandable>x</blockquote>`, "x", `[expandable_blockquote 0 1]`},
		{`<span class="tg-spoiler">x</span>`, "x", `[spoiler 0 1]`},
		{"a > b", "a > b", ``},
	} {
		text, entities, err := parseHTML(c.in)
		got := ""
		if entities != nil {
			var words []any
			for _, e := range entities {
				words = append(words, e.Type, e.Offset, e.Length)
				if e.URL+e.Language != "" {
					words = append(words, e.URL+e.Language)
				}
			}
			got = fmt.Sprint(words)
		}
		if err != nil || text != c.text || got != c.entities {
			t.Errorf("%s: got %q %s %v", c.in, text, got, err)
		}
	}
}

func FuzzHTML(f *testing.F) {
	for _, s := range []string{"<b>x</b>", "&#x1F600;<a href='x.y'>é</a>", "<pre><code class=\"language-go\">", "<i a=b c>\x00</>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		text, entities, err := parseHTML(in)
		if err != nil {
			return
		}
		for _, e := range entities {
			if e.Offset < 0 || e.Length <= 0 || e.Offset+e.Length > utf16Len(text) {
				t.Errorf("%q: entity %+v is outside of %q", in, e, text)
			}
		}
	})
}

func TestCleaningMovesEntitiesAlong(t *testing.T) {
	f, refused := format(" \r\n a\r\tb<b>\rc\r</b> ", "HTML", maxText, "")
	if refused != nil {
		t.Fatalf("refused: %s", refused.body)
	}
	entities, err := json.Marshal(f.entities)
	if err != nil {
		t.Fatal(err)
	}
	if f.text != "a bc" || string(entities) != `[{"type":"bold","offset":3,"length":1}]` {
		t.Errorf("got %q %s", f.text, entities)
	}
}
