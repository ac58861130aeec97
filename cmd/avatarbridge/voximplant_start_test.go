package main

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"avatarbridge/avatar/avatartest"
)

// stopped lets Ann write, and ends the program while it waits for the reply. It returns the callback and what stands in Ann's chat.
func (r voxRig) stopped() (uri string, posted func() []string) {
	r.t.Helper()
	r.vox.Answer(silent)
	r.start()
	ann := r.telegram.AddUser("Ann")
	c := r.telegram.Direct(ann, r.bot)
	r.write(c, ann, "hello")
	uri = r.heard(1)[0].CallbackURI
	r.kill()
	return uri, func() []string { return r.texts(c, 1) }
}

func TestACallbackWhileThePlatformIsDownAtTheStartIsKeptForItsChat(t *testing.T) {
	r := newVoxRig(t, "")
	uri, posted := r.stopped()
	r.telegram.Offline()
	r.start()
	r.await("the callback to be taken", func() bool {
		status, err := r.vox.Post(r.ctx, uri, "", avatartest.VoximplantCallback{Response: "kept"})
		if err == nil && status/100 != 2 && status != http.StatusServiceUnavailable {
			t.Fatalf("status %d", status)
		}
		return err == nil && status/100 == 2
	})
	if err := r.telegram.Online(); err != nil {
		t.Fatal(err)
	}
	if got := posted(); !slices.Equal(got, []string{"kept"}) {
		t.Errorf("posted %q", got)
	}
}

func TestACallbackToABridgeThatWasRenamedReachesItsChatOnceItsPlatformIsReached(t *testing.T) {
	r := newVoxRig(t, "")
	uri, posted := r.stopped()
	file := filepath.Join(r.dir, "config.toml")
	config, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, r.dir, "config.toml", strings.Replace(string(config), "[bridges.tg]", "[bridges.other-name]", 1))
	r.telegram.Offline()
	r.start()
	r.await("the program to answer", func() bool { _, err := http.Get("http://" + r.public + "/livez"); return err == nil })
	for range 3 { // nobody knows yet whose account it is
		if status := r.post(uri, "late"); status != http.StatusServiceUnavailable {
			t.Fatalf("status %d", status)
		}
	}
	if err := r.telegram.Online(); err != nil {
		t.Fatal(err)
	}
	r.await("the callback to be taken", func() bool { return r.post(uri, "late")/100 == 2 })
	if got := posted(); !slices.Equal(got, []string{"late"}) {
		t.Errorf("posted %q", got)
	}
}
