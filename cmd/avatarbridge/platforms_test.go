package main

import (
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"avatarbridge/bridges/bridgetest"
)

// say lets everybody write their message n.
func (p *party) say(n int) {
	for i, c := range p.chats {
		c.say(text(i, n))
	}
}

// complete reports whether the first upTo messages of each chat of the platforms are answered.
func (p *party) complete(upTo int, platforms ...string) bool {
	all := p.count(upTo)
	for _, name := range platforms {
		if len(all[name].missing) > 0 {
			return false
		}
	}
	return true
}

var posting = []string{"telegram", "discord", "slack"} // the platforms besides the chat page

// suffer makes all troubles of each list happen, one after the other, the lists beside one another.
func (p *party) suffer(lists ...[]trouble) {
	p.t.Helper()
	var all sync.WaitGroup
	for _, list := range lists {
		all.Go(func() {
			for _, x := range list {
				if err := x.makes(p.ctx); err != nil {
					p.t.Errorf("%s: %v; the log ends with\n%s", x.name, err, tail(p.logged()))
				}
			}
		})
	}
	all.Wait()
}

// calm ends all troubles.
func (p *party) calm() {
	p.d.ClearFaults()
	p.s.ClearFaults()
	p.telegram.ClearFaults()
}

// report logs the figures and checks them: repeats is how often answers on Telegram may have been repeated.
func (p *party) report(what string, repeats int) {
	p.t.Helper()
	p.t.Logf("%s: the program has %d kB", what, p.memory()>>10)
	all := p.count(p.messages)
	for _, name := range posting {
		t := all[name]
		p.t.Logf("%s: %s: %s", what, name, t)
		doubled := len(t.doubled)
		if name == "telegram" {
			doubled = max(0, doubled-repeats)
		}
		if len(t.missing)+doubled+len(t.disordered)+len(t.strange) > 0 {
			p.t.Errorf("%s: %s: not each message was answered once and in order; the log ends with\n%s", what, name, tail(p.logged()))
		}
	}
}

// visits lets the guests of the chat page write beside everything else. The returned function checks that each was answered once.
func (p *party) visits(every time.Duration) (check func()) {
	var talking sync.WaitGroup
	talking.Go(func() { talk(p.ctx, p.guests, p.messages, every) })
	return func() {
		p.t.Helper()
		talking.Wait()
		if err := p.crowd.answered(p.ctx, len(p.guests)*p.messages); err != nil {
			p.t.Errorf("on the chat page %v; the log ends with\n%s", err, tail(p.logged()))
		}
		p.leave()
		checkAll(p.t.Context(), p.t, p.guests, p.messages)
	}
}

func TestOnAllPlatformsAtOnceEachMessageIsAnsweredOnceAndInOrderWhateverFails(t *testing.T) {
	size := gatheringSize(3)
	p := newParty(t, size)
	p.begin()
	p.welcome(size.people)
	check := p.visits(500 * time.Millisecond)

	p.suffer(p.telegramTroubles(), p.discordTroubles(), p.slackTroubles())
	p.say(0)
	p.await("answers in spite of calls that fail", func() bool { return p.complete(1, posting...) })
	began := time.Now()
	for n := 1; n < size.messages; n++ {
		p.say(n)
		p.suffer(p.telegramTroubles()[:3], p.discordTroubles(), p.slackTroubles(), part(p.gatewayTroubles(), n-1, 2), part(p.socketTroubles(), n-1, 2))
	}
	p.d.SendNumbersAsStrings(true)
	p.again()
	p.await("answers in spite of connections that break", func() bool { return p.complete(size.messages, posting...) })
	p.calm()
	check()
	p.rig.await("nothing to wait", p.quiet)
	for name, t := range p.count(size.messages) {
		if n := len(t.excused); n > size.people*size.messages/10 {
			p.t.Errorf("%s: %d commands were not taken in time, of %d", name, n, size.people*size.messages/5)
		}
	}
	p.report(fmt.Sprintf("%d people on each of 4 platforms, %v", size.people, time.Since(began).Round(time.Millisecond)), 0)
}

