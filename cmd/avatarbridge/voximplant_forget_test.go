package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"avatarbridge/avatar/avatartest"
)

func TestForgettingSomebodyStopsTheirConversationsAtVoximplantWithAndWithoutTheRunningProgram(t *testing.T) {
	for _, runs := range []bool{true, false} {
		t.Run(fmt.Sprint("running ", runs), func(t *testing.T) {
			r := newVoxRig(t, "")
			r.start()
			ann, bob := r.telegram.AddUser("Ann"), r.telegram.AddUser("Bob")
			annChat, bobChat := r.telegram.Direct(ann, r.bot), r.telegram.Direct(bob, r.bot)
			r.write(annChat, ann, "hello")
			r.texts(annChat, 1)
			r.write(bobChat, bob, "hello")
			r.texts(bobChat, 1)
			heard := r.heard(2)
			if !runs {
				r.kill()
			}
			forget := r.command("people", "forget", fmt.Sprint("telegram:", ann.ID))
			if out, err := forget.CombinedOutput(); err != nil || !strings.Contains(string(out), "1 conversation.") {
				t.Fatalf("%v: %s", err, out)
			}
			if err := r.vox.Await(r.ctx, avatartest.StopReceived, 1); err != nil {
				t.Fatal(err)
			}
			if stops := r.vox.Stops(); !slices.Equal(stops, []string{heard[0].Conversation}) {
				t.Errorf("stopped %q, want %q", stops, heard[0].Conversation)
			}
			if !runs {
				r.start()
				r.ready()
			}
			if status := r.post(heard[0].CallbackURI, "evil"); status != 404 {
				t.Errorf("a callback to who was forgotten: status %d", status)
			}
		})
	}
}

func TestForgettingSomebodyWhileVoximplantIsDownSaysWhatIsNotDone(t *testing.T) {
	r := newVoxRig(t, "")
	r.start()
	ann := r.telegram.AddUser("Ann")
	c := r.telegram.Direct(ann, r.bot)
	r.write(c, ann, "hello")
	r.texts(c, 1)
	r.kill()
	r.vox.Close()
	who := fmt.Sprint("telegram:", ann.ID)
	out, err := r.command("people", "forget", who).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "the person is forgotten here; the avatar's service does not know it: avatars.concierge: ") {
		t.Errorf("%v: %s", err, out)
	}
	if out, err := r.command("people", "show", who).CombinedOutput(); err == nil || !strings.Contains(string(out), "nobody is known as") {
		t.Errorf("after it: %v: %s", err, out)
	}
}
