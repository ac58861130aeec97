package main

import (
	"strings"
	"testing"
)

func TestADatabaseWithoutAFolderIsToldInTheSameWordsByRunAndCheck(t *testing.T) {
	dir, _ := demo(t)
	writeFile(t, dir, "config.toml", "[server]\nlisten = \"127.0.0.1:0\"\nadmin_listen = \""+freeAddr(t)+"\"\n"+
		"[store]\nurl = \"sqlite:none/here.db\"\n[avatars.demo]\nbackend = \"echo\"\n")
	run, check := runProgram(t, dir, "", "run"), runProgram(t, dir, "", "check")
	for _, want := range []string{"cannot write beside ", "none/here.db: no such file or directory", "make the folder, and let the user that runs avatarbridge write in it"} {
		if run.code != failed || !strings.Contains(run.err, want) {
			t.Errorf("run: %+v, want %q", run, want)
		}
		if check.code != failed || !strings.Contains(check.out, want) {
			t.Errorf("check: %+v, want %q", check, want)
		}
	}
}
