package discord

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"testing"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
)

// restart stops a bridge for so long that its session is over, and runs while in the meantime.
func (w *world) restart(stop func() error, meanwhile func(), changes ...func(*Config)) {
	w.Helper()
	if err := stop(); err != nil {
		w.Fatal(err)
	}
	w.until("the end of the connection", func() bool { return len(w.d.Connections(nil)) == 0 })
	meanwhile()
	w.d.Advance(time.Hour / 2)
	w.run(w.bridge(nil, changes...))
}

func texts(events []bridges.Event) []string {
	var all []string
	for _, e := range events {
		all = append(all, e.Text)
	}
	return all
}

func TestAfterALongGapKnownChannelsAreLookedThrough(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	thread := w.d.AddThread(w.room, "thread", w.anna)
	listed := w.d.AddText(w.guild, "listed", w.rooms)
	friends := w.d.AddRole(w.guild, "friends", 0, false)
	w.d.AddMember(w.guild, w.anna, friends)
	w.rx.SetPlaces(w.place(w.dm), w.place(w.room), w.place(thread), bridges.Place{Channel: "77"})
	stop := w.run(w.bridge(nil))
	w.says(w.dm, "before")
	w.heard(1)
	at := w.bot.Mention() + " "
	w.restart(stop, func() {
		w.says(w.dm, "one")
		w.says(w.room, at+"two")
		w.says(w.room, "to nobody")
		w.says(thread, at+"three")
		w.says(w.dm, "four")
		w.says(listed, at+"five")
	}, func(c *Config) { c.Rooms = []string{listed.ID, "no id"} })
	w.says(w.dm, "six")
	got := w.heard(7)
	if want := []string{"before", "one", "two", "three", "four", "five", "six"}; !slices.Equal(texts(got), want) {
		t.Errorf("heard %q, want %q", texts(got), want)
	}
	three := got[3]
	if !slices.Equal(three.Within, []string{w.room.ID, w.rooms.ID, w.guild.ID}) || !slices.Equal(three.From.Roles, []string{friends.ID}) || !three.Addressed {
		t.Errorf("what was missed in a thread is %+v", three)
	}
	if len(w.rx.Stored()) > 8 { // what came shortly before the gap may come again
		t.Errorf("stored %q", texts(w.rx.Stored()))
	}
}

func TestALongHistoryIsReadToItsEnd(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{Limits: bridgetest.DiscordLimits{Routes: map[string]bridgetest.DiscordLimit{
		bridgetest.RouteGetMessages: {N: 2, Per: 100 * time.Millisecond}}}})
	w.rx.SetPlaces(w.place(w.dm))
	var want []string
	for i := range 450 {
		want = append(want, fmt.Sprint("number ", i))
		w.says(w.dm, want[i])
	}
	w.run(w.bridge(nil))
	want = append(want, "live")
	w.says(w.dm, "live")
	if got := texts(w.heard(len(want))); !slices.Equal(got, want) {
		t.Errorf("heard %d messages in another order", len(got))
	}
	if n := w.d.InvalidRequests(); n != 0 {
		t.Errorf("%d requests were made over the limit", n)
	}
}

func TestWhatBotsWroteTakesNoRoomOfWhatPeopleWrote(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	w.rx.SetPlaces(w.place(w.dm))
	var want []string
	for i := range 3 {
		for range stepMissed {
			w.d.Say(bridgetest.DiscordLine{Channel: w.dm, From: w.anna, Text: "news", Webhook: true})
		}
		want = append(want, fmt.Sprint("number ", i))
		w.says(w.dm, want[i])
	}
	w.run(w.bridge(nil))
	if got := texts(w.heard(len(want))); !slices.Equal(got, want) {
		t.Errorf("heard %q", got)
	}
}

func TestWhatIsOlderThanCatchUpIsLeft(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	w.rx.SetPlaces(w.place(w.dm))
	w.d.Say(bridgetest.DiscordLine{Channel: w.dm, From: w.anna, Text: "old", At: w.d.Now().Add(-11 * time.Minute)})
	w.d.Say(bridgetest.DiscordLine{Channel: w.dm, From: w.anna, Text: "young", At: w.d.Now().Add(-9 * time.Minute)})
	w.run(w.bridge(nil, func(c *Config) { c.CatchUp = 10 * time.Minute }))
	w.says(w.dm, "live")
	if got := texts(w.heard(2)); !slices.Equal(got, []string{"young", "live"}) {
		t.Errorf("heard %q", got)
	}
}

