package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"avatarbridge/cmd/avatarbridge/internal/config"
	"avatarbridge/cmd/avatarbridge/internal/server"
)

// twoPages writes a configuration with two chat pages, and returns its folder and addresses. Lines for [server] may be added.
func twoPages(t *testing.T, more string) (dir, public, admin string) {
	t.Helper()
	dir, public, admin = t.TempDir(), freeAddr(t), freeAddr(t)
	writeFile(t, dir, "config.toml", fmt.Sprintf(`
[server]
listen = %q
admin_listen = %q
%s
[avatars.demo]
backend = "echo"
[avatars.luna]
backend = "openai"
name = "Luna & Co"
base_url = "http://127.0.0.1:9/v1"
model = "m"
transcribe = "whisper-1"
[bridges.site]
platform = "web"
avatar = "demo"
[bridges.shop]
platform = "web"
avatar = "luna"
`, public, admin, more))
	return dir, public, admin
}

// browser is a client that keeps cookies.
func browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, Transport: &http.Transport{}}
}

// open returns a page.
func open(t *testing.T, c *http.Client, url string) (string, http.Header) {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, %v", url, resp.StatusCode, err)
	}
	return string(body), resp.Header
}

// data returns an attribute of the page's body, and whether it is there.
func data(t *testing.T, page, name string) (string, bool) {
	t.Helper()
	m := regexp.MustCompile(`(?s)<body[^>]*\sdata-` + name + `="([^"]*)"`).FindStringSubmatch(page)
	if m == nil {
		return "", false
	}
	return html.UnescapeString(m[1]), true
}

// listen opens a page's stream; next returns the data of its next event with this name.
func listen(t *testing.T, c *http.Client, base string) (next func(event string) string) {
	t.Helper()
	resp, err := c.Get(base + "/events")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("the stream has status %d", resp.StatusCode)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	return func(event string) string {
		t.Helper()
		found := false
		for lines.Scan() {
			if lines.Text() == "event: "+event {
				found = true
			} else if d, ok := strings.CutPrefix(lines.Text(), "data: "); ok && found {
				return d
			}
		}
		t.Fatalf("the stream ended before %s: %v", event, lines.Err())
		return ""
	}
}

func write(t *testing.T, c *http.Client, base, id, text string) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"id": id, "text": text})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Post(base+"/messages", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		t.Fatalf("the message was answered with status %d", resp.StatusCode)
	}
}

func TestTheDefaultConfigurationIsAPageToTalkOn(t *testing.T) {
	dir, public, admin := t.TempDir(), freeAddr(t), freeAddr(t)
	writeFile(t, dir, "config.toml", elsewhere(string(config.Default), public, admin))
	r := start(t, dir, admin)
	eventually(t, "the welcome", func() bool {
		return strings.Contains(r.out.String(), "avatarbridge is up: talk to demo at http://"+public+"/ · health http://"+admin+"/readyz · ")
	})
	c, url := browser(t), "http://"+public
	page, header := open(t, c, url+"/")
	for name, want := range map[string]string{"base": "/chat/site", "avatar": "demo", "notice": "You are talking to an AI character."} {
		if got, _ := data(t, page, name); got != want {
			t.Errorf("data-%s is %q, want %q", name, got, want)
		}
	}
	if _, hears := data(t, page, "voice"); hears {
		t.Error("the page offers a microphone, and the avatar cannot hear")
	}
	if !strings.HasPrefix(header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("policy %q", header.Get("Content-Security-Policy"))
	}
	next := listen(t, c, url+"/chat/site")
	next("ready")
	write(t, c, url+"/chat/site", "m1", "Hello there")
	var item struct {
		Kind, HTML, Text string
		Audio            struct{ Src, Type string }
	}
	for _, want := range []string{"mine", "reply", "sound"} {
		item.Kind, item.Audio.Src = "", ""
		if err := json.Unmarshal([]byte(next("item")), &item); err != nil {
			t.Fatal(err)
		}
		switch want {
		case "mine":
			if item.Kind != "mine" || item.Text != "Hello there" {
				t.Fatalf("%+v", item)
			}
		case "reply":
			if item.Kind != "reply" || !strings.Contains(item.HTML, "Hello there") {
				t.Fatalf("no notice comes before the reply, since the page shows it: %+v", item)
			}
		case "sound":
			if item.Audio.Src == "" {
				t.Fatalf("%+v", item)
			}
			sound, header := open(t, c, url+item.Audio.Src)
			if header.Get("Content-Type") != item.Audio.Type || !strings.HasPrefix(item.Audio.Type, "audio/") || sound == "" {
				t.Errorf("%d bytes of %s, announced as %s", len(sound), header.Get("Content-Type"), item.Audio.Type)
			}
		}
	}
}

