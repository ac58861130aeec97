package web

import (
	"bytes"
	"html"
	"image"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"avatarbridge/bridges/fault"
)

// attribute is the value of an attribute of a page's body.
func attribute(t *testing.T, page, name string) string {
	t.Helper()
	m := regexp.MustCompile(`<body[^>]* ` + name + `="([^"]*)"`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("the page's body has no %s:\n%.2000s", name, page)
	}
	return html.UnescapeString(m[1])
}

func TestThePageSaysWhatItsScriptNeeds(t *testing.T) {
	const odd = `Lu"na <script>alert(1)</script> & {{.Base}} </title>`
	w := stillWorld(t, func(c *Config) { c.Avatar, c.Notice, c.Greeting, c.MaxText = odd, odd, odd, 1234 })
	_, page := w.browser().open("/chat/site")
	for name, want := range map[string]string{
		"data-base": "/chat/site", "data-avatar": odd, "data-notice": odd, "data-max": "1234", "data-face": "", "data-voice": "1", "data-assets": w.b.files.hash,
	} {
		if got := attribute(t, page, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if strings.Contains(page, "<script>alert") || strings.Contains(page, "data-embed") || strings.Contains(page, "onerror") {
		t.Error("the page has a script of the avatar's name, or says that it is embedded")
	}
	if !strings.Contains(page, html.EscapeString("alert(1)")) {
		t.Error("the greeting is missing")
	}
	_, page = w.browser().open("/chat/site?embed=1")
	if attribute(t, page, "data-embed") != "1" {
		t.Error("the page does not know that it is embedded")
	}
	deaf := stillWorld(t, func(c *Config) { c.Voice, c.Title = false, "Chat with Luna" })
	if _, page := deaf.browser().open("/"); strings.Contains(page, "data-voice") || attribute(t, page, "data-avatar") != "Chat with Luna" {
		t.Error("the page of an avatar that does not hear asks for a voice, or has no title")
	}
}

func TestThePageLoadsOnlyWhatIsThere(t *testing.T) {
	w := stillWorld(t)
	br := w.browser()
	for _, path := range []string{"/", "/chat/site", "/chat/site/"} {
		resp, page := br.open(path)
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/html; charset=utf-8" || resp.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%s: %d %v", path, resp.StatusCode, resp.Header)
		}
		found := regexp.MustCompile(`(?:src|href)="(/[^"]*)"`).FindAllStringSubmatch(page, -1)
		if len(found) < 2 {
			t.Errorf("%s loads %v", path, found)
		}
		for _, m := range found {
			file, _ := br.open(m[1])
			if file.StatusCode != http.StatusOK || !strings.Contains(file.Header.Get("Cache-Control"), "immutable") || file.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s: %d %v", m[1], file.StatusCode, file.Header)
			}
		}
		if m := regexp.MustCompile(`(?i)<script[^>]*>[^<]|<style|\son[a-z]+=|style="|javascript:|(src|href)="(https?:)?//`).FindString(page); m != "" {
			t.Errorf("%s has %q, which the page's policy forbids", path, m)
		}
	}
}

// All scripts that a script imports must be there under the same version.
func TestImportsOfScriptsAreThere(t *testing.T) {
	b := stillBridge(t)
	imports := regexp.MustCompile(`(?m)^(?:import|export)[^'"]*['"]\./([^'"]+)['"]`)
	for name, data := range b.files.files {
		if filepath.Ext(name) != ".js" {
			continue
		}
		for _, m := range imports.FindAllSubmatch(data, -1) {
			if _, ok := b.files.files[string(m[1])]; !ok {
				t.Errorf("%s imports %s, which is not there", name, m[1])
			}
		}
	}
}

func TestThePagesPolicy(t *testing.T) {
	w := stillWorld(t, func(c *Config) { c.Origins = []string{"https://example.com", "https://shop.example.com:8443"} })
	resp, _ := w.browser().open("/chat/site")
	want := "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self' blob:; connect-src 'self'; font-src 'none'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'self' https://example.com https://shop.example.com:8443; " +
		"require-trusted-types-for 'script'; trusted-types avatarbridge"
	h := resp.Header
	if got := h.Get("Content-Security-Policy"); got != want {
		t.Errorf("the policy is\n%s\nwant\n%s", got, want)
	}
	if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" || !strings.HasPrefix(h.Get("Permissions-Policy"), "microphone=(self), ") ||
		h.Get("X-Frame-Options") != "" {
		t.Errorf("the headers are %v", h)
	}
}

