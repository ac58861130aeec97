package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"avatarbridge/avatar/avatartest"
	"avatarbridge/bridges/web"
	"avatarbridge/cmd/avatarbridge/internal/server"
)

func TestAMessageOverALimitWaitsOnThePageAndCanBeTakenBack(t *testing.T) {
	dir, public, admin := twoPages(t, "[limits]\nperson = \"1/h\"")
	start(t, dir, admin)
	b := openBrowser(t)
	b.expect("429")
	b.open("http://" + public + "/chat/site")
	b.write("one")
	b.until("it is answered", `document.querySelectorAll("#log .reply").length === 1`)
	b.write("two")
	b.until("the page says why it waits", `document.querySelector("#log .mine[data-state=waiting] .state")?.innerText.startsWith("That was a lot for now.")`)
	b.write("three")
	// The connection is there: it does not wait for that.
	b.until("the next one waits behind it", `[...document.querySelectorAll("#log .mine[data-state=waiting]")].at(-1).innerText.includes("Waiting to be sent")`)
	b.do(chromedp.Evaluate(`document.querySelector("#text").value = "x".repeat(5000); document.querySelector("#text").dispatchEvent(new Event("input"))`, nil))
	b.until("the page says what is too long", `document.querySelector("#counter").innerText.startsWith("1,000 characters too many")`)
	b.wantAccessible("over a limit and over the length")
	b.do(chromedp.Evaluate(`document.querySelector("#text").value = ""`, nil))
	b.until("it can be taken back", `document.querySelector("#log .mine[data-state=waiting] .state button")?.innerText === "Remove"`)
	b.do(chromedp.Click(`#log .mine[data-state=waiting] .state button`))
	b.until("it is gone", `![...document.querySelectorAll("#log .mine")].some((e) => e.innerText.startsWith("two"))`)
	b.do(chromedp.Reload())
	b.until("the page is connected", `document.querySelector("#log")?.getAttribute("aria-busy") === "false"`)
	b.wantTexts(mineTexts, "one", "three")
}

func TestThePageIsAccessibleWhileTheServerIsAwayAndAfterAFailure(t *testing.T) {
	r := newPageRig(t)
	r.start()
	r.ready()
	b := openBrowser(t)
	b.expect("net::ERR_", "Failed to load resource", "503")
	r.model.Break(avatartest.ChatReceived, 1, avatartest.Answered(401, "application/json", `{"error":{"code":"invalid_api_key"}}`))
	b.open("http://" + r.public + "/chat/model")
	b.write("hello")
	b.until("the notice is shown", `document.querySelector("#log .notice") !== null`)
	r.kill()
	b.write("are you there?")
	b.until("the page says that the connection is lost", `document.querySelector("#bars .note") !== null`)
	for _, scheme := range []string{"light", "dark"} {
		b.do(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}))
		b.wantAccessible("away, " + scheme)
	}
}

func TestCheckSaysThatTheSystemAllowsFewerConnectionsThanThePage(t *testing.T) {
	page := web.Default()
	for want, b := range map[string]server.Bounds{
		"":                          {Connections: page.MaxOpen, PerAddress: page.MaxPerAddress},
		"max_connections is 10000,": {Connections: 768, PerAddress: 96},
		"max_per_address is 200,":   {Connections: page.MaxOpen, PerAddress: 199},
	} {
		if f, less := crowded(&page, b); less != (want != "") || !strings.HasPrefix(f.What, want) || less && !f.OK {
			t.Errorf("%+v: %v %+v", b, less, f)
		}
	}
}

func TestThePageSaysThatAMessageHasArrivedWhileTheAvatarIsAskedAgain(t *testing.T) {
	r := newPageRig(t)
	r.start()
	r.ready()
	b := openBrowser(t)
	b.open("http://" + r.public + "/chat/model")
	r.model.Break(avatartest.ChatReceived, 1, avatartest.Answered(500, "application/json", `{}`))
	b.write("hello")
	b.until("the page says so", `document.querySelector("#status").innerText === "Has your message"`)
	b.until("it is answered", `document.querySelectorAll("#log .reply").length === 1 && document.querySelector("#status").innerText === "Listening"`)
}

func TestOnlyTheConversationScrolls(t *testing.T) {
	dir, public, admin := twoPages(t, "")
	start(t, dir, admin)
	b := openBrowser(t)
	b.do(emulation.SetDeviceMetricsOverride(390, 600, 1, true))
	b.open("http://" + public + "/chat/site")
	for i := range 5 {
		b.write("code please")
		b.until("it is answered", fmt.Sprintf(`document.querySelectorAll("#log .reply").length === %d`, i+1))
	}
	var tops []float64
	b.do(chromedp.Evaluate(`document.querySelector("#log .mine .sr").scrollIntoView({block: "end"}); document.querySelector("#log .item:last-child .sr").scrollIntoView();
		for (const e of [document.documentElement, document.body]) e.scrollTo(0, 100);
		[document.documentElement.scrollTop, document.body.scrollTop, document.querySelector("#stage").getBoundingClientRect().top]`, &tops))
	if !slices.Equal(tops, []float64{0, 0, 0}) {
		t.Errorf("the page itself was scrolled: %v", tops)
	}
}

func TestAPageThatNobodyLooksAtLeavesItsConnectionToAnother(t *testing.T) {
	dir, public, admin := twoPages(t, "")
	start(t, dir, admin)
	b := openBrowser(t)
	b.open("http://" + public + "/chat/site")
	b.do(chromedp.Evaluate(`window.hide = (yes) => {
			Object.defineProperty(document, "hidden", { configurable: true, get: () => yes });
			document.dispatchEvent(new Event("visibilitychange"));
		};
		const close = EventSource.prototype.close;
		EventSource.prototype.close = function () { window.let = (window.let ?? 0) + 1; close.call(this); };
		hide(true);
		new BroadcastChannel("avatarbridge:/chat/site").postMessage("looked at");`, nil))
	b.until("the connection is let go", `window.let === 1`)
	b.do(chromedp.Evaluate(`fetch("/chat/site/messages", { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"id":"other","text":"from the other page"}' }).then(() => hide(false))`, nil, awaitPromise))
	b.until("it is looked at and shows what it missed", `document.querySelectorAll("#log .reply").length === 1`)
	b.wantTexts(mineTexts, "from the other page")
}
