package main

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"avatarbridge/bridges/bridgetest"
)

// Discord is told nothing when an event is stored. What makes it send an event once more after a crash is the number that a resumed session
// names, so that number is the acknowledgement, and the moment when it is on disk.
func TestHowFarDiscordsSessionHasComeIsOnDiskNoSoonerThanItsEvents(t *testing.T) {
	r := newDiscordRig(t, false, "")
	talks := r.talks(3, 2)
	ctx := deadline(t)
	stop := r.trace("read,write,pwrite64,fdatasync,fsync")
	r.ready()
	if err := r.d.WaitFor(ctx, func() bool { return len(r.d.Commands(r.bot)) > 0 }); err != nil {
		t.Fatal(err)
	}
	const rounds = 3
	asked := len(talks) // the number of who uses a command
	asker := r.d.AddUser("Asker")
	var texts []string
	for n := range rounds {
		r.say(talks, n)
		for i := range talks {
			texts = append(texts, text(i, n))
		}
		texts = append(texts, text(asked, n))
		if _, err := r.d.Invoke(bridgetest.DiscordInvocation{
			Bot: r.bot, Channel: r.room, From: asker, Command: "ask", Options: map[string]any{"text": text(asked, n)},
		}); err != nil {
			t.Fatal(err)
		}
	}
	r.all(ctx, talks, rounds)
	if err := r.d.WaitFor(ctx, func() bool { return each(texts[asked:asked+1], r.d.Texts(r.room)) }); err != nil {
		t.Fatalf("%v; the log ends with\n%s", err, tail(r.logged()))
	}
	r.await("nothing to wait", r.quiet)
	tr := stop()
	stored := tr.progress()
	for _, text := range texts {
		if wrong := tr.ahead(text, stored); wrong != "" {
			t.Errorf("%s: %s", text, wrong)
		}
	}
}

// A reach is a write of how far the session has come.
type reach struct {
	number int64
	call   *call
}

var numberForm = regexp.MustCompile(`"q":(\d+)`) // knows the bridge's cursor

// progress is each write to the database's log of how far Discord's session has come.
func (tr *tracing) progress() (all []reach) {
	for _, c := range tr.calls {
		if !c.writes() || !c.on(walName) {
			continue
		}
		for _, m := range numberForm.FindAllSubmatch(c.data, -1) {
			if n, err := strconv.ParseInt(string(m[1]), 10, 64); err == nil {
				all = append(all, reach{n, c})
			}
		}
	}
	return all
}

// number is that of the first event of a gateway with the text in it, 0 if none came.
func (tr *tracing) number(text string) (number int64) {
	for _, in := range tr.in {
		for _, f := range in.frames() {
			var event struct {
				Number int64 `json:"s"`
			}
			if strings.Contains(string(f.payload), text) && json.Unmarshal(f.payload, &event) == nil && event.Number > 0 {
				if number == 0 || event.Number < number {
					number = event.Number
				}
			}
		}
	}
	return number
}

// ahead says whether the progress was ever synced with the event with the text in it, and the event not. That it never was is wrong as well.
func (tr *tracing) ahead(text string, progress []reach) string {
	number, stored := tr.number(text), tr.stored(text)
	if number == 0 || stored == nil {
		return "it never came, or was never stored"
	}
	reached := false
	for _, p := range progress {
		if p.number < number {
			continue
		}
		if s := tr.synced(p.call); s != nil {
			if reached = true; stored.ended > s.began {
				return "how far the session has come was synced before it was stored"
			}
		}
	}
	if !reached {
		return "the session was never stored to have come so far"
	}
	return ""
}
