package main

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestAnOpenPageShowsTheRestoredHistoryAndWhatComesAfterIt(t *testing.T) {
	r := newPageRig(t)
	r.start()
	r.ready()
	b := openBrowser(t)
	b.expect("net::ERR_", "Failed to load resource", "503")
	b.open("http://" + r.public + "/chat/mine")
	b.write("before")
	b.until("it is answered", `document.querySelectorAll("#log .reply").length === 1`)
	kept := filepath.Join(r.dir, "copy.db")
	if got := runProgram(t, r.dir, "", "backup", kept); got.code != ok {
		t.Fatalf("backup: %+v", got)
	}
	for i, text := range []string{"lost one", "lost two"} {
		b.write(text)
		b.until("it is answered", `document.querySelectorAll("#log .reply").length === `+strconv.Itoa(i+2))
	}
	r.signal(syscall.SIGTERM)
	if got := runProgram(t, r.dir, "", "restore", kept); got.code != ok {
		t.Fatalf("restore: %+v", got)
	}
	r.start()
	r.ready()
	b.until("what was lost is gone", `document.querySelectorAll("#log .mine").length === 1`)
	b.wantTexts(mineTexts, "before")
	b.write("after") // with the id of what was lost
	b.until("it is answered", `document.querySelectorAll("#log .reply").length === 2`)
	b.wantTexts(mineTexts, "before", "after")
}

func TestAMessageOverALimitIsRefusedToThePageAndLeavesNothing(t *testing.T) {
	dir, public, admin := twoPages(t, "[limits]\nperson = \"2/h\"")
	start(t, dir, admin)
	c, base := browser(t), "http://"+public+"/chat/site"
	open(t, c, base)
	write(t, c, base, "m1", "one")
	write(t, c, base, "m2", "two")
	for range 2 {
		resp, err := c.Post(base+"/messages", "application/json", strings.NewReader(`{"id":"m3","text":"three"}`))
		if err != nil {
			t.Fatal(err)
		}
		var said struct{ Code string }
		err = json.NewDecoder(resp.Body).Decode(&said)
		_ = resp.Body.Close()
		after, number := strconv.Atoi(resp.Header.Get("Retry-After"))
		if err != nil || number != nil || resp.StatusCode != http.StatusTooManyRequests || said.Code != "too_many" || after < 3000 || after > 3600 {
			t.Fatalf("answered with %d %q, again after %q", resp.StatusCode, said.Code, resp.Header.Get("Retry-After"))
		}
	}
	// A cookie of one's own making is nobody.
	req, err := http.NewRequest(http.MethodPost, base+"/messages", strings.NewReader(`{"id":"m4","text":"four"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Cookie", "avatarbridge-site="+strings.Repeat("A", 43))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("an invented cookie was answered with %d", resp.StatusCode)
	}
	if list := runProgram(t, dir, "", "people", "list"); strings.Count(list.out, "web:") != 1 {
		t.Errorf("known: %+v", list)
	}
}
