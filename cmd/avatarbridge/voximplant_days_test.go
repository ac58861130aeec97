package main

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"avatarbridge/avatar/avatartest"
	"avatarbridge/store/sqlite"
)

// times are the columns of the database that hold a time, 0 and NULL being none: a test moves them, which is the same as moving the clock on.
var times = map[string][]string{
	"cursor": {"moved"}, "person": {"first_seen", "last_seen"}, "turn": {"due", "tried", "accepted"}, "post": {"due", "tried", "created"},
	"dead": {"at"}, "reply": {"at"}, "memo": {"at"}, "feed": {"at"}, "counter": {"opened"}, "notice": {"said"}, "hold": {"until"},
}

// later lets time pass for a program that is dead.
func (r *rig) later(d time.Duration) {
	r.t.Helper()
	db, err := sql.Open("sqlite3", filepath.Join(r.dir, "a.db"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer db.Close()
	for table, columns := range times {
		for _, column := range columns {
			q := fmt.Sprintf("UPDATE %s SET %s = %[2]s - %d WHERE %[2]s > 0", table, column, d.Microseconds())
			if _, err := db.Exec(q); err != nil {
				r.t.Fatalf("%s: %v", q, err)
			}
		}
	}
}

// purge deletes what is over and older than keep, as the program does once an hour.
func (r *rig) purge(keep time.Duration) (rows int) {
	r.t.Helper()
	st, err := sqlite.Open(r.t.Context(), sqlite.Config{Path: filepath.Join(r.dir, "a.db")})
	if err != nil {
		r.t.Fatal(err)
	}
	defer st.Close()
	rows, err = st.Purge(r.t.Context(), time.Now().Add(-keep), "web")
	if err != nil {
		r.t.Fatal(err)
	}
	return rows
}

func TestACallbackThreeDaysAndTwoRestartsLaterReachesItsDirectChatAndNoRoom(t *testing.T) {
	for _, g := range grounds(t) {
		t.Run(g.platform, func(t *testing.T) { threeDaysLater(t, g) })
	}
}

func threeDaysLater(t *testing.T, g *ground) {
	ann, bob, room, quiet := g.direct("Ann"), g.direct("Bob"), g.room("room"), g.room("quiet room")
	c := newCast(t, "keep = \"24h\"\n", g.bridgeTo(g.routeTo(room, "concierge", "scope = \"room\"\n")+g.routeTo(quiet, "concierge", "")))
	c.start()
	c.ready()
	places := map[string]*seat{"Ann": ann, "Bob": bob, "room": room, "quiet": quiet}
	for name, s := range places {
		s.write("from " + name)
	}
	uris := map[string]string{}
	for _, u := range c.heard(len(places)) {
		uris[u.Text] = u.CallbackURI
	}
	for name, s := range places { // a reply at once settles the message: what comes later is outside of any turn
		if name != "quiet" {
			c.take(uris["from "+name], "at once to "+name)
			c.stand(g, s, "at once to "+name)
		}
	}
	c.await("nothing to be sent", c.settled)
	c.kill()
	c.later(36 * time.Hour)
	if c.purge(24*time.Hour) == 0 {
		t.Error("there was nothing to purge: nothing was tested")
	}
	c.start()
	c.ready()
	c.kill()
	c.later(36 * time.Hour)
	c.purge(24 * time.Hour)
	c.start()
	c.ready()
	c.take(uris["from Ann"], "days later to Ann")
	c.stand(g, ann, "at once to Ann", "days later to Ann")
	c.take(uris["from quiet"], "days later to quiet") // whose message nobody has answered till then
	c.stand(g, quiet, "days later to quiet")
	c.await("nothing to wait", c.quiet)
	c.stand(g, bob, "at once to Bob")
	c.stand(g, room, "at once to room")
	// The same conversation goes on, and is the same for the service.
	ann.write("and now")
	all := c.heard(len(places) + 1)
	last := all[len(all)-1]
	for _, u := range all {
		if u.Text == "from Ann" && (u.Conversation != last.Conversation || u.CustomData["userUid"] != last.CustomData["userUid"]) {
			t.Errorf("Ann was %s in %s and is %s in %s", u.CustomData["userUid"], u.Conversation, last.CustomData["userUid"], last.Conversation)
		}
	}
	if len(all) != len(places)+1 {
		t.Errorf("the avatar heard %d utterances, want %d: %v", len(all), len(places)+1, all)
	}
}

// take posts a callback that must be taken.
func (c *cast) take(uri, words string) {
	c.t.Helper()
	status, err := c.vox.Post(c.ctx, uri, "", avatartest.VoximplantCallback{Response: words})
	if err != nil || status/100 != 2 {
		c.t.Fatalf("%s: status %d, %v; the log ends with\n%s", words, status, err, tail(c.logged()))
	}
}

// settled reports whether no post waits to be sent or is being sent.
func (r *rig) settled() bool {
	code, body := r.get("/metrics")
	for line := range strings.SplitSeq(body, "\n") {
		if strings.HasPrefix(line, "avatarbridge_waiting") && strings.Contains(line, `kind="post"`) && !strings.HasSuffix(line, " 0") {
			return false
		}
	}
	return code == 200
}