func TestEachWebBridgeHasAPageWithItsAvatar(t *testing.T) {
	dir, public, admin := twoPages(t, "")
	r := start(t, dir, admin)
	url := "http://" + public
	eventually(t, "the welcome", func() bool {
		return strings.Contains(r.out.String(), "talk to demo at "+url+"/, to luna at "+url+"/chat/shop · health ")
	})
	for path, want := range map[string]string{"/": "demo", "/chat/site": "demo", "/chat/shop": "Luna & Co"} {
		page, _ := open(t, browser(t), url+path)
		if got, _ := data(t, page, "avatar"); got != want {
			t.Errorf("%s: the avatar is %q, want %q", path, got, want)
		}
		if _, hears := data(t, page, "voice"); hears != (path == "/chat/shop") {
			t.Errorf("%s: a microphone is offered: %t", path, hears)
		}
	}
}

func TestSIGTERMWithOpenStreamsEndsAtOnce(t *testing.T) {
	dir, public, admin := twoPages(t, "")
	r := &rig{t: t, dir: dir, public: public, admin: admin}
	t.Cleanup(r.kill)
	r.start()
	r.ready()
	const streams = 5
	for range streams {
		c := browser(t)
		open(t, c, "http://"+public+"/")
		listen(t, c, "http://"+public+"/chat/site")("ready")
	}
	began := time.Now()
	r.signal(syscall.SIGTERM)
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %v with %d open streams", took, streams)
	}
	if code := r.child.ProcessState.ExitCode(); code != ok {
		t.Errorf("exit code %d: %s", code, r.logged())
	}
}

func TestTheSchemeIsTakenFromATrustedProxyAlone(t *testing.T) {
	for proxies, secure := range map[string]bool{"127.0.0.0/8": true, "10.0.0.2": false} {
		t.Run(proxies, func(t *testing.T) {
			dir, public, admin := twoPages(t, fmt.Sprintf("trusted_proxies = [%q]", proxies))
			start(t, dir, admin)
			req, err := http.NewRequest(http.MethodGet, "http://"+public+"/", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("X-Forwarded-For", "203.0.113.7")
			req.Header.Set("X-Forwarded-Proto", "https")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if all := resp.Cookies(); len(all) == 0 || all[0].Secure != secure {
				t.Errorf("cookies %v", all)
			}
		})
	}
}

func TestPagesAreShownWhileTheStoreIsBeingOpened(t *testing.T) {
	dir, _, _ := twoPages(t, "")
	c, err := config.Load(filepath.Join(dir, "config.toml"), kinds(), os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	s := &service{config: c, outside: newOutside(c, nil)}
	if err := s.build(); err != nil {
		t.Fatal(err)
	}
	h := server.Public(s.closed())
	for path, want := range map[string]int{"/": 200, "/chat/site": 200, "/chat/shop": 200, "/chat/site/events": 503, "/chat/other": 404, "/media/t": 503} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != want || want == 503 && w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: %d, want %d; Retry-After %q", path, w.Code, want, w.Header().Get("Retry-After"))
		}
	}
}

func TestCheckSaysWhereThePagesAreAndWhatTheyLack(t *testing.T) {
	dir, public, _ := twoPages(t, "")
	const lack = "✗ bridges.shop: origins lets other sites show the page, but browsers keep no cookie there without https"
	document, err := os.ReadFile(filepath.Join(dir, "config.toml"))
	if err != nil {
		t.Fatal(err)
	}
	framed := string(document) + "origins = [\"https://www.example.com\"]\nface = \"none.png\"\n"
	got := runProgram(t, dir, "", "check").out
	for _, want := range []string{"✓ bridges.site: on this machine people talk to demo at http://" + public + "/\n", "people talk to luna at http://" + public + "/chat/shop\n"} {
		if !strings.Contains(got, want) || strings.Contains(got, lack) {
			t.Errorf("no %q in %s", want, got)
		}
	}
	writeFile(t, dir, "config.toml", framed)
	got = runProgram(t, dir, "", "check").out
	for _, want := range []string{lack, "none.png"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %s", want, got)
		}
	}
	writeFile(t, dir, "config.toml", strings.Replace(framed, "[server]", "[server]\npublic_url = \"https://bot.example.com\"", 1))
	if got = runProgram(t, dir, "", "check").out; strings.Contains(got, lack) || !strings.Contains(got, "✓ bridges.shop: other sites show it from https://bot.example.com") {
		t.Errorf("%s", got)
	}
}

func TestAFaceStandsBesideTheConfiguration(t *testing.T) {
	dir, public, admin := twoPages(t, "")
	document, err := os.ReadFile(filepath.Join(dir, "config.toml"))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, "config.toml", string(document)+"face = \"luna.png\"\n")
	writeFile(t, dir, "luna.png", "\x89PNG\r\n\x1a\n")
	start(t, dir, admin)
	page, _ := open(t, browser(t), "http://"+public+"/chat/shop")
	face, _ := data(t, page, "face")
	if face == "" {
		t.Fatal("the page has no face")
	}
	if _, header := open(t, browser(t), "http://"+public+face); header.Get("Content-Type") != "image/png" {
		t.Errorf("the face is %s", header.Get("Content-Type"))
	}
}