func TestEveryAddressHasItsMethods(t *testing.T) {
	w := newWorld(t)
	br := w.visitor()
	hash := w.b.files.hash
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/chat/other", 404}, {"GET", "/chat", 404}, {"GET", "/chat/site/nothing", 404}, {"GET", "/chat/sitex", 404}, {"POST", "/chat/other/messages", 404},
		{"GET", "/chat/site/static/" + hash + "/nothing.js", 404}, {"GET", "/chat/site/static/0000000000000000/page.js", 404},
		{"GET", "/chat/site/static/" + hash + "/page.html", 404}, {"GET", "/chat/site/static/" + hash + "/..%2fweb.go", 404},
		{"GET", "/chat/site/static/" + hash + "/", 404}, {"GET", "/chat/site/face/0", 404},
		{"POST", "/", 405}, {"POST", "/chat/site", 405}, {"DELETE", "/chat/site/events", 405}, {"POST", "/chat/site/events", 405},
		{"GET", "/chat/site/messages", 405}, {"PUT", "/chat/site/messages", 405}, {"GET", "/chat/site/voice", 405}, {"GET", "/chat/site/reset", 405},
		{"HEAD", "/", 200}, {"HEAD", "/chat/site", 200}, {"HEAD", "/chat/site/events", 200}, {"HEAD", "/chat/site/static/" + hash + "/page.js", 200},
		{"HEAD", "/chat/site/embed.js", 200},
	} {
		resp := br.do(c.method, c.path, nil)
		if resp.StatusCode != c.want || c.want == http.StatusMethodNotAllowed && resp.Header.Get("Allow") == "" {
			t.Errorf("%s %s: %d, want %d (Allow %q)", c.method, c.path, resp.StatusCode, c.want, resp.Header.Get("Allow"))
		}
	}
	w.waitOpen(0)
}

func TestTheScriptForOtherSitesCanBeLoadedThere(t *testing.T) {
	w := stillWorld(t)
	resp, body := w.browser().open("/chat/site/embed.js")
	h := resp.Header
	if resp.StatusCode != http.StatusOK || h.Get("Content-Type") != "text/javascript; charset=utf-8" || h.Get("Cross-Origin-Resource-Policy") != "cross-origin" ||
		!strings.Contains(h.Get("Cache-Control"), "max-age=300") || body == "" || len(resp.Cookies()) != 0 {
		t.Errorf("%d %v", resp.StatusCode, h)
	}
	resp, _ = w.browser().open("/chat/site/static/" + w.b.files.hash + "/page.js")
	if got := resp.Header.Get("Cross-Origin-Resource-Policy"); got != "same-origin" {
		t.Errorf("other files may be loaded by %q", got)
	}
}

func picture(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 4, 4))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTheFaceIsAPicture(t *testing.T) {
	name := filepath.Join(t.TempDir(), "luna.png")
	if err := os.WriteFile(name, picture(t), 0o600); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(c *Config) { c.Face = name })
	br := w.browser()
	_, page := br.open("/chat/site")
	src := attribute(t, page, "data-face")
	resp, body := br.open(src)
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "image/png" || body != string(picture(t)) ||
		!strings.Contains(resp.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("%s: %d %v", src, resp.StatusCode, resp.Header)
	}
	if found := w.b.Check(t.Context()); len(found) != 2 || !found[0].OK || !found[1].OK {
		t.Errorf("the check found %+v", found)
	}
}

func TestAFaceThatIsNoPictureIsToldAndLeftOut(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string][]byte{
		"missing.png": nil, "text.png": []byte("hello"), "svg.png": []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`),
		"html.jpg": []byte("<!doctype html><script>"), "large.png": append(picture(t), make([]byte, maxFace)...), "gif.webp": []byte("GIF89a"),
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(dir, name)
			if data != nil {
				if err := os.WriteFile(file, data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			w := newWorld(t, func(c *Config) { c.Face = file })
			_, page := w.browser().open("/chat/site")
			if got := attribute(t, page, "data-face"); got != "" {
				t.Errorf("the page shows %q", got)
			}
			found := w.b.Check(t.Context())
			if len(found) != 2 || found[1].OK || found[1].Fix == "" || !strings.Contains(found[1].What, name) {
				t.Errorf("the check found %+v", found)
			}
			if !strings.Contains(w.logs.String(), "draws a letter") {
				t.Errorf("the log does not tell: %s", w.logs)
			}
		})
	}
}

func TestTheCheckSaysWhereThePageIs(t *testing.T) {
	b := stillBridge(t)
	if got := b.Check(t.Context()); len(got) != 1 || got[0] != (fault.Finding{OK: true, What: "the chat page is at /chat/site"}) {
		t.Errorf("got %+v", got)
	}
	b.cfg.PublicURL = "https://chat.example.com"
	if got := b.Check(t.Context()); got[0].What != "the chat page is at https://chat.example.com/chat/site" {
		t.Errorf("got %+v", got)
	}
}