// part is the share i of n of a list.
func part(all []trouble, i, n int) []trouble { return all[i*len(all)/n : (i+1)*len(all)/n] }

// again delivers messages once more that were answered long ago.
func (p *party) again() {
	var channel *bridgetest.DiscordChannel
	u := p.d.AddUser("Repeated")
	channel = p.d.DM(u, p.member)
	i := len(p.chats)
	p.add("discord", func(string) {}, fixed(channel.ID), nil)
	for n := range p.messages {
		id := p.d.Say(bridgetest.DiscordLine{Channel: channel, From: u, Text: text(i, n)})
		p.d.Again(channel, id)
		p.d.Again(channel, id)
	}
	v := p.s.AddUser(p.app.Team, "Repeated")
	dm := p.s.Direct(p.app, v)
	i = len(p.chats)
	p.add("slack", func(string) {}, fixed(dm.ID+"/"), nil)
	for n := range p.messages {
		w := p.s.Write(bridgetest.SlackLine{Channel: dm, From: v, Text: text(i, n)})
		for _, event := range w.Events {
			p.s.Repeat(event)
		}
	}
}

func TestKilledWithAllPlatformsNothingIsLostAndNothingDoubledWhereThatCanBe(t *testing.T) {
	const kills = 10
	messages := 4
	if gatheringSize(0).people > 100 {
		messages = 10
	}
	size := gatheringSize(messages)
	p := newParty(t, size)
	p.virtuals.SetDelay(5 * time.Millisecond)
	p.begin()
	p.welcome(size.people)
	check := p.visits(500 * time.Millisecond)
	inFlight := map[string]int{}
	total := len(p.chats) * messages
	for k := range kills {
		p.ready()
		p.suffer(p.telegramTroubles()[:2], p.discordTroubles(), p.slackTroubles())
		from, to := k*total/kills, (k+1)*total/kills
		fell := p.trap(posting[k%len(posting)], []bridgetest.StepName{bridgetest.SendReceived, bridgetest.SendAnswered}[k%2], 1+rand.N(max(1, (to-from)/6)))
		for at := from; at < to; at++ {
			// First one person of each platform, then another of each.
			i, n := at%len(posting)*size.people+at%len(p.chats)/len(posting), at/len(p.chats)
			p.chats[i].say(text(i, n))
		}
		select {
		case <-fell:
		case <-p.ctx.Done():
			t.Fatalf("too little was posted; the log ends with\n%s", tail(p.logged()))
		}
		p.kill() // returns when it is dead
		now := p.inFlight()
		t.Logf("kill %d, at %s: %d posted, in flight: %v", k+1, posting[k%len(posting)], p.posted(), now)
		for platform, n := range now {
			inFlight[platform] += n
		}
		p.start()
	}
	p.await("answers in spite of kills", func() bool { return p.complete(messages, posting...) })
	p.calm()
	check()
	p.rig.await("nothing to wait", p.quiet)
	p.report(fmt.Sprintf("%d people on each of 4 platforms, %d kills, posts in flight: %v", size.people, kills, inFlight), inFlight["telegram"])
}

// trap kills the program at the nth time that a step of posting to the platform is reached. What was reached goes on when it is dead.
func (p *party) trap(platform string, step bridgetest.StepName, nth int) (fell <-chan struct{}) {
	dead := make(chan struct{})
	left := nth
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reached = func(where string, what bridgetest.StepName) {
		p.mu.Lock()
		if where == platform && what == step {
			left--
		}
		falls := where == platform && what == step && left == 0
		p.mu.Unlock()
		if falls {
			p.kill()
			close(dead)
		}
	}
	return dead
}

// posted is how much was posted on all platforms but the chat page.
func (p *party) posted() int { return p.telegram.PostCount() + p.d.PostCount() + p.s.PostCount() }