func TestAHistoryThatCannotBeReadNowIsReadLater(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	w.rx.SetPlaces(w.place(w.dm), w.place(w.room))
	w.says(w.dm, "missed")
	clear := w.d.Break(bridgetest.DiscordFault{Route: bridgetest.RouteGetMessages, Channel: w.dm.ID, Effect: bridgetest.HTML})
	stop := w.run(w.bridge(nil))
	w.says(w.dm, "behind it")
	w.says(w.room, w.bot.Mention()+" elsewhere")
	if got := w.heard(1); got[0].Text != "elsewhere" {
		t.Errorf("another channel waited: %q", texts(got))
	}
	if err := stop(); err != nil { // the gap is still open, and the session goes on
		t.Fatal(err)
	}
	clear()
	w.run(w.bridge(nil))
	if got := texts(w.heard(3)); !slices.Equal(got[1:], []string{"missed", "behind it"}) {
		t.Errorf("heard %q", got)
	}
}

func TestAChannelThatMayNotBeReadHoldsUpNothing(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	w.rx.SetPlaces(w.place(w.room))
	w.d.Break(bridgetest.DiscordFault{Route: bridgetest.RouteGetMessages, Effect: bridgetest.Refuse, Code: http.StatusForbidden, Error: 50001, Body: "Missing Access"})
	w.run(w.bridge(nil))
	w.says(w.room, w.bot.Mention()+" hello")
	w.heard(1)
}

func TestAPlaceThatCannotBeFoundOutIsStillInItsGuild(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	stop := w.run(w.bridge(nil))
	w.says(w.dm, "hello")
	w.heard(1)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	w.d.Break(bridgetest.DiscordFault{Route: bridgetest.RouteGetChannel, Effect: bridgetest.Refuse, Code: http.StatusForbidden, Error: 50001, Body: "Missing Access"})
	w.run(w.bridge(nil))
	w.says(w.room, w.bot.Mention()+" one")
	w.says(w.room, w.bot.Mention()+" two")
	if got := w.heard(3); !slices.Equal(got[2].Within, []string{w.guild.ID}) {
		t.Errorf("heard %+v", got[2])
	}
	if n := w.d.RequestCount(bridgetest.RouteGetChannel); n != 1 {
		t.Errorf("it was asked %d times where the channel is", n)
	}
}

func TestACursorOfOtherShardsTellsTheOldestMoment(t *testing.T) {
	two := cursor{V: cursorVersion, Shards: []point{{session: session{ID: "a", Seq: 7}, At: 5000}, {session: session{ID: "b"}, At: 9000, Gap: 4000}}}.String()
	for in, want := range map[string][]point{
		two:                                   {{At: 4000}},
		"":                                    {{}},
		"garbage":                             {{}},
		`{"v":2,"n":[{}]}`:                    {{}},
		`{"v":1,"n":[{"s":"a","q":7,"t":5}]}`: {{session: session{ID: "a", Seq: 7}, At: 5}},
	} {
		if got := readCursor(in, 1); !reflect.DeepEqual(got, want) {
			t.Errorf("%s became %+v, want %+v", in, got, want)
		}
	}
}

func TestChannelsThatCannotBeReadNowHoldUpNoOther(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	places := []bridges.Place{}
	for i := range 5 * lookers {
		c := w.d.AddText(w.guild, fmt.Sprint("failing ", i), nil)
		w.d.Break(bridgetest.DiscordFault{Route: bridgetest.RouteGetMessages, Channel: c.ID, Effect: bridgetest.HTML})
		places = append(places, w.place(c))
	}
	w.rx.SetPlaces(slices.Insert(places, len(places)/2, w.place(w.dm))...)
	w.says(w.dm, "missed")
	w.run(w.bridge(nil))
	w.heard(1)
}

func TestAGapThatWasOpenLongAgoIsLookedThroughAsFarAsCatchUpGoes(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	w.rx.SetPlaces(w.place(w.dm))
	w.d.Say(bridgetest.DiscordLine{Channel: w.dm, From: w.anna, Text: "old", At: w.d.Now().Add(-11 * time.Minute)})
	w.d.Say(bridgetest.DiscordLine{Channel: w.dm, From: w.anna, Text: "young", At: w.d.Now().Add(-9 * time.Minute)})
	long := time.Now().Add(-72 * time.Hour).UnixMilli()
	stored := cursor{V: cursorVersion, Shards: []point{{session: session{ID: "gone", Seq: 3}, At: long, Gap: long}}}
	if _, err := w.rx.Open(w.ctx, "discord:"+w.bot.ID); err != nil {
		t.Fatal(err)
	}
	if err := w.rx.Receive(w.ctx, bridges.Batch{Cursor: stored.String()}); err != nil {
		t.Fatal(err)
	}
	w.run(w.bridge(nil, func(c *Config) { c.CatchUp = 10 * time.Minute }))
	w.says(w.dm, "live")
	if got := texts(w.heard(2)); !slices.Equal(got, []string{"young", "live"}) {
		t.Errorf("heard %q", got)
	}
}
