//go:build !race

package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"avatarbridge/bridges/bridgetest"
)

// peak is the most memory that the program had resident, in kB.
func (r *rig) peak() int {
	r.t.Helper()
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(r.child.Process.Pid), "status"))
	if err != nil {
		r.t.Skip("this system does not tell how much memory a process takes")
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kB, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		r.t.Fatal(err)
	}
	return kB
}

// A session begins five seconds after the one before, as Discord asks.
func TestAHugeGuildTakesLittleMemoryHoweverOftenItIsToldOf(t *testing.T) {
	sessions := 2
	if gatheringSize(0).people > 100 {
		sessions = 20
	}
	r := newDiscordRig(t, false, "rooms = \"all\"\nshards = 1")
	huge := r.d.AddHugeGuild("Huge", 50_000, 500, r.bot)
	k := discordTalk{r.d.AddUser("Anna"), r.d.Text(huge)[42]}
	r.start()
	r.ready()
	ctx, cancel := context.WithTimeout(t.Context(), gatheringSize(0).within)
	defer cancel()
	for n := range sessions {
		r.d.Say(bridgetest.DiscordLine{Channel: k.at, From: k.who, Text: r.bot.Mention() + " " + text(0, n)})
		r.all(ctx, []discordTalk{k}, n+1)
		if n == 0 {
			t.Logf("after the first session at most %d kB", r.peak())
		}
		r.d.CloseGateways(r.bot, 4009) // the session is over
		if err := r.d.WaitFor(ctx, func() bool { return len(r.d.Identifies(r.bot)) == n+2 && len(r.d.Connections(r.bot)) == 1 }); err != nil {
			t.Fatalf("%v; the log ends with\n%s", err, tail(r.logged()))
		}
	}
	if most := r.peak(); most > 60<<10 {
		t.Errorf("at most it took %d kB", most)
	}
	t.Logf("after %d sessions at most %d kB", sessions+1, r.peak())
}
