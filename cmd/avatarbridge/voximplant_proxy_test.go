package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"avatarbridge/avatar/avatartest"
)

// nginxForCallbacks runs the README's server for callbacks before the program, without TLS, until the test ends. It returns where it listens and
// the file of a log that holds every address of which the lines do not say otherwise.
func nginxForCallbacks(t *testing.T, public string) (url, log string) {
	t.Helper()
	found := regexp.MustCompile("(?ms)^```\n(server \\{\n\tlisten 443 ssl;\n.*?location /avatars/ \\{.*?^\\}\n)```$").FindStringSubmatch(readme(t))
	if found == nil {
		t.Fatal("the README has no lines for nginx before callbacks")
	}
	lines, address := found[1], freeAddr(t)
	for old, with := range map[string]string{
		"listen 443 ssl;": "listen " + address + ";", "proxy_pass http://127.0.0.1:8080;": "proxy_pass http://" + public + ";",
	} {
		if strings.Count(lines, old) != 1 {
			t.Fatalf("%q is not once in\n%s", old, lines)
		}
		lines = strings.Replace(lines, old, with, 1)
	}
	lines = regexp.MustCompile(`(?m)^\tssl_certificate.*\n`).ReplaceAllString(lines, "")
	log = filepath.Join(t.TempDir(), "access.log")
	runNginx(t, address, fmt.Sprintf("access_log %s;\n%s", log, lines))
	return "http://" + address, log
}

func TestReadmesNginxPassesCallbacksOnAndKeepsTheirTokensOutOfItsLog(t *testing.T) {
	r := newVoxRig(t, "")
	through, log := nginxForCallbacks(t, r.public)
	r.vox.Answer(silent)
	r.start()
	ann := r.telegram.AddUser("Ann")
	c := r.telegram.Direct(ann, r.bot)
	r.write(c, ann, "hello")
	uri := strings.Replace(r.heard(1)[0].CallbackURI, "http://"+r.public, through, 1)
	if status := r.post(uri, "over the proxy"); status != http.StatusNoContent {
		t.Errorf("a callback: status %d", status)
	}
	if got := r.texts(c, 1); !slices.Equal(got, []string{"over the proxy"}) {
		t.Errorf("posted %q", got)
	}
	// The largest body that the program takes, and one byte more.
	body := avatartest.VoximplantCallback{Raw: `{"response":"large"}`}
	body.Pad = 1<<20 - len(body.Raw)
	for range 2 {
		status, err := r.vox.Post(r.ctx, uri, "", body)
		if want := map[bool]int{true: http.StatusNoContent, false: http.StatusRequestEntityTooLarge}[len(body.Raw)+body.Pad == 1<<20]; err != nil || status != want {
			t.Errorf("%d bytes: status %d, %v, want %d", len(body.Raw)+body.Pad, status, err, want)
		}
		body.Pad++
	}
	if status := r.post(uri[:len(uri)-2], "evil"); status != http.StatusNotFound {
		t.Errorf("a cut token: status %d", status)
	}
	if status := r.post(through+"/admin", "evil"); status != http.StatusNotFound && status != http.StatusMethodNotAllowed {
		t.Errorf("another path: status %d", status)
	}
	eventually(t, "the other path in the log", func() bool {
		logged, err := os.ReadFile(log)
		return err == nil && strings.Contains(string(logged), "/admin")
	})
	if logged, err := os.ReadFile(log); err != nil || strings.Contains(string(logged), "/avatars/") {
		t.Errorf("nginx logged %s, %v", logged, err)
	}
	r.kill()
	if status := r.post(uri, "while it is down"); status < 500 {
		t.Errorf("without the program: status %d, which tells the service not to come again", status)
	}
}
