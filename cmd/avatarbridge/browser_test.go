package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"avatarbridge/avatar/avatartest"
)

const (
	mineTexts  = "#log .mine .body"
	replyTexts = "#log .reply .body"
)

func TestAVisitorTalksWithTheAvatarAndHearsIt(t *testing.T) {
	r := newPageRig(t)
	r.start()
	r.ready()
	b := openBrowser(t)
	b.open("http://" + r.public + "/")
	b.write("Hello you")
	b.until("the reply is there", `document.querySelector("#log .reply .body")?.innerText.includes("Hello you")`)
	b.until("the sound can be played", `document.querySelector("#log .reply .player .play") !== null`)
	b.do(chromedp.Click("#log .reply .player .play"))
	b.until("the sound is heard", `Number(document.querySelector("#log .reply .player input[type=range]").value) > 0`)
	b.wantTexts(mineTexts, "Hello you")

	b.do(chromedp.Reload(), chromedp.WaitVisible("#text"))
	b.wantTexts(mineTexts, "Hello you")
	if n := len(b.texts("#log .reply")); n != 1 {
		t.Errorf("%d replies after a reload, want the one", n)
	}
}

// gated makes the model answer piece by piece: one for each value that comes.
func (r *pageRig) gated(pieces ...string) chan struct{} {
	gate := make(chan struct{}, len(pieces))
	r.model.Answer(func(avatartest.ChatRequest) avatartest.ChatAnswer {
		return avatartest.ChatAnswer{Text: strings.Join(pieces, ""), Pieces: pieces, Gate: gate}
	})
	return gate
}

func TestAReplyGrowsWhileItIsWrittenAndIsShownOnce(t *testing.T) {
	r := newPageRig(t)
	r.start()
	r.ready()
	gate := r.gated("One **two", "** three", " and `four`.")
	b := openBrowser(t)
	b.open("http://" + r.public + "/chat/model")
	b.write("count")
	gate <- struct{}{}
	b.until("the beginning is shown", `document.querySelector("#draft .body")?.innerText.startsWith("One")`)
	gate <- struct{}{}
	b.until("the next words are shown", `document.querySelector("#draft .body")?.innerText === "One two three"`)
	close(gate)
	b.wantTexts(replyTexts, "One two three and four.")
	b.until("the draft is gone", `document.querySelector("#draft").children.length === 0`)
}

func TestAServerThatIsKilledInTheMiddleOfAReplyShowsItOnce(t *testing.T) {
	r := newPageRig(t)
	r.start()
	r.ready()
	gate := r.gated("It was ", "a dark ", "night.")
	b := openBrowser(t)
	b.expect("net::ERR_", "Failed to load resource", "503")
	b.open("http://" + r.public + "/chat/model")
	b.write("tell me")
	gate <- struct{}{}
	b.until("the beginning is shown", `document.querySelector("#draft .body")?.innerText.startsWith("It was")`)
	r.kill()
	b.do(chromedp.SendKeys("#text", "are you there?\r"))
	b.until("the message waits", `document.querySelector("#log .mine[data-state]") !== null`)
	close(gate)
	r.start()
	r.ready()
	b.wantTexts(replyTexts, "It was a dark night.", "It was a dark night.")
	b.wantTexts(mineTexts, "tell me", "are you there?")
	asked := 0
	for _, c := range r.model.Chats() {
		if c.Messages[len(c.Messages)-1].Content == "are you there?" {
			asked++
		}
	}
	if asked != 1 {
		t.Errorf("the message that was sent while the server was away was asked %d times", asked)
	}
}

func TestAMessageThatWaitsOutlivesAReloadOfThePage(t *testing.T) {
	r := newPageRig(t)
	r.start()
	r.ready()
	b := openBrowser(t)
	b.expect("net::ERR_", "Failed to load resource", "503")
	b.open("http://" + r.public + "/chat/mine")
	r.signal(syscall.SIGTERM)
	b.write("hold this")
	b.until("the message waits", `document.querySelector("#log .mine[data-state]") !== null`)
	r.start()
	r.ready()
	b.open("http://" + r.public + "/chat/mine")
	b.wantTexts(mineTexts, "hold this")
	b.until("it is answered", `document.querySelectorAll("#log .reply").length === 1`)
	if n := len(r.webhook.Turns()); n != 1 {
		t.Errorf("the avatar was asked %d times", n)
	}
}

func TestAKeyboardIsEnoughToTalk(t *testing.T) {
	r := newPageRig(t)
	r.start()
	r.ready()
	b := openBrowser(t)
	b.open("http://" + r.public + "/chat/mine")
	b.until("the message box has the focus", `document.activeElement.id === "text"`)
	b.do(chromedp.KeyEvent("by keys" + kb.Enter))
	b.wantTexts(mineTexts, "by keys")
	b.until("it is answered", `document.querySelectorAll("#log .reply").length === 1`)
	var reached []string
	for range 12 {
		var id string
		b.do(chromedp.KeyEvent(kb.Tab), chromedp.Evaluate(`document.activeElement.id`, &id))
		reached = append(reached, id)
	}
	for _, id := range []string{"theme", "settings-open", "talk"} {
		if !slices.Contains(reached, id) {
			t.Errorf("#%s cannot be reached with Tab: %q", id, reached)
		}
	}
}

//go:embed testdata/axe/axe.min.js
var axe string

// wantAccessible runs axe-core on the page as it is, with the rules of WCAG 2.2 AA.
func (b *tab) wantAccessible(state string) {
	b.t.Helper()
	var raw string
	run := `axe.run({runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}).then(r => JSON.stringify(
		r.violations.filter(v => v.impact === "serious" || v.impact === "critical").map(v => v.id + ": " + v.nodes.map(n => n.target.join(" ") + " " + n.failureSummary).join("; "))))`
	b.do(chromedp.Evaluate(axe, nil), chromedp.Evaluate(run, &raw, awaitPromise))
	var found []string
	if err := json.Unmarshal([]byte(raw), &found); err != nil {
		b.t.Fatalf("axe-core said %q", raw)
	}
	for _, v := range found {
		b.t.Errorf("%s: %s", state, v)
	}
}

