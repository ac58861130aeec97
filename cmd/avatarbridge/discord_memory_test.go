//go:build !race

package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"testing"
)

// The race detector takes several times the memory of the program, so this is no test for it.
func TestAHugeGuildTakesLittleMemory(t *testing.T) {
	r := newDiscordRig(t, false, "rooms = \"all\"\nshards = 1")
	huge := r.d.AddHugeGuild("Huge", 50_000, 500, r.bot)
	r.start()
	r.ready()
	talks := []discordTalk{{r.d.AddUser("Anna"), r.d.Text(huge)[42]}}
	r.say(talks, 0)
	r.all(deadline(t), talks, 1)
	r.mu.Lock()
	pid := r.child.Process.Pid
	r.mu.Unlock()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skip("this system does not tell how much memory a process takes")
	}
	most := regexp.MustCompile(`VmHWM:\s*(\d+) kB`).FindSubmatch(status)
	kib, err := strconv.Atoi(string(most[1]))
	if err != nil || kib > 60<<10 {
		t.Errorf("at most it took %d KiB, %v", kib, err)
	}
	t.Logf("at most %d KiB", kib)
}
