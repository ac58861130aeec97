package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"avatarbridge/avatar/avatartest"
)

// nginx runs the README's lines for nginx in front of the program at public, until the test ends, and returns where it listens.
func nginx(t *testing.T, public string) string {
	t.Helper()
	lines := regexp.MustCompile("(?ms)^```\n(location / \\{\n.*?^\\}\n)```$").FindStringSubmatch(readme(t))
	if lines == nil || strings.Count(lines[1], "127.0.0.1:8080") != 1 {
		t.Fatalf("the README has these lines for nginx: %q", lines)
	}
	address := freeAddr(t)
	runNginx(t, address, fmt.Sprintf("access_log off;\nserver {\nlisten %s;\n%s}\n", address, strings.Replace(lines[1], "127.0.0.1:8080", public, 1)))
	return "http://" + address
}

// runNginx runs nginx with the lines in its http section until the test ends, and returns when it listens at the address.
func runNginx(t *testing.T, address, lines string) {
	t.Helper()
	path, err := exec.LookPath("nginx")
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/nginx") // Debian has it where only root looks
	}
	if err != nil {
		if os.Getenv("AVATARBRIDGE_TEST_ALL") != "" {
			t.Fatal("nginx is not installed, and AVATARBRIDGE_TEST_ALL wants all tests")
		}
		t.Skip("nginx is not installed")
	}
	dir := t.TempDir()
	var paths string
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		paths += fmt.Sprintf("%s_temp_path %s;\n", kind, filepath.Join(dir, kind))
	}
	writeFile(t, dir, "nginx.conf", fmt.Sprintf("daemon off;\nmaster_process off;\npid %s;\nerror_log stderr;\nevents {}\nhttp {\n%s%s}\n",
		filepath.Join(dir, "pid"), paths, lines))
	ctx, stop := context.WithCancel(t.Context())
	var said syncBuffer
	child := exec.CommandContext(ctx, path, "-p", dir, "-e", "stderr", "-c", filepath.Join(dir, "nginx.conf"))
	child.Stdout, child.Stderr = &said, &said
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_ = child.Wait() // it was killed
		if t.Failed() {
			t.Logf("nginx said:\n%s", said.String())
		}
	})
	eventually(t, "nginx to listen", func() bool {
		c, err := net.DialTimeout("tcp", address, time.Second)
		return err == nil && c.Close() == nil
	})
}

// waiting lets a client's stream end with the test, not with the patience of whoever reads it.
func waiting(t *testing.T) *http.Client {
	t.Helper()
	c := browser(t)
	c.Timeout = time.Minute
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func TestReadmesNginxPassesAReplyOnWhileItGrows(t *testing.T) {
	r := newPageRig(t)
	url := nginx(t, r.public)
	r.amend("server", "trusted_proxies = [\"127.0.0.1\"]\n")
	gate := make(chan struct{})
	r.model.Answer(func(avatartest.ChatRequest) avatartest.ChatAnswer {
		return avatartest.ChatAnswer{Pieces: []string{"The first half. ", "The second half."}, Gate: gate}
	})
	r.start()
	r.ready()
	base, c := url+"/chat/model", waiting(t)
	open(t, c, base)
	next := listen(t, c, base)
	next("ready")
	write(t, c, base, "m1", "Hello")
	if !strings.Contains(next("item"), "Hello") {
		t.Fatal("what was written is not shown first")
	}
	gate <- struct{}{}
	// The rest is held back: what comes now was not kept by the proxy for company.
	if draft := next("draft"); !strings.Contains(draft, "The first half.") || strings.Contains(draft, "second") {
		t.Errorf("the draft is %s", draft)
	}
	close(gate)
	for item := ""; !strings.Contains(item, "The second half."); {
		item = next("item")
	}
}

func TestReadmesNginxLetsARecordingOfTheUsualSizeThrough(t *testing.T) {
	r := newPageRig(t)
	url := nginx(t, r.public)
	r.start()
	r.ready()
	base, c := url+"/chat/model", waiting(t)
	open(t, c, base)
	for size, want := range map[int]int{5 << 20: http.StatusAccepted, 5<<20 + 1: http.StatusRequestEntityTooLarge} {
		recording := append([]byte("OggS"), bytes.Repeat([]byte{1}, size-4)...)
		resp, err := c.Post(fmt.Sprintf("%s/voice?id=m%d", base, size), "audio/ogg", bytes.NewReader(recording))
		if err != nil {
			t.Fatal(err)
		}
		if resp.Body.Close(); resp.StatusCode != want || resp.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%d bytes: status %d of %s, want %d and the program's own words", size, resp.StatusCode, resp.Header.Get("Content-Type"), want)
		}
	}
}

func TestReadmesNginxTellsTheSchemeAndNotWhatAVisitorClaims(t *testing.T) {
	r := newPageRig(t)
	url := nginx(t, r.public)
	r.amend("server", "trusted_proxies = [\"127.0.0.1\"]\n")
	r.start()
	r.ready()
	// What a visitor claims about themselves is not believed: the proxy adds what it sees.
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/chat/demo", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Forwarded-Proto", "https")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if all := resp.Cookies(); len(all) != 1 || all[0].Secure {
		t.Errorf("over http the cookies are %v", all)
	}
}
