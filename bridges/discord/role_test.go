package discord

import (
	"slices"
	"testing"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
)

func TestAMentionOfTheBotsRoleIsForTheBotAlsoWhereTheRoleIsNotKnownYet(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	w.bot = w.d.AddBot(bridgetest.DiscordBotOptions{MessageContent: true})
	w.hide = append(w.hide, w.bot.Token)
	w.d.Join(w.guild, w.bot)
	role, others := w.d.AddBotRole(w.guild, w.bot), w.d.AddRole(w.guild, "others", 0, true)
	reads := func(c *Config) { c.MessageContent = true }
	stop := w.run(w.bridge(nil, reads))
	w.says(w.room, role.Mention()+" one")
	w.heard(1)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	w.says(w.room, role.Mention()+" two") // the session goes on, and Discord names no roles again
	w.says(w.room, others.Mention()+" three")
	w.says(w.room, role.Mention()+" four")
	w.run(w.bridge(nil, reads))
	got := w.heard(4)
	if want := []string{"one", "two", others.Mention() + " three", "four"}; !slices.Equal(texts(got), want) {
		t.Errorf("heard %q, want %q", texts(got), want)
	}
	for i, e := range got {
		if e.Addressed != (i != 2) {
			t.Errorf("%q: addressed %v", e.Text, e.Addressed)
		}
	}
	w.identified(1)
	if n := w.d.RequestCount("GET /guilds/{guild}"); n != 1 {
		t.Errorf("the guild's roles were asked for %d times", n)
	}
}

func TestAMentionOfTheBotsRoleIsAddressedThoughItsTextIsHidden(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	role, others := w.d.AddBotRole(w.guild, w.bot), w.d.AddRole(w.guild, "others", 0, true)
	check := func(stop func() error) {
		t.Helper()
		n := len(w.rx.Unique())
		w.says(w.room, others.Mention()+" hello")
		w.says(w.room, role.Mention()+" hello")
		w.says(w.dm, "behind it")
		got := w.heard(n + 2)[n:]
		if got[0].Text == "behind it" { // which waits for nothing
			got[0], got[1] = got[1], got[0]
		}
		if e := got[0]; e.Text != "" || !e.Addressed || len(e.Attachments) > 0 || e.Kind != bridges.Written || e.Place.Channel != w.room.ID {
			t.Errorf("heard %+v", e)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	}
	check(w.run(w.bridge(nil)))
	check(w.run(w.bridge(nil))) // the session goes on, and Discord names no roles again
}

func TestAMissedMentionOfTheBotsRoleIsCaughtUp(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	w.bot = w.d.AddBot(bridgetest.DiscordBotOptions{MessageContent: true})
	w.hide = append(w.hide, w.bot.Token)
	w.d.Join(w.guild, w.bot)
	role := w.d.AddBotRole(w.guild, w.bot)
	w.dm = w.d.DM(w.anna, w.bot)
	w.rx.SetPlaces(w.place(w.room))
	stop := w.run(w.bridge(nil))
	w.says(w.dm, "before")
	w.heard(1)
	w.restart(stop, func() { w.says(w.room, role.Mention()+" missed") })
	if got := w.heard(2)[1]; got.Text != "missed" || !got.Addressed {
		t.Errorf("heard %+v", got)
	}
}
