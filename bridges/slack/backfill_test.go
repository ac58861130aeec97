package slack

import (
	"slices"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
)

// away writes while the bridge is away for d, and gives every event up.
func (w *world) away(d time.Duration, write func()) {
	w.Helper()
	w.slack.Advance(d)
	write()
	for w.slack.Unacknowledged(w.app) > 0 { // each attempt begins its pause when the one before it has failed
		w.slack.Advance(10 * time.Minute)
		if w.ctx.Err() != nil {
			w.Fatal("waited in vain for the events to be given up")
		}
	}
}

// texts waits for n different events and returns their texts, sorted.
func (w *world) texts(n int) []string {
	w.Helper()
	got, err := w.rx.WaitUnique(w.ctx, n)
	if err != nil {
		w.Fatalf("%d of %d events: %+v\n%s", len(got), n, got, w.logs)
	}
	var texts []string
	for _, e := range got {
		texts = append(texts, e.Text)
	}
	slices.Sort(texts)
	return texts
}

// cursorOf makes the receiver remember when the connection was alive.
func (w *world) cursorOf(t time.Time) {
	w.Helper()
	if err := w.rx.Receive(w.ctx, bridges.Batch{Cursor: writeCursor(t)}); err != nil {
		w.Fatal(err)
	}
}

