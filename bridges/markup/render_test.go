package markup_test

import (
	"strings"
	"testing"

	"avatarbridge/bridges/markup"
)

func asHTML(text string) string {
	var out []string
	for _, p := range markup.Fit(text, markup.Telegram{}) {
		out = append(out, markup.Telegram{}.Write(p))
	}
	return strings.Join(out, "\n=====\n")
}

func asPlain(text string) string {
	var out []string
	for _, p := range markup.Fit(text, markup.Plain{Max: 4096}) {
		out = append(out, markup.Plain{Max: 4096}.Write(p))
	}
	return strings.Join(out, "\n=====\n")
}

func TestWhatMarkdownBecomes(t *testing.T) {
	for name, c := range map[string]struct{ in, html, plain string }{
		"styles":         {"**a** *b* ~~c~~ `d`", "<b>a</b> <i>b</i> <s>c</s> <code>d</code>", "a b c d"},
		"nested styles":  {"**a *b* c**", "<b>a <i>b</i> c</b>", "a b c"},
		"code in bold":   {"**a `b` c**", "<b>a </b><code>b</code><b> c</b>", "a b c"},
		"code in a link": {"[a `b`](https://x.org/?a=1&b=2)", `<a href="https://x.org/?a=1&amp;b=2">a b</a>`, "a b (https://x.org/?a=1&b=2)"},
		"escapes":        {`a < b & c > d \*e\* &copy;`, "a &lt; b &amp; c &gt; d *e* ©", "a < b & c > d *e* ©"},
		"html is text":   {"<b>a</b>\n\n<div>\n*b*", "&lt;b&gt;a&lt;/b&gt;\n\n&lt;div&gt;\n<i>b</i>", "<b>a</b>\n\n<div>\nb"},
		"heading":        {"# A *b*\ntext", "<b>A <i>b</i></b>\ntext", "A b\ntext"},
		"list":           {"To do:\n- a\n- b\n  - c\n\n3. d\n4. e", "To do:\n• a\n• b\n  • c\n\n3. d\n4. e", "To do:\n• a\n• b\n  • c\n\n3. d\n4. e"},
		"item's lines":   {"- a\n  b\n\n  c", "• a\n  b\n\n  c", "• a\n  b\n\n  c"},
		"empty item":     {"-\n- a", "•\u0020\n• a", "•\u0020\n• a"},
		"tasks":          {"- [ ] a\n- [x] b", "☐ a\n☑ b", "☐ a\n☑ b"},
		"quote":          {"> a\n> b\n\nc", "<blockquote>a\nb</blockquote>\n\nc", "> a\n> b\n\nc"},
		"quote in quote": {"> a\n>> b", "<blockquote>a\n&gt; b</blockquote>", "> a\n> > b"},
		"code in quote":  {"> a\n> ```\n> b\n> ```\n> c", "<blockquote>a</blockquote>\n<pre>b</pre>\n<blockquote>c</blockquote>", "> a\nb\n> c"},
		"fence":          {"a\n```c++\nif a < b {\n\n  c\n}\n```\nd", "a\n<pre><code class=\"language-c++\">if a &lt; b {\n\n  c\n}</code></pre>\n\nd", "a\nif a < b {\n\n  c\n}\n\nd"},
		"open fence":     {"```go\na", "<pre><code class=\"language-go\">a</code></pre>", "a"},
		"table":          {"|a|b|\n|-|-|\n|1|[x](http://x.org)|", "<b>a | b</b>\n1 | <a href=\"http://x.org\">x</a>", "a | b\n1 | x (http://x.org)"},
		"table below":    {"x\n\n|a|\n|-|\n|b|\n\ny", "x\n\n<b>a</b>\nb\n\ny", "x\n\na\nb\n\ny"},
		"rule":           {"a\n\n---\n\nb", "a\n\n———\n\nb", "a\n\n———\n\nb"},
		"link":           {"[a](http://x.org \"t\")", `<a href="http://x.org">a</a>`, "a (http://x.org)"},
		"image":          {"![a](http://x.org/a.png)", `<a href="http://x.org/a.png">a</a>`, "a (http://x.org/a.png)"},
		"bare link":      {"http://x.org/a_b_c, www.x.org", `<a href="http://x.org/a_b_c">http://x.org/a_b_c</a>, <a href="http://www.x.org">www.x.org</a>`, "http://x.org/a_b_c, www.x.org"},
		"script":         {"[a](javascript:alert(1))", "a (javascript:alert(1))", "a (javascript:alert(1))"},
		"ping by id":     {"[a](tg://user?id=7)", "a (tg://user?id=7)", "a (tg://user?id=7)"},
		"relative link":  {"[a](b.html)", "a (b.html)", "a (b.html)"},
		"local link":     {"[a](http://localhost/b)", "a (http://localhost/b)", "a (http://localhost/b)"},
		"mail":           {"[a](mailto:b@x.org) <c@x.org>", "a (b@x.org) c@x.org", "a (b@x.org) c@x.org"},
		"empty link":     {"[](http://x.org)", `<a href="http://x.org">http://x.org</a>`, "http://x.org"},
		"definition":     {"[a][1]\n\n[1]: http://x.org", "[a][1]\n\n[1]: <a href=\"http://x.org\">http://x.org</a>", "[a][1]\n\n[1]: http://x.org"},
		"name":           {"@luna and **@luna**, a@x.org", "@\u2060luna and <b>@\u2060luna</b>, a@x.org", "@luna and @luna, a@x.org"},
		"lone controls":  {"a\x00b\r\nc\xff", "ab\nc\ufffd", "ab\nc\ufffd"},
		"nothing":        {" \n\t\u200b\u2800\n\n\u00a0\n", "", ""},
		"asterisks":      {"2 * 3 * 4 ** 5", "2 * 3 * 4 ** 5", "2 * 3 * 4 ** 5"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := asHTML(c.in); got != c.html {
				t.Errorf("html\n got %q\nwant %q", got, c.html)
			}
			if got := asPlain(c.in); got != c.plain {
				t.Errorf("plain\n got %q\nwant %q", got, c.plain)
			}
		})
	}
}
