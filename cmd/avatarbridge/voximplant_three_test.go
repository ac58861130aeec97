package main

import (
	"strings"
	"testing"

	"avatarbridge/avatar/avatartest"
)

func TestThreeAvatarsEachAnswerInTheChannelsRoutedToThemOnEveryPlatform(t *testing.T) {
	avatars := []string{"luna", "concierge", "local"}
	type spot struct {
		*seat
		g      *ground
		avatar string
	}
	var spots []spot
	var bridges []string
	for _, g := range grounds(t) {
		section := g.bridgeTo("")
		for _, name := range avatars {
			s := g.room("room of " + name)
			section += g.routeTo(s, name, "")
			spots = append(spots, spot{s, g, name})
		}
		spots = append(spots, spot{g.direct("Ann"), g, "concierge"}) // no route matches
		bridges = append(bridges, section)
	}
	c := newCast(t, "", bridges...)
	c.luna.Answer(func(p avatartest.Prompt) avatartest.Answer { return avatartest.Answer{Text: "luna heard " + p.Text} })
	c.local.Answer(func(q avatartest.ChatRequest) avatartest.ChatAnswer {
		return avatartest.ChatAnswer{Text: "local heard " + string(q.Messages[len(q.Messages)-1].Content)}
	})
	c.vox.Answer(func(u avatartest.VoximplantUtterance) avatartest.VoximplantAnswer {
		return avatartest.VoximplantAnswer{After: []avatartest.VoximplantCallback{{Response: "concierge heard " + u.Text}}}
	})
	c.start()
	c.ready()
	for i, s := range spots {
		s.write(text(i, 0))
	}
	for i, s := range spots {
		c.stand(s.g, s.seat, s.avatar+" heard "+text(i, 0))
	}
	for i, s := range spots { // what they remember of a place leads them nowhere else
		s.write(text(i, 1))
	}
	for i, s := range spots {
		c.stand(s.g, s.seat, s.avatar+" heard "+text(i, 0), s.avatar+" heard "+text(i, 1))
	}
	for _, secret := range append(append(c.vox.Secrets(), c.luna.Secrets()...), c.local.Secrets()...) {
		if strings.Contains(c.logged(), secret) {
			t.Error("the log tells a secret")
		}
	}
}
