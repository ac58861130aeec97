package discord

import (
	"testing"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
)

func TestAPostWithTheSameTextIsNotTakenForAnother(t *testing.T) {
	mine := &user{ID: "7"}
	room := bridges.Message{ID: "p1", ReplyTo: "100", Forms: []bridges.Form{{Kind: formText, Text: "Hi"}}}
	direct := room
	direct.Place.Direct = true
	later := bridges.Message{ID: "p2", Forms: room.Forms}
	for name, c := range map[string]struct {
		found message
		m     bridges.Message
		want  bool
	}{
		"it answers the same message":         {message{Author: mine, Content: "Hi", Reference: &reference{"100"}}, room, true},
		"it answers another message":          {message{Author: mine, Content: "Hi", Reference: &reference{"101"}}, room, false},
		"what it answers was deleted":         {message{Author: mine, Content: "Hi"}, room, true},
		"a later piece answers nothing":       {message{Author: mine, Content: "Hi", Reference: &reference{"100"}}, later, false},
		"nothing is answered in private":      {message{Author: mine, Content: "Hi"}, direct, true},
		"the draft of it":                     {message{Author: mine, Content: "Hi", Flags: flagSilent | flagNoEmbeds}, direct, false},
		"the answer to a command":             {message{Author: mine, Content: "Hi", Interaction: &interacted{"5"}}, room, false},
		"a webhook's":                         {message{Author: mine, Content: "Hi", Webhook: "9"}, room, false},
		"the account is not known, and text":  {message{Content: "Hi"}, room, false},
		"the account is not known, and nonce": {message{Nonce: "p1"}, room, true},
	} {
		me := id("7")
		if c.found.Author == nil {
			me = ""
		}
		if got := c.found.is(&c.m, me); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAPostThatIsKnownIsNotFoundAsAnother(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{HideNonces: true})
	b := w.bridge(nil)
	b.me.Store(&w.bot.ID)
	first, second := w.text(w.dm, "I do not know."), w.text(w.dm, "I do not know.")
	second.ID = "p2"
	sent, err := b.Send(w.ctx, first)
	if err != nil {
		t.Fatal(err)
	}
	since := time.Now().Add(-time.Hour)
	if found, err := b.Find(w.ctx, second, since); found != "" || err != nil {
		t.Errorf("the second is said to be %q, which is the first: %v", found, err)
	}
	if found, err := b.Find(w.ctx, first, since); found != sent || err != nil {
		t.Errorf("the first was found as %q, %v", found, err)
	}
}

func TestWhatTheGatewayTellsOfPostsIsRemembered(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{HideNonces: true})
	lost := w.bridge(nil)
	first, second := w.text(w.dm, "I do not know."), w.text(w.dm, "I do not know.")
	second.ID = "p2"
	b := w.bridge(nil)
	w.run(b)
	sent, err := lost.Send(w.ctx, first) // as the program before a crash did
	if err != nil {
		t.Fatal(err)
	}
	w.says(w.dm, "and now?")
	w.heard(1)
	since := time.Now().Add(-time.Hour)
	if found, err := b.Find(w.ctx, second, since); found != "" || err != nil {
		t.Errorf("the second is said to be %q: %v", found, err)
	}
	if found, err := b.Find(w.ctx, first, since); found != sent || err != nil {
		t.Errorf("the first was found as %q, %v", found, err)
	}
}

func TestManyPostsAreForgottenInOrder(t *testing.T) {
	var p posts
	for i := range uint64(2 * maxPosts) {
		p.note(id(decimal(i+1)), decimal(i+1))
	}
	if len(p.of) > maxPosts || p.post(id(decimal(2*maxPosts))) == "" || p.post("1") != "" {
		t.Errorf("%d posts are remembered", len(p.of))
	}
}
