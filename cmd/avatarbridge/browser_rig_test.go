package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"avatarbridge/avatar/avatartest"
)

// A pageRig is the program with three chat pages: an echo that speaks, a language model, and a service of one's own.
type pageRig struct {
	*rig
	model *avatartest.OpenAI
}

// newPageRig starts the simulators and writes the configuration.
func newPageRig(t *testing.T) *pageRig {
	t.Helper()
	r := &pageRig{rig: newRig(t, setup{})}
	var err error
	if r.model, err = avatartest.NewOpenAI(avatartest.OpenAIConfig{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.model.Close)
	config := fmt.Sprintf(`
[server]
listen = %q
admin_listen = %q
[store]
url = "sqlite:a.db"
[limits]
person = "off"
room = "off"
avatar = "off"
[messages]
unavailable = "UNAVAILABLE"
[avatars.demo]
backend = "echo"
speech = true
name = "Demo"
[avatars.model]
backend = "openai"
base_url = %q
api_key = %q
model = "sim-large"
transcribe = "sim-large"
name = "Luna"
[avatars.mine]
backend = "webhook"
url = %q
secret = %q
allow_private = true
name = "Mine"
[avatars.virtual]
backend = "virtuals"
api_key = %q
api_secret = %q
virtual_id = "1"
speech = false
api_url = %q
allow_private = true
[bridges.demo]
platform = "web"
avatar = "demo"
per_address = "off"
max_per_visitor = 1000
max_per_address = 0
[bridges.model]
platform = "web"
avatar = "model"
per_address = "off"
[bridges.mine]
platform = "web"
avatar = "mine"
per_address = "off"
[bridges.virtual]
platform = "web"
avatar = "virtual"
per_address = "off"
[bridges.tg]
platform = "telegram"
token = %q
avatar = "mine"
api_url = %q
`, r.public, r.admin, r.model.URL(), r.model.APIKey(), r.webhook.URL(), r.webhook.Secret(),
		r.virtuals.APIKey(), r.virtuals.APISecret(), r.virtuals.URL(), r.bot.Token, r.telegram.URL())
	if err := os.WriteFile(filepath.Join(r.dir, "config.toml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return r
}

// A tab is one tab of Chromium, and what went wrong in it.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	troubles []string
	expected []string // words of troubles that belong to the test
}

// openBrowser starts a Chromium, or skips the test where there is none.
func openBrowser(t *testing.T, options ...chromedp.ExecAllocatorOption) *tab {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("AVATARBRIDGE_TEST_ALL") != "" {
			t.Fatal("chromium is not installed, and AVATARBRIDGE_TEST_ALL wants all tests")
		}
		t.Skip("chromium is not installed")
	}
	all := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"), chromedp.Flag("use-fake-ui-for-media-stream", true),
		chromedp.Flag("use-fake-device-for-media-stream", true))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, append(all, options...)...)
	t.Cleanup(cancel)
	// The library complains of events that are newer than it.
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {}))
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx}
	chromedp.ListenTarget(ctx, b.watch)
	b.do(log.Enable(), runtime.Enable())
	t.Cleanup(b.calm)
	return b
}

// watch notes errors of the console, violations of the page's security policy among them.
func (b *tab) watch(ev any) {
	trouble := ""
	switch e := ev.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level == log.LevelError {
			trouble = e.Entry.Text + " " + e.Entry.URL
		}
	case *runtime.EventExceptionThrown:
		trouble = e.ExceptionDetails.Error()
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError {
			trouble = fmt.Sprint("console.error ", len(e.Args))
		}
	}
	if trouble != "" {
		b.mu.Lock()
		b.troubles = append(b.troubles, trouble)
		b.mu.Unlock()
	}
}

// expect says that troubles with these words belong to the test.
func (b *tab) expect(words ...string) { b.expected = append(b.expected, words...) }

// calm reports what went wrong.
func (b *tab) calm() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, text := range b.troubles {
		if !slices.ContainsFunc(b.expected, func(w string) bool { return strings.Contains(text, w) }) {
			b.t.Errorf("the browser's console says: %s", text)
		}
	}
}

func (b *tab) do(actions ...chromedp.Action) {
	b.t.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		b.t.Fatalf("browser: %v", err)
	}
}

// open loads a page and waits until it is connected.
func (b *tab) open(url string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url), chromedp.WaitVisible("#text"))
	b.until("the page is connected", `document.querySelector("#log").getAttribute("aria-busy") === "false"`)
}

// until waits for a condition in JavaScript.
func (b *tab) until(what, condition string) {
	b.t.Helper()
	err := chromedp.Run(b.ctx, chromedp.Poll(condition, nil, chromedp.WithPollingTimeout(30*time.Second), chromedp.WithPollingInterval(20*time.Millisecond)))
	if err != nil {
		var text string
		_ = chromedp.Run(b.ctx, chromedp.Evaluate(`document.body.innerText`, &text))
		b.t.Fatalf("waited in vain until %s: %v\nthe page:\n%s", what, err, text)
	}
}

// write types a message and sends it with Enter.
func (b *tab) write(text string) {
	b.t.Helper()
	b.do(chromedp.SendKeys("#text", text+"\r"))
}

// texts returns what elements show, in order.
func (b *tab) texts(selector string) (all []string) {
	b.t.Helper()
	b.do(chromedp.Evaluate(fmt.Sprintf(`[...document.querySelectorAll(%q)].map(e => e.innerText.trim())`, selector), &all))
	return all
}

func (b *tab) wantTexts(selector string, want ...string) {
	b.t.Helper()
	b.until(fmt.Sprintf("%s are %q", selector, want),
		fmt.Sprintf(`document.querySelectorAll(%q).length >= %d`, selector, len(want)))
	if got := b.texts(selector); !slices.Equal(got, want) {
		b.t.Errorf("%s are %q, want %q", selector, got, want)
	}
}

// awaitPromise makes Evaluate wait for a promise.
func awaitPromise(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
