package main

import (
	"net/http"
	"os/exec"
	"slices"
	"syscall"
	"testing"

	"avatarbridge/avatar/avatartest"
)

func TestAfterARestoreLateRepliesReachNobodyElseAndThoseFromBeforeTheBackupTheirOwn(t *testing.T) {
	r := newVoxRig(t, "")
	r.vox.Answer(silent)
	must := func(cmd *exec.Cmd) {
		t.Helper()
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	r.start()
	ann, lost, bob := r.telegram.AddUser("Ann"), r.telegram.AddUser("Lost"), r.telegram.AddUser("Bob")
	annChat, lostChat, bobChat := r.telegram.Direct(ann, r.bot), r.telegram.Direct(lost, r.bot), r.telegram.Direct(bob, r.bot)
	r.write(annChat, ann, "before the backup")
	annURI := r.heard(1)[0].CallbackURI
	must(r.command("backup", "copy.db"))
	r.write(lostChat, lost, "after the backup")
	lostURI := r.heard(2)[1].CallbackURI
	r.signal(syscall.SIGTERM)
	must(r.command("restore", "copy.db"))
	r.start()
	r.ready()
	r.write(bobChat, bob, "after the restore") // in a conversation that has the number of the one that is lost
	all := r.heard(3)
	if status := r.post(lostURI, "a secret of somebody else's"); status != http.StatusNotFound {
		t.Errorf("a callback to a conversation that is lost: status %d", status)
	}
	r.says(all[len(all)-1].CallbackURI, avatartest.VoximplantCallback{Response: "to Bob"})
	r.says(annURI, avatartest.VoximplantCallback{Response: "to Ann"})
	if got := r.texts(bobChat, 1); !slices.Equal(got, []string{"to Bob"}) {
		t.Errorf("Bob reads %q", got)
	}
	if got := r.texts(annChat, 1); !slices.Equal(got, []string{"to Ann"}) {
		t.Errorf("Ann reads %q", got)
	}
}
