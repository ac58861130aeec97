package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"avatarbridge/avatar/avatartest"
)

func TestForgottenPersonIsInNoFile(t *testing.T) {
	r := newRig(t, setup{})
	ann, chat := r.person("Canaryname")
	bob, other := r.person("Bob")
	r.start()
	for i := range 20 {
		r.say(ann, chat, fmt.Sprint("CANARYTEXT number ", i))
		r.say(bob, other, fmt.Sprint("ordinary ", i))
	}
	r.awaitPost(chat, "number 19")
	r.awaitPost(other, "ordinary 19")
	r.virtuals.Break(avatartest.PromptReceived, 1, avatartest.Answered(400, "application/json", `{}`))
	r.say(ann, chat, "CANARYTEXT that dies")
	r.awaitPost(chat, "UNAVAILABLE")
	found, err := r.command("people", "show", "telegram:"+fmt.Sprint(ann.ID)).CombinedOutput()
	if err != nil || !strings.Contains(string(found), "Canaryname") {
		t.Fatalf("people show: %v\n%s", err, found)
	}
	if out, err := r.command("people", "forget", "telegram:"+fmt.Sprint(ann.ID)).CombinedOutput(); err != nil {
		t.Fatalf("people forget: %v\n%s", err, out)
	}
	r.nowhere("CANARYTEXT", "Canaryname", fmt.Sprint(ann.ID))
	r.say(bob, other, "still there")
	r.awaitPost(other, "still there")
	r.signal(syscall.SIGTERM)
	r.nowhere("CANARYTEXT", "Canaryname", fmt.Sprint(ann.ID))
}

// nowhere checks that no file of the program, nor its log, has one of the words.
func (r *rig) nowhere(words ...string) {
	r.t.Helper()
	texts := map[string]string{"log": r.logged()}
	err := filepath.WalkDir(r.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		texts[path] = string(data)
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	for name, text := range texts {
		for _, w := range words {
			if strings.Contains(text, w) {
				r.t.Errorf("%s has %q in it", name, w)
			}
		}
	}
}
