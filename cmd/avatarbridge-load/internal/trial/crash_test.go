package trial

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mattn/go-sqlite3"

	"avatarbridge/cmd/avatarbridge-load/internal/figure"
	"avatarbridge/cmd/avatarbridge-load/internal/ledger"
)

func TestOnlyWhatWasInFlightAtAKillMayComeTwice(t *testing.T) {
	x := &trial{who: Ours, ledger: ledger.New(1, 2), bots: []seat{{nil, Telegram, Telegram}}}
	for n := range 2 {
		x.ledger.Written(0, n)
		x.ledger.Asked(0, n)
		x.ledger.Posted(0, 0, n)
	}
	x.ledger.Unsure(0, 1)
	x.ledger.Posted(0, 0, 1)
	var r figure.Result
	x.promises(&r, may{killed: true})
	x.flights(&r)
	if len(r.Broken) != 0 {
		t.Errorf("broken are %q", r.Broken)
	}
	if !slices.Contains(r.Figures, figure.Figure{Name: "in flight at the kills", Value: 1}) {
		t.Errorf("in flight are %v", r.Figures)
	}
	x.ledger.Unsure(0, 1)    // another kill, at which it was in flight again, and did not come again
	x.ledger.Posted(0, 0, 0) // which was not in flight
	x.ledger.Asked(0, 1)     // which was posted when the program died
	x.inFlight = maxInFlight + 1
	r = figure.Result{}
	x.promises(&r, may{killed: true})
	x.flights(&r)
	for _, want := range []string{"2 of 2 doubled, where 1 may be", "1 of 2 asked twice, where 0 may be", "257 posts of one bridge were in flight"} {
		if !slices.ContainsFunc(r.Broken, func(s string) bool { return strings.HasPrefix(s, want) }) {
			t.Errorf("%q is not told in %q", want, r.Broken)
		}
	}
}

func TestWhatADeadProgramHasNotedIsReadFromItsDatabase(t *testing.T) {
	x := &trial{dir: t.TempDir()}
	if ids, err := x.noted(); len(ids) != 0 || err != nil {
		t.Errorf("before there is a database: %v, %v", ids, err)
	}
	file := filepath.Join(x.dir, databaseFile)
	db, err := (&sqlite3.SQLiteDriver{}).Open("file:" + file + "?_journal_mode=WAL")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, q := range []string{"CREATE TABLE post (sent_id TEXT)", "INSERT INTO post VALUES ('7'), (NULL), ('8')"} {
		if _, err := db.(*sqlite3.SQLiteConn).Exec(q, nil); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(file + "-wal"); err != nil || info.Size() == 0 {
		t.Fatalf("nothing is in the log: %v", err)
	}
	ids, err := x.noted()
	if got := slices.Sorted(maps.Keys(ids)); err != nil || !slices.Equal(got, []string{"7", "8"}) {
		t.Errorf("noted are %q, %v", got, err)
	}
	if left, err := filepath.Glob(filepath.Join(x.dir, "left-*")); err != nil || len(left) != 0 {
		t.Errorf("left behind are %q, %v", left, err)
	}
}

func TestUnclearPostsAreFoundInTheListOfDeadLetters(t *testing.T) {
	got := unclearRooms("3  telegram0/500000007  post, perhaps sent\n4  telegram0 500000007  perhaps sent, the rest\n5 telegram0 500000008 perhaps sent\n6 telegram0 500000007 refused\n")
	if !maps.Equal(got, map[string]int{"500000007": 1, "500000008": 1}) {
		t.Errorf("unclear are %v", got)
	}
}
