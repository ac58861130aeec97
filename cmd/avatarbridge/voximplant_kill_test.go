package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"avatarbridge/avatar/avatartest"
)

// conversations is with how many the tests of kills run.
func conversations() int {
	if os.Getenv("AVATARBRIDGE_TEST_LOAD") == "full" {
		return 1000
	}
	return 60
}

func TestKilledBetweenUtteranceAndCallbackAndDuringCallbacksEachIsPostedOnceAndInOrder(t *testing.T) {
	for _, on := range []func(*testing.T) *ground{onTelegram, onDiscord, onSlack} {
		g := on(t)
		t.Run(g.platform, func(t *testing.T) { killedAroundCallbacks(t, g) })
	}
}

func killedAroundCallbacks(t *testing.T, g *ground) {
	c := newCast(t, "", g.bridgeTo(""))
	k := &callbacks{cast: c, due: make(chan struct{}, kills)}
	inFlight := 0
	crash := func() { inFlight += c.crash() }
	c.start()
	c.ready()
	for i := range conversations() {
		k.seats = append(k.seats, g.direct(fmt.Sprint("Person ", i)))
		k.seats[i].write(text(i, 0))
	}
	c.heard(len(k.seats) / 2)
	crash() // amid the utterances: some are asked once more
	k.asked()
	crash() // between utterances and callbacks
	c.ready()
	done := make(chan struct{})
	go func() { defer close(done); k.postAll(c.ctx) }()
	for range kills {
		select {
		case <-k.due:
			crash()
		case <-c.ctx.Done():
		}
	}
	<-done
	if t.Failed() {
		t.Fatalf("the log ends with\n%s", tail(c.logged()))
	}
	c.await("nothing to wait", c.quiet)
	repeats := c.each(g, k.seats)
	t.Logf("%d callbacks, %d attempts that got no 2xx, %d posts in flight at %d kills, %d repeated",
		2*len(k.seats), k.refused.Load(), inFlight, kills+2, repeats)
	if k.refused.Load() == 0 {
		t.Error("no kill fell on a callback: nothing was tested")
	}
	if repeats > inFlight || repeats > 0 && !g.repeats {
		t.Errorf("%d posts were repeated with %d in flight", repeats, inFlight)
	}
}

// kills is how often the program is killed while callbacks come.
const kills = 6

// callbacks are two to each of many conversations.
type callbacks struct {
	*cast
	seats []*seat
	uris  []string // the last one that the service heard for each conversation

	taken, refused atomic.Int64
	due            chan struct{} // the program is to be killed, or was, and to be started again
}

// asked waits until the service has answered an utterance of each conversation, and everything that was asked is asked for good.
func (k *callbacks) asked() {
	k.t.Helper()
	k.await("each utterance to wait for its reply", func() bool {
		uris := map[string]string{}
		all := k.vox.Utterances()
		for _, u := range all {
			uris[u.Text] = u.CallbackURI
		}
		k.uris = nil
		for i := range k.seats {
			if uri := uris[text(i, 0)]; uri != "" {
				k.uris = append(k.uris, uri)
			}
		}
		return len(k.uris) == len(k.seats) && k.vox.Count(avatartest.UtteranceAnswered) == len(all)
	})
}

// postAll posts the callbacks: the two of a conversation one after the other, each until it is taken.
func (k *callbacks) postAll(ctx context.Context) {
	var all sync.WaitGroup
	room := make(chan struct{}, 16)
	for i, uri := range k.uris {
		room <- struct{}{}
		all.Go(func() {
			defer func() { <-room }()
			for n := range 2 {
				if !k.until(ctx, uri, text(i, n)) {
					return
				}
			}
		})
	}
	all.Wait()
}

// until posts one callback until it is taken.
func (k *callbacks) until(ctx context.Context, uri, words string) bool {
	for pause := time.NewTicker(5 * time.Millisecond); ; {
		status, err := k.vox.Post(ctx, uri, "", avatartest.VoximplantCallback{Response: words})
		switch {
		case err == nil && status/100 == 2:
			k.counts(k.taken.Add(1))
			return true
		case err == nil && status != 503:
			k.t.Errorf("%s: a callback got status %d", words, status)
			return false
		}
		k.refused.Add(1)
		select {
		case <-pause.C:
		case <-ctx.Done():
			k.t.Errorf("%s: %v", words, ctx.Err())
			return false
		}
	}
}

// counts has the program killed when so and so many were taken: every other time right then, before the service sends anything more.
func (k *callbacks) counts(taken int64) {
	for i := range int64(kills) {
		if taken != (i+1)*int64(2*len(k.seats))/(kills+1) {
			continue
		}
		if i%2 == 0 {
			k.kill()
		} else {
			time.Sleep(rand.N(5 * time.Millisecond)) // anywhere between two callbacks
		}
		k.due <- struct{}{}
	}
}

// each returns how many posts stand twice, where each seat has two texts to see. Order is that of first appearances.
func (c *cast) each(g *ground, seats []*seat) (repeats int) {
	c.t.Helper()
	for i, s := range seats {
		var first []string
		seen := map[string]bool{}
		for _, post := range s.texts() {
			if seen[post] {
				repeats++
				continue
			}
			seen[post] = true
			first = append(first, post)
		}
		if len(first) != 2 || first[0] != text(i, 0) || first[1] != text(i, 1) {
			c.t.Errorf("%s, chat %d: %q", g.platform, i, s.texts())
		}
	}
	return repeats
}
