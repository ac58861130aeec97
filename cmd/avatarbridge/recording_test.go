package main

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recordings returns what is in the folder of what people said.
func recordings(t *testing.T, dir string) (names []string, bytes int) {
	t.Helper()
	folders, err := filepath.Glob(filepath.Join(dir, "*.media", "voices", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range folders {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		names, bytes = append(names, filepath.Base(name)), bytes+int(info.Size())
	}
	return names, bytes
}

// speak sends a recording to the page at base, and returns as whom the program knows the sender.
func speak(t *testing.T, base, bridge, id string) (who string) {
	t.Helper()
	c := browser(t)
	open(t, c, base)
	resp, err := c.Post(base+"/voice?id="+id, "audio/ogg", strings.NewReader("OggS\x00what somebody said"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		t.Fatalf("the recording was answered with status %d", resp.StatusCode)
	}
	at, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(c.Jar.Cookies(at)[0].Value))
	return "web:" + bridge + ":" + hex.EncodeToString(sum[:16])
}

// Nothing answers at the avatar's address, so what was said waits.
func TestForgettingSomebodyLeavesNoRecordingOfThem(t *testing.T) {
	dir, public, admin := twoPages(t, "")
	r := &rig{t: t, dir: dir, public: public, admin: admin}
	t.Cleanup(r.kill)
	r.start()
	r.ready()
	base := "http://" + public + "/chat/shop"
	ann, ben := speak(t, base, "shop", "m1"), speak(t, base, "shop", "m1")
	if names, _ := recordings(t, dir); len(names) != 2 {
		t.Fatalf("the recordings are %q", names)
	}
	if got := runProgram(t, dir, "", "people", "forget", ann); got.code != ok {
		t.Fatalf("beside the running program: %+v", got)
	}
	if names, _ := recordings(t, dir); len(names) != 1 {
		t.Errorf("beside the running program: %q are left of two", names)
	}
	r.kill()
	if got := runProgram(t, dir, "", "people", "forget", ben); got.code != ok {
		t.Fatalf("without the program: %+v", got)
	}
	if names, bytes := recordings(t, dir); len(names) != 0 {
		t.Errorf("without the program: %q are left, %d bytes", names, bytes)
	}
}