func TestWhileDiscordAndSlackAreAwayTheOthersKeepTheirPaceAndWhatWasWrittenIsAnsweredOnce(t *testing.T) {
	size := gatheringSize(5)
	p := newParty(t, size)
	p.begin()
	p.welcome(size.people)
	p.say(0)
	p.await("answers before", func() bool { return p.complete(1, posting...) })

	p.d.Offline()
	p.s.Offline()
	check := p.visits(100 * time.Millisecond)
	before := p.d.PostCount() + p.s.PostCount()
	for n := 1; n < 3; n++ {
		p.say(n)
		p.await("answers on Telegram while the others are away", func() bool { return p.complete(n+1, "telegram") })
	}
	check() // the chat page too is answered while they are away
	if n := p.d.PostCount() + p.s.PostCount(); n != before {
		t.Errorf("%d answers on platforms that are away", n-before)
	}
	p.d.Advance(4 * time.Minute) // Discord forgets the session
	if err := p.d.Online(); err != nil {
		t.Fatal(err)
	}
	if err := p.s.Online(); err != nil {
		t.Fatal(err)
	}
	p.say(3) // while what was missed is being looked for
	p.ready()
	p.say(4)
	p.await("answers to what was written meanwhile", func() bool { return p.complete(5, posting...) })
	p.rig.await("nothing to wait", p.quiet)
	p.report(fmt.Sprintf("%d people on each of 4 platforms, two of them away", size.people), 0)
	if n := len(p.d.Identifies(p.member)); n != 2 || p.d.RequestCount(bridgetest.RouteGetMessages) == 0 {
		t.Errorf("%d sessions on Discord, want 2: nothing was to be caught up", n)
	}
}

func TestWhatSlackGaveUpSendingWhileTheProgramWasAwayIsReadFromTheHistoryAndAnsweredOnce(t *testing.T) {
	size := gatheringSize(4)
	size.retries, size.pause = 3, 10*time.Millisecond // it gives up soon
	p := newParty(t, size)
	p.begin()
	p.say(0)
	p.await("answers before", func() bool { return p.complete(1, posting...) })
	p.await("the program to note that it is alive", func() bool { return p.aliveOnSlack() > 0 })
	p.kill()
	for n := 1; n < 3; n++ {
		p.say(n)
	}
	p.await("Slack to give up", func() bool { return p.s.Unacknowledged(p.app) == 0 })
	if p.s.GivenUp() == 0 {
		t.Fatal("Slack gave nothing up")
	}
	p.longAgo(20 * time.Minute)
	p.start()
	p.say(3) // while what was missed is being looked for
	p.await("answers to what was written meanwhile", func() bool { return p.complete(4, posting...) })
	p.rig.await("nothing to wait", p.quiet)
	p.report(fmt.Sprintf("%d people on each of 3 platforms, with the program away for longer than Slack sends again", size.people), 0)
	if p.s.Calls("conversations.history") == 0 {
		t.Error("no history was read")
	}
}

// aliveOnSlack is when the program has noted last that it hears Slack, 0 for never.
func (p *party) aliveOnSlack() (at int) {
	p.t.Helper()
	p.database(func(db *sql.DB) error {
		err := db.QueryRow("SELECT cast(position AS INTEGER) FROM cursor JOIN name ON id = account WHERE text LIKE 'slack:%'").Scan(&at)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return at
}

// longAgo makes the program, which is dead, have heard Slack for the last time so much earlier.
func (p *party) longAgo(by time.Duration) {
	p.t.Helper()
	p.database(func(db *sql.DB) error {
		_, err := db.Exec("UPDATE cursor SET position = cast(position AS INTEGER) - ? WHERE account IN (SELECT id FROM name WHERE text LIKE 'slack:%')",
			int(by.Seconds()))
		return err
	})
}

func (p *party) database(f func(*sql.DB) error) {
	p.t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(p.dir, "a.db"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer db.Close()
	if err := f(db); err != nil {
		p.t.Fatal(err)
	}
}
