package telegram

import (
	"testing"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
)

func TestOnlyAdministratorsManageAGroup(t *testing.T) {
	w := newWorld(t)
	w.run(w.bridge(nil))
	group := w.tg.AddSupergroup("Room", w.bot)
	bob := w.tg.AddUser("Bob")
	w.tg.Administer(group, w.anna)
	for i, c := range []struct {
		line    bridgetest.Line
		manages bool
	}{
		{bridgetest.Line{Chat: group, From: w.anna, Text: "/mute@" + w.bot.Username}, true},
		{bridgetest.Line{Chat: group, From: bob, Text: "/mute@" + w.bot.Username}, false},
		{bridgetest.Line{Chat: group, From: bob, Text: "/unmute@" + w.bot.Username}, false},
	} {
		w.tg.Write(c.line)
		got, err := w.rx.WaitUnique(w.ctx, i+1)
		if err != nil {
			t.Fatal(err)
		}
		if e := got[i]; e.Kind != bridges.Command || e.From.Manages != c.manages {
			t.Errorf("%s: %+v", c.line.Text, e)
		}
	}
}
