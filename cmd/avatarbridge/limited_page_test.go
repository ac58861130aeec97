package main

import (
	"testing"

	"github.com/chromedp/chromedp"
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
	b.until("it can be taken back", `document.querySelector("#log .mine[data-state=waiting] .state button")?.innerText === "Remove"`)
	b.do(chromedp.Click(`#log .mine[data-state=waiting] .state button`))
	b.until("it is gone", `![...document.querySelectorAll("#log .mine")].some((e) => e.innerText.startsWith("two"))`)
	b.do(chromedp.Reload())
	b.until("the page is connected", `document.querySelector("#log")?.getAttribute("aria-busy") === "false"`)
	b.wantTexts(mineTexts, "one", "three")
}
