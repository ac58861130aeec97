package markup_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"avatarbridge/bridges/markup"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"pgregory.net/rapid"
)

// page is what a browser makes of HTML.
type page struct {
	text, code strings.Builder
	elements   []string
}

var allowed = strings.Fields("p h3 h4 h5 h6 ul ol li blockquote pre code hr br table thead tbody tr th td strong em u s a")

var (
	harmless  = regexp.MustCompile(`^(?i:https?://|mailto:)[!#-;=?-_a-z|~]+$`) // ASCII but for blanks, quotes and <>`{}
	codeClass = regexp.MustCompile(`^language-[A-Za-z0-9+#._-]{1,32}$`)
	listStart = regexp.MustCompile(`^[0-9]{1,10}$`)
)

// readWeb parses s as a browser does and fails on all that a page must not hold.
func readWeb(t failer, s string) *page {
	t.Helper()
	nodes, err := html.ParseFragment(strings.NewReader(s), &html.Node{Type: html.ElementNode, Data: "div", DataAtom: atom.Div})
	if err != nil || !utf8.ValidString(s) {
		t.Fatalf("%v in %q", err, s)
	}
	var p page
	var again strings.Builder
	for _, n := range nodes {
		p.add(t, n, nil)
		if err := html.Render(&again, n); err != nil {
			t.Fatalf("%v", err)
		}
	}
	if open, closed := strings.Count(s, "<"), strings.Count(again.String(), "<"); open-strings.Count(s, "<br>")-strings.Count(s, "<hr>") != closed-strings.Count(again.String(), "<br/>")-strings.Count(again.String(), "<hr/>") {
		t.Fatalf("the browser had to mend %q\nto %q", s, again.String())
	}
	return &p
}

func (p *page) add(t failer, n *html.Node, in []string) {
	t.Helper()
	switch n.Type {
	case html.TextNode:
		p.text.WriteString(n.Data)
		if slices.Contains(in, "pre") {
			p.code.WriteString(n.Data)
		}
	case html.ElementNode:
		if !slices.Contains(allowed, n.Data) || n.Namespace != "" {
			t.Fatalf("an element %q", n.Data)
		}
		for _, a := range n.Attr {
			checkAttr(t, n, a)
		}
		if n.Data == "a" && (len(n.Attr) != 3 || slices.Contains(in, "a")) {
			t.Fatalf("a link with %v in %v", n.Attr, in)
		}
		p.elements = append(p.elements, n.Data)
	default:
		t.Fatalf("a node %v %q", n.Type, n.Data)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		p.add(t, c, append(slices.Clone(in), n.Data))
	}
}

func checkAttr(t failer, n *html.Node, a html.Attribute) {
	t.Helper()
	switch n.Data + " " + a.Key {
	case "a href":
		if !harmless.MatchString(a.Val) {
			t.Fatalf("a link to %q", a.Val)
		}
	case "a rel":
		if a.Val != "noopener noreferrer nofollow" {
			t.Fatalf("rel is %q", a.Val)
		}
	case "a target":
		if a.Val != "_blank" {
			t.Fatalf("target is %q", a.Val)
		}
	case "code class":
		if !codeClass.MatchString(a.Val) {
			t.Fatalf("class is %q", a.Val)
		}
	case "ol start":
		if !listStart.MatchString(a.Val) {
			t.Fatalf("start is %q", a.Val)
		}
	default:
		t.Fatalf("an attribute %s=%q of %s", a.Key, a.Val, n.Data)
	}
}

// checkWeb compares a page with the text that Plain shows, which has signs and addresses besides.
func checkWeb(t failer, text string) {
	t.Helper()
	doc := markup.Parse(text)
	p := readWeb(t, markup.Web{}.Write(doc))
	var all, code strings.Builder
	for _, b := range doc {
		if b.Marker == "☐" || b.Marker == "☑" {
			all.WriteString(b.Marker)
		}
		for _, s := range b.Spans {
			if s.Column {
				continue
			}
			all.WriteString(s.Text)
			if b.Kind == markup.Code {
				code.WriteString(s.Text)
			}
		}
	}
	want := strings.NewReplacer("\u202d", "", "\u202e", "")
	if got := visible(p.text.String()); want.Replace(got) != want.Replace(visible(all.String())) {
		t.Fatalf("text is lost or doubled:\n got %q\nwant %q", got, visible(all.String()))
	}
	if p.code.String() != code.String() {
		t.Fatalf("code changed:\n got %q\nwant %q", p.code.String(), code.String())
	}
}

func TestPageIsSafeAndShowsAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { checkWeb(t, markdown(t)+rapid.SampledFrom(attacks).Draw(t, "attack")) })
}

func FuzzWeb(f *testing.F) {
	for _, s := range attacks {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkWeb(t, s) })
}