func TestWhatWasWrittenInALongGapIsReadFromTheHistory(t *testing.T) {
	w := newWorld(t)
	mention := w.app.User.Mention()
	known := w.writes(bridgetest.SlackLine{Channel: w.room, Text: "a thread that the avatar knows"})
	unknown := w.writes(bridgetest.SlackLine{Channel: w.room, Text: "a thread that it does not know"})
	ben := w.slack.AddUser(w.team, "Ben")
	benChat := w.slack.Direct(w.app, ben)
	assistant, thread := w.slack.OpenAssistant(w.app, w.anna, nil)
	last := w.slack.Now()
	w.away(time.Minute, func() {
		for _, l := range []bridgetest.SlackLine{
			{Text: "direct"},
			{Channel: benChat, From: ben, Text: "first words"},
			{Channel: assistant, Thread: thread, Text: "in an assistant thread"},
			{Channel: w.room, Thread: known, Text: "followed"},
			{Channel: w.room, Thread: unknown, Text: "for others"},
			{Channel: w.room, Text: mention + " a new thread"},
		} {
			w.writes(l)
		}
	})
	w.rx.SetPlaces(w.direct(), bridges.Place{Channel: w.room.ID, Thread: known})
	w.cursorOf(last.Add(-time.Hour)) // this machine's clock has not been moved
	b := w.bridge(nil, func(c *Config) { c.CatchUp = 24 * time.Hour })
	w.connected(b)
	got := w.texts(7)
	want := []string{"a new thread", "a thread that it does not know", "a thread that the avatar knows", "direct", "first words", "followed", "in an assistant thread"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	for _, e := range w.rx.Unique() {
		if addressed := !strings.HasPrefix(e.Text, "a thread that"); e.Addressed != addressed {
			t.Errorf("%q: addressed is %v", e.Text, e.Addressed)
		}
		if !slices.Equal(e.Within, []string{w.team.ID}) || e.From.Name == "" {
			t.Errorf("%+v", e)
		}
	}
}

func TestAShortGapNeedsNoHistory(t *testing.T) {
	for _, c := range []struct {
		alive time.Duration // ago
		want  bool
	}{{time.Minute, false}, {3 * time.Minute, false}, {5*time.Minute + time.Second, true}} {
		w := newWorld(t)
		w.rx.SetPlaces(w.direct())
		w.cursorOf(time.Now().Add(-c.alive))
		stop := w.connected(w.bridge(nil))
		if c.want {
			w.until("the history", func() bool { return w.slack.Calls("conversations.history") > 0 })
		}
		_ = stop()
		if got := w.slack.Calls("conversations.history") > 0; got != c.want {
			t.Errorf("alive %v ago: the history was read: %v", c.alive, got)
		}
	}
	w := newWorld(t) // never alive before
	w.rx.SetPlaces(w.direct())
	_ = w.connected(w.bridge(nil))()
	if w.slack.Calls("conversations.history") > 0 {
		t.Error("the history was read at the first start")
	}
}

func TestAGapWhileTheProgramRunsIsCaughtUp(t *testing.T) {
	w := newWorld(t, func(o *bridgetest.SlackOptions, _ *bridgetest.SlackAppOptions) { o.Retries = []time.Duration{} })
	b := w.bridge(nil)
	b.gap = time.Millisecond // Slack gives up at once
	w.rx.SetPlaces(w.direct())
	w.connected(b)
	w.slack.Offline()
	if err := w.rx.WaitHealth(w.ctx, true); err != nil {
		t.Fatal(err)
	}
	w.writes(bridgetest.SlackLine{Text: "lost for ever?"})
	w.until("it to be given up", func() bool { return w.slack.GivenUp() == 1 })
	if err := w.slack.Online(); err != nil {
		t.Fatal(err)
	}
	if got := w.texts(1); got[0] != "lost for ever?" {
		t.Errorf("%q", got)
	}
}

func TestCatchingUpWaitsWhenSlackAsksItToAndLeavesOutWhatItMayNotRead(t *testing.T) {
	w := newWorld(t, scoped("chat:write", "users:read", "im:history"))
	w.away(time.Second, func() { w.writes(bridgetest.SlackLine{Text: "direct"}) })
	w.rx.SetPlaces(bridges.Place{Channel: w.room.ID}, w.direct())
	w.cursorOf(time.Now().Add(-time.Hour))
	w.slack.Break(bridgetest.SlackFault{Method: "conversations.history", Effect: bridgetest.Throttle, RetryAfter: 1, Times: 1})
	w.connected(w.bridge(nil))
	if got := w.texts(1); got[0] != "direct" {
		t.Errorf("%q", got)
	}
}

func TestTheHistoryIsReadNoFurtherBackThanCatchUp(t *testing.T) {
	w := newWorld(t)
	w.writes(bridgetest.SlackLine{Text: "yesterday", At: time.Now().Add(-25 * time.Hour)})
	w.writes(bridgetest.SlackLine{Text: "today", At: time.Now().Add(-30 * time.Minute)})
	w.slack.Advance(10 * time.Minute)
	w.rx.SetPlaces(w.direct())
	w.cursorOf(time.Now().Add(-48 * time.Hour))
	w.connected(w.bridge(nil))
	w.writes(bridgetest.SlackLine{Text: "now"})
	if got := w.texts(2); !slices.Equal(got, []string{"now", "today"}) {
		t.Errorf("%q", got)
	}
}

func TestAProgramThatDiesInItsFirstMinuteKnowsSinceWhenItWasAway(t *testing.T) {
	w := newWorld(t)
	w.connected(w.bridge(nil))
	if err := w.rx.WaitFor(w.ctx, func() bool { return !readCursor(w.rx.Cursor()).IsZero() }); err != nil {
		t.Fatalf("nothing is stored: %v", err)
	}
}

func TestAGapThatIsBeingReadWhenTheProgramEndsIsReadAgain(t *testing.T) {
	w := newWorld(t)
	w.away(time.Second, func() { w.writes(bridgetest.SlackLine{Text: "direct"}) })
	w.rx.SetPlaces(w.direct())
	before := time.Now().Add(-time.Hour).Truncate(time.Second)
	w.cursorOf(before)
	release := w.slack.Break(bridgetest.SlackFault{Method: "conversations.history", Effect: bridgetest.Stall})
	b := w.bridge(nil)
	b.beat = time.Millisecond
	stop := w.connected(b)
	w.until("the history", func() bool { return w.slack.Calls("conversations.history") > 0 })
	beats := time.NewTimer(100 * time.Millisecond) // in which it is stored many times that a connection is alive
	<-beats.C
	_ = stop()
	if got := readCursor(w.rx.Cursor()); !got.Equal(before) {
		t.Fatalf("the next start believes that it was away since %v, not %v", got, before)
	}
	release()
	w.connected(w.bridge(nil))
	if got := w.texts(1); got[0] != "direct" {
		t.Errorf("%q", got)
	}
}

func TestAGapThatCouldNotBeReadIsReadAgain(t *testing.T) {
	w := newWorld(t, patient)
	w.writes(bridgetest.SlackLine{Text: "missed"})
	w.rx.SetPlaces(w.direct())
	w.cursorOf(time.Now().Add(-20 * time.Minute))
	before := w.rx.Cursor()
	// Nobody knows who wrote, so that what the history has is not stored.
	w.slack.Break(bridgetest.SlackFault{Method: "users.info", Effect: bridgetest.Refuse, Body: "token_revoked", Times: 1})
	b := w.bridge(nil, func(c *Config) { c.AppToken, c.SigningSecret = "", w.app.SigningSecret })
	b.beat = 10 * time.Millisecond
	w.run(b)
	if got := w.texts(1); got[0] != "missed" {
		t.Errorf("%q", got)
	}
	if err := w.rx.WaitFor(w.ctx, func() bool { return w.rx.Cursor() != before }); err != nil {
		t.Error(err)
	}
}
