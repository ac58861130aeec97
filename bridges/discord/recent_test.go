package discord

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"avatarbridge/bridges/bridgetest"
)

func TestAfterALongGapChannelsOfListedCategoriesAndServersAreLookedThrough(t *testing.T) {
	for name, lists := range map[string]func(w *world) []string{
		"a category": func(w *world) []string { return []string{w.rooms.ID} },
		"a server":   func(w *world) []string { return []string{w.guild.ID} },
		"everything": func(*world) []string { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, bridgetest.DiscordOptions{})
			thread := w.d.AddThread(w.room, "thread", w.anna)
			elsewhere := w.d.AddText(w.d.AddGuild("Other", w.bot), "elsewhere", nil)
			listed := func(c *Config) { c.Rooms = lists(w); c.AllRooms = c.Rooms == nil }
			stop := w.run(w.bridge(nil, listed))
			w.says(w.dm, "before")
			w.heard(1)
			at := w.bot.Mention() + " "
			want := []string{"before", "one", "two"}
			w.restart(stop, func() {
				w.says(w.room, at+"one")
				w.says(thread, at+"two")
				w.says(w.room, "to nobody")
				if name == "everything" {
					w.says(elsewhere, at+"three")
					want = append(want, "three")
				} else {
					w.says(elsewhere, at+"nobody listed it")
				}
			}, listed)
			w.says(w.room, at+"live")
			got := texts(w.heard(len(want) + 1))
			slices.Sort(got[1:])
			slices.Sort(want[1:])
			if want = append(want[:1:1], append([]string{"live"}, want[1:]...)...); !slices.Equal(got, want) {
				t.Errorf("heard %q, want %q", got, want)
			}
		})
	}
}

func TestWhatWasMissedInAListedServerComesBeforeWhatIsNew(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	listed := func(c *Config) { c.AllRooms, c.Rooms = false, []string{w.guild.ID} }
	w.rx.SetPlaces(w.place(w.dm))
	stop := w.run(w.bridge(nil, listed))
	w.says(w.dm, "before")
	w.heard(1)
	at := w.bot.Mention() + " "
	clear := w.d.Break(bridgetest.DiscordFault{Route: bridgetest.RouteGetMessages, Channel: w.room.ID, Effect: bridgetest.HTML})
	w.restart(stop, func() { w.says(w.room, at+"missed") }, listed)
	w.says(w.room, at+"live")
	w.says(w.dm, "elsewhere")
	w.heard(2)
	clear()
	if got := texts(w.heard(4)); !slices.Equal(got, []string{"before", "elsewhere", "missed", "live"}) {
		t.Errorf("heard %q", got)
	}
}

func TestAProgramThatDiesWhileItLooksThroughAListedServerLooksAgain(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	listed := func(c *Config) { c.AllRooms, c.Rooms = false, []string{w.guild.ID} }
	w.rx.SetPlaces(w.place(w.dm))
	stop := w.run(w.bridge(nil, listed))
	w.says(w.dm, "before")
	w.heard(1)
	clear := w.d.Break(bridgetest.DiscordFault{Route: bridgetest.RouteGetMessages, Channel: w.room.ID, Effect: bridgetest.HTML})
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	w.until("the end of the connection", func() bool { return len(w.d.Connections(nil)) == 0 })
	w.says(w.room, w.bot.Mention()+" missed")
	w.d.Advance(time.Hour / 2)
	stop = w.run(w.bridge(nil, listed))
	w.says(w.dm, "stored with how far all is")
	w.heard(2)
	w.until("a look", func() bool { return w.d.RequestCount(bridgetest.RouteGetMessages) > 0 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	clear()
	w.run(w.bridge(nil, listed))
	if got := w.heard(3)[2]; got.Text != "missed" {
		t.Errorf("heard %+v", got)
	}
	w.identified(2)
}

func TestANewBotDoesNotAnswerWhatWasSaidBeforeItCame(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	w.says(w.room, w.bot.Mention()+" will be here soon")
	w.run(w.bridge(nil))
	w.says(w.room, w.bot.Mention()+" hello")
	if got := w.heard(1); got[0].Text != "hello" {
		t.Errorf("heard %q", texts(got))
	}
}

func TestAHugeListedServerIsLookedThroughInPart(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	stop := w.run(w.bridge(nil))
	w.says(w.dm, "before")
	w.heard(1)
	w.restart(stop, func() {
		for i := range maxRecent + 50 {
			w.says(w.d.AddText(w.guild, fmt.Sprint("room ", i), nil), "to nobody")
		}
	})
	w.until("the looks", func() bool { return w.d.RequestCount(bridgetest.RouteGetMessages) >= maxRecent })
	w.says(w.dm, "behind it")
	w.heard(2)
	if n := w.d.RequestCount(bridgetest.RouteGetMessages); n > maxRecent {
		t.Errorf("%d channels were looked through", n)
	}
}

func TestChannelsWithNothingNewAreNotLookedThrough(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	for i := range 20 {
		quiet := w.d.AddText(w.guild, fmt.Sprint("quiet ", i), nil)
		w.d.Say(bridgetest.DiscordLine{Channel: quiet, From: w.anna, Text: w.bot.Mention() + " long ago", At: w.d.Now().Add(-2 * time.Hour)})
	}
	w.d.AddText(w.guild, "empty", nil)
	w.d.AddForum(w.guild, "forum", nil)
	stop := w.run(w.bridge(nil))
	w.says(w.dm, "before")
	w.heard(1)
	w.restart(stop, func() { w.says(w.room, w.bot.Mention()+" missed") })
	w.heard(2)
	if n := w.d.RequestCount(bridgetest.RouteGetMessages); n != 1 {
		t.Errorf("%d histories were asked for", n)
	}
}