func TestThePageIsAccessibleInBothThemesOnPhoneAndDesk(t *testing.T) {
	r := newPageRig(t)
	r.start()
	r.ready()
	b := openBrowser(t)
	for _, scheme := range []string{"light", "dark"} {
		for _, size := range [][2]int64{{390, 844}, {1280, 800}} {
			state := fmt.Sprintf("%s, %d wide", scheme, size[0])
			b.do(emulation.SetDeviceMetricsOverride(size[0], size[1], 1, size[0] < 500),
				emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}))
			b.open("http://" + r.public + "/")
			n := len(b.texts("#log .reply"))
			b.write("code please")
			b.until("it is answered", fmt.Sprintf(`document.querySelectorAll("#log .reply").length > %d && document.querySelector("#draft").children.length === 0`, n))
			b.wantAccessible(state)
			var wide bool
			b.do(chromedp.Evaluate(`document.documentElement.scrollWidth > innerWidth`, &wide))
			if wide {
				t.Errorf("%s: the page scrolls sideways", state)
			}
			b.do(chromedp.Click("#settings-open"), chromedp.WaitVisible("#settings"))
			b.wantAccessible(state + ", settings")
			b.do(chromedp.KeyEvent(kb.Escape))
			b.until("Escape closes the settings", `!document.querySelector("#settings").open`)
		}
	}
	var dark string
	b.do(chromedp.Evaluate(`getComputedStyle(document.body).backgroundColor`, &dark))
	if strings.Contains(dark, "255") {
		t.Errorf("in dark mode the page is %s", dark)
	}
}

// hostile is what an avatar may say to take over the page of somebody who talks with it.
var hostile = []string{
	`<script>window.hacked = 1</script>`,
	`<img src=x onerror="window.hacked = 2">`,
	`<svg/onload=window.hacked=3>`,
	`<iframe srcdoc="<script>parent.hacked = 4</script>"></iframe>`,
	`[click](javascript:window.hacked=5)`,
	`[click](JaVaScRiPt:window.hacked=6)`,
	"[click](java\tscript:window.hacked=7)",
	`[click](data:text/html,<script>window.hacked=8</script>)`,
	`[click](&#106;avascript:window.hacked=9)`,
	`![x](https://example.com/x.png" onerror="window.hacked=10)`,
	`<https://example.com/"onmouseover="window.hacked=11">`,
	"```html\"><script>window.hacked=12</script>\n<script>window.hacked=13</script>\n```",
	`<a href="javascript:window.hacked=14">x</a><style>*{display:none}</style><base href="//evil.example">`,
	`<form action="https://evil.example"><input name=q autofocus onfocus=window.hacked=15></form>`,
	`[a]: javascript:window.hacked=16` + "\n\n[a]",
	`<!--><img src=x onerror=window.hacked=17>-->`,
	`<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=window.hacked=18&gt;">`,
	"`<img src=x onerror=window.hacked=19>`",
}

func TestWhatAHostileAvatarSaysIsInert(t *testing.T) {
	r := newPageRig(t)
	r.webhook.Answer(func(turn avatartest.WebhookTurn) avatartest.WebhookAnswer {
		var n int
		if _, err := fmt.Sscan(turn.Text, &n); err != nil {
			return avatartest.WebhookAnswer{Replies: []avatartest.WebhookReply{{Text: "Hello " + turn.UserName, Emotion: `<img src=x onerror="window.hacked=99">`}}}
		}
		return avatartest.WebhookAnswer{Replies: []avatartest.WebhookReply{{Text: hostile[n]}}}
	})
	r.start()
	r.ready()
	b := openBrowser(t)
	b.open("http://" + r.public + "/chat/mine")
	b.do(chromedp.Click("#settings-open"), chromedp.WaitVisible("#settings"), chromedp.SendKeys("#person", `<img src=x onerror=window.hacked=98>`),
		chromedp.Click("#settings-close"))
	b.write("who am I?")
	b.until("it is answered", `document.querySelectorAll("#log .reply").length === 1`)
	for i := range hostile {
		b.write(fmt.Sprint(i))
		b.until("it is answered", fmt.Sprintf(`document.querySelectorAll("#log .reply").length === %d`, i+2))
	}
	b.do(chromedp.Reload(), chromedp.WaitVisible("#text"))
	b.until("the history is there", fmt.Sprintf(`document.querySelectorAll("#log .reply").length === %d`, len(hostile)+1))
	b.do(chromedp.Evaluate(`document.querySelectorAll("#log a").forEach(a => { a.target = ""; if (!/^(https?|mailto):/.test(a.href)) a.click(); })`, nil))
	var report struct {
		Hacked any
		Bad    []string
	}
	b.do(chromedp.Evaluate(`({Hacked: window.hacked ?? null, Bad: [...document.querySelectorAll("#log *")].flatMap(e => [
		...(["SCRIPT", "IFRAME", "IMG", "FORM", "STYLE", "BASE", "OBJECT", "EMBED", "MATH"].includes(e.tagName) ? [e.tagName] : []),
		...[...e.attributes].filter(a => a.name.startsWith("on") || /^\s*(javascript|data|vbscript):/i.test(a.value)).map(a => a.name + "=" + a.value)])})`, &report))
	if report.Hacked != nil || len(report.Bad) > 0 {
		t.Errorf("the page was taken over: %+v", report)
	}
}