// attacks are what people put into text to make a page run it, or to make a reader take one thing for another.
var attacks = []string{
	"<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "<iframe srcdoc='<script>alert(1)</script>'>", "<a href=javascript:alert(1)>x</a>",
	"<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>", "<!--><img src=x onerror=alert(1)>-->", "</p></div></body><script>alert(1)</script>", "<![CDATA[<script>]]>", "<?php x ?>",
	"<scr<script>ipt>alert(1)</scr</script>ipt>", "<style>*{background:url(//evil)}</style>", "<base href=//evil>", "<meta http-equiv=refresh content=0>", "<input autofocus onfocus=alert(1)>", "<details open ontoggle=alert(1)>",
	"[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "[x](java\tscript:alert(1))", "[x](<java\nscript:alert(1)>)", "[x](\x01javascript:alert(1))", "[x](< javascript:alert(1)>)", "[x](javascript&colon;alert(1))", "[x](&#106;avascript:alert(1))",
	"[x](&#x6A;&#x61;vascript:alert(1))", "[x](java&Tab;script:alert(1))", "[x](java&NewLine;script:alert(1))", "[x](\\javascript:alert(1))", "[x](javascript\\:alert(1))", "[x](javascript://x.org/%0aalert(1))", "[x](data:text/html,<script>alert(1)</script>)",
	"[x](data:text/html;base64,PHNjcmlwdD4=)", "[x](vbscript:msgbox(1))", "[x](VBScript&#58;msgbox)", "[x](file:///etc/passwd)", "[x](blob:https://x.org/1)", "[x](view-source:javascript:alert(1))", "[x](feed:javascript:alert(1))", "[x](//evil.org)", "[x](\\\\evil.org)", "[x](/\\evil.org)",
	"[x](https:javascript:alert(1))", "[x](http://)", "[x](https://x.org\" onmouseover=\"alert(1))", "[x](https://x.org/' onclick='alert(1))", "[x](https://x.org/\" \"title\" onclick=alert(1))", "[x](<https://x.org/><img src=x onerror=alert(1)>)", "[x](https://x.org '\"><script>alert(1)</script>')",
	"![x](javascript:alert(1))", "![\"onerror=\"alert(1)](x)", "![x\"onerror=\"alert(1)](https://x.org/a.png\"onerror=alert(1))", "![x](https://x.org/a.png)", "[![x](javascript:1)](javascript:2)", "[a](javascript:1)[b](https://x.org)", "[<img src=x onerror=alert(1)>](https://x.org)",
	"<javascript:alert(1)>", "<JAVASCRIPT&#58;alert(1)>", "<https://x.org/\"onclick=alert(1)>", "<data:text/html,x>", "<mailto:a@b.c?body=<script>>", "<a@b.c\"onclick=x>", "https://x.org/\"onmouseover=alert(1)//", "https://x.org/<script>", "http://x.org/`onclick`", "www.x.org\"onclick=alert(1)",
	"[x]: javascript:alert(1)\n\n[x]", "[x][y]\n\n[y]: data:text/html,a \"t\"", "[^1]\n\n[^1]: <script>", "```\"><script>alert(1)</script>\na\n```", "```js onload=alert(1)\na\n```", "~~~' onclick='x\na", "```</code></pre><script>\na", "`</code><script>alert(1)</script>`", "    </pre><script>alert(1)</script>",
	"# <script>alert(1)</script>", "# A {onclick=alert(1)}", "> <img src=x onerror=alert(1)>", "- <svg onload=alert(1)>", "|<script>|\n|-|\n|</td></table><script>|", "999999999. a", "1.<script>", "- [x]<script>", "**<b onclick=alert(1)>**", "&lt;script&gt;alert(1)&lt;/script&gt;", "&#60;script&#62;", "&amp;lt;script>",
	"\\<script>alert(1)\\</script>", "<scr\x00ipt>", "\ufeff<script>", "＜script＞", "\u202e>tpircs<", "<\u200bscript>", "%3Cscript%3E", "\xc0\xbcscript>", "{{constructor.constructor('alert(1)')()}}", "${alert(1)}", "<https://bank.example@evil.org>", "[https://bank.example](https://evil.org)", "[x](https://x.org/\u202egpj.exe)",
	strings.Repeat("> ", 90) + "<script>", strings.Repeat("[", 50) + "x" + strings.Repeat("](javascript:1)", 50), strings.Repeat("*<b>", 300),
}

func TestWhatWouldRunOnAPageIsInert(t *testing.T) {
	for _, in := range attacks {
		checkWeb(t, in)
		checkWeb(t, "a "+in+" b")
		checkWeb(t, "*[a "+in+"](https://x.org/"+in+")*\n- "+in)
	}
}

func TestLinkThatIsRefusedIsShownAsText(t *testing.T) {
	for _, in := range []string{"[x](javascript:alert(1))", "[x](data:text/html,a)", "[x](&#106;avascript:a)", "[x](//evil.org)", "[x](vbscript:a)", "[x](https:javascript:a)", "<javascript:a>", "[x](java&Tab;script:a)", "[x](\\\\evil.org)"} {
		if p := readWeb(t, asWeb(in)); slices.Contains(p.elements, "a") || !strings.ContainsAny(p.text.String(), `:/\`) {
			t.Errorf("%q became %q with %q", in, p.text.String(), p.elements)
		}
	}
}

func TestHostileTextIsFastOnAPage(t *testing.T) {
	for name, text := range hostileTexts() {
		start := time.Now()
		readWeb(t, asWeb(text))
		if d := time.Since(start); d > 10*time.Second {
			t.Errorf("%s took %v", name, d)
		}
	}
}
