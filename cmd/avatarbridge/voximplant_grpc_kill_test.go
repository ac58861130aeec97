package main

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"avatarbridge/avatar/avatartest"
)

func TestKilledWhileTheAvatarThinksAndWhileItRepliesOverGRPCEachMessageIsAnsweredOnceAndInOrder(t *testing.T) {
	for _, on := range []func(*testing.T) *ground{onTelegram, onDiscord, onSlack} {
		g := on(t)
		t.Run(g.platform, func(t *testing.T) { killedAroundReplies(t, g) })
	}
}

func killedAroundReplies(t *testing.T, g *ground) {
	thinks := make(chan struct{})
	vox, err := avatartest.NewVoximplantGRPC(avatartest.VoximplantGRPCConfig{
		MaxStreams: 10_000, PerMinute: 1_000_000, // each life of the program opens streams of its own
		Answer: func(s avatartest.GRPCSaid) []avatartest.GRPCReply {
			return []avatartest.GRPCReply{{Text: s.Text, Gate: thinks}}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(vox.Close)
	c := newCast(t, "", g.bridgeTo(""))
	c.replace(overREST(c.vox), overGRPC(vox))
	inFlight := 0
	crash := func() { inFlight += c.crash() }
	asked := func(n int) {
		t.Helper()
		if err := vox.Await(c.ctx, avatartest.GRPCUtterance, n); err != nil {
			t.Fatalf("%v; the log ends with\n%s", err, tail(c.logged()))
		}
	}
	c.start()
	c.ready()
	var seats []*seat
	for i := range 60 { // below the streams that the service allows at once
		s := g.direct(fmt.Sprint("Person ", i))
		s.write(text(i, 0))
		s.write(text(i, 1))
		seats = append(seats, s)
	}
	due := killedAmid(c, vox, 2*len(seats))
	asked(len(seats) / 2)
	crash() // amid the questions
	asked(vox.Count(avatartest.GRPCUtterance) + len(seats))
	crash() // while the avatar thinks about all of them
	close(thinks)
	for range kills {
		select {
		case <-due:
			crash()
		case <-c.ctx.Done():
			t.Fatalf("%v; the log ends with\n%s", c.ctx.Err(), tail(c.logged()))
		}
	}
	err = g.waitFor(c.ctx, func() bool { // a platform may deliver late what it could not while the program was dead
		return !slices.ContainsFunc(seats, func(s *seat) bool { return !slices.Contains(s.texts(), text(slices.Index(seats, s), 1)) })
	})
	if err != nil {
		t.Errorf("%v; the log ends with\n%s", err, tail(c.logged()))
	}
	c.await("nothing to wait", c.quiet)
	repeats, again := c.each(g, seats), vox.Count(avatartest.GRPCUtterance)-2*len(seats)
	t.Logf("%d messages, %d asked again, %d posts in flight at %d kills, %d repeated", 2*len(seats), again, inFlight, kills+2, repeats)
	if again < len(seats) {
		t.Errorf("%d were asked again: too few kills fell on a question", again)
	}
	if repeats > inFlight || repeats > 0 && !g.repeats {
		t.Errorf("%d posts were repeated with %d in flight", repeats, inFlight)
	}
}

// killedAmid says when the program is to be killed, or was, and to be started again: when so and so many replies of all were given. Every other time it is
// killed right then, while the last of them is on its way.
func killedAmid(c *cast, vox *avatartest.VoximplantGRPC, all int) (due <-chan struct{}) {
	ended := make(chan struct{}, kills)
	var given atomic.Int64
	vox.OnStep(func(s avatartest.Step, _ avatartest.Heard) {
		if s != avatartest.GRPCReplied {
			return
		}
		n := given.Add(1)
		for i := range int64(kills) {
			if n == (i+1)*int64(all)/(kills+1) {
				if i%2 == 0 {
					c.kill()
				}
				ended <- struct{}{}
			}
		}
	})
	return ended
}
