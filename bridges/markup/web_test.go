package markup_test

import (
	"strings"
	"testing"

	"avatarbridge/bridges/markup"
)

func asWeb(text string) string { return markup.Web{}.Write(markup.Parse(text)) }

func TestWhatMarkdownBecomesOnAPage(t *testing.T) {
	const to = ` rel="noopener noreferrer nofollow" target="_blank">`
	for name, c := range map[string]struct{ in, want string }{
		"styles":             {"**a** *b* ~~c~~ `d` ***e***", "<p><strong>a</strong> <em>b</em> <s>c</s> <code>d</code> <strong><em>e</em></strong></p>"},
		"paragraphs":         {"a\nb\n\nc", "<p>a<br>b</p><p>c</p>"},
		"headings":           {"# A *b*\n## B\n#### D\n###### F", "<h3>A <em>b</em></h3><h4>B</h4><h6>D</h6><h6>F</h6>"},
		"list":               {"- a\n- b\n  - c\n    1. d\n- e", "<ul><li>a</li><li>b<ul><li>c<ol><li>d</li></ol></li></ul></li><li>e</li></ul>"},
		"numbers":            {"3. a\n4. b\n\nx\n\n0) c", `<ol start="3"><li>a</li><li>b</li></ol><p>x</p><ol start="0"><li>c</li></ol>`},
		"lists in a row":     {"1. a\n2. b\n\n1) c\n\n- d\n\n* e", "<ol><li>a</li><li>b</li></ol><ol><li>c</li></ol><ul><li>d</li><li>e</li></ul>"},
		"item's blocks":      {"- a\n\n  b\n  ```\n  c\n  ```\n  - d\n\n  e\n- f", "<ul><li>a<p>b</p><pre><code>c</code></pre><ul><li>d</li></ul><p>e</p></li><li>f</li></ul>"},
		"item of a list":     {"- - a\n  - b\n-\n- > c", "<ul><li><ul><li>a</li><li>b</li></ul></li><li></li><li><blockquote><p>c</p></blockquote></li></ul>"},
		"tasks":              {"- [ ] a\n- [x] b", "<ul><li>☐ a</li><li>☑ b</li></ul>"},
		"quotes":             {"> a\n>> b\n>\n> - c\n>   > d\n\ne", "<blockquote><p>a</p><blockquote><p>b</p></blockquote><ul><li>c<blockquote><p>d</p></blockquote></li></ul></blockquote><p>e</p>"},
		"code":               {"```go\nif a < b {\n\n  *c*\n}\n```", "<pre><code class=\"language-go\">if a &lt; b {\n\n  *c*\n}</code></pre>"},
		"code in a quote":    {"> ```\n> a\n> ```", "<blockquote><pre><code>a</code></pre></blockquote>"},
		"language as attack": {"```a\"onload=x\nb\n```", "<pre><code>a\"onload=x\nb</code></pre>"},
		"table":              {"a\n\n|*b*|c|\n|-|-:|\n|1||\n||[x](http://x.org)|\n\nd", `<p>a</p><table><thead><tr><th><em>b</em></th><th>c</th></tr></thead><tbody><tr><td>1</td><td></td></tr><tr><td></td><td><a href="http://x.org"` + to + `x</a></td></tr></tbody></table><p>d</p>`},
		"table of a bar":     {"|a|\n|-|\n|b\\| \\| c|", "<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>b| | c</td></tr></tbody></table>"},
		"tables in a row":    {"|a|\n|-|\n\n|b|\n|-|\n|c|", "<table><thead><tr><th>a</th></tr></thead></table><table><thead><tr><th>b</th></tr></thead><tbody><tr><td>c</td></tr></tbody></table>"},
		"table in items":     {"- |a|\n  |-|\n- |b|\n  |-|", "<ul><li><table><thead><tr><th>a</th></tr></thead></table></li><li><table><thead><tr><th>b</th></tr></thead></table></li></ul>"},
		"rule":               {"a\n\n---\n\n- b\n\n  ---", "<p>a</p><hr><ul><li>b<hr></li></ul>"},
		"link":               {"[a **b** `c`](https://x.org/?a=1&b=2 \"t\")", `<p><a href="https://x.org/?a=1&amp;b=2"` + to + "a <strong>b</strong> <code>c</code></a></p>"},
		"bare link":          {"see https://x.org/a_b_c.", `<p>see <a href="https://x.org/a_b_c"` + to + "https://x.org/a_b_c</a>.</p>"},
		"mail":               {"<a@x.org>", `<p><a href="mailto:a@x.org"` + to + "a@x.org</a></p>"},
		"letters of a URL":   {"[a](http://bücher.de/ü?'={})", `<p><a href="http://b%C3%BCcher.de/%C3%BC?%27=%7B%7D"` + to + "a</a></p>"},
		"image":              {"![a](https://x.org/a.png)", `<p><a href="https://x.org/a.png"` + to + "a</a></p>"},
		"html is text":       {"<b>a</b>\n\n<div>\n*b*", "<p>&lt;b&gt;a&lt;/b&gt;</p><p>&lt;div&gt;<br><em>b</em></p>"},
		"turned text":        {"\u202egpj.exe `a\u202eb` \u200fא", "<p>gpj.exe <code>a\u202eb</code> \u200fא</p>"},
		"open fence":         {"a\n```go\nx := 1\ny", "<p>a</p><pre><code class=\"language-go\">x := 1\ny</code></pre>"},
		"nothing":            {" \n\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := asWeb(c.in); got != c.want {
				t.Errorf("%q\n got %s\nwant %s", c.in, got, c.want)
			}
		})
	}
}

func TestPageTakesATextOfAnyLengthInOnePiece(t *testing.T) {
	text := strings.Repeat("- [a](https://x.org/b) and so on\n\n", 5000)
	pieces := markup.Fit(text, markup.Web{})
	if len(pieces) != 1 || (markup.Web{}).Write(pieces[0]) != asWeb(text) {
		t.Errorf("%d pieces", len(pieces))
	}
}

func TestDocMadeByHandIsAsHarmlessOnAPage(t *testing.T) {
	for name, d := range map[string]markup.Doc{
		"link":     {{Spans: []markup.Span{{Text: "a", Link: "javascript:alert(1)"}}}},
		"quote":    {{Spans: []markup.Span{{Text: "a", Link: `https://x.org/"onclick="alert(1)`}}}},
		"language": {{Kind: markup.Code, Lang: `"><script>`, Spans: []markup.Span{{Text: "<script>"}}}},
		"no code":  {{Kind: markup.Code}},
		"nest":     {{Nest: "<script>", Marker: "<b>", Spans: []markup.Span{{Text: "a"}}}, {Nest: ">-1", Row: markup.BodyRow}, {Row: markup.HeadRow}},
		"level":    {{Kind: markup.Heading, Level: -7, Spans: []markup.Span{{Text: "a"}}}, {Kind: 99}},
	} {
		t.Run(name, func(t *testing.T) { readWeb(t, markup.Web{}.Write(d)) })
	}
}
